// @ts-check
/** Small choices of the reader, kept on this device where it allows that: text size, a hidden clock. */

/** @param {string} name @returns {string | null} */
export function recall(name) {
  try {
    return localStorage.getItem(`invigil.${name}`);
  } catch {
    return null; // storage refused: the choice lasts as long as the page
  }
}

/** @param {string} name @param {string} value */
export function remember(name, value) {
  try {
    localStorage.setItem(`invigil.${name}`, value);
  } catch {
    // as above
  }
}

/** Apply the kept text size; called once, before anything is drawn by us. */
export function applyTextSize() {
  const size = recall("text");
  if (size === null || size === "100") delete document.documentElement.dataset["text"];
  else document.documentElement.dataset["text"] = size;
}
