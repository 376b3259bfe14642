/** The JavaScript half of tests/web/test_wire.py: the same vectors, both sides. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { sha256, sha256Hex } from "../../../web/static/js/digest.js";
import { FrameChain, readTile } from "../../../web/static/js/models/frames.js";
import { Outbox } from "../../../web/static/js/models/outbox.js";
import { MemoryStore } from "../../../web/static/js/storage.js";

const vectors = JSON.parse(readFileSync(new URL("../../data/wire.json", import.meta.url), "utf8"));
const bytes = (hex) => Uint8Array.from(Buffer.from(hex, "hex"));

test("a row carries the hash that the server computes", async () => {
  for (const { writer, sha256: expected, ...row } of vectors.rows) {
    const outbox = await Outbox.open(new MemoryStore(), sha256Hex);
    await outbox.welcome(writer, 0);
    assert.deepEqual(await outbox.message(row), { t: "row", ...row, sha256: expected });
  }
});

test("a broken character cannot reach the wire: JSON writes it as an escape", () => {
  assert.equal(JSON.stringify({ RESPONSE: ["\ud800"] }), vectors.rows.at(-1).payload);
});

test("frames are chained byte for byte as the server packs them", async () => {
  const chain = new FrameChain(sha256);
  for (const { captured_at_ms: at, jpeg, message } of vectors.frames) {
    assert.equal(Buffer.from(await chain.wrap(bytes(jpeg), at)).toString("hex"), message);
  }
});

test("a tile is read as the server packed it", () => {
  const { sitting, seq, captured_at_ms: capturedAtMs, jpeg, message } = vectors.tile;
  assert.deepEqual(readTile(bytes(message).buffer), { sitting, track: "camera", seq, capturedAtMs, jpeg: bytes(jpeg) });
});
