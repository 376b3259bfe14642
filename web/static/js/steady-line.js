// @ts-check
/**
 * A socket that comes back: for the camera and for the wall, where nothing has to be kept and the latest wins.
 * (The answer Line has a machine of its own, models/line.js.)
 *
 * A ticket is good for one greeting; each further attempt fetches a new one. Waits double with full jitter.
 */

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 8_000;
/** Close codes after which another attempt makes no sense: refused, superseded. */
const FINAL = new Set([4403, 4409]);

export class SteadyLine {
  #given;
  /** @type {string | null} */
  #ticket;
  /** @type {WebSocket | null} */
  #socket = null;
  #failures = 0;

  /**
   * @param {{ url: string, ticket: string, ticketUrl: string, csrf: string, signal: AbortSignal,
   *           hello: (ticket: string) => object, heard: (data: string | ArrayBuffer) => void,
   *           changed: (state: "down" | "over") => void }} given "up" is the first thing heard
   */
  constructor(given) {
    this.#given = given;
    this.#ticket = given.ticket || null;
    given.signal.addEventListener("abort", () => this.#socket?.close(), { once: true });
    void this.#connect();
  }

  /** Bytes not yet on their way; a frame is left out rather than queued. */
  get backlog() {
    return this.#socket?.bufferedAmount ?? 0;
  }

  /** @param {object | Uint8Array<ArrayBuffer>} message an object goes as JSON @returns {boolean} was it sent? */
  send(message) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(message instanceof Uint8Array ? message : JSON.stringify(message));
    return true;
  }

  async #connect() {
    const { signal } = this.#given;
    const ticket = this.#ticket ?? (await this.#fetchTicket());
    this.#ticket = null;
    if (signal.aborted) return;
    if (ticket === null) return this.#retry();
    const url = new URL(this.#given.url, location.href);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const socket = (this.#socket = new WebSocket(url));
    socket.binaryType = "arraybuffer";
    socket.addEventListener("open", () => this.send(this.#given.hello(ticket)), { signal });
    socket.addEventListener("message", (event) => {
      this.#failures = 0;
      this.#given.heard(event.data);
    }, { signal });
    socket.addEventListener("close", (event) => {
      if (FINAL.has(event.code)) return this.#given.changed("over");
      this.#given.changed("down");
      this.#retry();
    }, { signal });
  }

  #retry() {
    const bound = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** this.#failures);
    this.#failures += 1;
    const timer = setTimeout(() => void this.#connect(), Math.random() * bound);
    this.#given.signal.addEventListener("abort", () => clearTimeout(timer), { once: true });
  }

  /** @returns {Promise<string | null>} */
  async #fetchTicket() {
    try {
      const response = await fetch(this.#given.ticketUrl, {
        method: "POST",
        headers: { accept: "application/json", "content-type": "application/json", "x-csrf": this.#given.csrf },
        body: "{}",
        signal: AbortSignal.any([this.#given.signal, AbortSignal.timeout(10_000)]),
      });
      if (!response.ok) return null;
      const { ticket } = await response.json();
      return typeof ticket === "string" ? ticket : null;
    } catch {
      return null; // not reachable now; the retry comes
    }
  }
}
