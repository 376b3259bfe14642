// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";

import { Clip } from "../../../web/static/js/models/clip.js";
import { Moments, nearest } from "../../../web/static/js/models/moments.js";

test("a clip stays within its pictures, however it is moved", () => {
  const clip = new Clip(3);
  clip.step(-1);
  assert.equal(clip.at, 0);
  clip.step(1);
  clip.step(9);
  assert.equal(clip.at, 2);
  clip.go(1.4);
  assert.equal(clip.at, 1);
  clip.go(Number.NaN);
  assert.equal(clip.at, 0);
});

test("it plays to the end and stops there, and begins anew from the end", () => {
  const clip = new Clip(3);
  clip.play();
  assert.deepEqual([clip.tick(), clip.at, clip.playing], [true, 1, true]);
  assert.deepEqual([clip.tick(), clip.at, clip.playing], [true, 2, false]);
  assert.equal(clip.tick(), false);
  clip.play();
  assert.deepEqual([clip.at, clip.playing], [0, true]);
});

test("a hand on the clip stops it", () => {
  const clip = new Clip(3);
  clip.play();
  clip.step(1);
  assert.equal(clip.playing, false);
  clip.play();
  clip.stop();
  assert.equal(clip.tick(), false);
});

test("no picture or one has nothing to play", () => {
  for (const count of [0, 1]) {
    const clip = new Clip(count);
    clip.play();
    clip.step(1);
    assert.deepEqual([clip.playing, clip.at], [false, 0]);
  }
});

test("moments lie on a strip between the first and the last end", () => {
  const strip = new Moments([{ at: 0, until: 0 }, { at: 6_000, until: 10_000 }]);
  assert.deepEqual([-1, 0, 5_000, 10_000, 99_000].map((at) => strip.share(at)), [0, 0, 0.5, 1, 1]);
  assert.deepEqual([0, 0.2, 0.4, 1].map((share) => strip.nearest(share)), [0, 0, 1, 1]);
  assert.deepEqual([new Moments([]).nearest(0.5), new Moments([{ at: 5, until: 5 }]).share(5)], [-1, 0]);
});

test("of two that are equally near the earlier is taken", () => {
  assert.equal(nearest([{ at: 0 }, { at: 10 }], 5), 0);
  assert.equal(nearest([], 5), -1);
});
