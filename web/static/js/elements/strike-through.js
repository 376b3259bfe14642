// @ts-check
/**
 * <strike-through data-struck="[…ids]">: lets a reader strike out options. Wraps the item as the server rendered it.
 *
 * A button `[data-strike-toggle]` outside, in the same form, turns striking on; then each option gets a button
 * beside it. A struck option can still be chosen: striking is a note to oneself. Out: `exam:strike` with `{ struck }`.
 */
import { Element } from "./element.js";

export class StrikeThrough extends Element {
  /** @type {Set<string>} */
  #struck = new Set();
  #on = false;

  start() {
    const toggle = this.closest("form")?.querySelector("[data-strike-toggle]");
    if (!(toggle instanceof HTMLElement) || this.#options().length === 0) return;
    this.set(JSON.parse(this.dataset["struck"] ?? "[]"));
    toggle.hidden = false;
    this.listen(toggle, "click", () => {
      this.#on = !this.#on;
      toggle.setAttribute("aria-pressed", String(this.#on));
      this.#draw();
    });
  }

  /** @param {string[]} struck */
  set(struck) {
    this.#struck = new Set(struck);
    this.#draw();
  }

  #options() {
    return [...this.querySelectorAll("label.choice")].filter((each) => each.querySelector("input"));
  }

  #draw() {
    for (const label of this.#options()) {
      const id = label.querySelector("input")?.value ?? "";
      const struck = this.#struck.has(id);
      const made = label.parentElement?.classList.contains("option");
      if (!this.#on && !struck && !made) continue; // leave the server's markup alone until it is asked for
      const holder = this.#holder(label, id);
      holder.toggleAttribute("data-struck", struck);
      const button = holder.querySelector("button");
      if (!button) continue;
      button.hidden = !this.#on;
      button.setAttribute("aria-pressed", String(struck));
    }
  }

  /** The option's row, made on first need. @param {globalThis.Element} label @param {string} id */
  #holder(label, id) {
    const parent = label.parentElement;
    if (parent?.classList.contains("option")) return parent;
    const holder = document.createElement("div");
    holder.className = "option";
    label.replaceWith(holder);
    const button = document.createElement("button");
    button.type = "button";
    button.className = "button small";
    button.textContent = this.closest("form")?.querySelector("[data-strike-toggle]")?.getAttribute("data-word") ?? "✕";
    button.setAttribute("aria-label", `${button.textContent}: ${label.textContent?.trim() ?? ""}`);
    holder.append(label, button);
    this.listen(button, "click", () => this.#flip(id));
    return holder;
  }

  /** @param {string} id */
  #flip(id) {
    if (!this.#struck.delete(id)) this.#struck.add(id);
    this.#draw();
    this.tell("exam:strike", { struck: [...this.#struck].sort() });
  }
}
