// @ts-check
// What is said of a page, and above all what is not: help is never told.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Noticing } from "../../../web/static/js/models/noticing.js";

/** @param {{ closed?: boolean, fullscreen?: boolean }} [rules] */
function page({ closed = true, fullscreen = true } = {}) {
  /** @type {string[]} */
  const said = [];
  const noticing = new Noticing({ closed, fullscreen }, ({ kind, on, extra }) => said.push([kind, on ? "on" : "off", extra].join(" ").trim()));
  return { noticing, said };
}

test("a page out of sight is said once, and that it is back", () => {
  const { noticing, said } = page();
  noticing.seen(true);
  noticing.seen(false);
  noticing.seen(false);
  noticing.seen(true);
  assert.deepEqual(said, ["focus_lost on", "focus_lost off"]);
});

test("a permitted document in another tab is no leaving, until the page was seen again", () => {
  const { noticing, said } = page();
  noticing.documentOpened();
  noticing.seen(false);
  noticing.seen(true);
  assert.deepEqual(said, []);
  noticing.seen(false);
  assert.deepEqual(said, ["focus_lost on"]);
});

test("a page that goes is not said to be out of sight", () => {
  const { noticing, said } = page();
  noticing.leaving();
  noticing.seen(false);
  noticing.full(false);
  assert.deepEqual(said, []);
});

test("full screen is left only by somebody who was in it, and only where the exam asks for it", () => {
  const { noticing, said } = page();
  noticing.full(false);
  assert.deepEqual(said, []);
  assert.equal(noticing.offersFull(false), true);
  noticing.full(true);
  noticing.full(false);
  noticing.full(true);
  assert.deepEqual(said, ["fullscreen_exit on", "fullscreen_exit off"]);
  const free = page({ fullscreen: false });
  free.noticing.full(true);
  free.noticing.full(false);
  assert.deepEqual([free.said, free.noticing.offersFull(false)], [[], false]);
});

test("a Line that begins is told what lasts", () => {
  const { noticing, said } = page();
  noticing.displays(true);
  noticing.seen(false);
  said.length = 0;
  noticing.again();
  assert.deepEqual(said, ["second_display on", "focus_lost on"]);
  noticing.displays(false);
  assert.deepEqual(said.at(-1), "second_display off");
});

test("copying, pasting and printing are prevented and said where they are closed, and neither where they are not", () => {
  const { noticing, said } = page();
  assert.deepEqual([noticing.copied("A valve", false), noticing.pasted("from elsewhere"), noticing.printed()], [true, true, true]);
  assert.deepEqual(said, ["copy on prevented", "paste on prevented", "print on prevented"]);
  const open = page({ closed: false });
  assert.deepEqual([open.noticing.copied("A valve", false), open.noticing.pasted("x"), open.noticing.printed()], [false, false, false]);
  assert.deepEqual(open.said, []);
});

test("moving one's own words within the answers is editing", () => {
  const { noticing, said } = page();
  assert.equal(noticing.copied("first line\nsecond line", true), false);
  assert.equal(noticing.pasted("first line\r\nsecond line "), false);
  assert.deepEqual(said, []);
  assert.equal(noticing.pasted("first line"), true);
  assert.equal(page().noticing.pasted(""), true);
});
