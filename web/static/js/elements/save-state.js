// @ts-check
/**
 * <save-state>: what the server has. Inside, one `[data-state]` per word: "saved", "saving", "not-saved".
 * Method: `set(state)`. A short "saving" is not shown at all: a word that flickers at each click says nothing.
 */
import { Element } from "./element.js";
/** @import { SaveState as State } from "../types.d.ts" */

const PATIENCE_MS = 300;

export class SaveState extends Element {
  /** @type {State} */
  #state = "saved";
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {State} state */
  set(state) {
    if (state === this.#state) return;
    this.#state = state;
    this.dataset["now"] = state; // the truth at once, for whoever asks; the words follow
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#draw(), state === "saving" ? PATIENCE_MS : 0);
  }

  #draw() {
    for (const each of this.all("[data-state]")) each.hidden = each.dataset["state"] !== this.#state;
  }
}
