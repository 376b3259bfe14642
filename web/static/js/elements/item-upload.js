// @ts-check
/** <item-upload>: hands in the file that a candidate chooses. Wraps a file field, a status and the field of the answer. */
import { handIn, tellStanding } from "../hand-in.js";
import { Element } from "./element.js";

export class ItemUpload extends Element {
  start() {
    const chooser = this.querySelector('input[type="file"]');
    if (!(chooser instanceof HTMLInputElement)) return;
    chooser.disabled = false;
    this.listen(chooser, "change", () => chooser.files?.[0] && handIn(this, chooser.files[0]));
    const form = this.closest("form");
    if (form) this.listen(form, "exam:restored", () => tellStanding(this));
    tellStanding(this);
  }
}
