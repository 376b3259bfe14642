import assert from "node:assert/strict";
import { test } from "node:test";
import { LEAST_CHUNK_BYTES, MOST_CHUNK_BYTES, Upload } from "../../../web/static/js/models/upload.js";

const SIZE = MOST_CHUNK_BYTES * 2 + 1_000;

const anUpload = (more = {}) => new Upload({
  item: "q01", mediaType: "image/png", size: SIZE, sha256: "ab", random: () => 0.5, ...more,
});
const told = (offset, more = {}) => ({
  upload: "upl-1", offset, size_bytes: SIZE, finished: false, late: false, dropped: null, ...more,
});
const names = (effects) => effects.map((effect) => effect.do);
const sent = (effects) => effects.filter((effect) => effect.do === "send").map(({ from, upto }) => [from, upto]);

/** Announced, with the first chunk under way. */
function sending(upload = anUpload()) {
  upload.start(0);
  upload.told(told(0), 0);
  return upload;
}

test("a file is announced, sent chunk by chunk, and done", () => {
  const upload = anUpload();
  assert.deepEqual(upload.start(0), [
    { do: "announce", announced: { item: "q01", media_type: "image/png", size_bytes: SIZE, sha256: "ab" } },
  ]);
  assert.deepEqual(upload.told(told(0), 0), [
    { do: "progress", sent: 0, size: SIZE },
    { do: "send", upload: "upl-1", from: 0, upto: MOST_CHUNK_BYTES },
  ]);
  assert.deepEqual(sent(upload.told(told(MOST_CHUNK_BYTES), 1)), [[MOST_CHUNK_BYTES, 2 * MOST_CHUNK_BYTES]]);
  assert.deepEqual(sent(upload.told(told(2 * MOST_CHUNK_BYTES), 2)), [[2 * MOST_CHUNK_BYTES, SIZE]]);
  assert.deepEqual(upload.told(told(SIZE, { finished: true, late: true }), 3), [
    { do: "progress", sent: SIZE, size: SIZE },
    { do: "done", upload: "upl-1", late: true },
  ]);
  assert.deepEqual([upload.state, upload.name, upload.offset], ["done", "upl-1", SIZE]);
});

test("a cut is waited out, and the file announced again says where to go on", () => {
  const upload = sending();
  assert.deepEqual(upload.failed(0, "", "", 1_000), [{ do: "wait", code: "" }]);
  assert.equal(upload.state, "waiting");
  assert.deepEqual(upload.tick(1_249), []);
  assert.deepEqual(names(upload.tick(1_250)), ["announce"]);
  assert.deepEqual(upload.tick(9_999), []); // one question at a time
  assert.deepEqual(sent(upload.told(told(100_000), 1_300)), [[100_000, 100_000 + MOST_CHUNK_BYTES / 2]]);
});

test("waits double up to a bound, and start anew after a success", () => {
  const upload = anUpload();
  upload.start(0);
  const waits = [];
  for (let now = 0, n = 0; n < 7; n += 1) {
    upload.failed(0, "", "", now);
    let wait = 0;
    while (upload.tick(now + wait).length === 0) wait += 125;
    waits.push(wait);
    now += wait;
  }
  assert.deepEqual(waits, [250, 500, 1_000, 2_000, 4_000, 4_000, 4_000]);
  upload.told(told(0), 0);
  upload.failed(503, "BUSY", "", 0);
  assert.deepEqual(names(upload.tick(250)), ["announce"]);
});

test("chunks get smaller on a bad network, never smaller than the floor", () => {
  const upload = sending();
  for (let n = 0; n < 9; n += 1) {
    upload.failed(0, "", "", 0);
    upload.tick(10_000);
    upload.told(told(0), 0);
  }
  upload.failed(0, "", "", 0);
  upload.tick(10_000);
  assert.deepEqual(sent(upload.told(told(0), 0)), [[0, LEAST_CHUNK_BYTES]]);
});

test("a failed announcement does not shrink chunks", () => {
  const upload = anUpload();
  upload.start(0);
  upload.failed(0, "", "", 0);
  upload.tick(10_000);
  assert.deepEqual(sent(upload.told(told(0), 0)), [[0, MOST_CHUNK_BYTES]]);
});

test("a wrong offset is asked for anew, at once", () => {
  assert.deepEqual(names(sending().failed(409, "UPLOAD_OFFSET", "", 0)), ["announce"]);
});

test("everything arrived and only the end was lost: an empty chunk finishes it", () => {
  const upload = anUpload();
  upload.start(0);
  assert.deepEqual(sent(upload.told(told(SIZE), 0)), [[SIZE, SIZE]]);
});

test("a file finished before is done at its announcement", () => {
  const upload = anUpload();
  upload.start(0);
  assert.deepEqual(names(upload.told(told(SIZE, { finished: true }), 0)), ["progress", "done"]);
});

test("a damaged file is sent again, three times in all", () => {
  const upload = sending();
  for (const expected of [["announce"], ["announce"], ["refused"]]) {
    assert.deepEqual(names(upload.failed(409, "UPLOAD_DAMAGED", "", 0)), expected);
    upload.told(told(0), 0);
  }
});

test("an upload that was replaced meanwhile is announced again; a sitting that is not there is the end", () => {
  const upload = sending();
  assert.deepEqual(names(upload.failed(404, "NOT_FOUND", "", 0)), ["wait"]);
  assert.deepEqual(names(upload.tick(10_000)), ["announce"]);
  assert.deepEqual(names(upload.failed(404, "NOT_FOUND", "", 0)), ["refused"]);
});

test("a refusal is final and told, and nothing follows it", () => {
  const upload = sending();
  assert.deepEqual(upload.failed(409, "TIME_OVER", "The time is over", 0), [
    { do: "refused", code: "TIME_OVER", sentence: "The time is over" },
  ]);
  assert.equal(upload.state, "refused");
  assert.deepEqual([upload.told(told(9), 0), upload.failed(0, "", "", 0), upload.tick(99_999)], [[], [], []]);
});

test("the network's return shortens the wait and starts nothing twice", () => {
  const upload = sending();
  assert.deepEqual(upload.networkBack(0), []);
  for (let n = 0; n < 6; n += 1) {
    upload.failed(0, "", "", 0);
    if (n < 5) upload.tick(10_000);
  }
  assert.deepEqual(upload.networkBack(100), []);
  assert.deepEqual(names(upload.tick(350)), ["announce"]);
});
