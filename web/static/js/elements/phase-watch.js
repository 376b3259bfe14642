// @ts-check
/**
 * <phase-watch data-url="/sit/…/phase">: waits with the candidate. Asks every three seconds for
 * `{"phase", "next"}` and goes to `next` as soon as that is another page. An unreachable server is asked again.
 */
import { tick } from "../ticker.js";
import { Element } from "./element.js";

const EVERY_MS = 3_000;

export class PhaseWatch extends Element {
  #asking = false;

  start() {
    tick(EVERY_MS, () => void this.#ask(), this.signal);
  }

  async #ask() {
    if (this.#asking) return;
    this.#asking = true;
    try {
      const signal = AbortSignal.any([this.signal, AbortSignal.timeout(10_000)]);
      const response = await fetch(this.dataset["url"] ?? "", { headers: { accept: "application/json" }, signal });
      if (response.status === 401) location.assign("/sign-in");
      const { next } = response.ok ? await response.json() : { next: "" };
      if (next && next !== location.pathname) location.assign(next);
    } catch {
      // not reachable now; the next tick asks again
    } finally {
      this.#asking = false;
    }
  }
}
