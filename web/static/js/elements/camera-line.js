// @ts-check
/**
 * <camera-line data-ticket data-ticket-url data-csrf>: one small JPEG a second on a Line of its own.
 *
 * Inside: a <video> (the reader sees what is seen), sentences `[data-say]` ("starting", "up", "down", "denied"),
 * a `[data-retry]` button and `[data-coach]` for hints of the server. The server says size and pace. A frame that
 * would have to queue is left out: pictures may never delay an answer. `data-state` holds the sentence shown.
 */
import { closeCamera, jpegOf, openCamera, play } from "../camera.js";
import { sha256 } from "../digest.js";
import { FrameChain, cover } from "../models/frames.js";
import { SteadyLine } from "../steady-line.js";
import { tick } from "../ticker.js";
import { Element } from "./element.js";
/** @import { CameraMessage } from "../types.d.ts" */

const LARGEST_BACKLOG_BYTES = 96 * 1024;
const QUALITY = 0.72;
const SLACK_MS = 120; // ticks come a little early or late
const TICK_MS = 250;

export class CameraLine extends Element {
  #canvas = document.createElement("canvas");
  /** @type {MediaStream | null} */
  #stream = null;
  /** @type {SteadyLine | null} */
  #line = null;
  #chain = new FrameChain(sha256);
  /** @type {[number, number]} */
  #size = [320, 240];
  #largeUntil = 0;
  #everyMs = 1_000;
  #sentAt = 0;
  #welcomed = false;
  #busy = false;

  start() {
    const retry = this.find("[data-retry]");
    if (retry) this.listen(retry, "click", () => this.#open());
    this.listen(this.signal, "abort", () => closeCamera(this.#stream));
    void this.#open();
  }

  async #open() {
    this.#state("starting");
    const opened = await openCamera({ width: { ideal: 640 }, height: { ideal: 480 }, facingMode: "user", frameRate: { ideal: 15 } });
    if (this.signal.aborted) return "stream" in opened ? closeCamera(opened.stream) : undefined;
    if ("trouble" in opened) return this.#state("denied");
    closeCamera(this.#stream);
    this.#stream = opened.stream;
    for (const track of opened.stream.getVideoTracks()) this.listen(track, "ended", () => this.#state("denied"));
    const video = this.querySelector("video");
    if (video) await play(video, opened.stream);
    this.#connect();
  }

  #connect() {
    if (this.#line) return this.#state(this.#welcomed ? "up" : "down");
    const { ticket = "", ticketUrl = "", csrf = "" } = this.dataset;
    this.#line = new SteadyLine({
      url: "/sit/camera", ticket, ticketUrl, csrf, signal: this.signal,
      hello: (own) => ({ t: "hello", ticket: own }),
      heard: (data) => typeof data === "string" && this.#heard(JSON.parse(data)),
      changed: () => {
        this.#welcomed = false;
        this.#state("down");
      },
    });
    tick(TICK_MS, () => void this.#capture(), this.signal);
  }

  /** @param {CameraMessage} message */
  #heard(message) {
    if (message.t === "welcome") {
      this.#chain = new FrameChain(sha256); // each connection has a chain of its own
      this.#size = message.size;
      this.#everyMs = message.every_ms;
      this.#welcomed = true;
      this.#state("up");
    }
    if (message.t === "size") {
      this.#size = message.size;
      this.#largeUntil = performance.now() + message.for_ms;
    }
    const coach = this.find("[data-coach]");
    if (message.t === "coach" && coach) coach.textContent = message.text;
  }

  async #capture() {
    const now = performance.now();
    const video = this.querySelector("video");
    if (this.#busy || !this.#welcomed || !video || video.videoWidth === 0) return;
    if (now - this.#sentAt < this.#everyMs - SLACK_MS || (this.#line?.backlog ?? 0) > LARGEST_BACKLOG_BYTES) return;
    this.#busy = true;
    this.#sentAt = now;
    if (this.#largeUntil > 0 && now > this.#largeUntil) {
      this.#size = [320, 240];
      this.#largeUntil = 0;
    }
    const chain = this.#chain;
    const jpeg = await this.#picture(video);
    const message = jpeg ? await chain.wrap(new Uint8Array(await jpeg.arrayBuffer()), Date.now()) : null;
    if (message && chain === this.#chain) this.#line?.send(message);
    this.#busy = false;
  }

  /** @param {HTMLVideoElement} video */
  #picture(video) {
    const [width, height] = this.#size;
    this.#canvas.width = width;
    this.#canvas.height = height;
    const [x, y, w, h] = cover(video.videoWidth, video.videoHeight, width, height);
    this.#canvas.getContext("2d", { alpha: false })?.drawImage(video, x, y, w, h, 0, 0, width, height);
    return jpegOf(this.#canvas, QUALITY);
  }

  /** @param {"starting" | "up" | "down" | "denied"} name */
  #state(name) {
    this.dataset["state"] = name;
    this.say(name);
    this.show("[data-retry]", name === "denied");
  }
}
