// @ts-check
/**
 * One file on its way to the server: what to send next, when to wait, where to go on. A machine without I/O.
 *
 * As with the answer Line, the shell tells what happened, with `now` in milliseconds of `performance.now()`, and
 * carries out the effects that are returned, in order. The machine reads no file and opens nothing.
 *
 * - The file is announced with its digest, then sent chunk by chunk from the offset the server names.
 * - When anything fails, the machine waits a random time below a doubling bound and announces the file again: the same
 *   file is the same upload, and the answer says where to go on. So a lost answer costs one question, never a byte.
 * - A chunk that failed halves the next one, down to a floor: on a bad network small pieces get through.
 * - A damaged file is announced anew, a few times; every other refusal is final and is told.
 *
 *     const upload = new Upload({ item: "q07", mediaType: "image/png", size, sha256, random: Math.random });
 *     perform(upload.start(performance.now()));
 */
/** @import { UploadEffect, UploadTold } from "../types.d.ts" */

export const MOST_CHUNK_BYTES = 262_144;
export const LEAST_CHUNK_BYTES = 16_384;
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 8_000;
const DAMAGED_TRIES = 3;

/** @typedef {"announcing" | "sending" | "waiting" | "done" | "refused"} UploadState */

export class Upload {
  #announced;
  #random;
  /** @type {UploadState} */
  #state = "waiting";
  #name = "";
  #offset = 0;
  #upto = 0; // end of the chunk under way
  #chunk;
  #failures = 0;
  #damaged = 0;
  #retryAt = Infinity;

  /**
   * @param {{ item: string, mediaType: string, size: number, sha256: string, random: () => number,
   *           chunkBytes?: number }} given `random` in [0, 1); `sha256` of the whole file, in hex
   */
  constructor({ item, mediaType, size, sha256, random, chunkBytes = MOST_CHUNK_BYTES }) {
    this.#announced = { item, media_type: mediaType, size_bytes: size, sha256 };
    this.#random = random;
    this.#chunk = chunkBytes;
  }

  get state() {
    return this.#state;
  }

  /** What an answer names once the state is "done". */
  get name() {
    return this.#name;
  }

  /** Bytes the server has. */
  get offset() {
    return this.#offset;
  }

  /** @param {number} _now @returns {UploadEffect[]} */
  start(_now) {
    return this.#announce();
  }

  /** An announcement or a chunk was answered. @param {UploadTold} told @param {number} _now @returns {UploadEffect[]} */
  told(told, _now) {
    if (this.#over) return [];
    this.#name = told.upload;
    this.#offset = told.offset;
    this.#failures = 0;
    /** @type {UploadEffect[]} */
    const effects = [{ do: "progress", sent: told.offset, size: this.#announced.size_bytes }];
    if (!told.finished) return [...effects, this.#next()];
    this.#state = "done";
    return [...effects, { do: "done", upload: told.upload, late: told.late }];
  }

  /**
   * An announcement or a chunk was refused, or the server was not reached.
   * @param {number} status HTTP status, 0 when there was no answer
   * @param {string} code the server's refusal code, or ""
   * @param {string} sentence what it says to people
   * @param {number} now
   * @returns {UploadEffect[]}
   */
  failed(status, code, sentence, now) {
    if (this.#over) return [];
    if (code === "UPLOAD_OFFSET") return this.#announce(); // the answer says where to go on
    if (code === "UPLOAD_DAMAGED" && (this.#damaged += 1) < DAMAGED_TRIES) return this.#announce();
    const passes = status === 0 || status === 408 || status === 429 || status >= 500;
    if (!passes && !(status === 404 && this.#state === "sending")) {
      this.#state = "refused";
      return [{ do: "refused", code, sentence }];
    }
    if (this.#state === "sending") this.#chunk = Math.max(LEAST_CHUNK_BYTES, this.#chunk >> 1);
    this.#failures += 1;
    this.#state = "waiting";
    const bound = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (this.#failures - 1));
    this.#retryAt = now + this.#random() * bound;
    return [{ do: "wait", code }];
  }

  /** A while has passed. @param {number} now @returns {UploadEffect[]} */
  tick(now) {
    return this.#state === "waiting" && now >= this.#retryAt ? this.#announce() : [];
  }

  /** The device says that its network is back. @param {number} now @returns {UploadEffect[]} */
  networkBack(now) {
    if (this.#retryAt !== Infinity) this.#retryAt = Math.min(this.#retryAt, now + this.#random() * FIRST_WAIT_MS);
    return this.tick(now);
  }

  get #over() {
    return this.#state === "done" || this.#state === "refused";
  }

  /** @returns {UploadEffect[]} */
  #announce() {
    this.#state = "announcing";
    this.#retryAt = Infinity;
    return [{ do: "announce", announced: { ...this.#announced } }];
  }

  /** The chunk from the offset on; an empty one where everything is there and only the end is missing. @returns {UploadEffect} */
  #next() {
    this.#state = "sending";
    this.#upto = Math.min(this.#announced.size_bytes, this.#offset + this.#chunk);
    return { do: "send", upload: this.#name, from: this.#offset, upto: this.#upto };
  }
}
