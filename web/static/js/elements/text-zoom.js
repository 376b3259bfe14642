// @ts-check
/** <text-zoom hidden>: larger text, up to 200 %. Inside: a <select> of percentages. Kept on this device. */
import { applyTextSize, recall, remember } from "../preferences.js";
import { Element } from "./element.js";

export class TextZoom extends Element {
  start() {
    this.hidden = false;
    const select = this.querySelector("select");
    if (!select) return;
    select.value = recall("text") ?? "100";
    this.listen(select, "change", (event) => {
      event.stopPropagation(); // no answer of the form around it
      remember("text", select.value);
      applyTextSize();
    });
  }
}
