// @ts-check
/**
 * <flag-toggle>: "flag for later". Inside: one button with `aria-pressed`, which without JavaScript submits.
 * Out: `exam:flag` with `{ flagged }`.
 */
import { Element } from "./element.js";

export class FlagToggle extends Element {
  start() {
    const button = this.find("button");
    if (!button) return;
    this.listen(button, "click", (event) => {
      event.preventDefault();
      const flagged = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", String(flagged));
      this.tell("exam:flag", { flagged });
    });
  }

  /** What a row that still waits in the outbox says. @param {boolean} flagged */
  set(flagged) {
    this.find("button")?.setAttribute("aria-pressed", String(flagged));
  }
}
