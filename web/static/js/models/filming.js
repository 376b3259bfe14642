// @ts-check
/**
 * When the next picture is taken, how large it is, and what the candidate is told of it. No clock, no DOM: the
 * time is handed in, in milliseconds.
 *
 * - At rest a picture of 320 by 240 goes out once a second. For a while after the server asks (an event, or an
 *   invigilator who looks) it is larger and better.
 * - A Line is congested when bytes pile up in the socket or the server has not confirmed what was sent. Then one
 *   small picture goes out every five seconds, and none on top of a backlog: pictures may never delay an answer.
 *   It is over when three pictures in a row were confirmed in time.
 * - There is one sentence at a time (`standing`), and the worst is said first. `CAUSES` are the words the server is
 *   told, where it could not know: they stand beside a gap in the record.
 *
 *     const pace = new Pace();
 *     pace.welcome(0);
 *     pace.due(0, 0); // { size: [320, 240], quality: 0.5 }
 */

/** @typedef {[width: number, height: number]} Size */
/** @typedef {{ size: Size, quality: number }} Shot */
/** @typedef {"starting" | "denied" | "ended" | "muted" | "no-picture" | "down" | "unseen" | "slow" | "up"} Standing */

export const AT_REST = /** @type {Shot} */ ({ size: [320, 240], quality: 0.5 });
export const LARGE_QUALITY = 0.7;
export const SLOW_MS = 5_000;
export const BACKLOG_BYTES = 32 * 1024;
/** Without a confirmation (or a picture) for so long, the candidate is told. */
export const SILENT_MS = 5_000;
const LATE_MS = 2_500;
const IN_TIME_TO_RECOVER = 3;
const SLACK_MS = 120; // ticks come a little early or late

/** What the server is told to stand beside a gap. @type {Partial<Record<Standing, string>>} */
export const CAUSES = {
  denied: "camera_denied", ended: "camera_ended", muted: "camera_muted", "no-picture": "no_picture",
  slow: "congestion", unseen: "congestion",
};

export class Pace {
  #everyMs = 1_000;
  #rest = AT_REST;
  /** @type {Shot} */
  #large = AT_REST;
  #largeUntil = -Infinity;
  #sentAt = -Infinity;
  #seenAt = -Infinity;
  /** @type {Map<number, number>} number of a frame → when it was sent, for those the server has not confirmed */
  #onTheirWay = new Map();
  #slow = false;
  #inTime = 0;

  /** A Line begins: nothing is on its way. @param {number} now @param {{ size?: Size, every_ms?: number }} told */
  welcome(now, told = {}) {
    this.#everyMs = told.every_ms ?? this.#everyMs;
    this.#rest = { ...AT_REST, size: told.size ?? AT_REST.size };
    this.#onTheirWay.clear();
    this.#seenAt = now;
  }

  /** Larger pictures are wanted for a while. @param {number} now @param {Size} size @param {number} forMs */
  closer(now, size, forMs) {
    this.#large = { size, quality: LARGE_QUALITY };
    this.#largeUntil = now + forMs;
  }

  /**
   * Which picture to take now, or null for none.
   * @param {number} now @param {number} backlog bytes that wait in the socket @returns {Shot | null}
   */
  due(now, backlog) {
    if (this.#late(now) || backlog > BACKLOG_BYTES) {
      this.#slow = true;
      this.#inTime = 0;
    }
    if (backlog > BACKLOG_BYTES || now - this.#sentAt < this.everyMs - SLACK_MS) return null;
    return now < this.#largeUntil && !this.#slow ? this.#large : this.#rest;
  }

  /** How often a picture is taken at the moment. */
  get everyMs() {
    return this.#slow ? SLOW_MS : this.#everyMs;
  }

  get congested() {
    return this.#slow;
  }

  /** A picture is being taken; the next waits its turn, whatever becomes of this one. @param {number} now */
  taken(now) {
    this.#sentAt = now;
  }

  /** @param {number} now @param {number} seq the frame's number */
  sent(now, seq) {
    this.#onTheirWay.set(seq, now);
  }

  /** The server has frame `seq`, and none of those before it is waited for. @param {number} now @param {number} seq */
  seen(now, seq) {
    this.#seenAt = now;
    const sentAt = this.#onTheirWay.get(seq);
    for (const each of [...this.#onTheirWay.keys()]) if (each <= seq) this.#onTheirWay.delete(each);
    if (sentAt === undefined) return;
    this.#inTime = now - sentAt <= LATE_MS ? this.#inTime + 1 : 0;
    if (this.#inTime >= IN_TIME_TO_RECOVER) this.#slow = false;
  }

  /** Has the server confirmed nothing for long, although something was sent? @param {number} now */
  unseen(now) {
    return this.#onTheirWay.size > 0 && now - Math.max(this.#seenAt, this.#oldest()) >= SILENT_MS;
  }

  /** @param {number} now */
  #late(now) {
    return this.#onTheirWay.size > 0 && now - this.#oldest() > LATE_MS;
  }

  #oldest() {
    return Math.min(...this.#onTheirWay.values());
  }
}

/**
 * The one sentence to show.
 * @param {{ trouble: "denied" | "ended" | null, muted: boolean, opened: boolean, noPictureMs: number, line: boolean,
 *           unseen: boolean, congested: boolean }} facts
 * @returns {Standing}
 */
export function standing({ trouble, muted, opened, noPictureMs, line, unseen, congested }) {
  if (trouble) return trouble;
  if (!opened) return "starting";
  if (muted) return "muted";
  if (noPictureMs >= SILENT_MS) return "no-picture";
  if (!line) return "down";
  if (unseen) return "unseen";
  return congested ? "slow" : "up";
}
