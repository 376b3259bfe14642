// @ts-check
/**
 * <submit-review>: submitting waits until the server has every answer, and says so when it has not.
 * Inside: `form[data-submit]`, `[data-say="waiting"]`, `[data-say="cannot"]`. Lives inside <exam-sitting>.
 * The server refuses a second submission of the same sitting kindly, so sending twice does no harm.
 */
import { Element } from "./element.js";
import { ExamSitting } from "./exam-sitting.js";

const PATIENCE_MS = 15_000;

export class SubmitReview extends Element {
  start() {
    const form = this.querySelector("form");
    if (!form) return;
    this.listen(form, "submit", async (event) => {
      const sitting = this.closest("exam-sitting");
      if (!(sitting instanceof ExamSitting)) return;
      event.preventDefault();
      this.say("waiting");
      const settled = await sitting.settled(PATIENCE_MS);
      this.say(...(settled ? [] : ["cannot"]));
      if (!settled) return;
      this.#add(form, "writer", sitting.book.writer);
      this.#add(form, "last_seq", sitting.book.lastSeq);
      form.submit();
    });
  }

  /** @param {HTMLFormElement} form @param {string} name @param {number} value */
  #add(form, name, value) {
    const input = document.createElement("input");
    input.type = "hidden";
    input.name = name;
    input.value = String(value);
    form.append(input);
  }
}
