// @ts-check
/**
 * <item-drawing>: a drawing over a picture, handed in as a PNG of the picture's own size.
 *
 * A pointer draws. By keyboard the drawing has the focus: arrow keys move the pen (with Shift far), the space bar puts it
 * down and lifts it. Whoever can do neither hands in a file instead, with the file field that the server wrote.
 */
import { handIn } from "../hand-in.js";
import { extent, fitted, pointIn } from "../picture.js";
import { ItemUpload } from "./item-upload.js";

const STEP = 4;
const FAR = 5;
const PEN = "#b00020";

export class ItemDrawing extends ItemUpload {
  /** @type {[number, number][][]} */
  #strokes = [];
  #down = false;
  /** @type {[number, number]} */
  #at = [0, 0];
  /** @type {HTMLCanvasElement | null} */
  #canvas = null;

  /** @override */
  start() {
    super.start();
    fitted(this, this.signal);
    const picture = this.find(".picture");
    const image = this.querySelector(".picture__image");
    if (!picture || !(image instanceof HTMLImageElement)) return;
    this.find("canvas")?.remove();
    this.find(".tools")?.remove();
    const canvas = (this.#canvas = document.createElement("canvas"));
    canvas.tabIndex = 0;
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", "Drawing. Arrow keys move the pen, the space bar puts it down or lifts it.");
    picture.append(canvas);
    this.#tools(picture);
    const begin = () => {
      const { width, height } = extent(this);
      [canvas.width, canvas.height] = [width, height];
      this.#at = [Math.round(width / 2), Math.round(height / 2)];
      this.#draw();
    };
    if (image.complete) begin();
    else this.listen(image, "load", begin);
    this.listen(canvas, "pointerdown", (event) => this.#pressed(event));
    this.listen(canvas, "pointermove", (event) => this.#down && event.buttons > 0 && this.#to(pointIn(this, event)));
    this.listen(canvas, "pointerup", () => (this.#down = false));
    this.listen(canvas, "keydown", (event) => this.#key(event));
    this.listen(canvas, "focus", () => this.#draw());
    this.listen(canvas, "blur", () => this.#draw());
  }

  /** @param {HTMLElement} picture */
  #tools(picture) {
    const tools = document.createElement("div");
    tools.className = "tools";
    tools.setAttribute("role", "group");
    tools.setAttribute("aria-label", "Drawing tools");
    tools.append(
      this.#button("Undo", () => this.#strokes.pop()),
      this.#button("Clear", () => (this.#strokes = [])),
      this.#button("Hand in the drawing", () => this.#handIn()),
    );
    picture.after(tools);
  }

  /** @param {string} words @param {() => unknown} act */
  #button(words, act) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "button small";
    button.textContent = words;
    this.listen(button, "click", () => {
      act();
      this.#draw();
    });
    return button;
  }

  /** @param {PointerEvent} event */
  #pressed(event) {
    this.#canvas?.setPointerCapture(event.pointerId);
    this.#down = true;
    this.#at = pointIn(this, event);
    this.#strokes.push([this.#at]);
    this.#draw();
  }

  /** @param {[number, number]} point */
  #to(point) {
    this.#at = point;
    if (this.#down) this.#strokes.at(-1)?.push(point);
    this.#draw();
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (event.key === " ") {
      this.#down = !this.#down;
      if (this.#down) this.#strokes.push([this.#at]);
      this.#draw();
    } else if (way) {
      const far = STEP * (event.shiftKey ? FAR : 1);
      const { width, height } = extent(this);
      const [x, y] = [this.#at[0] + (way[0] ?? 0) * far, this.#at[1] + (way[1] ?? 0) * far];
      this.#to([Math.min(width, Math.max(0, x)), Math.min(height, Math.max(0, y))]);
    } else return;
    event.preventDefault();
  }

  #draw() {
    const canvas = this.#canvas;
    const paper = canvas?.getContext("2d");
    if (!canvas || !paper) return;
    paper.clearRect(0, 0, canvas.width, canvas.height);
    this.#ink(paper);
    if (document.activeElement !== canvas) return;
    const [x, y] = this.#at;
    paper.strokeStyle = this.#down ? PEN : "#000";
    paper.lineWidth = 1;
    paper.strokeRect(x - 6.5, y - 6.5, 13, 13);
  }

  /** @param {CanvasRenderingContext2D} paper */
  #ink(paper) {
    paper.strokeStyle = PEN;
    paper.lineWidth = Math.max(2, Math.round(extent(this).width / 200));
    paper.lineCap = paper.lineJoin = "round";
    for (const [first, ...rest] of this.#strokes) {
      if (!first) continue;
      paper.beginPath();
      paper.moveTo(...first);
      for (const point of rest.length > 0 ? rest : [first]) paper.lineTo(...point);
      paper.stroke();
    }
  }

  /** Picture and ink in one, as they are seen. */
  async #handIn() {
    const image = this.querySelector(".picture__image");
    const sheet = document.createElement("canvas");
    const { width, height } = extent(this);
    [sheet.width, sheet.height] = [width, height];
    const paper = sheet.getContext("2d");
    if (!paper || !(image instanceof HTMLImageElement)) return;
    paper.drawImage(image, 0, 0, width, height);
    this.#ink(paper);
    const file = await new Promise((resolve) => sheet.toBlob(resolve, "image/png"));
    if (file instanceof Blob) await handIn(this, file);
  }
}
