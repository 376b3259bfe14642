// @ts-check
/**
 * The moments of a sitting on a strip: where each lies between the first and the last, and what is near a place on it.
 * Times are milliseconds.
 *
 *     const strip = new Moments([{ at: 0, until: 0 }, { at: 6_000, until: 10_000 }]);
 *     strip.share(5_000)     // 0.5
 *     strip.nearest(0.9)     // 1
 */
export class Moments {
  #first;
  #length;
  #moments;

  /** @param {{ at: number, until: number }[]} moments in order of their beginning */
  constructor(moments) {
    this.#moments = moments;
    this.#first = moments.length ? Math.min(...moments.map((each) => each.at)) : 0;
    this.#length = moments.length ? Math.max(...moments.map((each) => each.until)) - this.#first : 0;
  }

  /** Where a time lies, from 0 to 1. @param {number} at */
  share(at) {
    return this.#length ? Math.min(1, Math.max(0, (at - this.#first) / this.#length)) : 0;
  }

  /** The moment whose beginning is nearest to a place on the strip; -1 where there is none. @param {number} share */
  nearest(share) {
    const at = this.#first + share * this.#length;
    return nearest(this.#moments, at);
  }
}

/**
 * The index of what begins nearest to `at`, the earlier of two; -1 in an empty list.
 * @param {{ at: number }[]} list @param {number} at
 */
export function nearest(list, at) {
  let found = -1;
  for (const [place, each] of list.entries()) {
    const best = list[found];
    if (!best || Math.abs(each.at - at) < Math.abs(best.at - at)) found = place;
  }
  return found;
}
