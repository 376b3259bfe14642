// @ts-check
/** SHA-256 by the browser itself. Needs a secure context: https, or an origin on this very machine. */

/** @param {BufferSource} bytes @returns {Promise<ArrayBuffer>} */
export function sha256(bytes) {
  return crypto.subtle.digest("SHA-256", bytes);
}

/** @param {string} text @returns {Promise<string>} of the UTF-8 text, in lower-case hex */
export async function sha256Hex(text) {
  const hash = new Uint8Array(await sha256(new TextEncoder().encode(text)));
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
