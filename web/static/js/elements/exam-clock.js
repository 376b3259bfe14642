// @ts-check
/**
 * <exam-clock data-remaining-ms data-thresholds-min="30 10 5 1">: the time left, by the server's word.
 *
 * Inside: `.time` (role="timer"), `[data-hidden-words]`, a `[data-toggle]` button and a status line
 * `[data-announce]` whose sentences stand in `data-words` ("{n} minutes left") and `data-words-one`.
 * `data-scope` "section" or "item": of a part of the exam; `data-running`: counts though no <exam-sitting> is around.
 * Method: `set(remainingMs, running)`, called by <exam-sitting> at every word of the server.
 * The reader may hide it; the choice is kept on this device. Thresholds are announced once, hidden or not.
 */
import { Countdown, clockDuration, clockText } from "../models/countdown.js";
import { recall, remember } from "../preferences.js";
import { Element } from "./element.js";

const LOW_MS = 5 * 60_000;

export class ExamClock extends Element {
  #left = new Countdown();

  start() {
    const thresholds = (this.dataset["thresholdsMin"] ?? "").split(" ").map((text) => Number(text) * 60_000);
    this.#left = new Countdown(thresholds.filter((ms) => ms > 0));
    const toggle = this.find("[data-toggle]");
    if (toggle) {
      toggle.hidden = false;
      this.listen(toggle, "click", () => this.#hide(toggle.getAttribute("aria-pressed") !== "true"));
    }
    this.#hide(recall("clock") === "hidden");
    const running = this.hasAttribute("data-running") || this.closest("exam-sitting")?.getAttribute("data-phase") === "RUNNING";
    this.set(Number(this.dataset["remainingMs"]), running);
    const timer = setInterval(() => this.#draw(), 500);
    this.listen(this.signal, "abort", () => clearInterval(timer));
  }

  /** @param {number} remainingMs @param {boolean} running */
  set(remainingMs, running) {
    this.#left.set(remainingMs, performance.now(), running);
    this.toggleAttribute("data-stopped", !running);
    this.#draw();
  }

  /** @param {boolean} running */
  run(running) {
    this.#left.run(performance.now(), running);
    this.toggleAttribute("data-stopped", !running);
  }

  #draw() {
    const time = /** @type {HTMLTimeElement | null} */ (this.querySelector("time.time"));
    const now = performance.now();
    const remaining = this.#left.remaining(now);
    if (time) {
      time.textContent = clockText(remaining);
      time.dateTime = clockDuration(remaining);
    }
    this.toggleAttribute("data-low", remaining <= LOW_MS);
    const passed = this.#left.passed(now);
    if (passed !== null) this.#announce(passed / 60_000);
  }

  /** @param {number} minutes */
  #announce(minutes) {
    const line = this.find("[data-announce]");
    if (!line) return;
    const words = minutes === 1 ? line.dataset["wordsOne"] : line.dataset["words"];
    line.textContent = (words ?? "").replace("{n}", String(minutes));
  }

  /** @param {boolean} hidden */
  #hide(hidden) {
    this.find("[data-toggle]")?.setAttribute("aria-pressed", String(hidden));
    this.show("time.time", !hidden);
    this.show("[data-hidden-words]", hidden);
    remember("clock", hidden ? "hidden" : "shown");
  }
}
