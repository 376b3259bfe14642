import assert from "node:assert/strict";
import { createHash, webcrypto } from "node:crypto";
import { test } from "node:test";
import { FrameChain, HEADER_BYTES, cover, readTile, within } from "../../../web/static/js/models/frames.js";

const sha256 = (bytes) => webcrypto.subtle.digest("SHA-256", bytes);
const jpeg = (...bytes) => Uint8Array.from([0xff, 0xd8, ...bytes]);

test("the header is magic, number, moment, previous hash, and then the picture", async () => {
  const chain = new FrameChain(sha256);
  const message = await chain.wrap(jpeg(1, 2, 3), 1_790_000_000_123);
  const view = new DataView(message.buffer);
  assert.equal(new TextDecoder().decode(message.subarray(0, 4)), "IVF1");
  assert.equal(view.getUint32(4), 1);
  assert.equal(view.getBigUint64(8), 1_790_000_000_123n);
  assert.deepEqual(message.subarray(16, HEADER_BYTES), new Uint8Array(32));
  assert.deepEqual(message.subarray(HEADER_BYTES), jpeg(1, 2, 3));
});

test("each frame carries the hash of the whole message before it, in the order of the calls", async () => {
  const chain = new FrameChain(sha256);
  const [first, second, third] = await Promise.all([1, 2, 3].map((n) => chain.wrap(jpeg(n), n)));
  const hash = (bytes) => createHash("sha256").update(bytes).digest("hex");
  const previous = (bytes) => Buffer.from(bytes.subarray(16, HEADER_BYTES)).toString("hex");
  assert.equal(previous(second), hash(first));
  assert.equal(previous(third), hash(second));
  assert.equal(chain.seq, 3);
});

test("a failed digest costs one frame, not the chain", async () => {
  let broken = true;
  const chain = new FrameChain((bytes) => (broken ? Promise.reject(new Error("no crypto")) : sha256(bytes)));
  await assert.rejects(chain.wrap(jpeg(1), 1));
  broken = false;
  await chain.wrap(jpeg(2), 2);
  assert.equal(chain.seq, 1);
});

function aTile(sitting, seq, at, picture) {
  const id = new TextEncoder().encode(sitting);
  const bytes = new Uint8Array(5 + id.length + 12 + picture.length);
  bytes.set(new TextEncoder().encode("IVT1"));
  bytes[4] = id.length;
  bytes.set(id, 5);
  const view = new DataView(bytes.buffer);
  view.setUint32(5 + id.length, seq);
  view.setBigUint64(9 + id.length, BigInt(at));
  bytes.set(picture, 17 + id.length);
  return bytes.buffer;
}

test("a tile is read back", () => {
  const tile = readTile(aTile("s-ada", 7, 1_790_000_000_123, jpeg(9)));
  assert.deepEqual(tile, { sitting: "s-ada", track: "camera", seq: 7, capturedAtMs: 1_790_000_000_123, jpeg: jpeg(9) });
});

test("bytes that are no tile are null at every length, never an exception", () => {
  const whole = aTile("s-ada", 7, 1, jpeg(9));
  const jpegAt = 5 + 5 + 12;
  for (let length = 0; length <= jpegAt; length += 1) assert.equal(readTile(whole.slice(0, length)), null);
  assert.equal(readTile(new TextEncoder().encode("IVF1 something else, long enough").buffer), null);
  assert.equal(readTile(aTile("", 7, 1, jpeg(9))), null);
});

test("a shared screen's tile names its track", () => {
  const { sitting, track } = readTile(aTile("s-ada/screen", 7, 1, jpeg(9)));
  assert.deepEqual([sitting, track], ["s-ada", "screen"]);
});

test("a screen is shown whole, smaller and never larger", () => {
  assert.deepEqual(within(1920, 1080, 640, 480), [640, 360]);
  assert.deepEqual(within(1080, 1920, 640, 480), [270, 480]);
  assert.deepEqual(within(300, 200, 640, 480), [300, 200]);
  assert.deepEqual(within(10_000, 1, 640, 480), [640, 1]);
});

test("a picture fills its frame without being stretched", () => {
  assert.deepEqual(cover(640, 480, 320, 240), [0, 0, 640, 480]);
  assert.deepEqual(cover(1280, 720, 320, 240), [160, 0, 960, 720]);
  assert.deepEqual(cover(480, 848, 320, 240), [0, 244, 480, 360]);
});
