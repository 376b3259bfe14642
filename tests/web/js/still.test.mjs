import assert from "node:assert/strict";
import { test } from "node:test";

import { BRIGHTEST, DARKEST, readable } from "../../../web/static/js/models/still.js";

const WIDTH = 64;
const HEIGHT = 48;

/** A picture from a function of column and row to a grey value. */
const picture = (value) => {
  const pixels = new Uint8ClampedArray(WIDTH * HEIGHT * 4).fill(255);
  for (let place = 0; place < WIDTH * HEIGHT; place += 1) pixels.fill(value(place % WIDTH, Math.floor(place / WIDTH)), place * 4, place * 4 + 3);
  return pixels;
};
const lines = (low, high) => (column) => (column % 4 < 2 ? low : high);

test("a picture with edges in good light can be read", () => assert.equal(readable(picture(lines(90, 160)), WIDTH), "good"));

test("the same picture without light cannot, nor against the light", () => {
  assert.equal(readable(picture(lines(10, 80)), WIDTH), "dark");
  assert.equal(readable(picture(lines(210, 255)), WIDTH), "bright");
  assert.equal(readable(picture(() => DARKEST - 1), WIDTH), "dark");
  assert.equal(readable(picture(() => BRIGHTEST + 1), WIDTH), "bright");
});

test("a picture whose edges are smeared cannot be read", () => {
  const smeared = (column) => 125 + 35 * Math.sin((2 * Math.PI * column) / 32);
  assert.equal(readable(picture(smeared), WIDTH), "blurred");
  assert.equal(readable(picture(() => 120), WIDTH), "blurred");
});

test("nothing is no picture", () => assert.equal(readable(new Uint8ClampedArray(0), WIDTH), "dark"));
