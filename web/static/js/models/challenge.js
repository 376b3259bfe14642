// @ts-check
/**
 * What a challenge of light shows when. The pattern is a text of "1" (bright) and "0" (dark), a step of two seconds each:
 * slow enough to harm nobody.
 *
 *     lightAt("10", 2_500) → false
 */
export const STEP_MS = 2_000;

/**
 * Whether the screen is bright after so many milliseconds; null when the pattern is over.
 * @param {string} pattern @param {number} elapsedMs @returns {boolean | null}
 */
export function lightAt(pattern, elapsedMs) {
  const bit = pattern[Math.floor(Math.max(0, elapsedMs) / STEP_MS)];
  return bit === undefined ? null : bit === "1";
}

/** Bytes as the hexadecimal text by which the server knows them. @param {Uint8Array} bytes */
export function hex(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
