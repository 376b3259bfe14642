// @ts-check
/**
 * <ask-invigilator data-thread-url data-csrf>: a raised hand and messages, without leaving the question.
 *
 * Inside: `form[data-hand]` with the buttons "up" and "down", `form[data-message]` with a textarea, `[data-thread]`
 * (data-mine, data-theirs: who wrote), `[data-hand-up]`, a sentence `[data-say="failed"]`.
 * The forms go where they would go anyway; what comes back is drawn. <exam-sitting> calls `refresh` when its Line
 * brings a message; where there is no such Line, the thread is asked for every few seconds.
 */
import { tick } from "../ticker.js";
import { Element } from "./element.js";
/** @import { Talk } from "../types.d.ts" */

const LOOK_MS = 5_000;

export class AskInvigilator extends Element {
  start() {
    for (const form of this.querySelectorAll("form")) this.listen(form, "submit", (event) => void this.#sent(event, form));
    if (!this.closest("exam-sitting")) tick(LOOK_MS, () => void this.refresh(), this.signal);
  }

  /** Something was said, or the hand was lowered: fetch the thread. */
  async refresh() {
    await this.#ask(this.dataset["threadUrl"] ?? "");
  }

  /** @param {SubmitEvent} event @param {HTMLFormElement} form */
  async #sent(event, form) {
    event.preventDefault();
    const told = new URLSearchParams();
    for (const [name, value] of new FormData(form, event.submitter)) told.append(name, String(value));
    const done = await this.#ask(form.action, told);
    if (done && form.hasAttribute("data-message")) form.reset();
    if (done && form.hasAttribute("data-hand")) this.find("[data-hand] button:not([hidden])")?.focus();
  }

  /** @param {string} url @param {URLSearchParams} [body] */
  async #ask(url, body) {
    try {
      const request = { headers: { "x-invigil-part": "talk" }, signal: this.signal };
      const answer = await fetch(url, body ? { ...request, method: "POST", body } : request);
      if (!answer.ok) throw new Error(String(answer.status));
      this.#draw(/** @type {Talk} */ (await answer.json()));
      this.say();
      return true;
    } catch {
      if (body) this.say("failed"); // a look that failed comes again; what somebody wrote does not
      return false;
    }
  }

  /** @param {Talk} talk */
  #draw({ hand, messages }) {
    this.show("[data-hand-up]", hand);
    this.show('[data-hand] [value="up"]', !hand);
    this.show('[data-hand] [value="down"]', hand);
    const thread = this.find("[data-thread]");
    for (const message of messages.slice(thread?.children.length ?? 0)) {
      const entry = document.createElement("li");
      const who = document.createElement("small");
      const text = document.createElement("span");
      const at = new Date(message.at).toLocaleTimeString(document.documentElement.lang || undefined);
      who.textContent = `${thread?.dataset[message.mine ? "mine" : "theirs"]} · ${at}`;
      text.textContent = message.text;
      if (message.language) text.lang = message.language;
      entry.className = message.mine ? "mine" : "";
      entry.append(who, text);
      thread?.append(entry);
    }
  }
}
