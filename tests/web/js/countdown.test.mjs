import assert from "node:assert/strict";
import { test } from "node:test";
import { Countdown, clockDuration, clockText } from "../../../web/static/js/models/countdown.js";

test("nothing is known before the server has spoken", () => {
  const left = new Countdown();
  assert.equal(left.known, false);
  left.run(1, true); // a phase word without a figure changes nothing
  assert.equal(left.known, false);
});

test("only time measured since the server's word is subtracted", () => {
  const left = new Countdown();
  left.set(65_536, 1_000, true);
  assert.equal(left.remaining(1_000), 65_536);
  assert.equal(left.remaining(1_000 + 16_384), 49_152);
});

test("a paused clock stands still and goes on where it stood", () => {
  const left = new Countdown();
  left.set(65_536, 0, true);
  left.run(4_096, false);
  assert.equal(left.remaining(1_000_000), 61_440);
  left.run(1_000_000, true);
  assert.equal(left.remaining(1_000_512), 60_928);
});

test("the server may add minutes and the clock moves at once", () => {
  const left = new Countdown();
  left.set(8_192, 0, true);
  left.set(600_000, 4_096, true);
  assert.equal(left.remaining(4_096), 600_000);
});

test("it never goes below zero and never back when the clock that feeds it stumbles", () => {
  const left = new Countdown();
  left.set(1_024, 5_000, true);
  assert.equal(left.remaining(100_000), 0);
  assert.equal(left.remaining(4_000), 1_024);
});

test("changing the device's date by two hours changes nothing", () => {
  const original = Date.now;
  try {
    const left = new Countdown();
    left.set(65_536, 0, true);
    Date.now = () => original() + 7_200_000;
    assert.equal(left.remaining(1_024), 64_512);
  } finally {
    Date.now = original;
  }
});

test("each threshold is announced once, and only the last of those passed together", () => {
  const left = new Countdown([600_000, 300_000, 60_000]);
  left.set(700_000, 0, true);
  assert.equal(left.passed(0), null);
  assert.equal(left.passed(100_000), 600_000);
  assert.equal(left.passed(100_001), null);
  assert.equal(left.passed(690_000), 60_000); // a laptop slept through the five-minute mark
  assert.equal(left.passed(699_000), null);
});

test("whoever comes in late is not told of marks that passed before", () => {
  const left = new Countdown([600_000, 300_000]);
  left.set(540_000, 0, true);
  assert.equal(left.passed(0), null);
  assert.equal(left.passed(240_000), 300_000);
});

test("the clock is written for people and for machines", () => {
  const written = [0, 1, 1_000, 65_000, 3_600_000, 3_909_000].map(clockText);
  assert.deepEqual(written, ["0:00", "0:01", "0:01", "1:05", "1:00:00", "1:05:09"]);
  assert.equal(clockDuration(65_000), "PT65S");
});
