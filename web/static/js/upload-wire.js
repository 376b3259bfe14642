// @ts-check
/**
 * Carries out what the upload machine decides: reads the file, fetches, waits. It decides nothing.
 *
 * Effects come out as `effect` events; `finished` resolves with the upload's name, or rejects when it was refused.
 */
import { sha256 } from "./digest.js";
import { Upload } from "./models/upload.js";
/** @import { UploadEffect, UploadTold } from "./types.d.ts" */

const PATIENCE_MS = 30_000;
const TICK_MS = 250;

export class UploadWire extends EventTarget {
  #file;
  #given;
  #upload;
  #ticking;
  /** @type {(name: string) => void} */
  #resolve = () => {};
  /** @type {(error: Error) => void} */
  #reject = () => {};
  /** @type {Promise<string>} */
  finished = new Promise((resolve, reject) => {
    this.#resolve = resolve;
    this.#reject = reject;
  });

  /**
   * @param {Blob} file
   * @param {{ url: string, item: string, csrf: string, chunkBytes?: number }} given `url` of the sitting's uploads
   * @returns {Promise<UploadWire>} on its way
   */
  static async begin(file, given) {
    const hash = new Uint8Array(await sha256(await file.arrayBuffer()));
    const digest = Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
    const wire = new UploadWire(file, given, digest);
    wire.#perform(wire.#upload.start(performance.now()));
    return wire;
  }

  /** @param {Blob} file @param {{ url: string, item: string, csrf: string, chunkBytes?: number }} given @param {string} digest */
  constructor(file, given, digest) {
    super();
    this.#file = file;
    this.#given = given;
    const { item, chunkBytes } = given;
    const about = { item, mediaType: file.type, size: file.size, sha256: digest, random: Math.random };
    this.#upload = new Upload(chunkBytes === undefined ? about : { ...about, chunkBytes });
    this.#ticking = setInterval(() => this.#perform(this.#upload.tick(performance.now())), TICK_MS);
    this.finished.catch(() => {}); // whoever listens to the effects need not wait for it
  }

  get offset() {
    return this.#upload.offset;
  }

  networkBack() {
    this.#perform(this.#upload.networkBack(performance.now()));
  }

  /** @param {UploadEffect[]} effects */
  #perform(effects) {
    for (const effect of effects) {
      this.#carryOut(effect);
      this.dispatchEvent(new CustomEvent("effect", { detail: effect }));
    }
  }

  /** @param {UploadEffect} effect */
  #carryOut(effect) {
    switch (effect.do) {
      case "announce":
        return void this.#ask(this.#given.url, JSON.stringify(effect.announced), { "content-type": "application/json" });
      case "send": {
        const place = `${this.#given.url}/${effect.upload}`;
        return void this.#ask(place, this.#file.slice(effect.from, effect.upto), { "upload-offset": String(effect.from) });
      }
      case "done":
        clearInterval(this.#ticking);
        return this.#resolve(effect.upload);
      case "refused":
        clearInterval(this.#ticking);
        return this.#reject(new Error(effect.code));
    }
  }

  /** @param {string} url @param {string | Blob} body @param {Record<string, string>} headers */
  async #ask(url, body, headers) {
    let status = 0;
    /** @type {UploadTold | { refused: { code: string, sentence: string } } | null} */
    let told = null;
    try {
      const response = await fetch(url, {
        method: "POST",
        headers: { accept: "application/json", "x-csrf": this.#given.csrf, ...headers },
        body,
        signal: AbortSignal.timeout(PATIENCE_MS),
      });
      ({ status } = response);
      told = await response.json();
    } catch {
      if (status < 400) status = 0; // no network, or no whole answer in time: the machine knows what to do
    }
    const now = performance.now();
    if (told !== null && "upload" in told) return this.#perform(this.#upload.told(told, now));
    const { code = "", sentence = "" } = told?.refused ?? {};
    this.#perform(this.#upload.failed(status, code, sentence, now));
  }
}
