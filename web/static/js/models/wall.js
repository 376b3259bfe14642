// @ts-check
/**
 * In which order the tiles of a wall stand: one's own first, each part by what needs a person most, then by how long.
 * The order of the needs is the server's (proctoring/room.py).
 */

export const NEEDS = ["event", "hand", "camera", "line", "start", "resume", "message", "check_in", "nothing", "over"];

/**
 * The places of the tiles, in the order they should stand. One that is `held` (somebody is at it) keeps its place.
 * @param {{ mine: boolean, needs: string, since: number }[]} tiles
 * @param {number} [held]
 * @returns {number[]}
 */
export function arranged(tiles, held = -1) {
  const rank = (/** @type {string} */ needs) => (NEEDS.includes(needs) ? NEEDS.indexOf(needs) : NEEDS.length);
  const order = tiles.map((_, place) => place).filter((place) => place !== held);
  order.sort((a, b) => {
    const one = tiles[a];
    const other = tiles[b];
    if (!one || !other) return 0;
    return Number(other.mine) - Number(one.mine) || rank(one.needs) - rank(other.needs) || one.since - other.since || a - b;
  });
  if (held >= 0) order.splice(held, 0, held);
  return order;
}
