// @ts-check
/**
 * <problem-report>: tell the body that something is wrong with a question.
 * Inside: a <dialog> with `form[data-report]`, `[data-close]`, and a sentence `[data-say="sent"]`.
 * Out: `exam:problem` with `{ text }`; <exam-sitting> puts it into the outbox like an answer.
 */
import { Element } from "./element.js";

export class ProblemReport extends Element {
  start() {
    const dialog = this.querySelector("dialog");
    const form = this.querySelector("form");
    const text = this.querySelector("textarea");
    if (!dialog || !form || !text) return;
    this.show("[data-close]", true);
    for (const each of this.all("[data-close]")) this.listen(each, "click", () => dialog.close());
    this.listen(form, "submit", (event) => {
      event.preventDefault();
      this.tell("exam:problem", { text: text.value.slice(0, 2000) });
      text.value = "";
      dialog.close();
      this.say("sent");
    });
  }
}
