import assert from "node:assert/strict";
import { test } from "node:test";
import { hex, lightAt } from "../../../web/static/js/models/challenge.js";

test("each step of a pattern of light lasts two seconds, and then it is over", () => {
  const seen = [-50, 0, 1_999, 2_000, 3_999, 4_000, 6_000].map((ms) => lightAt("101", ms));
  assert.deepEqual(seen, [true, true, true, false, false, true, null]);
});

test("bytes are told in hexadecimal digits", () => {
  assert.equal(hex(new Uint8Array([0, 15, 255])), "000fff");
});
