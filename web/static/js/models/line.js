// @ts-check
/**
 * The answer Line: when to connect, what to say, when to wait, and what to believe. A machine without I/O.
 *
 * Something happens (a socket opened, a message came, a second passed) and the shell calls the method of that
 * name with `now` (milliseconds of `performance.now()`). The method returns a list of effects; the shell
 * carries them out, in order. The machine opens nothing, waits for nothing and reads no clock.
 *
 * - Greeting: HELLO(ticket, writer, last_sent, last_acked) → WELCOME → what is unacknowledged is sent again.
 * - A ticket is good for one greeting. A welcome brings the next one; when a connection dies before its
 *   welcome, the machine asks the shell to fetch a new ticket.
 * - Reconnecting waits a random time below a doubling bound ("full jitter"), so that a room full of
 *   candidates does not knock in the same second after an outage.
 * - Where sockets do not get through twice running, the same rows go by POST, and sockets are tried again now
 *   and then. Acknowledgements mean the same on both ways.
 * - T1 after the last word of the server the item is to be hidden; the next word of the server shows it again.
 * - 4409 (superseded) is final: this window is read-only. What it still holds it delivers once more by POST; the
 *   server keeps that as stranded, for the invigilator to see, and never counts it.
 *
 *     const line = new Line({ ticket, outbox, random: Math.random, wall: Date.now });
 *     perform(line.start(performance.now()));
 */
/** @import { Effect, LineState, Phase, Posted, Row, ServerMessage } from "../types.d.ts" */

export const BEAT_MS = 5_000;
export const SILENCE_MS = 15_000;
export const OPENING_MS = 10_000;
export const STALLED_MS = 15_000;
export const WINDOW_ROWS = 64;
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 8_000;
const FLOODED_WAIT_MS = 5_000;
const FAILURES_BEFORE_POST = 2;
const TICKETS_BEFORE_GIVING_UP = 3;
const POSTS_OF_STRANDED = 5; // in vain, one after the other

/** Close codes of our own (design: wire protocol). */
export const CLOSE = Object.freeze({ NOT_SIGNED_IN: 4401, REFUSED: 4403, SUPERSEDED: 4409, FLOODING: 4429 });

/** @typedef {"none" | "opening" | "greeting" | "up" | "over"} Socket "over": never again from this window */
/** @typedef {{ writer: number, lastSeq: number, acked: number, pending: number,
 *              after(seq: number, limit: number): Row[] }} Book what the Line needs to know of the outbox */

export class Line {
  #outbox;
  #random;
  #wall;
  /** @type {string | null} */
  #ticket;
  #t1Ms;
  /** @type {Socket} */
  #socket = "none";
  /** @type {LineState} */
  #state = "connecting";
  #booked = false; // the outbox has taken the welcome in; rows may flow
  #sentUpto = 0;
  #ackedUpto = 0;
  #movedAt = 0; // when rows last went out into silence, or an acknowledgement moved on
  #failures = 0;
  #ticketTries = 0;
  #fetchingTicket = false;
  #retryAt = Infinity;
  #since = 0; // of the current socket state
  #heardAt = 0;
  #beatAt = Infinity;
  #hidden = false;
  #posting = false; // a POST is under way
  #postAt = Infinity;
  #strandedPosts = 0;

  /**
   * @param {{ ticket: string | null, outbox: Book, random: () => number, wall: () => number, t1Ms?: number }} given
   *   `random` in [0, 1); `wall` the device's date in milliseconds, sent along as evidence and used for nothing
   */
  constructor({ ticket, outbox, random, wall, t1Ms = 20_000 }) {
    this.#ticket = ticket;
    this.#outbox = outbox;
    this.#random = random;
    this.#wall = wall;
    this.#t1Ms = t1Ms;
  }

  get state() {
    return this.#state;
  }

  /** Are rows on their way, or is the first attempt still under way? Then "saving" is an honest word. */
  get reachable() {
    return this.#state === "up" || this.#state === "posting" || this.#state === "connecting";
  }

  get hidden() {
    return this.#hidden;
  }

  /** The page has just been served, which is the server's first word. @param {number} now @returns {Effect[]} */
  start(now) {
    this.#heardAt = now;
    return [{ do: "state", state: this.#state }, ...this.#connect(now)];
  }

  /** The socket is open. @param {number} now @returns {Effect[]} */
  opened(now) {
    if (this.#socket !== "opening" || this.#ticket === null) return [];
    const ticket = this.#ticket;
    this.#ticket = null; // used up, whether or not a welcome comes
    this.#socket = "greeting";
    this.#since = now;
    this.#ackedUpto = this.#outbox.acked;
    const { writer, lastSeq, acked } = this.#outbox;
    return [{ do: "send", message: { t: "hello", ticket, writer, last_sent: lastSeq, last_acked: acked } }];
  }

  /** A message came. @param {ServerMessage} message @param {number} now @returns {Effect[]} */
  received(message, now) {
    if (this.#socket !== "greeting" && this.#socket !== "up") return [];
    const shown = this.#heard(now);
    switch (message.t) {
      case "welcome":
        return [...shown, ...this.#welcomed(message, now)];
      case "ack":
        return [...shown, ...this.#acked(message.acked, now), { do: "clock", remaining_ms: message.remaining_ms }];
      case "phase":
        return [...shown, clockEffect(message), phaseEffect(message)];
      case "clock":
        return [...shown, clockEffect(message)];
      case "message":
        return [...shown, { do: "message", from: message.from, text: message.text, at: message.at }];
      case "refused": {
        const { code, sentence, seq } = message;
        const told = /** @type {Effect} */ ({ do: "refused", code, sentence, seq });
        return code === "SUPERSEDED" ? [told, { do: "hang-up" }, ...this.#superseded(now)] : [...shown, told];
      }
      default:
        return shown; // a newer server's word that this page does not know
    }
  }

  /** The outbox has taken the welcome (or an acknowledgement) in. @param {number} now @returns {Effect[]} */
  booked(now) {
    if (this.#socket === "up" && !this.#booked) {
      this.#booked = true;
      this.#sentUpto = this.#outbox.acked;
    }
    return this.rowsAdded(now);
  }

  /** There may be something new to send. @param {number} now @returns {Effect[]} */
  rowsAdded(now) {
    if (this.#socket === "up") return this.#pump(now);
    if (this.#postAt !== Infinity && this.#outbox.pending > 0) return this.#post(now);
    return [];
  }

  /** The socket closed, or never opened. @param {number} code @param {number} now @returns {Effect[]} */
  closed(code, now) {
    if (this.#socket === "over") return [];
    const wasUp = this.#socket === "up";
    this.#dropSocket();
    if (code === CLOSE.SUPERSEDED) return this.#superseded(now);
    if (code === CLOSE.REFUSED) return this.#end("ended");
    if (code === CLOSE.NOT_SIGNED_IN) {
      this.#ticket = null;
      return [...this.#become("down"), ...this.#connect(now)];
    }
    this.#failures = wasUp ? 1 : this.#failures + 1;
    if (this.#failures >= FAILURES_BEFORE_POST && this.#postAt === Infinity) this.#postAt = now;
    this.#waitToRetry(now, code === CLOSE.FLOODING ? FLOODED_WAIT_MS : 0);
    return this.#state === "posting" ? [] : this.#become("down");
  }

  /** A second or so has passed. @param {number} now @returns {Effect[]} */
  tick(now) {
    /** @type {Effect[]} */
    const effects = [];
    if (this.#socket === "up") effects.push(...this.#beat(now));
    if (this.#tooQuiet(now)) effects.push({ do: "hang-up" }, ...this.closed(1006, now));
    if (now >= this.#retryAt) effects.push(...this.#connect(now));
    if (now >= this.#postAt) effects.push(...this.#post(now));
    if (!this.#hidden && this.#socket !== "over" && now - this.#heardAt >= this.#t1Ms) {
      this.#hidden = true;
      effects.push({ do: "hide" });
    }
    return effects;
  }

  /** The device says that its network is back: do not sit out the wait. @param {number} now @returns {Effect[]} */
  networkBack(now) {
    if (this.#retryAt !== Infinity) this.#retryAt = now + this.#random() * FIRST_WAIT_MS;
    return this.tick(now);
  }

  /** @param {string} ticket @param {number} now @returns {Effect[]} */
  ticketCame(ticket, now) {
    this.#fetchingTicket = false;
    this.#ticket = ticket;
    return this.#socket === "none" ? this.#connect(now) : [];
  }

  /** @param {number} status HTTP status, 0 when the server could not be reached @param {number} now @returns {Effect[]} */
  ticketFailed(status, now) {
    this.#fetchingTicket = false;
    if (status === 401) return this.#end("signed-out");
    if (status === 403 || status === 404 || status === 409) return this.#end("ended");
    this.#failures += 1;
    if (this.#failures >= FAILURES_BEFORE_POST && this.#postAt === Infinity) this.#postAt = now;
    this.#waitToRetry(now, 0);
    return this.#state === "posting" ? [] : this.#become("down");
  }

  /** A POST of rows was answered. @param {Posted} result @param {number} now @returns {Effect[]} */
  posted(result, now) {
    this.#posting = false;
    if (this.#socket === "over") return [];
    this.#postAt = this.#socket === "up" ? Infinity : now + this.#beatEveryMs;
    /** @type {Effect[]} */
    const effects = [...this.#heard(now), ...this.#acked(result.acked, now), { do: "clock", remaining_ms: result.remaining_ms }];
    if (result.phase) effects.push({ do: "phase", phase: result.phase, reason: null });
    if (this.#socket !== "up") effects.push(...this.#become("posting"));
    return effects;
  }

  /**
   * @param {number} status HTTP status, 0 when the server could not be reached
   * @param {string} code the server's refusal code, or ""
   * @param {number} now
   * @param {number} [acked] a superseded window is told how far its rows are kept
   * @returns {Effect[]}
   */
  postFailed(status, code, now, acked = 0) {
    this.#posting = false;
    if (this.#socket === "up" || (this.#socket === "over" && this.#state !== "superseded")) return [];
    if (status === 401) return this.#end("signed-out");
    if (code === "SUPERSEDED") {
      if (acked > this.#ackedUpto) this.#strandedPosts = 0;
      return [...(acked > 0 ? this.#acked(acked, now) : []), ...this.#superseded(now)];
    }
    this.#postAt = now + this.#beatEveryMs;
    if (this.#socket === "over") return [];
    return this.#become("down");
  }

  /** @param {number} now @returns {Effect[]} */
  #connect(now) {
    this.#retryAt = Infinity;
    if (this.#ticket === null) {
      if (this.#fetchingTicket) return [];
      if (this.#ticketTries >= TICKETS_BEFORE_GIVING_UP) {
        this.#ticketTries = 0;
        this.#waitToRetry(now, LONGEST_WAIT_MS);
        return [];
      }
      this.#ticketTries += 1;
      this.#fetchingTicket = true;
      return [{ do: "fetch-ticket" }];
    }
    this.#socket = "opening";
    this.#since = now;
    return [{ do: "connect" }];
  }

  /** @param {import("../types.d.ts").Welcome} message @param {number} now @returns {Effect[]} */
  #welcomed(message, now) {
    this.#socket = "up";
    this.#booked = false;
    this.#failures = 0;
    this.#ticketTries = 0;
    this.#ticket = message.ticket;
    this.#t1Ms = message.t1_ms;
    this.#ackedUpto = message.acked;
    this.#beatAt = now + this.#beatEveryMs;
    this.#postAt = Infinity;
    return [
      { do: "welcome", welcome: message },
      clockEffect(message),
      phaseEffect({ phase: message.phase, reason: null, at: message.at }),
      ...this.#become("up"),
    ];
  }

  /** @param {number} upto @param {number} now @returns {Effect[]} */
  #acked(upto, now) {
    if (upto > this.#ackedUpto) this.#movedAt = now;
    this.#ackedUpto = Math.max(this.#ackedUpto, upto);
    return [{ do: "acked", upto }];
  }

  /** Rows not yet sent on this socket, as many as the window allows. @param {number} now @returns {Effect[]} */
  #pump(now) {
    if (!this.#booked) return [];
    const room = WINDOW_ROWS - Math.max(0, this.#sentUpto - this.#ackedUpto);
    const rows = room > 0 ? this.#outbox.after(this.#sentUpto, room) : [];
    const last = rows.at(-1);
    if (last === undefined) return [];
    if (this.#sentUpto <= this.#ackedUpto) this.#movedAt = now;
    this.#sentUpto = last.seq;
    return [{ do: "send-rows", rows }];
  }

  /** @param {number} now @returns {Effect[]} */
  #post(now) {
    if (this.#posting || this.#socket === "up") return [];
    // Without a writer number nothing can be sent; an empty POST asks for one.
    const rows = this.#outbox.writer === 0 ? [] : this.#outbox.after(this.#outbox.acked, WINDOW_ROWS);
    if (this.#socket === "over") {
      this.#strandedPosts += 1;
      if (rows.length === 0 || this.#strandedPosts > POSTS_OF_STRANDED) {
        this.#postAt = Infinity;
        return [];
      }
    }
    this.#posting = true;
    this.#postAt = now + this.#beatEveryMs;
    return [{ do: "post", rows }];
  }

  /** @param {number} now @returns {Effect[]} */
  #beat(now) {
    if (now < this.#beatAt) return [];
    this.#beatAt = now + this.#beatEveryMs;
    return [{ do: "send", message: { t: "beat", client_ms: Math.trunc(this.#wall()) } }];
  }

  /** Several beats fit into T1, so that a quiet room is never mistaken for a lost connection. */
  get #beatEveryMs() {
    return Math.min(BEAT_MS, this.#t1Ms / 4);
  }

  /**
   * A socket that neither speaks nor closes is half open: the server answers every beat. One that speaks and leaves
   * rows without an answer has lost something on its way. @param {number} now
   */
  #tooQuiet(now) {
    if (this.#socket === "up") return now - this.#heardAt >= SILENCE_MS || this.#stalled(now);
    return (this.#socket === "opening" || this.#socket === "greeting") && now - this.#since >= OPENING_MS;
  }

  /** @param {number} now */
  #stalled(now) {
    return this.#sentUpto > this.#ackedUpto && now - this.#movedAt >= STALLED_MS;
  }

  /** @param {number} now @returns {Effect[]} */
  #heard(now) {
    this.#heardAt = now;
    if (!this.#hidden) return [];
    this.#hidden = false;
    return [{ do: "show" }];
  }

  #dropSocket() {
    this.#socket = "none";
    this.#booked = false;
    this.#beatAt = Infinity;
  }

  /** @param {number} now @param {number} atLeastMs */
  #waitToRetry(now, atLeastMs) {
    const bound = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.max(0, this.#failures - 1));
    this.#retryAt = now + atLeastMs + this.#random() * bound;
  }

  /** @param {LineState} state @returns {Effect[]} */
  #become(state) {
    if (state === this.#state) return [];
    this.#state = state;
    return [{ do: "state", state }];
  }

  /** Another window has taken over: the next tick delivers what is left here. @param {number} now @returns {Effect[]} */
  #superseded(now) {
    const told = this.#end("superseded");
    this.#postAt = now;
    return told;
  }

  /** @param {"superseded" | "signed-out" | "ended"} state @returns {Effect[]} */
  #end(state) {
    this.#dropSocket();
    this.#socket = "over";
    this.#retryAt = Infinity;
    this.#postAt = Infinity;
    return this.#become(state);
  }
}

/** @param {{ remaining_ms: number, section_ms?: number, item_ms?: number }} message @returns {Effect} */
function clockEffect({ remaining_ms, section_ms, item_ms }) {
  return {
    do: "clock",
    remaining_ms,
    ...(section_ms === undefined ? {} : { section_ms }),
    ...(item_ms === undefined ? {} : { item_ms }),
  };
}

/** @param {{ phase: Phase, reason: string | null, at?: string | undefined }} message @returns {Effect} */
function phaseEffect({ phase, reason, at }) {
  return { do: "phase", phase, reason, ...(at === undefined ? {} : { at }) };
}
