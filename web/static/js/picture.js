// @ts-check
/** Drawing over a picture, in the picture's own coordinates whatever its size on screen. */

/** @param {string} name @param {Record<string, string | number | null>} attributes @returns {SVGElement} */
export function svg(name, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  return made;
}

/** Where the author gave no size, the overlay learns it from the picture. @param {ParentNode} within @param {AbortSignal} signal */
export function fitted(within, signal) {
  const canvas = within.querySelector(".picture__areas");
  const image = within.querySelector(".picture__image");
  if (!canvas || !(image instanceof HTMLImageElement) || canvas.hasAttribute("viewBox")) return;
  const fit = () => canvas.setAttribute("viewBox", `0 0 ${image.naturalWidth || 1} ${image.naturalHeight || 1}`);
  if (image.complete) fit();
  else image.addEventListener("load", fit, { signal });
}

/** @param {ParentNode} within @returns {{ width: number, height: number }} of the authored picture */
export function extent(within) {
  const box = within.querySelector(".picture__areas")?.getAttribute("viewBox")?.split(" ").map(Number) ?? [];
  return { width: box[2] || 1, height: box[3] || 1 };
}

/** Where in the picture a pointer is. @param {ParentNode} within @param {MouseEvent} event @returns {[number, number]} */
export function pointIn(within, event) {
  const rect = within.querySelector(".picture__image, canvas")?.getBoundingClientRect() ?? new DOMRect(0, 0, 1, 1);
  const { width, height } = extent(within);
  const along = Math.round(((event.clientX - rect.left) / rect.width) * width);
  const down = Math.round(((event.clientY - rect.top) / rect.height) * height);
  return [Math.min(width, Math.max(0, along)), Math.min(height, Math.max(0, down))];
}
