// @ts-check
/**
 * <identity-still>: one sharp picture of face and document, at least 1280 by 960, for the person who verifies.
 *
 * Inside: `[data-view] video`, `[data-taken] canvas`, the buttons `[data-start]`, `[data-take]`, `[data-send]`,
 * `[data-again]`, sentences `[data-say]` "failed", "small", "dark", "bright" and "blurred", and a plain multipart form with a file input. The
 * picture taken is put into that very input, so that it goes the way a chosen file would.
 */
import { closeCamera, jpegOf, openCamera, play } from "../camera.js";
import { MEASURED, readable } from "../models/still.js";
import { Element } from "./element.js";

const SMALLEST = { width: 1280, height: 960 };
const QUALITY = 0.92;

export class IdentityStill extends Element {
  /** @type {MediaStream | null} */
  #stream = null;

  start() {
    this.#buttons("start");
    const acts = { start: () => this.#open(), take: () => this.#take(), again: () => this.#open(), send: () => this.#send() };
    for (const [name, act] of Object.entries(acts)) {
      for (const each of this.all(`[data-${name}]`)) this.listen(each, "click", act);
    }
    this.listen(this.signal, "abort", () => closeCamera(this.#stream));
  }

  async #open() {
    closeCamera(this.#stream);
    const opened = await openCamera({ width: { ideal: 1920 }, height: { ideal: 1440 }, facingMode: "user" });
    if ("trouble" in opened) return this.say("failed");
    this.#stream = opened.stream;
    const video = this.querySelector("video");
    this.#looking(true);
    if (video) await play(video, opened.stream);
    const small = (video?.videoWidth ?? 0) < SMALLEST.width || (video?.videoHeight ?? 0) < SMALLEST.height;
    this.say(...(small ? ["small"] : []));
    this.#buttons(...(small ? ["start"] : ["take"]));
  }

  #take() {
    const video = this.querySelector("video");
    const canvas = this.querySelector("canvas");
    if (!video || !canvas || video.videoWidth === 0) return;
    canvas.width = video.videoWidth;
    canvas.height = video.videoHeight;
    canvas.getContext("2d", { alpha: false })?.drawImage(video, 0, 0);
    this.#looking(false);
    closeCamera(this.#stream);
    const found = this.#measured(canvas);
    this.say(...(found === "good" ? [] : [found]));
    this.#buttons(...(found === "good" ? ["send", "again"] : ["again"]));
  }

  /** Can the person who verifies read it? @param {HTMLCanvasElement} taken */
  #measured(taken) {
    const small = document.createElement("canvas");
    small.width = MEASURED;
    small.height = Math.max(1, Math.round((MEASURED * taken.height) / taken.width));
    const pen = small.getContext("2d", { alpha: false, willReadFrequently: true });
    pen?.drawImage(taken, 0, 0, small.width, small.height);
    return pen ? readable(pen.getImageData(0, 0, small.width, small.height).data, small.width) : "good";
  }

  async #send() {
    const canvas = this.querySelector("canvas");
    const form = this.querySelector("form");
    const input = form?.querySelector('input[type="file"]');
    const jpeg = canvas ? await jpegOf(canvas, QUALITY) : null;
    if (!form || !(input instanceof HTMLInputElement) || !jpeg) return this.say("failed");
    const files = new DataTransfer();
    files.items.add(new File([jpeg], "identity.jpg", { type: "image/jpeg" }));
    input.files = files.files;
    form.requestSubmit();
  }

  /** @param {boolean} live the camera's picture, or the one taken */
  #looking(live) {
    this.show("[data-view]", live);
    this.show("[data-taken]", !live);
  }

  /** @param {string[]} visible */
  #buttons(...visible) {
    for (const name of ["start", "take", "send", "again"]) this.show(`[data-${name}]`, visible.includes(name));
  }
}
