// @ts-check
/**
 * <item-map>: all questions at a glance; links that also work alone.
 * Inside: `[data-position]` (a link, a button that moves, or neither) with `[data-words-for="answered|flagged"]`, and `[data-answered-count]`.
 * Method: `mark(position, "answered" | "flagged", on)`, called by <exam-sitting>.
 */
import { Element } from "./element.js";

export class ItemMap extends Element {
  /** @param {string} position @param {"answered" | "flagged"} what @param {boolean} on */
  mark(position, what, on) {
    const link = this.find(`[data-position="${CSS.escape(position)}"]`);
    if (!link) return;
    link.toggleAttribute(`data-${what}`, on);
    for (const words of link.querySelectorAll(`[data-words-for="${what}"]`)) words.toggleAttribute("hidden", !on);
    const count = this.find("[data-answered-count]");
    if (count) count.textContent = String(this.all("[data-position][data-answered]").length);
  }
}
