// @ts-check
/**
 * <exam-sitting>: the page on which an exam is taken. Wraps item.html and review.html.
 *
 * Attributes (all written by the server): data-sitting, data-phase, data-remaining-ms, data-t1-ms, data-ticket,
 * data-ticket-url, data-line-url, data-rows-url, data-after-url (where a finished sitting goes), data-store-key, data-csrf.
 * Inside: one `[data-page]` with the part that changes from question to question (data-item, data-response); it is
 * shown in the view "open" only. `[data-when="…"]` are the other views and the notices of parts/sitting_notices.html.
 * `[data-go]` opens another question of this sitting; on a paced form `[data-move]` (a position) and `form[data-move-form]`
 * post that the candidate moves on, which may close what lies behind; buttons named `attempt` end an attempt at a question. `[data-open="id"]` opens a dialog.
 * In: `exam:flag`, `exam:strike`, `exam:problem` from the elements inside.
 *
 * Every change goes to the outbox first, from there by the Line to the server; the words "saved", "saving" and
 * "not saved" follow the server alone.
 */
import { AnswerWire } from "../answer-wire.js";
import { sha256Hex } from "../digest.js";
import { Line } from "../models/line.js";
import { Outbox } from "../models/outbox.js";
import { mayGo, viewOf } from "../models/view.js";
import { holdOutbox } from "../outbox-hold.js";
import { fetchPage } from "../page-fetch.js";
import { collect, isControl, isEmpty, isTyped, restore } from "../response.js";
import { openStore } from "../storage.js";
import { tick } from "../ticker.js";
import { AskInvigilator } from "./ask-invigilator.js";
import { Element } from "./element.js";
import { ExamClock } from "./exam-clock.js";
import { FlagToggle } from "./flag-toggle.js";
import { ItemMap } from "./item-map.js";
import { SaveState } from "./save-state.js";
import { StrikeThrough } from "./strike-through.js";
/** @import { Answer, Effect, Phase, RowKind } from "../types.d.ts" */
/** @import { Hold, View } from "../models/view.js" */

const TYPING_MS = 600;
const BEFORE_GOING_MS = 1_500;
const BEFORE_LEAVING_MS = 5_000;

export class ExamSitting extends Element {
  /** @type {Outbox | null} */
  #outbox = null;
  /** @type {Line | null} */
  #line = null;
  /** @type {AnswerWire | null} */
  #wire = null;
  #end = new AbortController(); // of this window's hold on the outbox
  #opened = () => {};
  /** @type {Promise<void>} resolved when the outbox is open */
  #ready = new Promise((resolve) => {
    this.#opened = resolve;
  });
  /** @type {Hold} */
  #hold = "ours";
  /** @type {Phase} */
  #phase = "RUNNING";
  /** @type {View | null} */
  #view = null;
  #storeFailed = false;
  #going = false;
  #leaving = false;
  #lastAnswer = "";
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #typing;

  start() {
    this.#phase = /** @type {Phase} */ (this.dataset["phase"] ?? "RUNNING");
    this.listen(this, "change", (event) => isControl(event.target) && this.#answer());
    this.listen(this, "input", (event) => isControl(event.target) && isTyped(event.target) && this.#typed());
    this.listen(this, "click", (event) => this.#clicked(event));
    this.listen(this, "submit", (event) => event.target.matches("[data-answer]") && event.preventDefault());
    this.listen(this, "submit", (event) => this.#submitted(event));
    this.listen(this, "exam:flag", (event) => this.#flag(event.detail.flagged));
    this.listen(this, "exam:strike", (event) => this.#record("strike", event.detail));
    this.listen(this, "exam:problem", (event) => this.#record("problem", event.detail));
    this.listen(window, "online", () => this.#wire?.networkBack());
    this.listen(window, "popstate", () => this.#go(location.href, false));
    this.listen(window, "beforeunload", (event) => this.#unsaved() && event.preventDefault());
    this.listen(window, "pageshow", (event) => event.persisted && location.reload());
    this.#fill();
    void this.#begin(false);
  }

  /**
   * Wait until the server has everything. @param {number} patienceMs @returns {Promise<boolean>}
   */
  async settled(patienceMs) {
    this.#flushTyping();
    const until = performance.now() + patienceMs;
    while (performance.now() < until) {
      if (this.#outbox && !this.#storeFailed && this.#saved() === "saved") return true;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return false;
  }

  /** Numbers that go along with submitting: the server refuses while rows up to the last are missing. */
  get book() {
    return { writer: this.#outbox?.writer ?? 0, lastSeq: this.#outbox?.lastSeq ?? 0 };
  }

  /** @param {boolean} steal take the outbox from another window of this browser */
  async #begin(steal) {
    this.#end = new AbortController();
    const signal = AbortSignal.any([this.signal, this.#end.signal]);
    const { sitting = "", storeKey = "", ticket = "", ticketUrl = "", lineUrl = "", rowsUrl = "", csrf = "" } = this.dataset;
    const ours = await holdOutbox(sitting, steal, () => this.#stolen(), signal);
    this.#hold = ours ? "ours" : "elsewhere";
    this.#draw();
    if (!ours || signal.aborted) return;
    const outbox = (this.#outbox = await Outbox.open(await openStore(sitting, storeKey), sha256Hex));
    const t1Ms = Number(this.dataset["t1Ms"]) || 20_000;
    const line = (this.#line = new Line({ ticket: steal ? null : ticket || null, outbox, random: Math.random, wall: Date.now, t1Ms }));
    const wire = (this.#wire = new AnswerWire(line, outbox, { sitting, lineUrl, rowsUrl, ticketUrl, csrf }));
    this.listen(wire, "effect", (event) => this.#heard(event.detail));
    this.#opened();
    this.#arrive();
    wire.start();
    tick(1_000, () => wire.tick(), signal);
    signal.addEventListener("abort", () => wire.close(), { once: true });
  }

  /** A question is on screen: show the answer that the server wrote into the page. */
  #fill() {
    for (const each of this.all("[data-open]")) each.hidden = false;
    const form = this.#form;
    if (!form) return;
    const quicker = !isEmpty(collect(form)); // than this script: then the reader's choice stands, and `#arrive` keeps it
    if (!quicker) restore(form, JSON.parse(this.#page?.dataset["response"] || "{}"));
    this.#lastAnswer = quicker ? "" : JSON.stringify(collect(form));
  }

  /** The outbox is open as well: what still waits in it is newer than what the server wrote into the page. */
  #arrive() {
    const form = this.#form;
    const page = this.#page;
    if (form && page) {
      this.#record("visit", {});
      const waiting = /** @type {Answer | null} */ (this.#outbox?.newest(this.#item, "answer") ?? null);
      if (JSON.stringify(collect(form)) !== this.#lastAnswer) this.#answer(); // the reader was quicker than we
      else if (waiting) {
        restore(form, waiting);
        this.#lastAnswer = JSON.stringify(collect(form));
      }
      this.#restoreMarks(page);
    }
    this.#draw();
  }

  /** @param {HTMLElement} page */
  #restoreMarks(page) {
    const flag = /** @type {{ flagged: boolean } | null} */ (this.#outbox?.newest(this.#item, "flag") ?? null);
    const toggle = page.querySelector("flag-toggle");
    if (flag && toggle instanceof FlagToggle) toggle.set(flag.flagged);
    const strike = /** @type {{ struck: string[] } | null} */ (this.#outbox?.newest(this.#item, "strike") ?? null);
    const options = page.querySelector("strike-through");
    if (strike && options instanceof StrikeThrough) options.set(strike.struck);
  }

  #answer() {
    clearTimeout(this.#typing);
    this.#typing = undefined;
    const form = this.#form;
    if (!form) return;
    const answer = collect(form);
    const text = JSON.stringify(answer);
    if (text === this.#lastAnswer || !this.#outbox) return; // before the outbox is open, `#arrive` looks again
    this.#lastAnswer = text;
    this.#map?.mark(this.#item, "answered", !isEmpty(answer));
    this.#record("answer", answer);
  }

  #typed() {
    clearTimeout(this.#typing);
    this.#typing = setTimeout(() => this.#answer(), TYPING_MS);
    this.#draw();
  }

  #flushTyping() {
    if (this.#typing !== undefined) this.#answer();
  }

  /** @param {boolean} flagged */
  #flag(flagged) {
    this.#map?.mark(this.#item, "flagged", flagged);
    this.#record("flag", { flagged });
  }

  /** @param {RowKind} kind @param {object} content */
  async #record(kind, content) {
    const item = this.#item;
    await this.#ready;
    const outbox = this.#outbox;
    if (!outbox || !item) return;
    try {
      const added = outbox.add(item, kind, content, Date.now());
      this.#draw();
      await added;
      this.#storeFailed = false;
    } catch (error) {
      // Not stored is not saved: say so, and send nothing that this device could not prove later.
      console.warn("Invigil: this device did not keep the answer.", String(error));
      this.#storeFailed = true;
      this.#lastAnswer = "";
    }
    this.#wire?.rowsAdded();
    this.#draw();
  }

  /** @param {Effect} effect */
  #heard(effect) {
    if (effect.do === "clock") this.#clockSaid(effect);
    if (effect.do === "phase") this.#phaseSaid(effect.phase, effect.reason);
    if (effect.do === "phase" && effect.at !== undefined) this.#closed(effect.at);
    if (effect.do === "message") this.#message(effect.text, effect.at);
    if (effect.do === "refused") this.#refused(effect.sentence);
    this.#draw();
  }

  /** @param {{ remaining_ms: number, section_ms?: number, item_ms?: number }} told */
  #clockSaid(told) {
    const running = this.#phase === "RUNNING";
    this.#clock?.set(told.remaining_ms, running);
    if (told.section_ms !== undefined) this.#scope("section")?.set(told.section_ms, running);
    if (told.item_ms !== undefined) this.#scope("item")?.set(told.item_ms, running);
  }

  /** @param {Phase} phase @param {string | null} reason */
  #phaseSaid(phase, reason) {
    this.#phase = phase;
    this.dataset["phase"] = phase;
    for (const clock of this.querySelectorAll("exam-clock")) if (clock instanceof ExamClock) clock.run(phase === "RUNNING");
    for (const each of this.all('[data-when="paused"] [data-for]')) each.hidden = each.dataset["for"] !== phase;
    const told = this.find("[data-reason]");
    if (told) told.textContent = (reason ?? "").replaceAll("-", " ");
  }

  /** @param {string} text @param {string} at ISO 8601 */
  #message(text, at) {
    const note = document.createElement("p");
    note.className = "notice proctor-message";
    const time = document.createElement("small");
    time.textContent = ` ${new Date(at).toLocaleTimeString(document.documentElement.lang || undefined)}`;
    note.append(text, time);
    this.find("[data-messages]")?.append(note);
    const ask = this.querySelector("ask-invigilator");
    if (ask instanceof AskInvigilator) void ask.refresh();
  }

  /** @param {string} sentence */
  #refused(sentence) {
    const told = this.find("[data-refused]");
    if (told) told.textContent = sentence;
    this.show('[data-when="refused"]', true);
  }

  #stolen() {
    this.#hold = "stolen";
    this.#end.abort();
    this.#draw();
  }

  /** The candidate wants to go on here. The server still refuses while the other window is alive. */
  async #takeOver() {
    if (this.#line?.state === "superseded") {
      await this.settled(BEFORE_GOING_MS); // what it still holds is on its way to the invigilator
      await this.#outbox?.abandon();
      location.reload();
    } else void this.#begin(true);
  }

  /** @param {MouseEvent} event */
  #clicked(event) {
    if (!(event.target instanceof HTMLElement) || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const button = event.target.closest("[data-go], [data-move], [data-open], [data-take-over], [name=attempt]");
    if (!(button instanceof HTMLElement)) return;
    event.preventDefault();
    if (button.dataset["go"]) void this.#go(button.dataset["go"], true);
    if (button.dataset["move"]) void this.#move({ to: button.dataset["move"] });
    const dialog = document.getElementById(button.dataset["open"] ?? "");
    if (dialog instanceof HTMLDialogElement && !dialog.open) this.#openDialog(dialog);
    if (button.hasAttribute("data-take-over")) void this.#takeOver();
    if (button instanceof HTMLButtonElement && button.name === "attempt") void this.#attempt(button.value);
  }

  /** The calculator leaves the question in sight and in reach; a report asks for attention. @param {HTMLDialogElement} dialog */
  #openDialog(dialog) {
    if (dialog.hasAttribute("data-beside")) dialog.show();
    else dialog.showModal();
  }

  /** @param {string} url @param {boolean} remember put it into the browser's history */
  async #go(url, remember) {
    if (this.#going || !this.#reads) return;
    this.#going = true;
    this.show('[data-when="cannot-go"]', false);
    await this.settled(BEFORE_GOING_MS);
    const fetched = this.#mayGo() ? await fetchPage(url) : /** @type {const} */ ({ failed: "network", url });
    this.#going = false;
    if ("page" in fetched) return this.#swap(fetched.page, fetched.url, remember);
    if (fetched.failed === "elsewhere") return location.assign(fetched.url);
    this.show('[data-when="cannot-go"]', true);
  }

  /** @param {SubmitEvent} event */
  #submitted(event) {
    const form = event.target;
    if (!(form instanceof HTMLFormElement) || !form.matches("[data-move-form]")) return;
    event.preventDefault();
    void this.#move(Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, String(value)])));
  }

  /**
   * Move on a paced form: everything here goes to the server first, because what lies behind may close.
   * @param {Record<string, string>} wanted `to` a question, or `section` and `leaving`
   */
  async #move(wanted) {
    if (this.#going || !this.#reads) return;
    const here = `/sit/${this.dataset["sitting"]}`;
    if (!(await this.#post(`${here}/move`, wanted, here, true))) this.show('[data-when="cannot-go"]', true);
  }

  /** End an attempt at this question: its answer goes to the server first. @param {string} attempt the item's own button */
  async #attempt(attempt) {
    const number = this.querySelector('form[data-answer] [name="number"]');
    if (this.#going || !this.#reads || !(number instanceof HTMLInputElement)) return;
    const here = `/sit/${this.dataset["sitting"]}/item/${this.#item}`;
    if (!(await this.#post(`${here}/attempt`, { attempt, number: number.value }, here, false))) {
      this.show('[data-when="cannot-attempt"]', true);
    }
  }

  /**
   * Post to the server once it has every answer, and show the question that it answers with; false without a connection.
   * @param {string} url @param {Record<string, string>} wanted @param {string} otherwise the page to open whole instead
   * @param {boolean} remember
   */
  async #post(url, wanted, otherwise, remember) {
    this.#going = true;
    for (const each of ["cannot-go", "cannot-attempt"]) this.show(`[data-when="${each}"]`, false);
    const settled = await this.settled(BEFORE_LEAVING_MS);
    const { writer, lastSeq } = this.book;
    const told = { ...wanted, csrf: this.dataset["csrf"] ?? "", writer: String(writer), last_seq: String(lastSeq) };
    const fetched = settled ? await fetchPage(url, new URLSearchParams(told)) : { failed: /** @type {const} */ ("network") };
    this.#going = false;
    if ("page" in fetched) this.#swap(fetched.page, fetched.url, remember);
    else if (fetched.failed === "elsewhere") location.assign(otherwise);
    else return false;
    return true;
  }

  /** The server closed the question that is on screen, or moved it elsewhere. @param {string} at */
  #closed(at) {
    if (this.#item === "" || at === this.#item || this.#going) return;
    void this.#go(`/sit/${this.dataset["sitting"]}?closed=1`, true);
  }

  /** @param {Document} page @param {string} url @param {boolean} remember */
  #swap(page, url, remember) {
    const fresh = page.querySelector("[data-page]");
    if (!fresh) return;
    this.#flushTyping(); // whatever was typed while the page was on its way
    this.#page?.replaceWith(document.adoptNode(fresh));
    for (const part of [".where", ".scopes"]) {
      const next = page.querySelector(part);
      if (next) this.find(part)?.replaceWith(document.adoptNode(next));
    }
    document.title = page.title;
    if (remember) history.pushState(null, "", url);
    this.#fill();
    this.#arrive();
    scrollTo({ top: 0 });
    (this.find("[data-page] [data-told]") ?? this.find("[data-page] h1"))?.focus();
  }

  #draw() {
    const line = this.#line?.state ?? "connecting";
    const hold = this.#hold;
    this.#look(viewOf({ hold, line, phase: this.#phase, hidden: this.#line?.hidden ?? false }));
    this.show('[data-when="offline"]', line === "down" && this.#view === "open");
    this.show('[data-when="not-durable"]', this.#outbox !== null && !this.#outbox.durable);
    this.show('[data-when="regressed"]', this.#outbox?.regressed ?? false);
    this.show('[data-when="store-failed"]', this.#storeFailed);
    if (line !== "down") for (const each of ["cannot-go", "cannot-attempt"]) this.show(`[data-when="${each}"]`, false);
    const save = this.querySelector("save-state");
    if (save instanceof SaveState) save.set(this.#storeFailed ? "not-saved" : this.#saved());
  }

  /** @param {View} view */
  #look(view) {
    if (view === this.#view) return;
    this.#view = view;
    this.show("[data-page]", view === "open");
    for (const name of ["other-window", "superseded", "signed-out", "paused", "lost"]) {
      this.show(`[data-when="${name}"]`, view === name);
    }
    this.show('[data-when="help"]', view !== "open");
    if (view !== "open") {
      for (const dialog of this.querySelectorAll("dialog")) dialog.close();
      this.find(`[data-when="${view}"]`)?.focus();
    }
    if (view === "leaving") void this.#leave();
  }

  async #leave() {
    if (this.#leaving) return;
    this.#leaving = true;
    await this.settled(BEFORE_LEAVING_MS);
    location.assign(this.dataset["afterUrl"] ?? "/me");
  }

  /** @returns {import("../types.d.ts").SaveState} */
  #saved() {
    if (!this.#outbox || !this.#line) return "saved";
    const state = this.#outbox.stateOf(null, this.#line.reachable);
    return state === "saved" && this.#typing !== undefined ? "saving" : state;
  }

  #mayGo() {
    if (!this.#line || !this.#outbox) return false;
    return mayGo({ line: this.#line.state, durable: this.#outbox.durable && !this.#storeFailed, saved: this.#saved() });
  }

  #unsaved() {
    return !this.#leaving && this.#outbox !== null && !this.#outbox.durable && this.#saved() !== "saved";
  }

  /** A question may be on screen: in the view "open", and in the first moments, before there is a view. */
  get #reads() {
    return this.#view === null || this.#view === "open";
  }

  get #page() {
    return this.find("[data-page]");
  }

  get #form() {
    return this.querySelector("form[data-answer]");
  }

  get #item() {
    return this.#page?.dataset["item"] ?? "";
  }

  /** @param {"section" | "item"} scope */
  #scope(scope) {
    const clock = this.querySelector(`exam-clock[data-scope="${scope}"]`);
    return clock instanceof ExamClock ? clock : null;
  }

  get #clock() {
    const clock = this.querySelector("exam-clock:not([data-scope])");
    return clock instanceof ExamClock ? clock : null;
  }

  get #map() {
    const map = this.querySelector("item-map");
    return map instanceof ItemMap ? map : null;
  }
}
