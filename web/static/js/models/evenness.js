// @ts-check
/**
 * How evenly a camera delivers. No DOM, no clock: each picture's own time is handed in, in milliseconds.
 *
 * A sensor runs by a clock of its own, a little faster or slower than it says; a program can be exact. A picture that
 * the page did not get to see is no unevenness: a step is a whole number of intervals. Both figures are medians, so that
 * a busy moment of the computer does not hide an even source: the mean over each hundred pictures, and how far a step is
 * from a whole number of intervals. A camera that starts stumbles, so its first pictures are passed over. After a long
 * gap (a hidden page) the count begins anew.
 *
 *     const evenness = new Evenness(30);
 *     for (const at of times) evenness.picture(at);
 *     evenness.pace; // { frames: 200, mean_ms: 33.3401, deviation_ms: 1.27 }, or null before there are enough
 */

export const ENOUGH = 200;
export const PASSED_OVER = 30;
const OVER = 100;
const LONGEST_STEP = 8;

export class Evenness {
  #nominalMs;
  /** @type {[step: number, atMs: number][]} since the first picture of this run */
  #pictures = [];
  #firstMs = 0;
  #passed = 0;

  /** @param {number} rate pictures a second, as the camera says of itself */
  constructor(rate) {
    this.#nominalMs = rate > 0 ? 1_000 / rate : 0;
  }

  /** @param {number} atMs when the picture was taken */
  picture(atMs) {
    this.#passed += 1;
    if (this.#nominalMs === 0 || this.#passed <= PASSED_OVER || this.#pictures.length > ENOUGH) return;
    const last = this.#pictures.at(-1);
    const steps = last ? Math.round((atMs - this.#firstMs - last[1]) / this.#nominalMs) : 0;
    if (last && steps >= 1 && steps <= LONGEST_STEP) this.#pictures.push([last[0] + steps, atMs - this.#firstMs]);
    if (last && steps <= LONGEST_STEP) return;
    this.#firstMs = atMs;
    this.#pictures = [[0, 0]];
  }

  /** Not before there are `ENOUGH` steps; then it stays as it is. */
  get pace() {
    const frames = this.#pictures.length - 1;
    if (frames < ENOUGH) return null;
    const off = this.#pictures.slice(1).map(([step, at], before) => {
      const [stepBefore, atBefore] = this.#pictures[before] ?? [0, 0];
      return Math.abs(at - atBefore - (step - stepBefore) * this.#nominalMs);
    });
    return { frames, mean_ms: round(slope(this.#pictures)), deviation_ms: round(median(off)) };
  }
}

/** The median time of one step, over stretches of `OVER` pictures. @param {[number, number][]} pictures */
function slope(pictures) {
  return median(pictures.slice(OVER).map(([step, at], begin) => {
    const [stepBefore, atBefore] = pictures[begin] ?? [0, 0];
    return (at - atBefore) / (step - stepBefore);
  }));
}

/** @param {number[]} values */
function median(values) {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

/** @param {number} ms */
function round(ms) {
  return Math.round(ms * 10_000) / 10_000;
}
