// @ts-check
/**
 * A file as an answer: sends it over the resumable path and puts its name into the field that holds the answer.
 * What it says while it goes on is one sentence in the page's own words.
 */
import { UploadWire } from "./upload-wire.js";
/** @import { UploadEffect } from "./types.d.ts" */

const SENTENCES = {
  sending: "Sending",
  waiting: "The connection is interrupted. Sending goes on by itself.",
  done: "The file has been handed in.",
  refused: "The file was not taken.",
  none: "No file has been handed in yet.",
};

/** @param {HTMLElement} within @param {keyof SENTENCES} what @param {string} [more] */
function say(within, what, more = "") {
  const status = within.querySelector("[data-status]");
  if (status) status.textContent = `${SENTENCES[what]}${more}`;
}

/** @param {HTMLElement} within the interaction @returns {HTMLInputElement | null} the field that holds the answer */
function answerOf(within) {
  return within.querySelector('input[type="hidden"][name^="response."]');
}

/** What the answer says now. @param {HTMLElement} within */
export function tellStanding(within) {
  say(within, answerOf(within)?.value ? "done" : "none");
}

/** @param {HTMLElement} within the interaction @param {Blob} file */
export async function handIn(within, file) {
  const sitting = within.closest("exam-sitting");
  const item = within.closest("[data-page]");
  const answer = answerOf(within);
  if (!(sitting instanceof HTMLElement) || !(item instanceof HTMLElement) || !answer) return;
  const { sitting: name = "", csrf = "" } = sitting.dataset;
  say(within, "sending");
  const wire = await UploadWire.begin(file, { url: `/sit/${name}/uploads`, item: item.dataset["item"] ?? "", csrf });
  wire.addEventListener("effect", (event) => event instanceof CustomEvent && progress(within, event.detail));
  try {
    answer.value = await wire.finished;
    answer.dispatchEvent(new Event("change", { bubbles: true }));
    say(within, "done");
  } catch {
    // `progress` has said why
  }
}

/** @param {HTMLElement} within @param {UploadEffect} effect */
function progress(within, effect) {
  if (effect.do === "progress") say(within, "sending", `: ${Math.round((100 * effect.sent) / effect.size)} %`);
  if (effect.do === "wait") say(within, "waiting");
  if (effect.do === "refused") say(within, "refused", ` ${effect.sentence}`);
}
