// @ts-check
/**
 * Carries out what the Line machine decides: opens sockets, sends, posts, fetches tickets. It decides nothing.
 *
 * Effects the page must know of come out as `effect` events, after the outbox has taken them in.
 */
/** @import { Effect, Posted, Row, Welcome } from "./types.d.ts" */
/** @import { Line } from "./models/line.js" */
/** @import { Outbox } from "./models/outbox.js" */

const PATIENCE_MS = 10_000;

export class AnswerWire extends EventTarget {
  #line;
  #outbox;
  #given;
  /** @type {WebSocket | null} */
  #socket = null;
  #socketEnd = new AbortController();
  /** @type {Promise<unknown>} rows are hashed one after the other, so that they leave in order */
  #sending = Promise.resolve();
  #said = 0; // what our last greeting called acknowledged

  /**
   * @param {Line} line
   * @param {Outbox} outbox
   * @param {{ sitting: string, lineUrl: string, rowsUrl: string, ticketUrl: string, csrf: string }} given
   */
  constructor(line, outbox, given) {
    super();
    this.#line = line;
    this.#outbox = outbox;
    this.#given = given;
  }

  start() {
    this.#perform(this.#line.start(performance.now()));
  }

  tick() {
    this.#perform(this.#line.tick(performance.now()));
  }

  networkBack() {
    this.#perform(this.#line.networkBack(performance.now()));
  }

  /** There is a new row in the outbox. */
  rowsAdded() {
    this.#perform(this.#line.rowsAdded(performance.now()));
  }

  close() {
    this.#hangUp();
  }

  /** @param {Effect[]} effects */
  #perform(effects) {
    for (const effect of effects) this.#carryOut(effect);
  }

  /** @param {Effect} effect */
  #carryOut(effect) {
    switch (effect.do) {
      case "connect":
        return this.#connect();
      case "hang-up":
        return this.#hangUp();
      case "send":
        if (effect.message.t === "hello") this.#said = effect.message.last_acked;
        return this.#send(JSON.stringify(effect.message));
      case "send-rows":
        return this.#sendRows(effect.rows);
      case "post":
        return void this.#post(effect.rows);
      case "fetch-ticket":
        return void this.#fetchTicket();
      case "welcome":
        return void this.#welcomed(effect.welcome);
      case "acked":
        return void this.#acked(effect);
      default:
        return this.#tell(effect);
    }
  }

  #connect() {
    this.#hangUp();
    const end = (this.#socketEnd = new AbortController());
    const url = new URL(this.#given.lineUrl, location.href);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const socket = (this.#socket = new WebSocket(url));
    const { signal } = end;
    socket.addEventListener("open", () => this.#perform(this.#line.opened(performance.now())), { signal });
    socket.addEventListener("close", (event) => this.#perform(this.#line.closed(event.code, performance.now())), { signal });
    socket.addEventListener("message", (event) => this.#heard(event.data), { signal });
  }

  /** @param {unknown} data */
  #heard(data) {
    if (typeof data !== "string") return;
    this.#perform(this.#line.received(JSON.parse(data), performance.now()));
  }

  #hangUp() {
    this.#socketEnd.abort(); // its late words and its close are no longer ours
    this.#socket?.close();
    this.#socket = null;
  }

  /** @param {string} text */
  #send(text) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(text);
  }

  /** @param {Row[]} rows */
  #sendRows(rows) {
    const socket = this.#socket;
    this.#sending = this.#sending.then(async () => {
      for (const row of rows) {
        const text = JSON.stringify(await this.#outbox.message(row));
        if (this.#socket === socket) this.#send(text); // a later socket sends them again by itself
      }
    }).catch((error) => {
      console.warn("Invigil: rows could not be sent; connecting again.", String(error));
      this.#hangUp();
      this.#perform(this.#line.closed(1006, performance.now()));
    });
  }

  /** @param {Welcome} welcome */
  async #welcomed(welcome) {
    const socket = this.#socket;
    await this.#outbox.welcome(welcome.writer, welcome.acked, this.#said);
    if (this.#socket === socket) this.#perform(this.#line.booked(performance.now()));
    this.#tell({ do: "welcome", welcome });
  }

  /** @param {Extract<Effect, { do: "acked" }>} effect */
  async #acked(effect) {
    await this.#outbox.acknowledge(effect.upto);
    this.#perform(this.#line.booked(performance.now()));
    this.#tell(effect);
  }

  /** @param {Row[]} rows */
  async #post(rows) {
    const { sitting, rowsUrl } = this.#given;
    const { writer } = this.#outbox; // the machine hands over no rows before there is one
    const sent = await Promise.all(rows.map(async (row) => {
      const { t: _, ...rest } = await this.#outbox.message(row);
      return rest;
    }));
    const { status, body } = await this.#fetch(rowsUrl, { sitting, writer, rows: sent });
    const now = performance.now();
    if (status !== 200) return this.#perform(this.#line.postFailed(status, codeOf(body), now, keptOf(body)));
    const posted = /** @type {Posted & { writer?: number }} */ (body);
    if (writer === 0 && posted.writer) await this.#outbox.welcome(posted.writer, posted.acked);
    this.#perform(this.#line.posted(posted, now));
  }

  async #fetchTicket() {
    const { status, body } = await this.#fetch(this.#given.ticketUrl, {});
    const ticket = /** @type {{ ticket?: unknown }} */ (body).ticket;
    const now = performance.now();
    if (status === 200 && typeof ticket === "string") this.#perform(this.#line.ticketCame(ticket, now));
    else this.#perform(this.#line.ticketFailed(status, now));
  }

  /** @param {string} url @param {object} content @returns {Promise<{ status: number, body: object }>} status 0: not reached */
  async #fetch(url, content) {
    let status = 0;
    try {
      const response = await fetch(url, {
        method: "POST",
        headers: { accept: "application/json", "content-type": "application/json", "x-csrf": this.#given.csrf },
        body: JSON.stringify(content),
        signal: AbortSignal.timeout(PATIENCE_MS),
      });
      ({ status } = response);
      return { status, body: await response.json() };
    } catch {
      return { status: status === 200 ? 0 : status, body: {} }; // no network, or no answer in time: the machine knows
    }
  }

  /** @param {Effect} effect */
  #tell(effect) {
    this.dispatchEvent(new CustomEvent("effect", { detail: effect }));
  }
}

/** @param {object} body the refusal of a superseded window @returns {number} how far its rows are kept */
function keptOf(body) {
  const { refused } = /** @type {{ refused?: { facts?: { acked?: unknown } } }} */ (body);
  return typeof refused?.facts?.acked === "number" ? refused.facts.acked : 0;
}

/** @param {object} body what a refused request is answered with @returns {string} */
function codeOf(body) {
  const { refused } = /** @type {{ refused?: { code?: unknown } }} */ (body);
  return typeof refused?.code === "string" ? refused.code : "";
}
