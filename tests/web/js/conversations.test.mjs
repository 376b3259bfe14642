/**
 * The browser's outbox and Line replay the conversations that the server replays too: tests/vectors/conversations.json,
 * made and held to the Python side by tests/scripts/conversations.py.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Line } from "../../../web/static/js/models/line.js";
import { Outbox } from "../../../web/static/js/models/outbox.js";

const TALKS = JSON.parse(readFileSync(new URL("../../vectors/conversations.json", import.meta.url), "utf8"));
const digest = async (text) => createHash("sha256").update(text, "utf8").digest("hex");

/** A store that keeps everything in memory. */
function aStore() {
  let kept = { writer: 0, acked: 0, rows: [] };
  return {
    durable: true,
    async load() { return structuredClone(kept); },
    async add(row) { kept.rows.push(structuredClone(row)); },
    async trim(acked) { kept = { ...kept, acked, rows: kept.rows.filter((row) => row.seq > acked) }; },
    async replace(writer, acked, rows) { kept = { writer, acked, rows: structuredClone(rows) }; },
    async wipe() { kept = { writer: 0, acked: 0, rows: [] }; },
  };
}

/** One window: the models, and the little that the browser's shell does between them. */
class Browser {
  static async open(LineClass = Line) {
    const browser = new Browser();
    browser.outbox = await Outbox.open(aStore(), digest);
    browser.line = new LineClass({ ticket: null, outbox: browser.outbox, random: () => 0.5, wall: () => 0 });
    browser.said = 0;
    return browser;
  }

  async step(call, given, now) {
    if (call === "add") {
      await this.outbox.add(...given);
      return this.#onTheWire(this.line.rowsAdded(now));
    }
    if (call === "posted" && this.outbox.writer === 0 && given[0].writer) {
      await this.outbox.welcome(given[0].writer, given[0].acked);
    }
    const effects = call === "postFailed"
      ? this.line.postFailed(given[0], given[1], now, given[2])
      : this.line[call](...given, now);
    if (call === "opened" && effects.length > 0) this.said = effects[0].message.last_acked;
    const more = [];
    for (const effect of effects) {
      if (effect.do === "welcome") await this.outbox.welcome(effect.welcome.writer, effect.welcome.acked, this.said);
      else if (effect.do === "acked") await this.outbox.acknowledge(effect.upto);
      else continue;
      more.push(...this.line.booked(now));
    }
    return this.#onTheWire([...effects, ...more]);
  }

  async #onTheWire(effects) {
    return Promise.all(effects.map(async (effect) => (
      "rows" in effect ? { ...effect, rows: await Promise.all(effect.rows.map((row) => this.outbox.message(row))) } : effect
    )));
  }
}

/** What each window does at each of its steps. */
async function replay(steps, LineClass = Line) {
  const browsers = new Map();
  const found = [];
  for (const { window, call, with: given, at } of steps.filter((step) => "window" in step)) {
    if (!browsers.has(window)) browsers.set(window, await Browser.open(LineClass));
    found.push(JSON.parse(JSON.stringify(await browsers.get(window).step(call, given, at))));
  }
  return found;
}

const written = (steps) => steps.filter((step) => "window" in step).map((step) => step.effects);

for (const { what, steps } of TALKS) {
  test(`as it is written: ${what}`, async () => {
    assert.deepEqual(await replay(steps), written(steps));
  });
}

test("a Line that drifts is caught", async () => {
  class Deaf extends Line {
    received(message, now) {
      return message.t === "ack" ? [] : super.received(message, now);
    }
  }
  const { steps } = TALKS.find(({ what }) => what === "greeting");
  assert.notDeepEqual(await replay(steps, Deaf), written(steps));
});
