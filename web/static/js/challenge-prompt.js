// @ts-check
/**
 * The prompt of a challenge: a dialog over the page, and for a pattern of light a screen that is bright or dark.
 * It says what is asked, and tells the server when the candidate says that it is done. Closing it answers nothing.
 */
import { lightAt } from "./models/challenge.js";
import { tick } from "./ticker.js";
/** @import { CameraChallenge } from "./types.d.ts" */

const TICK_MS = 100;

export class ChallengePrompt {
  #dialog;
  #done;
  /** @type {CameraChallenge | null} */
  #asked = null;
  #since = 0;
  #light = new AbortController();

  /**
   * @param {HTMLDialogElement} dialog
   * @param {AbortSignal} signal
   * @param {(challenge: string) => void} done called with the challenge that was answered
   */
  constructor(dialog, signal, done) {
    this.#dialog = dialog;
    this.#done = done;
    const listen = (/** @type {string} */ place, /** @type {() => void} */ act) =>
      dialog.querySelector(place)?.addEventListener("click", act, { signal });
    listen("[data-challenge-done]", () => this.#answer());
    listen("[data-challenge-close]", () => this.over());
    signal.addEventListener("abort", () => this.#light.abort(), { once: true });
  }

  /** @param {CameraChallenge} asked */
  ask(asked) {
    this.#asked = asked;
    this.#since = performance.now();
    const text = this.#dialog.querySelector("[data-challenge-text]");
    if (text) text.textContent = asked.text;
    const light = asked.ask === "light";
    this.#dialog.toggleAttribute("data-light", light);
    for (const each of this.#dialog.querySelectorAll("[data-challenge-done]")) each.toggleAttribute("hidden", light);
    if (!this.#dialog.open) this.#dialog.showModal();
    this.#light.abort();
    if (!light) return;
    this.#light = new AbortController();
    tick(TICK_MS, () => this.#shine(asked), this.#light.signal);
    this.#shine(asked);
  }

  /** Nothing is asked any more. */
  over() {
    this.#asked = null;
    this.#light.abort();
    if (this.#dialog.open) this.#dialog.close();
  }

  #answer() {
    if (this.#asked) this.#done(this.#asked.challenge);
    this.over();
  }

  /** @param {CameraChallenge} asked */
  #shine(asked) {
    const bright = lightAt(asked.parameter, performance.now() - this.#since);
    if (bright === null) this.#answer();
    else this.#dialog.toggleAttribute("data-bright", bright);
  }
}
