// @ts-check
/**
 * <item-points>: points on a picture. Wraps the picture and one text field for each point ("x y"), which hold the answer.
 *
 * Each field is shown as two number fields; arrow keys change them, and a mark on the picture follows. A click on the
 * picture sets the point that was used last, or the first that is not set. For a position object the mark is its picture.
 */
import { extent, fitted, pointIn, svg } from "../picture.js";
import { Element } from "./element.js";

export class ItemPoints extends Element {
  /** @type {Point[]} */
  #points = [];
  /** @type {Point | null} */
  #last = null;

  start() {
    fitted(this, this.signal);
    this.#points = this.all("label.point").map((label) => new Point(label, this));
    const form = this.closest("form");
    if (form) this.listen(form, "exam:restored", () => this.#read());
    this.listen(this, "input", (event) => this.#typed(event.target));
    this.listen(this, "keydown", (event) => this.#begin(event));
    this.listen(this, "focusin", (event) => (this.#last = this.#owner(event.target) ?? this.#last));
    const picture = this.find(".picture");
    if (picture) this.listen(picture, "click", (event) => this.#clicked(event));
    this.#read();
  }

  /** @param {EventTarget | null} target */
  #owner(target) {
    return this.#points.find((each) => each.across === target || each.down === target) ?? null;
  }

  /** @param {MouseEvent} event */
  #clicked(event) {
    const free = this.#last ?? this.#points.find((each) => each.field.value === "") ?? this.#points.at(-1);
    if (!free) return;
    [free.across.valueAsNumber, free.down.valueAsNumber] = pointIn(this, event);
    free.write();
    this.#last = this.#points.length > 1 ? null : free;
    this.#draw();
  }

  /** @param {EventTarget | null} target */
  #typed(target) {
    this.#owner(target)?.write();
    this.#draw();
  }

  /** An arrow key in an empty point begins in the middle. @param {KeyboardEvent} event */
  #begin(event) {
    const point = this.#owner(event.target);
    if (!point || !event.key.startsWith("Arrow") || point.across.value !== "" || point.down.value !== "") return;
    const { width, height } = extent(this);
    [point.across.value, point.down.value] = [String(Math.round(width / 2)), String(Math.round(height / 2))];
    point.write();
    this.#draw();
    event.preventDefault();
  }

  #read() {
    for (const each of this.#points) each.read();
    this.#draw();
  }

  #draw() {
    const canvas = this.querySelector(".picture__areas");
    if (!canvas) return;
    const { width, height } = extent(this);
    this.#points.forEach((each, at) => {
      each.limit(width, height);
      each.draw(canvas, this.#points.length > 1 ? String(at + 1) : "", Math.max(width, height) / 60);
    });
  }
}

/** One point: the field that holds it, the two that show it, and its mark. */
class Point {
  /** @type {HTMLInputElement} */
  across;
  /** @type {HTMLInputElement} */
  down;
  /** @type {HTMLInputElement} */
  field;
  /** @type {globalThis.Element | null} */
  #mark = null;
  #face;

  /** @param {HTMLElement} label @param {Element} within */
  constructor(label, within) {
    const field = label.querySelector("input");
    if (!field) throw new TypeError("a point needs its field");
    this.field = field;
    this.#face = label.closest(".movables");
    const words = label.querySelector("span")?.firstChild?.textContent ?? "";
    const known = label.nextElementSibling?.matches("[data-halves]") ? label.nextElementSibling : null;
    const halves = known ?? document.createElement("div");
    halves.className = "halves";
    halves.setAttribute("data-halves", "");
    halves.setAttribute("role", "group");
    halves.setAttribute("aria-label", words);
    if (!known) label.after(halves);
    halves.replaceChildren();
    [this.across, this.down] = [half(halves, `${words}: x`), half(halves, "y")];
    label.hidden = true;
    this.#clearing(halves, words, within);
  }

  /** @param {globalThis.Element} halves @param {string} words @param {Element} within */
  #clearing(halves, words, within) {
    const clear = document.createElement("button");
    clear.type = "button";
    clear.className = "button small";
    clear.textContent = "Clear";
    clear.setAttribute("aria-label", `Clear ${words.toLowerCase()}`);
    halves.append(clear);
    within.listen(clear, "click", () => {
      this.across.value = this.down.value = "";
      this.field.value = "";
      this.field.dispatchEvent(new Event("change", { bubbles: true }));
      this.#mark?.remove();
      this.#mark = null;
    });
  }

  read() {
    const [x = "", y = ""] = this.field.value.split(" ");
    [this.across.value, this.down.value] = [x, y];
  }

  /** Both halves or nothing: half a point is no answer. */
  write() {
    const [x, y] = [this.across.value, this.down.value];
    const good = x !== "" && y !== "" && this.across.validity.valid && this.down.validity.valid;
    const value = good ? `${Number(x)} ${Number(y)}` : "";
    if (value === this.field.value) return;
    this.field.value = value;
    this.field.dispatchEvent(new Event("input", { bubbles: true }));
  }

  /** @param {number} width @param {number} height */
  limit(width, height) {
    this.across.max = String(width);
    this.down.max = String(height);
  }

  /** @param {globalThis.Element} canvas @param {string} words @param {number} radius */
  draw(canvas, words, radius) {
    this.#mark?.remove();
    this.#mark = null;
    if (this.field.value === "") return;
    const [x = 0, y = 0] = this.field.value.split(" ").map(Number);
    const group = svg("g", { class: "mark" });
    const face = this.#face?.querySelector("img");
    if (face) group.append(...this.#picture(face, x, y));
    else {
      for (const kind of ["halo", "line"]) {
        group.append(svg("circle", { class: kind, cx: x, cy: y, r: radius }));
        group.append(svg("path", { class: kind, d: `M${x - 2 * radius} ${y}H${x + 2 * radius}M${x} ${y - 2 * radius}V${y + 2 * radius}` }));
      }
    }
    if (words) {
      const text = svg("text", { x: x + 1.5 * radius, y: y - 1.5 * radius, "font-size": 2.5 * radius });
      text.textContent = words;
      group.append(text);
    }
    canvas.append(group);
    this.#mark = group;
  }

  /** @param {HTMLImageElement} face @param {number} x @param {number} y */
  #picture(face, x, y) {
    const data = this.#face instanceof HTMLElement ? this.#face.dataset : {};
    const [width = 0, height = 0] = (data["size"] ?? `${face.naturalWidth} ${face.naturalHeight}`).split(" ").map(Number);
    const [left = 0, top = 0] = (data["centre"] ?? `${width / 2} ${height / 2}`).split(" ").map(Number);
    const box = { x: x - left, y: y - top, width, height };
    return [svg("image", { href: face.src, ...box }), svg("rect", { class: "halo", ...box }), svg("rect", { class: "line", ...box })];
  }
}

/** @param {globalThis.Element} parent @param {string} words */
function half(parent, words) {
  const label = document.createElement("label");
  label.className = "field";
  const name = document.createElement("span");
  name.textContent = words;
  const input = document.createElement("input");
  Object.assign(input, { type: "number", min: "0", step: "1", inputMode: "numeric" });
  label.append(name, input);
  parent.append(label);
  return input;
}
