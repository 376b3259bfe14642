// @ts-check
/**
 * <time-line>: the rows of its table as marks on a strip. The range below the strip is moved by arrow keys, the strip by
 * the pointer; the moment's row is marked and the opened picture that is nearest in time is shown. Without JavaScript the
 * table is everything, and screen readers read the table.
 */
import { Moments, nearest } from "../models/moments.js";
import { Element } from "./element.js";

export class TimeLine extends Element {
  #rows = /** @type {HTMLElement[]} */ ([]);
  #pictures = /** @type {{ at: number, src: string }[]} */ ([]);
  #moments = new Moments([]);

  start() {
    this.#rows = this.all("tr[data-at]");
    const times = this.#rows.map((row) => ({ at: time(row.dataset["at"]), until: time(row.dataset["until"]) }));
    this.#moments = new Moments(times);
    this.#pictures = this.all("[data-pictures] li").map((each) => ({ at: time(each.dataset["at"]), src: each.dataset["src"] ?? "" }));
    const scrub = this.#scrub, strip = this.find("[data-strip]");
    if (!scrub || !strip || this.#rows.length < 2) return;
    scrub.max = String(this.#rows.length - 1);
    strip.replaceChildren(...this.#rows.map((row, place) => this.#mark(row, times[place] ?? { at: 0, until: 0 })));
    this.show("[data-controls]", true);
    this.listen(scrub, "input", () => this.#choose(Number(scrub.value)));
    const point = (/** @type {PointerEvent} */ event) => {
      const box = strip.getBoundingClientRect();
      const share = (event.clientX - box.left) / (box.width || 1);
      this.#choose(this.#moments.nearest(getComputedStyle(strip).direction === "rtl" ? 1 - share : share));
    };
    this.listen(strip, "pointerdown", point);
    this.listen(strip, "pointermove", (event) => event.buttons && point(event));
    this.#choose(0);
  }

  get #scrub() {
    const scrub = this.querySelector("[data-scrub]");
    return scrub instanceof HTMLInputElement ? scrub : null;
  }

  /** @param {HTMLElement} row @param {{ at: number, until: number }} moment */
  #mark(row, { at, until }) {
    const mark = document.createElement("span");
    mark.dataset["lane"] = row.dataset["lane"] ?? "";
    mark.style.setProperty("--from", String(this.#moments.share(at)));
    mark.style.setProperty("--length", String(this.#moments.share(until) - this.#moments.share(at)));
    return mark;
  }

  /** @param {number} place */
  #choose(place) {
    const row = this.#rows[place], scrub = this.#scrub;
    if (!row || !scrub) return;
    scrub.value = String(place);
    for (const [other, each] of this.#rows.entries()) {
      if (other === place) each.setAttribute("aria-current", "true");
      else each.removeAttribute("aria-current");
    }
    for (const [other, mark] of [...(this.find("[data-strip]")?.children ?? [])].entries()) mark.toggleAttribute("data-now", other === place);
    const words = [...row.querySelectorAll("td")].slice(0, 2).map((cell) => cell.textContent?.trim()).join(": ");
    const now = this.find("output");
    if (now) now.textContent = words;
    scrub.setAttribute("aria-valuetext", words);
    const rows = this.find(".timeline-rows"); // only the table moves: the page stays where the hand is
    if (rows) rows.scrollTop = row.offsetTop - rows.clientHeight / 2;
    this.#picture(time(row.dataset["at"]));
  }

  /** @param {number} at */
  #picture(at) {
    const found = this.#pictures[nearest(this.#pictures, at)], figure = this.find("[data-picture]");
    const image = figure?.querySelector("img"), caption = figure?.querySelector("figcaption");
    if (!figure || !image || !caption) return;
    figure.hidden = !found;
    if (!found) return;
    const when = new Intl.DateTimeFormat(document.documentElement.lang || undefined, { timeStyle: "medium" }).format(found.at);
    if (image.getAttribute("src") !== found.src) image.src = found.src;
    image.alt = caption.textContent = when;
  }
}

/** @param {string | undefined} text */
function time(text) {
  return new Date(text ?? "").getTime();
}
