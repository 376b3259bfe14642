// @ts-check
/**
 * The time that is left, counted down between two words of the server.
 *
 * - The server says `remaining_ms`; this model only subtracts what a monotonic clock has measured since then.
 * - It never reads a clock: every method takes `now`, in milliseconds of `performance.now()`. The device's date,
 *   which a person may set, plays no part.
 * - It stands still unless the sitting is RUNNING.
 * - Zero here means "the server will say so soon"; only the server ends a sitting.
 *
 *     const left = new Countdown([600_000, 60_000]);
 *     left.set(90_000, performance.now(), true);
 *     left.remaining(performance.now() + 16_000)   // 74000
 */
export class Countdown {
  #remainingMs = 0;
  #since = 0;
  #running = false;
  #known = false;
  /** @type {number[]} thresholds not yet announced, largest first */
  #ahead;

  /** @param {number[]} [thresholdsMs] when passing one of these, `passed` reports it once */
  constructor(thresholdsMs = []) {
    this.#ahead = [...thresholdsMs].sort((a, b) => b - a);
  }

  /** False until the server has spoken: show nothing rather than a guess. */
  get known() {
    return this.#known;
  }

  get running() {
    return this.#running;
  }

  /**
   * Take the server's word. It wins over what was counted here, in both directions: minutes may be added.
   * @param {number} remainingMs
   * @param {number} now
   * @param {boolean} running
   */
  set(remainingMs, now, running) {
    const first = !this.#known;
    this.#remainingMs = Math.max(0, remainingMs);
    this.#since = now;
    this.#running = running;
    this.#known = true;
    // Whoever opens the page with nine minutes left is not told "ten minutes left".
    if (first) this.#ahead = this.#ahead.filter((threshold) => threshold < this.#remainingMs);
  }

  /** @param {number} now @param {boolean} running */
  run(now, running) {
    if (this.#known) this.set(this.remaining(now), now, running);
  }

  /** @param {number} now @returns {number} milliseconds, never below zero */
  remaining(now) {
    if (!this.#running) return this.#remainingMs;
    const elapsed = Math.max(0, now - this.#since);
    return Math.max(0, this.#remainingMs - elapsed);
  }

  /**
   * The smallest threshold passed since the last call, or null. Each is reported once.
   * @param {number} now
   * @returns {number | null}
   */
  passed(now) {
    if (!this.#known) return null;
    const remaining = this.remaining(now);
    const reached = this.#ahead.filter((threshold) => remaining <= threshold);
    this.#ahead = this.#ahead.filter((threshold) => remaining > threshold);
    return reached.at(-1) ?? null;
  }
}

/**
 * `1:05:09`, or `5:09` below the hour. Seconds are rounded up, so 0:00 means that nothing is left.
 * @param {number} ms
 */
export function clockText(ms) {
  const seconds = Math.ceil(ms / 1000);
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const two = (/** @type {number} */ n) => String(n).padStart(2, "0");
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/**
 * The same as an ISO 8601 duration, for `<time datetime>`.
 * @param {number} ms
 */
export function clockDuration(ms) {
  return `PT${Math.ceil(ms / 1000)}S`;
}
