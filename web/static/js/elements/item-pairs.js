// @ts-check
/**
 * <item-pairs data-uses="name:most …">: keeps to how often an option may stand in pairs. Wraps check boxes or lists whose
 * values are pairs; what is paired last stands, and what was there before gives way.
 */
import { Element } from "./element.js";

export class ItemPairs extends Element {
  start() {
    this.listen(this, "change", (event) => this.#changed(event.target));
  }

  /** @returns {[string, number][]} */
  get #limits() {
    const told = (this.dataset["uses"] ?? "").split(" ").filter((each) => each !== "");
    return told.map((each) => [each.split(":")[0] ?? "", Number(each.split(":")[1])]);
  }

  /** @param {EventTarget | null} taken */
  #changed(taken) {
    if (!(taken instanceof HTMLInputElement || taken instanceof HTMLSelectElement) || !holds(taken)) return;
    const controls = [...this.querySelectorAll("input, select")].filter(
      /** @returns {each is HTMLInputElement | HTMLSelectElement} */
      (each) => each instanceof HTMLInputElement || each instanceof HTMLSelectElement,
    );
    for (const [name, most] of this.#limits) {
      if (!taken.value.split(" ").includes(name)) continue;
      const others = controls.filter((each) => each !== taken && holds(each) && each.value.split(" ").includes(name));
      for (const each of others.slice(0, Math.max(0, others.length + 1 - most))) release(each);
    }
  }
}

/** @param {HTMLInputElement | HTMLSelectElement} control */
function holds(control) {
  return control instanceof HTMLInputElement ? control.checked : control.value !== "";
}

/** @param {HTMLInputElement | HTMLSelectElement} control */
function release(control) {
  if (control instanceof HTMLInputElement) control.checked = false;
  else control.value = "";
}
