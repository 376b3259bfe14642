// @ts-check
/**
 * The candidate's own record of what was answered, kept until the server says it has it.
 *
 * - A row is stored before it is sent, and forgotten only when the server has acknowledged it. Closing the
 *   page, losing the network or a crash of the browser loses nothing that `add` has returned.
 * - Rows are numbered 1, 2, 3 … under a *writer* number that the server gives at the first welcome. Until
 *   then rows wait without one, and nothing can be hashed or sent.
 * - Acknowledgements are cumulative: "up to n". A welcome with less than we were promised means that the
 *   server went back behind its word; `regressed` says so, and the page must not go on pretending.
 * - "Saved" is only what the server has acknowledged, never what this device believes.
 *
 * It does no I/O of its own: the store, the digest and the clock are handed in (see RowStore in types.d.ts).
 *
 *     const outbox = await Outbox.open(store, sha256Hex);
 *     await outbox.add("q07", "answer", { RESPONSE: ["c2"] }, Date.now());
 *     outbox.stateOf("q07", true)    // "saving"
 *     await outbox.acknowledge(1);
 *     outbox.stateOf("q07", true)    // "saved"
 */
/** @import { Row, RowKind, RowMessage, RowStore, SaveState } from "../types.d.ts" */

export const PAYLOAD_LIMIT_BYTES = 64 * 1024;

export class Outbox {
  #store;
  #digest;
  #writer = 0;
  #acked = 0;
  #lastSeq = 0;
  #regressed = false;
  /** @type {Row[]} unacknowledged, by seq */
  #rows = [];
  /** @type {Promise<unknown>} acts queue up here, so that numbers and the store agree */
  #last = Promise.resolve();

  /**
   * @param {RowStore} store
   * @param {(text: string) => Promise<string>} digest SHA-256 of the UTF-8 text, in hex
   */
  constructor(store, digest) {
    this.#store = store;
    this.#digest = digest;
  }

  /**
   * Open the outbox and read what an earlier page left in it.
   * @param {RowStore} store
   * @param {(text: string) => Promise<string>} digest
   */
  static async open(store, digest) {
    const outbox = new Outbox(store, digest);
    const kept = await store.load();
    outbox.#writer = kept.writer;
    outbox.#acked = kept.acked;
    outbox.#rows = [...kept.rows].sort((a, b) => a.seq - b.seq);
    outbox.#lastSeq = Math.max(kept.acked, outbox.#rows.at(-1)?.seq ?? 0);
    return outbox;
  }

  get durable() {
    return this.#store.durable;
  }

  get writer() {
    return this.#writer;
  }

  get acked() {
    return this.#acked;
  }

  get lastSeq() {
    return this.#lastSeq;
  }

  get pending() {
    return this.#rows.length;
  }

  /** True when the server greeted us with less than it had acknowledged: tell the candidate and the proctor. */
  get regressed() {
    return this.#regressed;
  }

  /**
   * Store one act; resolves once it is kept. The caller then tells the Line that there is something to send.
   * @param {string} item position name, `q07`
   * @param {RowKind} kind
   * @param {object} content becomes the payload, as JSON text
   * @param {number} clientMs
   * @returns {Promise<Row>}
   * @throws {RangeError} when the payload is larger than the server takes
   */
  add(item, kind, content, clientMs) {
    const payload = JSON.stringify(content);
    if (new TextEncoder().encode(payload).length > PAYLOAD_LIMIT_BYTES) {
      return Promise.reject(new RangeError("the answer is longer than 64 KiB"));
    }
    return this.#inTurn(async () => {
      const row = { seq: this.#lastSeq + 1, item, kind, payload, client_ms: Math.trunc(clientMs) };
      await this.#store.add(row);
      this.#lastSeq = row.seq;
      this.#rows.push(row);
      return row;
    });
  }

  /**
   * Take the server's greeting: our writer number and how far it has our rows.
   *
   * Another writer number than ours means that the server opens a new book for this window (a takeover, or
   * our first greeting): what is not acknowledged is renumbered from 1 under it.
   * @param {number} writer
   * @param {number} acked
   * @param {number} [said] what we told the server it had acknowledged; less than that is a broken promise
   */
  welcome(writer, acked, said = 0) {
    return this.#inTurn(async () => {
      if (writer === this.#writer) {
        this.#regressed = acked < said;
        await this.#trim(acked);
        return;
      }
      const rows = this.#rows.map((row, index) => ({ ...row, seq: acked + index + 1 }));
      await this.#store.replace(writer, acked, rows);
      this.#writer = writer;
      this.#acked = acked;
      this.#rows = rows;
      this.#lastSeq = acked + rows.length;
    });
  }

  /** @param {number} upto the server has every row with a number up to this one */
  acknowledge(upto) {
    return this.#inTurn(() => this.#trim(upto));
  }

  /**
   * Rows after `seq`, oldest first, at most `limit`.
   * @param {number} seq
   * @param {number} limit
   * @returns {Row[]}
   */
  after(seq, limit) {
    return this.#rows.filter((row) => row.seq > seq).slice(0, limit);
  }

  /**
   * The row as it goes over the wire. Its hash binds writer, number, item, kind, time and payload.
   * @param {Row} row
   * @returns {Promise<RowMessage>}
   */
  async message(row) {
    if (this.#writer === 0) throw new Error("no writer number yet: wait for the welcome");
    const text = [this.#writer, row.seq, row.item, row.kind, row.client_ms, row.payload].join("\n");
    return { t: "row", ...row, sha256: await this.#digest(text) };
  }

  /**
   * What the server knows of one item, or of all items together.
   * @param {string | null} item null asks for everything
   * @param {boolean} reachable is the Line up, so that waiting rows are on their way?
   * @returns {SaveState}
   */
  stateOf(item, reachable) {
    const waiting = this.#rows.some((row) => row.kind !== "visit" && (item === null || row.item === item));
    if (this.#regressed) return "not-saved";
    if (!waiting) return "saved";
    return reachable ? "saving" : "not-saved";
  }

  /**
   * The newest content of a kind that still waits here, which is newer than what the server shows; else null.
   * @param {string} item
   * @param {RowKind} kind
   * @returns {unknown}
   */
  newest(item, kind) {
    const row = this.#rows.findLast((each) => each.item === item && each.kind === kind);
    return row === undefined ? null : JSON.parse(row.payload);
  }

  /**
   * Start a new book: another window has taken over, and what this one could not send is not to be put over
   * what was answered there. The next greeting asks for a writer number.
   */
  abandon() {
    return this.#inTurn(async () => {
      await this.#store.replace(0, 0, []);
      this.#writer = 0;
      this.#acked = 0;
      this.#lastSeq = 0;
      this.#rows = [];
    });
  }

  /** Forget everything: the receipt is here, or another person will use this device. */
  wipe() {
    return this.#inTurn(async () => {
      await this.#store.wipe();
      this.#rows = [];
    });
  }

  /** @param {number} upto */
  async #trim(upto) {
    if (upto <= this.#acked) return; // an older word, overtaken on another way (POST beside the Line)
    await this.#store.trim(upto);
    this.#acked = upto;
    this.#rows = this.#rows.filter((row) => row.seq > upto);
    this.#lastSeq = Math.max(this.#lastSeq, upto);
  }

  /**
   * @template T
   * @param {() => Promise<T>} act
   * @returns {Promise<T>}
   */
  #inTurn(act) {
    const done = this.#last.then(act);
    this.#last = done.catch(() => undefined); // the caller hears of it; the next act must still run
    return done;
  }
}
