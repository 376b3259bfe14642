// @ts-check
/**
 * How loud it is, and whether there is a voice: two numbers a second, from short pieces of sound that are then
 * forgotten. No sound leaves the browser, nothing of it is kept, and no words are recognised.
 *
 * - Loudness is the mean level on a scale of 0 (60 dB below the loudest) to 1.
 * - A voice is periodic: a piece that repeats itself 80 to 400 times a second, and is clearly louder than the quiet of
 *   the place. Typing, fans, paper and rain do not repeat; the hum of a lamp does so too slowly. Music counts as a
 *   voice, and the words that are said of it say so.
 *
 *     const hearing = new Hearing();
 *     hearing.take(samples, 48_000, now); // null, or once a second { level, voice }
 *
 * Source: L. R. Rabiner, "On the use of autocorrelation analysis for pitch detection" (1977).
 */

const LOWEST_HZ = 80;
const HIGHEST_HZ = 400;
const PERIODIC = 0.5;
const ABOVE_QUIET_DB = 9;
const QUIETEST_DB = -60;
const QUIET_RISES_DB = 0.05; // a piece: the quiet of the place may change, a voice does not become it
const EVERY_MS = 1_000;
const COARSER = 4;

export class Hearing {
  #quietDb = QUIETEST_DB / 2;
  #since = -Infinity;
  /** @type {{ db: number, voice: boolean }[]} */
  #pieces = [];

  /**
   * @param {Float32Array} samples between -1 and 1 @param {number} rate samples a second @param {number} now
   * @returns {{ level: number, voice: number } | null}
   */
  take(samples, rate, now) {
    const db = decibels(samples);
    this.#quietDb = Math.max(QUIETEST_DB, Math.min(db, this.#quietDb + QUIET_RISES_DB));
    const voice = db > this.#quietDb + ABOVE_QUIET_DB && periodicity(samples, rate) > PERIODIC;
    this.#pieces.push({ db, voice });
    if (this.#since === -Infinity) this.#since = now;
    if (now - this.#since < EVERY_MS) return null;
    const pieces = this.#pieces;
    this.#pieces = [];
    this.#since = now;
    const mean = pieces.reduce((sum, each) => sum + each.db, 0) / pieces.length;
    return { level: rounded(1 - mean / QUIETEST_DB), voice: rounded(pieces.filter((each) => each.voice).length / pieces.length) };
  }
}

/** The level of a piece, in decibels below the loudest there is. @param {Float32Array} samples */
export function decibels(samples) {
  const power = samples.reduce((sum, each) => sum + each * each, 0) / Math.max(1, samples.length);
  return Math.max(QUIETEST_DB, Math.min(0, 10 * Math.log10(power || 1e-12)));
}

/**
 * How well a piece repeats itself at the pitch of a voice, 0 to 1: the highest peak of the autocorrelation between the
 * two pitches. A slope without a peak (a slower hum) is none.
 * @param {Float32Array} samples @param {number} rate
 */
export function periodicity(samples, rate) {
  const [coarse, per] = [averaged(samples, COARSER), rate / COARSER];
  const [shortest, longest] = [Math.floor(per / HIGHEST_HZ), Math.ceil(per / LOWEST_HZ)];
  const found = [];
  for (let lag = shortest - 1; lag <= longest + 1; lag += 1) found.push(likeness(coarse, lag));
  let best = 0;
  for (let at = 1; at < found.length - 1; at += 1) {
    const [before = 0, here = 0, after = 0] = [found[at - 1], found[at], found[at + 1]];
    if (here >= before && here >= after) best = Math.max(best, here);
  }
  return best;
}

/** @param {Float32Array} samples @param {number} lag */
function likeness(samples, lag) {
  let [both, first, second] = [0, 0, 0];
  for (let at = 0; at + lag < samples.length; at += 1) {
    const [a = 0, b = 0] = [samples[at], samples[at + lag]];
    both += a * b;
    first += a * a;
    second += b * b;
  }
  return first && second ? both / Math.sqrt(first * second) : 0;
}

/** A coarser piece: the mean of every few samples, without its own mean. @param {Float32Array} samples @param {number} few */
function averaged(samples, few) {
  const coarse = new Float32Array(Math.floor(samples.length / few));
  coarse.forEach((_, at) => (coarse[at] = samples.subarray(at * few, (at + 1) * few).reduce((sum, each) => sum + each / few, 0)));
  const mean = coarse.reduce((sum, each) => sum + each, 0) / Math.max(1, coarse.length);
  return coarse.map((each) => each - mean);
}

/** @param {number} value */
function rounded(value) {
  return Math.round(Math.max(0, Math.min(1, value)) * 100) / 100;
}
