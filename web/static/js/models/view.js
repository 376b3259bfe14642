// @ts-check
/**
 * What the candidate sees of the page, decided in one place from four facts. Exactly one view at a time.
 *
 * The order is the rule: another window matters more than a pause, a pause more than a lost connection. The
 * question is on screen in the view "open" only.
 */
/** @import { LineState, Phase, SaveState } from "../types.d.ts" */

/** @typedef {"open" | "other-window" | "superseded" | "signed-out" | "paused" | "lost" | "leaving"} View */
/** @typedef {"ours" | "elsewhere" | "stolen"} Hold who holds this browser's outbox of this sitting */

/** @type {ReadonlySet<Phase>} */
const PAUSED = new Set(/** @type {Phase[]} */ (["BREAK", "PAUSED_PROCTOR", "PAUSED_INCIDENT", "ADMIN_HOLD", "DISCONNECTED"]));
/** @type {ReadonlySet<Phase>} */
const ENDED = new Set(/** @type {Phase[]} */ (["SUBMITTED", "TIME_EXPIRED", "TERMINATED", "SEALED", "VOIDED"]));

/**
 * @param {{ hold: Hold, line: LineState, phase: Phase, hidden: boolean }} facts `hidden`: T1 passed without a word
 * @returns {View}
 */
export function viewOf({ hold, line, phase, hidden }) {
  if (hold === "elsewhere") return "other-window";
  if (hold === "stolen" || line === "superseded") return "superseded";
  if (line === "signed-out") return "signed-out";
  if (ENDED.has(phase) || line === "ended") return "leaving";
  if (PAUSED.has(phase)) return "paused";
  return hidden ? "lost" : "open";
}

/**
 * May another question be opened? Only with the server in reach, and, where the browser keeps nothing, with
 * every answer acknowledged.
 * @param {{ line: LineState, durable: boolean, saved: SaveState }} facts
 */
export function mayGo({ line, durable, saved }) {
  const reachable = line === "up" || line === "posting" || line === "connecting";
  return reachable && (durable || saved === "saved");
}

/** @type {ReadonlySet<Phase>} */
const ANSWERING = new Set(/** @type {Phase[]} */ (["RUNNING", "DISCONNECTED", "PAUSED_PROCTOR", "PAUSED_INCIDENT"]));
/** @type {ReadonlySet<Phase>} */
const WAITING = new Set(/** @type {Phase[]} */ (["CHECK_IN", "READY"]));

/**
 * What of a tile the invigilator should look at. Whoever has not begun is not missed.
 * @param {{ phase: Phase, line: string, camera: string }} tile
 */
export function missing({ phase, line, camera }) {
  const answering = ANSWERING.has(phase);
  return { line: answering && line !== "up", camera: (answering || phase === "READY") && camera !== "up" && camera !== "off" };
}

/** Does this candidate wait for the invigilator's check-in? @param {Phase} phase */
export function waits(phase) {
  return WAITING.has(phase);
}
