// @ts-check
/**
 * Camera frames on the wire: the header, and the chain that shows when one was left out.
 *
 * A candidate's message is `IVF1`, a sequence number (uint32, big endian, from 1), the moment of capture
 * (uint64, milliseconds, the device's own clock: evidence, never truth), the SHA-256 of the whole previous
 * message (32 zero bytes for the first), then the JPEG. A proctor's tile is `IVT1`, one length byte, the
 * sitting's id in ASCII (with "/screen" for a shared screen), sequence, moment, JPEG.
 *
 *     const chain = new FrameChain((bytes) => crypto.subtle.digest("SHA-256", bytes));
 *     socket.send(await chain.wrap(jpeg, Date.now()));
 */
/** @import { TileFrame } from "../types.d.ts" */

export const HEADER_BYTES = 4 + 4 + 8 + 32;
const MAGIC_FRAME = "IVF1";
const MAGIC_TILE = "IVT1";

export class FrameChain {
  #digest;
  #previous = new Uint8Array(32);
  #seq = 0;
  /** @type {Promise<unknown>} */
  #last = Promise.resolve();

  /** @param {(bytes: Uint8Array<ArrayBuffer>) => Promise<ArrayBuffer>} digest SHA-256 */
  constructor(digest) {
    this.#digest = digest;
  }

  /** The number of the last frame wrapped; 0 before the first. */
  get seq() {
    return this.#seq;
  }

  /** The SHA-256 of the last message; 32 zero bytes before the first. */
  get newest() {
    return this.#previous;
  }

  /**
   * Put the header before a JPEG. Calls queue up behind each other, so that the chain has one order.
   * A new connection starts a new chain: make a new `FrameChain`.
   * @param {Uint8Array} jpeg
   * @param {number} capturedAtMs
   * @returns {Promise<Uint8Array<ArrayBuffer>>}
   */
  wrap(jpeg, capturedAtMs) {
    const wrapped = this.#last.then(() => this.#wrap(jpeg, capturedAtMs));
    this.#last = wrapped.catch(() => undefined);
    return wrapped;
  }

  /** @param {Uint8Array} jpeg @param {number} capturedAtMs */
  async #wrap(jpeg, capturedAtMs) {
    const message = new Uint8Array(HEADER_BYTES + jpeg.length);
    const view = new DataView(message.buffer);
    const seq = this.#seq + 1;
    writeAscii(message, 0, MAGIC_FRAME);
    view.setUint32(4, seq);
    view.setBigUint64(8, BigInt(Math.trunc(capturedAtMs)));
    message.set(this.#previous, 16);
    message.set(jpeg, HEADER_BYTES);
    this.#previous = new Uint8Array(await this.#digest(message));
    this.#seq = seq;
    return message;
  }
}

/**
 * Read a proctor's tile. Returns null for bytes that are no tile: a bad frame costs one picture, not the wall.
 * @param {ArrayBuffer} buffer
 * @returns {TileFrame | null}
 */
export function readTile(buffer) {
  const bytes = new Uint8Array(buffer);
  if (bytes.length < 5 || ascii(bytes.subarray(0, 4)) !== MAGIC_TILE) return null;
  const idLength = bytes[4] ?? 0;
  const jpegAt = 5 + idLength + 4 + 8;
  if (idLength === 0 || bytes.length <= jpegAt) return null;
  const view = new DataView(buffer);
  const [sitting = "", track = "camera"] = ascii(bytes.subarray(5, 5 + idLength)).split("/");
  return {
    sitting,
    track,
    seq: view.getUint32(5 + idLength),
    capturedAtMs: Number(view.getBigUint64(5 + idLength + 4)),
    jpeg: bytes.slice(jpegAt),
  };
}

/**
 * Which part of a picture to take so that it fills `[width, height]` without being stretched.
 * @param {number} fromWidth @param {number} fromHeight @param {number} width @param {number} height
 * @returns {[x: number, y: number, width: number, height: number]}
 */
export function cover(fromWidth, fromHeight, width, height) {
  const scale = Math.min(fromWidth / width, fromHeight / height);
  const [w, h] = [width * scale, height * scale];
  return [(fromWidth - w) / 2, (fromHeight - h) / 2, w, h];
}

/**
 * How large a whole picture is inside `[width, height]`, in whole pixels, without being stretched or enlarged.
 * @param {number} fromWidth @param {number} fromHeight @param {number} width @param {number} height
 * @returns {[width: number, height: number]}
 */
export function within(fromWidth, fromHeight, width, height) {
  const scale = Math.min(1, width / fromWidth, height / fromHeight);
  return [Math.max(1, Math.round(fromWidth * scale)), Math.max(1, Math.round(fromHeight * scale))];
}

/** @param {Uint8Array} bytes */
function ascii(bytes) {
  return String.fromCharCode(...bytes);
}

/** @param {Uint8Array} into @param {number} at @param {string} text */
function writeAscii(into, at, text) {
  for (let i = 0; i < text.length; i += 1) into[at + i] = text.charCodeAt(i);
}
