import assert from "node:assert/strict";
import { test } from "node:test";
import { Hearing, decibels, periodicity } from "../../../web/static/js/models/hearing.js";

const RATE = 48_000;
const LENGTH = 2_048;

function chance(seed) {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 4_294_967_296;
    return state / 2_147_483_648 - 1;
  };
}

const piece = (sound) => Float32Array.from({ length: LENGTH }, (_, at) => sound(at / RATE));
const noise = (loud, seed = 1) => { const next = chance(seed); return piece(() => loud * next()); };
const tone = (hz, loud) => piece((at) => loud * Math.sin(2 * Math.PI * hz * at));
/** A vowel: a pitch and its overtones, the lower ones louder, with a little breath. */
const vowel = (hz, loud, seed = 7) => {
  const next = chance(seed);
  return piece((at) => loud * ([1, 2, 3, 4, 5, 6].reduce((sum, n) => sum + Math.sin(2 * Math.PI * n * hz * at + n) / n, 0) / 2 + 0.1 * next()));
};
const typing = piece((at) => (at * 20 % 1 < 0.02 ? 0.5 * Math.sin(at * 90_000) * Math.exp(-(at * 20 % 1) * 200) : 0));

/** One report from `seconds` of pieces, four a second, after ten seconds of quiet. */
function heard(...pieces) {
  const hearing = new Hearing();
  let now = 0;
  for (let each = 0; each < 40; each += 1, now += 250) hearing.take(noise(0.003, each + 1), RATE, now);
  const reports = [];
  for (let each = 0; each < 16; each += 1, now += 250) {
    const report = hearing.take(pieces[each % pieces.length], RATE, now);
    if (report) reports.push(report);
  }
  return reports.at(-1);
}

test("voices low and high are voices, far or near", () => {
  for (const hz of [95, 130, 180, 240, 330]) {
    for (const loud of [0.05, 0.5]) assert.equal(heard(vowel(hz, loud)).voice, 1, `${hz} Hz at ${loud}`);
  }
});

test("noise, typing, a hum and silence are none, however loud", () => {
  for (const [name, sound] of Object.entries({ noise: noise(0.4), typing, hum: tone(50, 0.4), silence: piece(() => 0) })) {
    assert.equal(heard(sound).voice, 0, name);
  }
});

test("speech with its pauses is a share", () => {
  const { voice } = heard(vowel(140, 0.2), vowel(150, 0.2), noise(0.003), noise(0.003, 2));
  assert.ok(voice >= 0.4 && voice <= 0.6, String(voice));
});

test("a voice that goes on for a minute does not become the quiet of the place", () => {
  const hearing = new Hearing();
  let [now, last] = [0, null];
  for (let each = 0; each < 40; each += 1, now += 250) hearing.take(noise(0.003, each + 1), RATE, now);
  for (let each = 0; each < 240; each += 1, now += 250) last = hearing.take(vowel(150, 0.3), RATE, now) ?? last;
  assert.equal(last.voice, 1);
});

test("loudness is between nothing and all, and a report comes once a second", () => {
  assert.equal(decibels(piece(() => 0)), -60);
  assert.equal(heard(piece(() => 0)).level, 0);
  assert.ok(heard(noise(1)).level > 0.9);
  const hearing = new Hearing();
  const reports = Array.from({ length: 9 }, (_, at) => hearing.take(noise(0.1), RATE, at * 250));
  assert.deepEqual(reports.map((each) => each !== null), [false, false, false, false, true, false, false, false, true]);
});

test("the pitch is looked for at any rate of samples, and in nothing at all", () => {
  const slow = Float32Array.from({ length: 1_024 }, (_, at) => Math.sin(2 * Math.PI * 150 * at / 16_000));
  assert.ok(periodicity(slow, 16_000) > 0.9);
  assert.equal(periodicity(new Float32Array(0), RATE), 0);
});
