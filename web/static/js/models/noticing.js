// @ts-check
/**
 * What a browser notices of its own page, and what of it is said. No DOM, no clock.
 *
 * - A page that is *out of sight* is left; one that merely lost the focus is not. A screen reader's menu, an on-screen
 *   keyboard, a magnifier, the browser's own bars and its zoom take the focus or the room, and nothing is said.
 * - A permitted document opens in another tab. Until the page is seen again, that is no leaving.
 * - Full screen is left only by somebody who was in it, and only where the exam asks for it.
 * - Copying, pasting and printing are noticed, and prevented, only where the exam closes them. Moving one's own words
 *   within the answers is editing. Dictation and input methods insert text; that is no paste and is not touched.
 *
 *     const noticing = new Noticing({ closed: true, fullscreen: false }, say);
 *     noticing.seen(false); // say({ kind: "focus_lost", on: true, extra: "" })
 */

/** @typedef {"focus_lost" | "fullscreen_exit" | "second_display"} Lasting */
/** @typedef {{ kind: Lasting | "paste" | "copy" | "print", on: boolean, extra: string }} Notice */

export class Noticing {
  #closed;
  #fullscreen;
  #say;
  /** @type {Set<Lasting>} */
  #lasting = new Set();
  #wasFull = false;
  #excused = false;
  #over = false;
  #own = "";

  /** @param {{ closed: boolean, fullscreen: boolean }} rules @param {(notice: Notice) => void} say */
  constructor({ closed, fullscreen }, say) {
    this.#closed = closed;
    this.#fullscreen = fullscreen;
    this.#say = say;
  }

  /** A Line begins: it is told what lasts. */
  again() {
    for (const kind of this.#lasting) this.#say({ kind, on: true, extra: "" });
  }

  /** @param {boolean} visible is any of the page in sight? */
  seen(visible) {
    if (visible) this.#excused = false;
    this.#lasts("focus_lost", !visible && !this.#excused);
  }

  /** A permitted document opens in another tab. */
  documentOpened() {
    this.#excused = true;
  }

  /** The page itself goes: what the browser says from now on is about its end. */
  leaving() {
    this.#over = true;
  }

  /** @param {boolean} full does the page fill the screen? */
  full(full) {
    this.#lasts("fullscreen_exit", this.#fullscreen && this.#wasFull && !full);
    this.#wasFull ||= full;
  }

  /** Should the button for full screen be offered? @param {boolean} full */
  offersFull(full) {
    return this.#fullscreen && !full;
  }

  /** @param {boolean} several does the browser know of more than one screen? */
  displays(several) {
    this.#lasts("second_display", several);
  }

  /**
   * Something is copied or cut. @param {string} text @param {boolean} own is it out of an answer?
   * @returns {boolean} prevent it?
   */
  copied(text, own) {
    if (own) this.#own = text;
    return !own && this.#used("copy");
  }

  /** @param {string} text @returns {boolean} prevent it? */
  pasted(text) {
    const own = this.#own !== "" && plain(text) === plain(this.#own);
    return !own && this.#used("paste");
  }

  /** @returns {boolean} prevent it? */
  printed() {
    return this.#used("print");
  }

  /** @param {"paste" | "copy" | "print"} kind */
  #used(kind) {
    if (this.#closed) this.#say({ kind, on: true, extra: "prevented" });
    return this.#closed;
  }

  /** @param {Lasting} kind @param {boolean} on */
  #lasts(kind, on) {
    if (this.#over || on === this.#lasting.has(kind)) return;
    if (on) this.#lasting.add(kind);
    else this.#lasting.delete(kind);
    this.#say({ kind, on, extra: "" });
  }
}

/** Clipboards change the ends of lines. @param {string} text */
function plain(text) {
  return text.replace(/\r\n?/g, "\n").trim();
}
