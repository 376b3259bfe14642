import assert from "node:assert/strict";
import { test } from "node:test";
import { mayGo, missing, viewOf, waits } from "../../../web/static/js/models/view.js";

const running = { hold: "ours", line: "up", phase: "RUNNING", hidden: false };

test("the question is on screen only while the sitting runs here and the server was heard lately", () => {
  assert.equal(viewOf(running), "open");
  assert.equal(viewOf({ ...running, line: "down" }), "open"); // below T1 it stays answerable
  assert.equal(viewOf({ ...running, line: "down", hidden: true }), "lost");
});

test("each pause hides the question", () => {
  for (const phase of ["PAUSED_PROCTOR", "PAUSED_INCIDENT", "ADMIN_HOLD", "DISCONNECTED"]) {
    assert.equal(viewOf({ ...running, phase }), "paused", phase);
  }
});

test("every end leads away from the page", () => {
  for (const phase of ["SUBMITTED", "TIME_EXPIRED", "TERMINATED", "SEALED", "VOIDED"]) {
    assert.equal(viewOf({ ...running, phase }), "leaving", phase);
  }
  assert.equal(viewOf({ ...running, line: "ended" }), "leaving");
});

test("another window matters more than a pause, a pause more than a lost connection", () => {
  assert.equal(viewOf({ ...running, hold: "elsewhere", phase: "PAUSED_PROCTOR" }), "other-window");
  assert.equal(viewOf({ ...running, line: "superseded", phase: "SUBMITTED" }), "superseded");
  assert.equal(viewOf({ ...running, hold: "stolen", hidden: true }), "superseded");
  assert.equal(viewOf({ ...running, phase: "PAUSED_INCIDENT", hidden: true }), "paused");
  assert.equal(viewOf({ ...running, line: "signed-out", phase: "PAUSED_INCIDENT" }), "signed-out");
});

test("another question can be opened only with the server in reach", () => {
  const fine = { durable: true, saved: "saving" };
  const reached = ["up", "posting", "connecting", "down", "superseded", "signed-out", "ended"].filter((line) => mayGo({ ...fine, line }));
  assert.deepEqual(reached, ["up", "posting", "connecting"]);
});

test("where the browser keeps nothing, every answer has to be with the server first", () => {
  assert.equal(mayGo({ line: "up", durable: false, saved: "saving" }), false);
  assert.equal(mayGo({ line: "up", durable: false, saved: "saved" }), true);
});

test("on the wall nobody is missed before they begin or after they end", () => {
  const away = (phase) => missing({ phase, line: "down", camera: "down" });
  assert.deepEqual(away("CREATED"), { line: false, camera: false });
  assert.deepEqual(away("READY"), { line: false, camera: true });
  assert.deepEqual(away("RUNNING"), { line: true, camera: true });
  assert.deepEqual(away("SEALED"), { line: false, camera: false });
  assert.deepEqual(missing({ phase: "RUNNING", line: "up", camera: "up" }), { line: false, camera: false });
});

test("the queue holds those who check in or are ready", () => {
  assert.deepEqual(["CREATED", "CHECK_IN", "READY", "RUNNING", "SEALED"].filter(waits), ["CHECK_IN", "READY"]);
});
