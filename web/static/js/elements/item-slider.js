// @ts-check
/**
 * <item-slider>: puts a slider beside the field for a number, which holds the answer. The slider stands somewhere before
 * anybody moved it; then the field is empty, the words say so, and nothing is the answer.
 */
import { Element } from "./element.js";

export class ItemSlider extends Element {
  /** @type {HTMLInputElement | null} */
  #range = null;

  start() {
    const field = this.#field;
    const parts = this.find(".slider__parts");
    if (!field || !parts) return;
    const range = (this.#range = this.querySelector('input[type="range"]') ?? parts.insertBefore(document.createElement("input"), parts.firstChild));
    range.type = "range";
    [range.min, range.max, range.step] = [field.min, field.max, field.step];
    range.setAttribute("aria-label", this.find(".prompt")?.textContent?.trim() || "Slider");
    range.toggleAttribute("data-reverse", parts.hasAttribute("data-reverse"));
    this.listen(range, "input", () => this.#moved());
    this.listen(range, "change", () => this.#moved());
    this.listen(range, "keydown", (event) => event.key === "Enter" && event.preventDefault());
    this.listen(field, "input", () => this.#draw());
    const form = this.closest("form");
    if (form) this.listen(form, "exam:restored", () => this.#draw());
    this.#draw();
  }

  get #field() {
    const found = this.querySelector('input[type="number"]');
    return found instanceof HTMLInputElement ? found : null;
  }

  #moved() {
    const [field, range] = [this.#field, this.#range];
    if (!field || !range || field.value === range.value) return;
    field.value = range.value;
    field.dispatchEvent(new Event("input", { bubbles: true }));
    this.#draw();
  }

  #draw() {
    const [field, range] = [this.#field, this.#range];
    if (!field || !range) return;
    const set = field.value !== "" && field.validity.valid;
    range.value = set ? field.value : range.min;
    range.toggleAttribute("data-unset", !set);
    range.setAttribute("aria-valuetext", set ? field.value : "not set");
  }
}
