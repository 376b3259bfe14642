import assert from "node:assert/strict";
import { test } from "node:test";
import { AT_REST, BACKLOG_BYTES, CAUSES, Pace, SILENT_MS, SLOW_MS, standing } from "../../../web/static/js/models/filming.js";

/** Film for `seconds`; the server confirms each picture after `lagMs`, or never. What was taken, with its time. */
function film(pace, from, seconds, { lagMs = 40, backlog = 0, seq = { last: 0 } } = {}) {
  const taken = [];
  const confirmations = [];
  for (let now = from; now < from + seconds * 1_000; now += 250) {
    for (const each of confirmations.filter((one) => one.at <= now && !one.done)) {
      pace.seen(each.at, each.seq);
      each.done = true;
    }
    const shot = pace.due(now, backlog);
    if (!shot) continue;
    pace.taken(now);
    seq.last += 1;
    pace.sent(now + 30, seq.last);
    confirmations.push({ at: now + 30 + lagMs, seq: seq.last });
    taken.push({ now, ...shot });
  }
  return taken;
}

function begun(told = undefined) {
  const pace = new Pace();
  pace.welcome(0, told);
  return pace;
}

test("at rest a small picture goes out once a second", () => {
  const taken = film(begun({ size: [320, 240], every_ms: 1_000 }), 0, 10);
  assert.equal(taken.length, 10);
  for (const each of taken) assert.deepEqual([each.size, each.quality], [[320, 240], 0.5]);
});

test("while somebody looks pictures are large and good, then small again", () => {
  const pace = begun();
  pace.closer(3_000, [640, 480], 15_000);
  const sizes = film(pace, 3_000, 20).map((each) => [each.size[0], each.quality]);
  assert.deepEqual(sizes.slice(0, 15), Array(15).fill([640, 0.7]));
  assert.deepEqual(sizes.slice(15), Array(5).fill([320, 0.5]));
});

test("a server that confirms late makes it one small picture in five seconds, whoever looks", () => {
  const pace = begun();
  const seq = { last: 0 };
  film(pace, 0, 10, { lagMs: 4_000, seq });
  assert.equal(pace.congested, true);
  pace.closer(10_000, [640, 480], 60_000);
  const taken = film(pace, 10_000, 20, { lagMs: 4_000, seq });
  assert.deepEqual(taken.map((each) => each.size[0]), [320, 320, 320, 320]);
  for (const [at, each] of taken.slice(1).entries()) assert.ok(each.now - taken[at].now >= SLOW_MS - 250);
});

test("nothing is taken on top of a backlog, and three confirmed in time end the congestion", () => {
  const pace = begun();
  const seq = { last: 0 };
  assert.deepEqual(film(pace, 0, 10, { backlog: BACKLOG_BYTES + 1 }), []);
  assert.equal(pace.congested, true);
  const taken = film(pace, 10_000, 20, { seq });
  assert.deepEqual([pace.congested, pace.everyMs], [false, 1_000]);
  assert.ok(taken.length > 8 && taken.length < 15, String(taken.length));
});

test("a late confirmation among good ones begins the count anew", () => {
  const pace = begun();
  pace.due(0, BACKLOG_BYTES + 1);
  for (const [seq, lagMs] of [[1, 10], [2, 10], [3, 2_600], [4, 10], [5, 10]].map(([a, b]) => [a, b])) {
    pace.sent(seq * 5_000, seq);
    pace.seen(seq * 5_000 + lagMs, seq);
    assert.equal(pace.congested, true);
  }
  pace.sent(30_000, 6);
  pace.seen(30_010, 6);
  assert.equal(pace.congested, false);
});

test("a frame the server refused is not waited for once a later one is confirmed", () => {
  const pace = begun();
  pace.sent(0, 1);
  pace.sent(1_000, 2);
  pace.seen(1_050, 2);
  assert.equal(pace.unseen(60_000), false);
  assert.notEqual(pace.due(60_000, 0), null);
  assert.equal(pace.congested, false);
});

test("pictures that are never confirmed are told after five seconds, and a new Line begins anew", () => {
  const pace = begun();
  pace.sent(0, 1);
  assert.deepEqual([pace.unseen(SILENT_MS - 1), pace.unseen(SILENT_MS)], [false, true]);
  pace.welcome(6_000);
  assert.equal(pace.unseen(60_000), false);
});

const WELL = { trouble: null, muted: false, opened: true, noPictureMs: 0, line: true, unseen: false, congested: false };

test("the worst is said first, and each that the server could not know has a cause", () => {
  const worse = [
    ["up", {}], ["slow", { congested: true }], ["unseen", { unseen: true }], ["down", { line: false }],
    ["no-picture", { noPictureMs: SILENT_MS }], ["muted", { muted: true }], ["starting", { opened: false }],
    ["denied", { trouble: "denied" }],
  ];
  let facts = WELL;
  for (const [expected, change] of worse) {
    facts = { ...facts, ...change };
    assert.equal(standing(facts), expected);
  }
  assert.equal(standing({ ...WELL, trouble: "ended" }), "ended");
  assert.deepEqual(
    worse.map(([name]) => CAUSES[name] ?? null),
    [null, "congestion", "congestion", null, "no_picture", "camera_muted", null, "camera_denied"],
  );
});

test("what is told at rest is what the wire says by default", () => {
  assert.deepEqual(AT_REST, { size: [320, 240], quality: 0.5 });
});
