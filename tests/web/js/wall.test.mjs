import assert from "node:assert/strict";
import { test } from "node:test";

import { NEEDS, arranged } from "../../../web/static/js/models/wall.js";

const tile = (needs, { mine = true, since = 0 } = {}) => ({ needs, mine, since });

test("what needs a person most comes first, and one's own before that", () => {
  const tiles = [tile("nothing"), tile("event", { mine: false }), tile("hand"), tile("camera"), tile("event")];
  assert.deepEqual(arranged(tiles), [4, 2, 3, 0, 1]);
});

test("of two that need the same, the one that waits longer comes first, and otherwise nothing moves", () => {
  assert.deepEqual(arranged([tile("hand", { since: 8 }), tile("hand", { since: 4 }), tile("hand", { since: 8 })]), [1, 0, 2]);
});

test("the tile somebody is at keeps its place", () => {
  const tiles = [tile("event"), tile("nothing"), tile("hand"), tile("line")];
  assert.deepEqual(arranged(tiles, 1), [0, 1, 2, 3]);
  assert.deepEqual(arranged([tile("nothing"), tile("event")], 0), [0, 1]);
  assert.deepEqual(arranged([tile("nothing"), tile("over"), tile("event")], 0), [0, 2, 1]);
});

test("a need this page does not know comes last of all", () => {
  assert.deepEqual(arranged([tile("later"), ...NEEDS.toReversed().map((needs) => tile(needs))]), [10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
});

test("an empty wall is in order", () => assert.deepEqual(arranged([]), []));
