// @ts-check
/**
 * <exam-calculator>: a calculator in a dialog, where the policy of the exam allows one.
 * Inside: `form[data-sum]` with an input, an <output>, `[data-key]` buttons, `[data-erase]`, `[data-clear]` and a
 * hidden sentence `[data-mistake="…"]` per mistake. Everything can be typed; Enter computes.
 */
import { calculate, shown } from "../models/arithmetic.js";
import { Element } from "./element.js";

export class ExamCalculator extends Element {
  start() {
    const form = this.querySelector("form[data-sum]");
    const input = this.querySelector("input");
    if (!form || !input) return;
    this.listen(form, "submit", (event) => {
      event.preventDefault();
      this.#compute(input);
    });
    this.listen(form, "click", (event) => {
      const button = event.target instanceof HTMLElement ? event.target.closest("button") : null;
      if (button?.dataset["key"]) this.#type(input, button.dataset["key"]);
      if (button?.hasAttribute("data-erase")) input.value = [...input.value].slice(0, -1).join("");
      if (button?.hasAttribute("data-clear")) this.#clear(input);
    });
  }

  /** @param {HTMLInputElement} input @param {string} key */
  #type(input, key) {
    const at = input.selectionStart ?? input.value.length;
    input.setRangeText(key, at, input.selectionEnd ?? at, "end");
  }

  /** @param {HTMLInputElement} input */
  #clear(input) {
    input.value = "";
    this.#output("");
    this.#mistake(null);
    input.focus();
  }

  /** @param {HTMLInputElement} input */
  #compute(input) {
    const outcome = calculate(input.value);
    this.#mistake("mistake" in outcome ? outcome.mistake : null);
    this.#output("value" in outcome ? shown(outcome.value) : "");
  }

  /** @param {string} text */
  #output(text) {
    const output = this.querySelector("output");
    if (output) output.value = text;
  }

  /** @param {string | null} name */
  #mistake(name) {
    for (const each of this.all("[data-mistake]")) each.hidden = each.dataset["mistake"] !== name;
  }
}
