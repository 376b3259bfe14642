// @ts-check
/**
 * <clip-player>: the pictures of a list, one at a time, to step through or to play. Without JavaScript the list stays.
 */
import { Clip } from "../models/clip.js";
import { Element } from "./element.js";

const EVERY_MS = 500;

export class ClipPlayer extends Element {
  #pictures = /** @type {HTMLElement[]} */ ([]);
  #clip = new Clip(0);
  #timer = 0;

  start() {
    this.#pictures = this.all("li");
    this.#clip = new Clip(this.#pictures.length);
    this.show("[data-controls]", true);
    this.classList.add("stepped");
    for (const each of this.all("[data-step]")) this.listen(each, "click", () => this.#go(() => this.#clip.step(Number(each.dataset["step"]))));
    for (const each of this.all("[data-play]")) this.listen(each, "click", () => this.#play());
    const scrub = this.#scrub;
    if (scrub) this.listen(scrub, "input", () => this.#go(() => this.#clip.go(Number(scrub.value) - 1)));
    this.signal.addEventListener("abort", () => clearInterval(this.#timer));
    this.#paint();
  }

  get #scrub() {
    const scrub = this.querySelector("[data-scrub]");
    return scrub instanceof HTMLInputElement ? scrub : null;
  }

  #play() {
    if (this.#clip.playing) this.#clip.stop();
    else this.#clip.play();
    clearInterval(this.#timer);
    if (this.#clip.playing) {
      this.#timer = window.setInterval(() => {
        if (!this.#clip.tick() || !this.#clip.playing) clearInterval(this.#timer);
        this.#paint();
      }, EVERY_MS);
    }
    this.#paint();
  }

  /** @param {() => void} move */
  #go(move) {
    clearInterval(this.#timer);
    move();
    this.#paint();
  }

  #paint() {
    const { at, playing } = this.#clip;
    for (const [place, each] of this.#pictures.entries()) {
      each.hidden = place !== at;
      const picture = each.querySelector("img");
      if (picture && Math.abs(place - at) <= 1) picture.loading = "eager";
    }
    this.say(playing ? "playing" : "still");
    for (const each of this.all("[data-play]")) each.setAttribute("aria-pressed", String(playing));
    if (this.#scrub) this.#scrub.value = String(at + 1);
    const where = this.find("[data-where]");
    if (where) where.textContent = `${at + 1} / ${this.#pictures.length}`;
  }
}
