// @ts-check
/**
 * <camera-line data-track="camera | screen" data-ticket data-ticket-url data-csrf [data-sound]>: small JPEGs of one track
 * on a Line of its own, and with `data-sound` how loud it is and whether there is a voice (ear.js).
 *
 * Inside: a <video> (the reader sees what is seen), sentences `[data-say]` (the names of `Standing` in
 * models/filming.js), `[data-unplayed]` and `[data-unheard]`, a `[data-retry]` button and `[data-coach]` for hints of the
 * server. A camera is asked for at once; a screen is shared when the button is pressed, because browsers ask for that.
 * `data-state` holds the sentence shown.
 *
 * When to take a picture is decided in models/filming.js, at ticks of a worker; the picture is made in a worker (eye.js).
 * So a hidden tab loses none. Whatever stops the pictures is told, to the candidate and to the server.
 *
 * On the exam's own page (`data-page`, with the rules "closed" and "fullscreen" where they hold) it also tells what the
 * browser notices of it (page-events.js); `[data-prevented]` and `[data-fullscreen]` are the words and the button for it.
 */
import { closeCamera, openCamera, openScreen, play } from "../camera.js";
import { ChallengePrompt } from "../challenge-prompt.js";
import { followDevice } from "../device-pace.js";
import { sha256 } from "../digest.js";
import { Ear } from "../ear.js";
import { Eye } from "../eye.js";
import { hex } from "../models/challenge.js";
import { CAUSES, Pace, standing } from "../models/filming.js";
import { FrameChain } from "../models/frames.js";
import { fillScreen, followPage } from "../page-events.js";
import { SteadyLine } from "../steady-line.js";
import { tick } from "../ticker.js";
import { Element } from "./element.js";
/** @import { Noticing } from "../models/noticing.js" */
/** @import { CameraMessage } from "../types.d.ts" */

const TICK_MS = 250;
const BEAT_MS = 5_000;
const NEVER_CAME_MS = 4_000;
const CAMERA = { width: { ideal: 640 }, height: { ideal: 480 }, facingMode: "user", frameRate: { ideal: 15 } };
/** The sentences with which the candidate can do something: the button stands beside them. */
const RETRY = new Set(["denied", "ended", "muted", "no-picture"]);

export class CameraLine extends Element {
  /** @type {MediaStream | null} */
  #stream = null;
  /** @type {Eye | null} */
  #eye = null;
  /** @type {Ear | null} */
  #ear = null;
  /** @type {SteadyLine | null} */
  #line = null;
  /** @type {ChallengePrompt | null} */
  #prompt = null;
  #chain = new FrameChain(sha256);
  #pace = new Pace();
  #welcomed = false;
  /** @type {"denied" | "ended" | null} */
  #trouble = null;
  #muted = false;
  #pictureAt = 0;
  #busySince = 0;
  #beatAt = 0;
  /** @type {string | null | undefined} the cause the server was told last on this Line */
  #told = undefined;
  /** @type {Noticing | null} what the browser says of the exam's page, where this stands on one */
  #page = null;
  /** @type {object | null} what the server is told of the camera; again on each Line */
  #device = null;

  start() {
    const video = this.querySelector("video");
    if (!video) return;
    this.#stream = null; // an element may leave its page and come back
    this.#trouble = null;
    this.#welcomed = this.#muted = false;
    this.#busySince = 0;
    this.#eye = new Eye(video, this.signal, { keep: this.#screen });
    const dialog = this.querySelector("dialog");
    this.#prompt = dialog && new ChallengePrompt(dialog, this.signal, (challenge) => this.#didIt(challenge));
    const retry = this.find("[data-retry]");
    if (retry) this.listen(retry, "click", () => this.#open(video));
    this.listen(this.signal, "abort", () => closeCamera(this.#stream));
    this.#connect();
    if (this.dataset["page"] !== undefined) this.#followPage(this.dataset["page"].split(" "));
    tick(TICK_MS, () => void this.#tick(), this.signal);
    if (this.#screen) this.#trouble = "denied";
    else void this.#open(video).then(() => this.#followPermission());
    if ("sound" in this.dataset) void this.#hear();
    this.#stand(performance.now());
  }

  get #screen() {
    return this.dataset["track"] === "screen";
  }

  /** @param {HTMLVideoElement} video */
  async #open(video) {
    this.#trouble = null;
    const opened = await (this.#screen ? openScreen() : openCamera(CAMERA));
    if (this.signal.aborted) return "stream" in opened ? closeCamera(opened.stream) : undefined;
    closeCamera(this.#stream);
    this.#stream = "stream" in opened ? opened.stream : null;
    const track = this.#stream?.getVideoTracks()[0];
    if (!track) return this.#lost("denied");
    this.#pictureAt = performance.now();
    this.#muted = track.muted;
    this.listen(track, "mute", () => (this.#muted = true));
    this.listen(track, "unmute", () => (this.#muted = false));
    this.listen(track, "ended", () => this.#stream?.getVideoTracks().includes(track) && this.#lost("ended"));
    this.#eye?.look(track);
    if (!this.#screen) {
      followDevice(track, video, (report) => this.#line?.send((this.#device = report)), this.signal);
    }
    const playing = this.#stream ? await play(video, this.#stream) : false;
    this.show("[data-unplayed]", !playing && (this.#eye?.reads ?? false)); // otherwise no picture comes, and that is said
    this.#stand(performance.now());
  }

  async #hear() {
    const ear = new Ear();
    const opened = await ear.open(this.signal);
    this.#ear = opened ? ear : null;
    this.show("[data-unheard]", !opened);
  }

  async #followPermission() {
    const permission = await navigator.permissions?.query({ name: "camera" }).catch(() => null); // not known everywhere
    if (permission) this.listen(permission, "change", () => permission.state === "denied" && this.#lost("denied"));
  }

  /** @param {"denied" | "ended"} trouble */
  #lost(trouble) {
    this.#trouble = trouble;
    this.#stand(performance.now());
  }

  /** @param {string[]} rules */
  #followPage(rules) {
    const signal = this.signal;
    this.#page = followPage({ closed: rules.includes("closed"), fullscreen: rules.includes("fullscreen") }, {
      said: (notice) => this.#line?.send({ t: "signal", client_ms: Date.now(), ...notice }),
      prevented: () => this.show("[data-prevented]", true),
      offer: (full) => this.show("[data-fullscreen]", full),
    }, signal);
    const button = this.find("[data-fullscreen]");
    if (button) this.listen(button, "click", fillScreen);
  }

  #connect() {
    const { ticket = "", ticketUrl = "", csrf = "", track = "camera" } = this.dataset;
    this.dataset["ticket"] = ""; // good for one greeting
    this.#line = new SteadyLine({
      url: "/sit/camera", ticket, ticketUrl, csrf, signal: this.signal,
      hello: (own) => ({ t: "hello", ticket: own, track }),
      heard: (data) => typeof data === "string" && this.#heard(JSON.parse(data)),
      changed: () => {
        this.#welcomed = false;
        this.#prompt?.over(); // the server ends a challenge with its Line
        this.#stand(performance.now());
      },
    });
  }

  /** @param {CameraMessage} message */
  #heard(message) {
    const now = performance.now();
    if (message.t === "welcome") {
      this.#chain = new FrameChain(sha256); // each connection has a chain of its own
      this.#pace.welcome(now, message);
      this.#told = undefined;
      this.#welcomed = true;
      this.#stand(now);
      if (this.#device) this.#line?.send(this.#device);
      this.#page?.again();
    }
    if (message.t === "seen") this.#pace.seen(now, message.seq);
    if (message.t === "size") this.#pace.closer(now, message.size, message.for_ms);
    if (message.t === "challenge") this.#prompt?.ask(message);
    if (message.t === "challenge-over") this.#prompt?.over();
    const coach = this.find("[data-coach]");
    if (message.t === "coach" && coach) coach.textContent = message.text;
  }

  /** What was asked is done; the answer names the newest frame, so that it cannot be one from before. @param {string} challenge */
  #didIt(challenge) {
    this.#line?.send({ t: "challenge", challenge, frame: hex(this.#chain.newest) });
  }

  async #tick() {
    const now = performance.now();
    this.#stand(now);
    if (!this.#welcomed) return;
    if (now - this.#beatAt >= BEAT_MS) {
      this.#beatAt = now;
      this.#line?.send({ t: "heartbeat", client_ms: Date.now(), hidden: document.hidden });
    }
    const sound = this.#ear?.listen(now);
    if (sound) this.#line?.send({ t: "sound", ...sound });
    if (this.#trouble || !this.#stream || (this.#busySince && now - this.#busySince < NEVER_CAME_MS)) return;
    const shot = this.#pace.due(now, this.#line?.backlog ?? 0);
    if (!shot) return;
    this.#busySince = now;
    this.#pace.taken(now);
    const chain = this.#chain;
    const jpeg = (await this.#eye?.picture(shot.size, shot.quality)) ?? null;
    if (jpeg) this.#pictureAt = performance.now();
    const message = jpeg && chain === this.#chain ? await chain.wrap(jpeg, Date.now()) : null;
    if (message && chain === this.#chain && this.#line?.send(message)) this.#pace.sent(performance.now(), chain.seq);
    this.#busySince = 0;
  }

  /** Say where we stand, to the candidate and, when it changed, to the server. @param {number} now */
  #stand(now) {
    const state = standing({
      trouble: this.#trouble,
      opened: this.#stream !== null,
      muted: this.#muted,
      noPictureMs: this.#welcomed ? now - Math.max(this.#pictureAt, this.#busySince) : 0,
      line: this.#welcomed,
      unseen: this.#pace.unseen(now),
      congested: this.#pace.congested,
    });
    const cause = CAUSES[state] ?? null;
    if (this.#welcomed && cause !== this.#told && this.#line?.send({ t: "gap", cause })) this.#told = cause;
    if (this.dataset["state"] === state) return;
    this.dataset["state"] = state;
    this.say(state);
    this.show("[data-retry]", RETRY.has(state));
  }
}
