// @ts-check
/**
 * The browser's events about its own page, handed to models/noticing.js, and what is prevented where the exam says so.
 *
 * Only these are listened to: visibility, full screen, the number of screens, copy, cut, paste and print. Neither the
 * focus nor the size of the page is: assistive technology changes both.
 */
import { Noticing } from "./models/noticing.js";
import { tick } from "./ticker.js";
/** @import { Notice } from "./models/noticing.js" */

const SCREENS_EVERY_MS = 5_000;
const ANSWERS = "input, textarea, [contenteditable]";

/**
 * @param {{ closed: boolean, fullscreen: boolean }} rules
 * @param {{ said: (notice: Notice) => void, prevented: () => void, offer: (full: boolean) => void }} then
 * @param {AbortSignal} signal
 */
export function followPage(rules, { said, prevented, offer }, signal) {
  const noticing = new Noticing(rules, said);
  /** @param {EventTarget} target @param {string} type @param {(event: any) => void} act */
  const listen = (target, type, act) => target.addEventListener(type, act, { signal, capture: true });
  /** @param {Event} event @param {boolean} prevent */
  const maybePrevent = (event, prevent) => {
    if (!prevent) return;
    event.preventDefault();
    prevented();
  };
  const full = () => document.fullscreenElement !== null || matchMedia("(display-mode: fullscreen)").matches;
  const screens = () => noticing.displays(/** @type {{ isExtended?: boolean }} */ (/** @type {unknown} */ (screen)).isExtended === true);
  const filled = () => {
    noticing.full(full());
    offer(noticing.offersFull(full()));
  };

  listen(window, "pagehide", () => noticing.leaving());
  listen(document, "visibilitychange", () => noticing.seen(!document.hidden));
  listen(document, "fullscreenchange", filled);
  listen(matchMedia("(display-mode: fullscreen)"), "change", filled);
  listen(document, "click", (event) => event.target.closest?.("a[target=_blank]") && noticing.documentOpened());
  for (const type of ["copy", "cut"]) {
    listen(document, type, (event) => maybePrevent(event, noticing.copied(...taken(event.target))));
  }
  listen(document, "paste", (event) => maybePrevent(event, noticing.pasted(event.clipboardData?.getData("text/plain") ?? "")));
  listen(document, "keydown", (event) => asksToPrint(event) && maybePrevent(event, noticing.printed()));
  listen(window, "beforeprint", () => noticing.printed());
  tick(SCREENS_EVERY_MS, screens, signal);
  screens();
  filled();
  return noticing;
}

/** Fill the screen with the page; the browser wants a press of a button for it. */
export async function fillScreen() {
  await document.documentElement.requestFullscreen?.({ navigationUI: "hide" }).catch(() => undefined);
}

/** What is being copied, and whether it is out of an answer. @param {any} target @returns {[string, boolean]} */
function taken(target) {
  const field = target?.closest?.(ANSWERS);
  if (field && typeof field.selectionStart === "number") {
    return [field.value.slice(field.selectionStart, field.selectionEnd), true];
  }
  return [String(getSelection() ?? ""), Boolean(field)];
}

/** @param {KeyboardEvent} event */
function asksToPrint(event) {
  return (event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === "p";
}
