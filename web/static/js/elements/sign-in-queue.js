// @ts-check
/**
 * <sign-in-queue data-url="/sign-in/queue" data-ask-s="4">: waits in the queue with whoever signs in. Asks for
 * `{"over", "ahead", "wait_s", "ask_s"}` as often as the server wishes, moves the two numbers in place (a polite live
 * region reads them), and opens the page anew when the turn is over. An unreachable server is asked again.
 */
import { Element } from "./element.js";

export class SignInQueue extends Element {
  start() {
    this.#later(Number(this.dataset["askS"]) || 2);
  }

  /** @param {number} afterS */
  #later(afterS) {
    const timer = setTimeout(() => void this.#ask(afterS), afterS * 1_000);
    this.signal.addEventListener("abort", () => clearTimeout(timer), { once: true });
  }

  /** @param {number} afterS */
  async #ask(afterS) {
    try {
      const signal = AbortSignal.any([this.signal, AbortSignal.timeout(10_000)]);
      const response = await fetch(this.dataset["url"] ?? "", { headers: { accept: "application/json" }, signal });
      if (!response.ok) throw new Error(String(response.status));
      const told = await response.json();
      if (told.over) return location.reload();
      this.say();
      this.#write("[data-ahead]", told.ahead);
      this.#write("[data-wait]", told.wait_s);
      this.#later(told.ask_s);
    } catch {
      if (this.signal.aborted) return;
      this.say("lost");
      this.#later(afterS);
    }
  }

  /** Text that stays the same is left alone, so that nobody hears it twice. @param {string} selector @param {number} value */
  #write(selector, value) {
    const place = this.find(selector);
    if (place && place.textContent !== String(value)) place.textContent = String(value);
  }
}
