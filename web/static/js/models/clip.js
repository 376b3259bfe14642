// @ts-check
/**
 * Where somebody is in a row of pictures: a step forward or back, a place chosen, or playing to the end.
 *
 *     const clip = new Clip(3);
 *     clip.step(1); clip.at        // 1
 *     clip.play(); clip.tick();    // true: there is another picture
 *     clip.at                      // 2
 */
export class Clip {
  #at = 0;
  #count;
  #playing = false;

  /** @param {number} count how many pictures there are */
  constructor(count) {
    this.#count = Math.max(0, Math.floor(count));
  }

  get at() {
    return this.#at;
  }

  get playing() {
    return this.#playing;
  }

  /** A place from 0; one that is not there is the nearest. A hand on the clip stops it. @param {number} place */
  go(place) {
    this.#playing = false;
    this.#move(place);
  }

  /** @param {number} by */
  step(by) {
    this.go(this.#at + by);
  }

  /** Play on, from the beginning when it is at the end. */
  play() {
    if (this.#count < 2) return;
    if (this.#at >= this.#count - 1) this.#at = 0;
    this.#playing = true;
  }

  stop() {
    this.#playing = false;
  }

  /** The next picture while it plays; false when there is none (any more). */
  tick() {
    if (!this.#playing) return false;
    this.#move(this.#at + 1);
    if (this.#at >= this.#count - 1) this.#playing = false;
    return true;
  }

  /** @param {number} place */
  #move(place) {
    const whole = Number.isFinite(place) ? Math.round(place) : 0;
    this.#at = Math.min(Math.max(0, whole), Math.max(0, this.#count - 1));
  }
}
