// @ts-check
/**
 * <item-areas data-kind="hotspot | order | graphic-order | graphic-associate | graphic-gap-match">: lets a pointer press the
 * areas of a picture. Wraps the interaction as the server wrote it: the picture with an SVG over it (`g[data-area]`), and
 * the controls, which hold the answer. This module only presses those controls and draws what they say, so the
 * keyboard path and the pointer's path cannot differ.
 */
import { svg, fitted } from "../picture.js";
import { Element } from "./element.js";

export class ItemAreas extends Element {
  /** What a first press took up, until a second one says where it belongs. */
  #held = "";

  start() {
    fitted(this, this.signal);
    for (const thing of this.all("[data-thing]")) this.#makePressable(thing);
    this.listen(this, "click", (event) => this.#clicked(event));
    this.listen(this, "change", (event) => this.#changed(event.target));
    const form = this.closest("form");
    if (form) this.listen(form, "exam:restored", () => this.#draw());
    this.#draw();
  }

  get #kind() {
    return this.dataset["kind"] ?? "";
  }

  get #boxes() {
    return [...this.querySelectorAll("input")].filter((each) => each.type === "checkbox" || each.type === "radio");
  }

  get #lists() {
    return [...this.querySelectorAll("select")];
  }

  /** The response as the controls hold it. */
  get #values() {
    const listed = this.#lists.map((each) => each.value).filter((value) => value !== "");
    return [...listed, ...this.#boxes.filter((each) => each.checked).map((each) => each.value)];
  }

  /** @param {HTMLElement} thing */
  #makePressable(thing) {
    if (thing.querySelector("button")) return;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "thing";
    button.append(...thing.childNodes);
    thing.append(button);
  }

  /** @param {MouseEvent} event */
  #clicked(event) {
    if (!(event.target instanceof globalThis.Element)) return;
    const thing = event.target.closest("[data-thing]")?.getAttribute("data-thing");
    const area = event.target.closest("[data-area]")?.getAttribute("data-area");
    if (thing) this.#hold(thing);
    else if (area) this.#press(area);
  }

  /** @param {string} name */
  #hold(name) {
    this.#held = this.#held === name ? "" : name;
    this.#draw();
  }

  /** @param {string} area */
  #press(area) {
    if (this.#kind === "hotspot") this.#boxes.find((each) => each.value === area)?.click();
    else if (this.#kind === "graphic-order") this.#place(area);
    else if (this.#kind === "graphic-associate") this.#pair(area);
    else this.#fill(area);
  }

  /** Into the first free place, or out of the one it has. @param {string} area */
  #place(area) {
    const lists = this.#lists;
    const had = lists.find((each) => each.value === area);
    const free = had ?? lists.find((each) => each.value === "");
    if (free) set(free, had ? "" : area);
  }

  /** @param {string} area */
  #pair(area) {
    const held = this.#held;
    if (held === "" || held === area) return this.#hold(area);
    this.#held = "";
    this.#boxes.find((each) => [`${held} ${area}`, `${area} ${held}`].includes(each.value))?.click();
    this.#draw();
  }

  /** @param {string} area */
  #fill(area) {
    const pair = `${this.#held} ${area}`;
    const of = /** @param {{ value: string }} each */ (each) => each.value.endsWith(` ${area}`);
    const list = this.#lists.find((each) => [...each.options].some(of));
    const box = this.#boxes.find((each) => (this.#held ? each.value === pair : of(each)));
    if (this.#held === "") return void (list ?? box)?.focus();
    this.#held = "";
    if (list) set(list, list.value === pair ? "" : pair);
    else box?.click();
    this.#draw();
  }

  /** @param {EventTarget | null} control */
  #changed(control) {
    if (control instanceof HTMLSelectElement && control.value !== "") this.#giveUp(control);
    this.#draw();
  }

  /** What may be used once only is taken from where it was before. @param {HTMLSelectElement} taken */
  #giveUp(taken) {
    const [thing = ""] = taken.value.split(" ");
    const most = this.#kind.endsWith("order") ? 1 : Number(this.find(`[data-thing="${thing}"]`)?.dataset["most"] ?? 0);
    const others = this.#lists.filter((each) => each !== taken && each.value.split(" ")[0] === thing);
    if (most > 0) for (const each of others.slice(0, Math.max(0, others.length + 1 - most))) each.value = "";
  }

  #draw() {
    const values = this.#values;
    const used = new Set(values.flatMap((value) => value.split(" ")));
    for (const group of this.querySelectorAll("[data-area]")) {
      const area = group.getAttribute("data-area") ?? "";
      group.toggleAttribute("data-chosen", used.has(area));
      group.toggleAttribute("data-held", this.#held === area);
      if (this.#kind === "graphic-order") this.#rank(group, values.indexOf(area) + 1);
      if (this.#kind === "graphic-gap-match") this.#show(group, values.filter((value) => value.endsWith(` ${area}`)));
    }
    for (const thing of this.all("[data-thing]")) {
      const name = thing.dataset["thing"] ?? "";
      thing.querySelector("button")?.setAttribute("aria-pressed", String(this.#held === name));
      thing.toggleAttribute("data-used", used.has(name));
    }
    if (this.#kind === "graphic-associate") this.#connect(values);
  }

  /** @param {globalThis.Element} group @param {number} rank */
  #rank(group, rank) {
    const mark = group.querySelector("text");
    if (!mark) return;
    mark.setAttribute("data-number", mark.getAttribute("data-number") ?? mark.textContent ?? "");
    mark.textContent = rank > 0 ? `${mark.getAttribute("data-number")} → ${rank}.` : mark.getAttribute("data-number");
  }

  /** The pictures that lie on an area. @param {globalThis.Element} group @param {string[]} pairs */
  #show(group, pairs) {
    for (const old of group.querySelectorAll("image, .placed")) old.remove();
    const shape = group.querySelector(".line");
    if (!(shape instanceof SVGGraphicsElement)) return;
    const box = shape.getBBox();
    pairs.forEach((pair, at) => {
      const thing = this.find(`[data-thing="${pair.split(" ")[0]}"]`);
      const face = thing?.querySelector("img");
      const width = box.width / pairs.length;
      const place = { x: box.x + at * width, y: box.y, width, height: box.height };
      shape.after(face ? svg("image", { href: face.src, ...place }) : this.#words(group, thing?.textContent ?? "", at));
    });
  }

  /** @param {globalThis.Element} group @param {string} words @param {number} at */
  #words(group, words, at) {
    const mark = group.querySelector("text:not(.placed)");
    const size = Number(mark?.getAttribute("font-size") ?? 16);
    const place = { x: Number(mark?.getAttribute("x")), y: Number(mark?.getAttribute("y")) + size * (at + 1.3) };
    const text = svg("text", { class: "placed", "font-size": size, "text-anchor": "middle", "dominant-baseline": "central", ...place });
    text.textContent = words.trim();
    return text;
  }

  /** @param {string[]} pairs */
  #connect(pairs) {
    const canvas = this.querySelector(".picture__areas");
    if (!canvas) return;
    for (const old of canvas.querySelectorAll("line")) old.remove();
    for (const pair of pairs) {
      const ends = pair.split(" ").map((name) => canvas.querySelector(`[data-area="${name}"] text`));
      const [from, to] = ends;
      if (!from || !to) continue;
      const at = { x1: from.getAttribute("x"), y1: from.getAttribute("y"), x2: to.getAttribute("x"), y2: to.getAttribute("y") };
      canvas.prepend(svg("line", { ...at, class: "pair" }));
    }
  }
}

/** As a person would: with the event that says so. @param {HTMLSelectElement} list @param {string} value */
function set(list, value) {
  list.value = value;
  list.dispatchEvent(new Event("change", { bubbles: true }));
}
