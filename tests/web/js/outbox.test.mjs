import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { sha256Hex } from "../../../web/static/js/digest.js";
import { Outbox } from "../../../web/static/js/models/outbox.js";
import { MemoryStore } from "../../../web/static/js/storage.js";

const chosen = (...ids) => ({ RESPONSE: ids });

async function anOutbox(store = new MemoryStore()) {
  const outbox = await Outbox.open(store, sha256Hex);
  return { outbox, store };
}

test("rows are numbered from one in the order they were added, also when added at once", async () => {
  const { outbox, store } = await anOutbox();
  await Promise.all(["c1", "c2", "c3"].map((id, n) => outbox.add("q01", "answer", chosen(id), n)));
  const kept = (await store.load()).rows;
  assert.deepEqual(kept.map((row) => row.seq), [1, 2, 3]);
  assert.deepEqual(kept.map((row) => row.payload), ['{"RESPONSE":["c1"]}', '{"RESPONSE":["c2"]}', '{"RESPONSE":["c3"]}']);
});

test("a row is in the store before add resolves, and a store that fails keeps the number free", async () => {
  const { outbox, store } = await anOutbox();
  const add = store.add.bind(store);
  store.add = () => Promise.reject(new Error("disk full"));
  await assert.rejects(outbox.add("q01", "answer", chosen("c1"), 1), /disk full/);
  store.add = add;
  assert.equal((await outbox.add("q01", "answer", chosen("c2"), 2)).seq, 1);
});

test("a page that dies leaves everything to the next one", async () => {
  const { outbox, store } = await anOutbox();
  await outbox.welcome(3, 0);
  await outbox.add("q01", "answer", chosen("c1"), 1);
  await outbox.add("q02", "answer", chosen("c2"), 2);
  await outbox.acknowledge(1);
  const next = (await anOutbox(store)).outbox;
  assert.deepEqual([next.writer, next.acked, next.lastSeq, next.pending], [3, 1, 2, 1]);
  assert.deepEqual(next.newest("q02", "answer"), chosen("c2"));
  assert.equal((await next.add("q03", "answer", chosen("c3"), 4)).seq, 3);
});

test("numbers are never used again after everything was acknowledged and forgotten", async () => {
  const { outbox, store } = await anOutbox();
  await outbox.welcome(1, 0);
  await outbox.add("q01", "answer", chosen("c1"), 1);
  await outbox.acknowledge(1);
  const next = (await anOutbox(store)).outbox;
  assert.equal((await next.add("q01", "answer", chosen("c2"), 2)).seq, 2);
});

test("the hash binds writer, number, item, kind, time and payload, as the server computes it", async () => {
  const { outbox } = await anOutbox();
  await outbox.welcome(4, 0);
  const row = await outbox.add("q07", "answer", chosen("ü"), 1_790_000_000_123);
  const expected = createHash("sha256").update('4\n1\nq07\nanswer\n1790000000123\n{"RESPONSE":["ü"]}', "utf8").digest("hex");
  assert.deepEqual(await outbox.message(row), {
    t: "row", seq: 1, item: "q07", kind: "answer", payload: '{"RESPONSE":["ü"]}', client_ms: 1_790_000_000_123, sha256: expected,
  });
});

test("without a writer number nothing can be sent", async () => {
  const { outbox } = await anOutbox();
  const row = await outbox.add("q01", "answer", chosen("c1"), 1);
  await assert.rejects(outbox.message(row), /no writer number/);
});

test("saved is what the server has, and an unreachable server makes waiting rows not saved", async () => {
  const { outbox } = await anOutbox();
  await outbox.welcome(1, 0);
  assert.equal(outbox.stateOf("q01", true), "saved");
  await outbox.add("q01", "answer", chosen("c1"), 1);
  await outbox.add("q02", "answer", chosen("c2"), 2);
  assert.deepEqual([outbox.stateOf("q01", true), outbox.stateOf("q01", false)], ["saving", "not-saved"]);
  await outbox.acknowledge(1);
  assert.deepEqual([outbox.stateOf("q01", false), outbox.stateOf("q02", false)], ["saved", "not-saved"]);
  assert.equal(outbox.stateOf(null, true), "saving");
});

test("merely looking at a question does not make it unsaved", async () => {
  const { outbox } = await anOutbox();
  await outbox.add("q01", "visit", {}, 1);
  assert.equal(outbox.stateOf("q01", false), "saved");
});

test("an older acknowledgement that was overtaken is no alarm", async () => {
  const { outbox } = await anOutbox();
  await outbox.welcome(1, 0);
  for (const n of [1, 2]) await outbox.add("q01", "answer", chosen(`c${n}`), n);
  await outbox.acknowledge(2);
  await outbox.acknowledge(1);
  assert.deepEqual([outbox.acked, outbox.regressed, outbox.stateOf("q01", true)], [2, false, "saved"]);
});

test("a server that greets us with less than it had acknowledged is not believed", async () => {
  const { outbox } = await anOutbox();
  await outbox.welcome(1, 0);
  await outbox.add("q01", "answer", chosen("c1"), 1);
  await outbox.acknowledge(1);
  await outbox.welcome(1, 0, 1);
  assert.deepEqual([outbox.regressed, outbox.stateOf(null, true)], [true, "not-saved"]);
});

test("a new writer number renumbers what is not yet acknowledged, and keeps its order", async () => {
  const { outbox, store } = await anOutbox();
  await outbox.welcome(1, 0);
  for (const n of [1, 2, 4]) await outbox.add("q01", "answer", chosen(`c${n}`), n);
  await outbox.acknowledge(1);
  await outbox.welcome(2, 0);
  assert.deepEqual(outbox.after(0, 9).map((row) => [row.seq, row.client_ms]), [[1, 2], [2, 4]]);
  assert.deepEqual(await store.load(), { writer: 2, acked: 0, rows: outbox.after(0, 9) });
});

test("rows go out oldest first and no more than asked for", async () => {
  const { outbox } = await anOutbox();
  for (let n = 1; n <= 5; n += 1) await outbox.add("q01", "answer", chosen(`c${n}`), n);
  assert.deepEqual(outbox.after(1, 2).map((row) => row.seq), [2, 3]);
});

test("an answer longer than the server takes is refused here, with the outbox unharmed", async () => {
  const { outbox } = await anOutbox();
  await assert.rejects(outbox.add("q01", "answer", chosen("x".repeat(65_536)), 1), RangeError);
  assert.deepEqual([outbox.pending, outbox.lastSeq], [0, 0]);
});

test("going on after a takeover begins a new book, and old answers cannot cover newer ones", async () => {
  const { outbox, store } = await anOutbox();
  await outbox.welcome(3, 0);
  await outbox.add("q01", "answer", chosen("c1"), 1);
  await outbox.abandon();
  assert.deepEqual([outbox.writer, outbox.pending, outbox.lastSeq], [0, 0, 0]);
  assert.deepEqual(await store.load(), { writer: 0, acked: 0, rows: [] });
});

test("after the receipt nothing stays on the device", async () => {
  const { outbox, store } = await anOutbox();
  await outbox.add("q01", "answer", chosen("c1"), 1);
  await outbox.wipe();
  assert.deepEqual((await store.load()).rows, []);
});
