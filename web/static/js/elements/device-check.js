// @ts-check
/**
 * <device-check data-sitting>: what this browser can do, tried out rather than guessed from its name.
 * Inside: `[data-check="secure|storage|line"]` badges, words in `[data-words="yes|no|limited"]`, sentences `[data-say]`.
 */
import { openStore } from "../storage.js";
import { Element } from "./element.js";

const PATIENCE_MS = 8_000;

export class DeviceCheck extends Element {
  start() {
    void this.#look();
  }

  async #look() {
    const secure = window.isSecureContext;
    this.#write("secure", secure ? "yes" : "no");
    const durable = secure && (await this.#keeps());
    this.#write("storage", durable ? "yes" : "limited");
    const reached = await this.#reaches();
    this.#write("line", reached ? "yes" : "limited");
    const troubles = { secure, storage: durable, line: reached };
    this.say(...Object.entries(troubles).filter(([, well]) => !well).map(([name]) => name));
  }

  /** Write a row, read it back, and leave nothing. */
  async #keeps() {
    const key = btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(32))));
    const store = await openStore("device-check", key);
    try {
      await store.add({ seq: 1, item: "", kind: "visit", payload: "{}", client_ms: 0 });
      const { rows } = await store.load();
      return store.durable && rows.length === 1;
    } catch {
      return false;
    } finally {
      await store.wipe().catch(() => undefined);
    }
  }

  /** Does a socket open from this network? The server hangs up by itself, as nobody greets it. */
  #reaches() {
    return new Promise((/** @type {(reached: boolean) => void} */ resolve) => {
      const url = new URL("/sit/line", location.href);
      url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
      const socket = new WebSocket(url);
      const done = (/** @type {boolean} */ reached) => {
        resolve(reached);
        socket.close();
      };
      this.listen(socket, "open", () => done(true));
      this.listen(socket, "error", () => done(false));
      setTimeout(() => done(false), PATIENCE_MS);
    });
  }

  /** @param {string} name @param {"yes" | "no" | "limited"} word */
  #write(name, word) {
    const badge = this.find(`[data-check="${name}"]`);
    if (!badge) return;
    badge.textContent = this.find(`[data-words="${word}"]`)?.textContent ?? word;
    badge.className = `badge ${{ yes: "good", no: "stop", limited: "care" }[word]}`;
  }
}
