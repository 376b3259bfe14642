// @ts-check
/**
 * <proctor-wall data-exam data-ticket data-ticket-url data-line-url data-csrf [data-open]>: the live wall, or, with
 * `data-open="<sitting>"`, one sitting large.
 *
 * Inside: articles `[data-sitting]` with a <canvas data-track> for each track and `[data-part]` words (name, phase, line, camera, answered,
 * items, minutes, events); a `<template data-tile>` for newcomers; `[data-phase-words]` with the words per phase;
 * `dialog[data-attention]` with `[data-seconds]` and `[data-here]`; `[data-presence]`; `[data-say="lost"]`; `[data-alarm]`, shown while that alarm holds; `[data-aloud]`,
 * a live region.
 * Pictures are decoded off the page's thread and drawn; while one is being decoded, newer ones replace each other.
 */
import { readTile } from "../models/frames.js";
import { missing, waits } from "../models/view.js";
import { arranged } from "../models/wall.js";
import { SteadyLine } from "../steady-line.js";
import { tick } from "../ticker.js";
import { Element } from "./element.js";
/** @import { Phase, ProctorMessage, Tile, TileFrame } from "../types.d.ts" */

const BEAT_MS = 5_000;
const EVENTS_SHOWN = 3;

export class ProctorWall extends Element {
  /** @type {SteadyLine | null} */
  #line = null;
  /** @type {Map<string, TileFrame>} the newest picture of each track that waits to be drawn */
  #waiting = new Map();
  /** @type {Set<string>} */
  #drawing = new Set();
  #attention = { id: "", until: 0 };

  start() {
    const { exam = "", ticket = "", ticketUrl = "", csrf = "", lineUrl = "", open } = this.dataset;
    this.#line = new SteadyLine({
      url: lineUrl, ticket, ticketUrl, csrf, signal: this.signal,
      hello: (own) => ({ t: "hello", ticket: own, exam, show: this.dataset["show"] ?? "all" }),
      heard: (data) => this.#heard(data, open),
      changed: () => this.#lost(),
    });
    tick(BEAT_MS, () => this.#line?.send({ t: "beat" }), this.signal);
    tick(1_000, () => this.#countDown(), this.signal);
    for (const each of this.all("[data-here]")) this.listen(each, "click", () => this.#here());
  }

  /** @param {string | ArrayBuffer} data @param {string | undefined} open */
  #heard(data, open) {
    if (typeof data !== "string") {
      const frame = readTile(data);
      if (frame) this.#arrived(frame);
      return;
    }
    const message = /** @type {ProctorMessage} */ (JSON.parse(data));
    if (message.t === "tiles") {
      this.say();
      this.#presence("up");
      for (const tile of message.tiles) this.#heardOf(tile, open);
      this.#arrange();
      if (open) this.#line?.send({ t: "open", sitting: open });
    }
    if (message.t === "tile") {
      this.#heardOf(message, open);
      this.#arrange();
    }
    if (message.t === "gone" && !open) this.#article(message.sitting)?.remove();
    if (message.t === "alarms") for (const each of this.all("[data-alarm]")) each.hidden = !message.on.includes(each.dataset["alarm"] ?? "");
    if (message.t === "attention") this.#ask(message.id, message.within_s);
  }

  /** @param {Tile} tile @param {string | undefined} open */
  #heardOf(tile, open) {
    this.#place(tile);
    if (tile.sitting === open) this.#log(tile);
  }

  /**
   * What needs a person comes first, as the server orders a new page. The tile that somebody is at stays where it is:
   * moved, it would lose the focus.
   */
  #arrange() {
    const wall = this.find("[data-wall]");
    if (!wall) return;
    const tiles = /** @type {HTMLElement[]} */ ([...wall.children]);
    const facts = tiles.map(({ dataset }) => ({ mine: dataset["mine"] === "yes", needs: dataset["needs"] ?? "", since: Number(dataset["since"] ?? 0) }));
    const held = tiles.findIndex((each) => each.contains(document.activeElement));
    const order = arranged(facts, held);
    order.forEach((from, to) => {
      const tile = tiles[from];
      const there = wall.children[to];
      if (tile && there && there !== tile && from !== held) wall.insertBefore(tile, there);
    });
  }

  /** @param {Tile} tile */
  #place(tile) {
    const article = this.#article(tile.sitting) ?? this.#newTile(tile.sitting);
    if (!article) return;
    const link = article.querySelector('[data-part="name"]');
    if (link instanceof HTMLAnchorElement) link.href = `/proctor/sitting/${encodeURIComponent(tile.sitting)}`;
    article.setAttribute("aria-label", tile.name);
    if (article.dataset["needs"] !== tile.needs) article.dataset["since"] = String(Date.now());
    article.dataset["needs"] = tile.needs;
    article.dataset["mine"] = tile.mine ? "yes" : "no";
    this.#part(article, "hand")?.toggleAttribute("hidden", !tile.hand);
    this.#part(article, "message")?.toggleAttribute("hidden", !tile.message);
    this.#named(article, "station", tile.station);
    this.#named(article, "proctor", tile.mine ? "" : tile.proctor);
    this.#write(article, "name", tile.name);
    this.#write(article, "answered", String(tile.answered));
    this.#write(article, "items", String(tile.items));
    this.#write(article, "minutes", String(Math.floor(tile.remaining_ms / 60_000)));
    const missed = missing(tile);
    this.#part(article, "line")?.toggleAttribute("hidden", !missed.line);
    this.#camera(article, tile, missed.camera);
    this.#part(article, "alone")?.toggleAttribute("hidden", !tile.alone);
    this.#phase(article, tile, missed.line || missed.camera);
    this.#part(article, "events")?.replaceChildren(...tile.events.slice(0, EVENTS_SHOWN).map((event) => {
      const entry = document.createElement("li");
      entry.textContent = event.text;
      return entry;
    }));
  }

  /**
   * A camera without a picture is said at once, in words on the tile and aloud for whoever listens.
   * @param {HTMLElement} article @param {Tile} tile @param {boolean} missed
   */
  #camera(article, tile, missed) {
    const badge = this.#part(article, "camera");
    if (!(badge instanceof HTMLElement)) return;
    const words = missed ? (badge.dataset[tile.camera] ?? "") : "";
    if (missed) badge.textContent = words;
    const aloud = this.find("[data-aloud]");
    if (aloud && missed && badge.hidden) aloud.textContent = `${tile.name}: ${words}`;
    badge.hidden = !missed;
  }

  /** @param {HTMLElement} article @param {Tile} tile @param {boolean} missed */
  #phase(article, tile, missed) {
    const word = this.find(`[data-phase-words] [data-phase="${CSS.escape(tile.phase)}"]`);
    const badge = document.createElement("span");
    const kind = word?.dataset["kind"] ?? "";
    badge.className = `badge ${kind}`.trim();
    badge.textContent = word?.textContent ?? tile.phase;
    this.#part(article, "phase")?.replaceChildren(badge);
    article.dataset["level"] = kind === "stop" || tile.hand ? "stop" : kind === "care" || missed || tile.message ? "care" : "";
    article.dataset["phase"] = tile.phase;
    const queue = this.find("[data-queue]");
    if (queue) queue.textContent = String(this.all("article[data-phase]").filter((each) => waits(/** @type {Phase} */ (each.dataset["phase"]))).length);
  }

  /** The open sitting's list of events grows while one looks at it. @param {Tile} tile */
  #log(tile) {
    const log = this.find("[data-event-log]");
    if (!log) return;
    this.show("[data-changed]", this.dataset["phase"] !== tile.phase);
    const known = Date.parse(log.querySelector("time")?.dateTime ?? "") || 0;
    const fresh = tile.events.filter((event) => Date.parse(event.at) > known).sort((a, b) => a.at.localeCompare(b.at));
    if (fresh.length > 0) this.show("[data-none]", false);
    for (const event of fresh) {
      const entry = document.createElement("li");
      const at = document.createElement("local-time");
      const time = document.createElement("time");
      const text = document.createElement("span");
      at.dataset["style"] = "clock";
      time.dateTime = event.at;
      text.textContent = event.text;
      at.append(time);
      entry.append(at, text);
      log.prepend(entry);
    }
  }

  /** @param {string} sitting */
  #newTile(sitting) {
    const template = this.querySelector("template");
    const wall = this.find("[data-wall]");
    const article = template?.content.querySelector("article")?.cloneNode(true);
    if (!wall || !(article instanceof HTMLElement)) return null;
    article.dataset["sitting"] = sitting;
    wall.append(article);
    this.show("[data-empty]", false);
    return article;
  }

  /** @param {TileFrame} frame */
  #arrived(frame) {
    const name = `${frame.sitting}/${frame.track}`;
    this.#waiting.set(name, frame);
    if (!this.#drawing.has(name)) void this.#drawAll(name);
  }

  /** @param {string} name of a sitting's track */
  async #drawAll(name) {
    this.#drawing.add(name);
    for (let frame = this.#waiting.get(name); frame; frame = this.#waiting.get(name)) {
      this.#waiting.delete(name);
      await this.#draw(frame);
    }
    this.#drawing.delete(name);
  }

  /** @param {TileFrame} frame */
  async #draw({ sitting, track, jpeg }) {
    const canvas = this.#article(sitting)?.querySelector(`canvas[data-track="${CSS.escape(track)}"]`);
    if (!(canvas instanceof HTMLCanvasElement)) return;
    canvas.hidden = false; // a screen's stands hidden until it is shared
    try {
      const picture = await createImageBitmap(new Blob([jpeg], { type: "image/jpeg" }));
      if (canvas.width !== picture.width || canvas.height !== picture.height) {
        canvas.width = picture.width;
        canvas.height = picture.height;
      }
      canvas.getContext("2d", { alpha: false })?.drawImage(picture, 0, 0);
      picture.close();
      canvas.dataset["drawn"] = String(Number(canvas.dataset["drawn"] ?? 0) + 1);
    } catch {
      // a picture that cannot be decoded costs itself only; the watch on the server records it as a signal
    }
  }

  /** @param {string} id @param {number} withinS */
  #ask(id, withinS) {
    this.#attention = { id, until: performance.now() + withinS * 1_000 };
    const dialog = this.querySelector("dialog[data-attention]");
    if (dialog instanceof HTMLDialogElement && !dialog.open) dialog.showModal();
    this.#countDown();
  }

  #here() {
    this.#line?.send({ t: "attention", id: this.#attention.id });
    this.#closeAttention();
    this.#presence("up");
  }

  #countDown() {
    const left = Math.ceil((this.#attention.until - performance.now()) / 1_000);
    const seconds = this.find("[data-seconds]");
    if (seconds) seconds.textContent = String(Math.max(0, left));
    if (this.#attention.id && left <= 0) this.#presence("down");
  }

  #closeAttention() {
    this.#attention = { id: "", until: 0 };
    const dialog = this.querySelector("dialog[data-attention]");
    if (dialog instanceof HTMLDialogElement) dialog.close();
  }

  #lost() {
    this.say("lost");
    this.#presence("lost");
    this.#closeAttention();
  }

  /** @param {"up" | "down" | "lost"} state */
  #presence(state) {
    const badge = this.find("[data-presence]");
    if (!badge) return;
    const words = { up: "wordsUp", down: "wordsDown", lost: "wordsLost" };
    badge.textContent = badge.dataset[words[state]] ?? "";
    badge.className = `badge ${state === "up" ? "good" : "stop"}`;
  }

  /** @param {string} sitting */
  #article(sitting) {
    return this.find(`article[data-sitting="${CSS.escape(sitting)}"]`);
  }

  /** @param {globalThis.Element} article @param {string} name */
  #part(article, name) {
    return article.querySelector(`[data-part="${name}"]`);
  }

  /** A sentence with a name in it, hidden without one. @param {globalThis.Element} article @param {string} part @param {string} name */
  #named(article, part, name) {
    const sentence = this.#part(article, part);
    sentence?.toggleAttribute("hidden", name === "");
    const place = sentence?.querySelector("span");
    if (place) place.textContent = name;
  }

  /** @param {globalThis.Element} article @param {string} name @param {string} text */
  #write(article, name, text) {
    const part = this.#part(article, name);
    if (part && part.textContent !== text) part.textContent = text;
  }
}
