// @ts-check
/**
 * What all our elements share: they wrap markup that the server wrote (light DOM), their listeners hang on one
 * AbortController, and everything they started ends when they leave the page.
 *
 * A subclass writes `start()`; it runs each time the element is put into a page. Sentences a person may have to
 * read stand in the page already, hidden, so that they are translated with it and never built from parts.
 */
export class Element extends HTMLElement {
  #controller = new AbortController();

  connectedCallback() {
    this.#controller = new AbortController();
    this.start();
  }

  disconnectedCallback() {
    this.#controller.abort();
  }

  /** To be written by each element. */
  start() {}

  /** Aborted when the element leaves the page: hand it to listeners, fetches and tickers. */
  get signal() {
    return this.#controller.signal;
  }

  /**
   * @param {EventTarget} target
   * @param {string} type
   * @param {(event: any) => unknown} handler
   */
  listen(target, type, handler) {
    target.addEventListener(type, handler, { signal: this.signal });
  }

  /**
   * The first match inside, or null.
   * @template {globalThis.Element} [T=HTMLElement]
   * @param {string} selector
   * @returns {T | null}
   */
  find(selector) {
    return this.querySelector(selector);
  }

  /** @param {string} selector @returns {HTMLElement[]} */
  all(selector) {
    return [...this.querySelectorAll(selector)].filter((each) => each instanceof HTMLElement);
  }

  /** Show the sentences with `data-say="name"` for the given names, and hide the others. @param {string[]} names */
  say(...names) {
    for (const each of this.all("[data-say]")) each.hidden = !names.includes(each.dataset["say"] ?? "");
  }

  /** @param {string} selector @param {boolean} visible */
  show(selector, visible) {
    for (const each of this.all(selector)) each.hidden = !visible;
  }

  /** Tell whoever listens further out. @param {string} name `exam:something` @param {object} [detail] */
  tell(name, detail = {}) {
    this.dispatchEvent(new CustomEvent(name, { bubbles: true, detail }));
  }
}
