// @ts-check
// A source that keeps its own rate exactly is told from one with a clock of its own, whatever the page got to see.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ENOUGH, Evenness, PASSED_OVER } from "../../../web/static/js/models/evenness.js";

/** @param {number} seed */
function dice(seed) {
  let state = seed;
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
}

/** @param {{ rate?: number, interval?: number, jitter?: number, seen?: (n: number) => boolean, pictures?: number }} source */
function measured({ rate = 30, interval = 1_000 / 30, jitter = 0, seen = () => true, pictures = 4 * ENOUGH }) {
  const chance = dice(20_260_302);
  const evenness = new Evenness(rate);
  for (let n = 0; n < pictures; n += 1) if (seen(n)) evenness.picture(5_000 + n * interval + jitter * (chance() - 0.5));
  return evenness.pace;
}

test("an exact source is exact, and before there are enough pictures nothing is said", () => {
  assert.equal(measured({ pictures: PASSED_OVER + ENOUGH }), null);
  assert.deepEqual(measured({}), { frames: ENOUGH, mean_ms: 33.3333, deviation_ms: 0 });
});

test("pictures that the page missed are no unevenness", () => {
  const pace = measured({ seen: (n) => n % 3 !== 0 });
  assert.equal(pace?.mean_ms, 33.3333);
  assert.equal(pace?.deviation_ms, 0);
});

test("a sensor whose clock differs by a thousandth is told, through a jitter of two milliseconds", () => {
  const pace = measured({ interval: 33.3667, jitter: 2 });
  assert.ok(pace && Math.abs(pace.mean_ms - 33.3667) < 0.003);
  assert.ok(pace.deviation_ms > 0.4);
});

test("a camera that stumbles at its start, and one busy moment, do not hide an even source", () => {
  const evenness = new Evenness(30);
  for (let n = 0; n < 4 * ENOUGH; n += 1) {
    const late = n < 20 ? 20 - n : n === 150 ? 12 : n > 150 ? 1 : 0;
    evenness.picture(n * (1_000 / 30) + late);
  }
  assert.ok(evenness.pace && Math.abs(evenness.pace.mean_ms * 0.03 - 1) < 0.0004);
  assert.ok(evenness.pace.deviation_ms < 0.001);
});

test("after a hidden page the count begins anew", () => {
  const evenness = new Evenness(30);
  for (let n = 0; n < PASSED_OVER + ENOUGH; n += 1) evenness.picture(n * 33.3333);
  evenness.picture(1e6);
  assert.equal(evenness.pace, null);
  for (let n = 1; n <= ENOUGH; n += 1) evenness.picture(1e6 + n * 33.4);
  assert.equal(evenness.pace?.mean_ms, 33.4);
});

test("a camera that names no rate, and times that stand still or run back, say nothing", () => {
  assert.equal(measured({ rate: 0 }), null);
  assert.equal(measured({ interval: 0 }), null);
  const evenness = new Evenness(30);
  for (let n = 0; n < 2 * ENOUGH; n += 1) evenness.picture(-n * 33.3333);
  assert.equal(evenness.pace, null);
});
