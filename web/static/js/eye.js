// @ts-check
/**
 * Pictures of a track, taken in a worker: a page that is hidden or busy takes them all the same.
 *
 * Where the browser lets a script read a track (`MediaStreamTrackProcessor`), the worker reads it itself. Where it
 * does not, a bitmap of the playing <video> goes to the worker; where there is no worker canvas either, the page
 * draws. A picture that is not there in time is null, and the next one is asked for afresh.
 *
 *     const eye = new Eye(video, signal);
 *     eye.look(stream.getVideoTracks()[0]);
 *     const jpeg = await eye.picture([320, 240], 0.5);
 */
import { jpegOf } from "./camera.js";
import { cover, within } from "./models/frames.js";
import { startWorker } from "./policy.js";

export class Eye {
  #video;
  #keep;
  /** @type {Worker | null} */
  #worker = null;
  #reads = false;
  #asked = 0;
  /** @type {((jpeg: Uint8Array | null) => void) | null} */
  #answer = null;

  /** @param {HTMLVideoElement} video shows the same track @param {AbortSignal} signal @param {{ keep?: boolean }} [options] `keep`: a picture may be used twice */
  constructor(video, signal, { keep = false } = {}) {
    this.#video = video;
    this.#keep = keep;
    if (typeof OffscreenCanvas === "undefined") return;
    try {
      const worker = (this.#worker = startWorker("pictures.js"));
      worker.addEventListener("message", ({ data }) => data.taken === this.#asked && this.#settle(data.jpeg && new Uint8Array(data.jpeg)));
      worker.addEventListener("error", () => this.#without());
      signal.addEventListener("abort", () => worker.terminate(), { once: true });
    } catch {
      this.#worker = null; // a browser that refuses workers: the page draws
    }
  }

  /** Does the worker read the track itself? Then it does not matter whether the <video> plays. */
  get reads() {
    return this.#reads;
  }

  /** @param {MediaStreamTrack} track */
  look(track) {
    this.#reads = false;
    const Processor = window.MediaStreamTrackProcessor;
    if (!this.#worker || !Processor) return;
    try {
      const { readable } = new Processor({ track, maxBufferSize: 1 });
      this.#worker.postMessage({ watch: readable, keep: this.#keep }, [readable]);
      this.#reads = true;
    } catch (error) {
      console.warn("Invigil: the track cannot be read, drawing the video.", String(error));
    }
  }

  /** @param {[number, number]} size @param {number} quality @returns {Promise<Uint8Array | null>} */
  async picture(size, quality) {
    this.#settle(null); // one that never came
    if (!this.#reads && (this.#video.videoWidth === 0 || this.#video.paused)) return null;
    if (!this.#worker) return this.#drawn(size, quality);
    const bitmap = this.#reads ? undefined : await createImageBitmap(this.#video).catch(() => null);
    if (bitmap === null) return null;
    const take = (this.#asked += 1);
    const taken = new Promise((resolve) => (this.#answer = resolve));
    this.#worker.postMessage({ take, size, quality, bitmap, keep: this.#keep }, bitmap ? [bitmap] : []);
    return taken;
  }

  /** @param {Uint8Array | null} jpeg */
  #settle(jpeg) {
    this.#answer?.(jpeg);
    this.#answer = null;
  }

  #without() {
    this.#worker?.terminate();
    this.#worker = null;
    this.#reads = false;
    this.#settle(null);
  }

  /** @param {[number, number]} size @param {number} quality */
  async #drawn([width, height], quality) {
    const [wide, high] = [this.#video.videoWidth, this.#video.videoHeight];
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = this.#keep ? within(wide, high, width, height) : [width, height];
    const [x, y, w, h] = cover(wide, high, canvas.width, canvas.height);
    canvas.getContext("2d", { alpha: false })?.drawImage(this.#video, x, y, w, h, 0, 0, canvas.width, canvas.height);
    const jpeg = await jpegOf(canvas, quality);
    return jpeg && new Uint8Array(await jpeg.arrayBuffer());
  }
}
