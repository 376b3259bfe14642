// @ts-check
/**
 * Brings the elements of a page to life. Pages work without it, as forms; each element is fetched only where it
 * stands in the page.
 */
import { applyTextSize } from "./preferences.js";

/** @type {Record<string, () => Promise<CustomElementConstructor>>} */
const ELEMENTS = {
  "save-state": async () => (await import("./elements/save-state.js")).SaveState,
  "exam-clock": async () => (await import("./elements/exam-clock.js")).ExamClock,
  "item-map": async () => (await import("./elements/item-map.js")).ItemMap,
  "flag-toggle": async () => (await import("./elements/flag-toggle.js")).FlagToggle,
  "strike-through": async () => (await import("./elements/strike-through.js")).StrikeThrough,
  "item-areas": async () => (await import("./elements/item-areas.js")).ItemAreas,
  "item-pairs": async () => (await import("./elements/item-pairs.js")).ItemPairs,
  "item-points": async () => (await import("./elements/item-points.js")).ItemPoints,
  "item-slider": async () => (await import("./elements/item-slider.js")).ItemSlider,
  "item-upload": async () => (await import("./elements/item-upload.js")).ItemUpload,
  "item-drawing": async () => (await import("./elements/item-drawing.js")).ItemDrawing,
  "item-media": async () => (await import("./elements/item-media.js")).ItemMedia,
  "text-zoom": async () => (await import("./elements/text-zoom.js")).TextZoom,
  "problem-report": async () => (await import("./elements/problem-report.js")).ProblemReport,
  "ask-invigilator": async () => (await import("./elements/ask-invigilator.js")).AskInvigilator,
  "exam-calculator": async () => (await import("./elements/exam-calculator.js")).ExamCalculator,
  "exam-sitting": async () => (await import("./elements/exam-sitting.js")).ExamSitting,
  "submit-review": async () => (await import("./elements/submit-review.js")).SubmitReview,
  "camera-check": async () => (await import("./elements/camera-check.js")).CameraCheck,
  "camera-line": async () => (await import("./elements/camera-line.js")).CameraLine,
  "device-check": async () => (await import("./elements/device-check.js")).DeviceCheck,
  "identity-still": async () => (await import("./elements/identity-still.js")).IdentityStill,
  "proctor-wall": async () => (await import("./elements/proctor-wall.js")).ProctorWall,
  "sign-in-queue": async () => (await import("./elements/sign-in-queue.js")).SignInQueue,
  "phase-watch": async () => (await import("./elements/phase-watch.js")).PhaseWatch,
  "outbox-wipe": async () => (await import("./elements/outbox-wipe.js")).OutboxWipe,
  "clip-player": async () => (await import("./elements/clip-player.js")).ClipPlayer,
  "time-line": async () => (await import("./elements/time-line.js")).TimeLine,
  "local-time": async () => (await import("./elements/local-time.js")).LocalTime,
};

/** A sitting's page grows others in (review, the next question), so all that may come are defined at once. */
const OF_A_SITTING = [
  ...["exam-clock", "save-state", "item-map", "flag-toggle", "strike-through", "text-zoom", "problem-report", "submit-review"],
  ...["item-areas", "item-pairs", "item-points", "item-slider", "item-upload", "item-drawing", "item-media"],
];

/** Without a secure context there is no digest and no camera: these pages then stay the plain forms they are. */
const SECURE_ONLY = ["exam-sitting", "flag-toggle", "strike-through", "problem-report", "submit-review", "camera-line", "item-upload", "item-drawing"];

/** What an exam cannot do without. A browser that lacks one gets a plain page that says so. */
const NEEDED = ["WebSocket", "Worker", "HTMLDialogElement", "createImageBitmap"];
const SITTING_PAGES = "exam-sitting, identity-still, device-check, camera-line, proctor-wall";
if (document.querySelector(SITTING_PAGES) && NEEDED.some((name) => !(name in window))) location.replace("/unsupported");

applyTextSize();
const names = new Set(Object.keys(ELEMENTS).filter((name) => document.querySelector(name)));
if (names.has("exam-sitting")) for (const name of OF_A_SITTING) names.add(name);
if (names.has("proctor-wall")) names.add("local-time"); // the events that come in bring their moments
if (!window.isSecureContext) for (const name of SECURE_ONLY) names.delete(name);
// The sitting comes last: when it starts, the elements inside it can be called.
for (const name of [...names].sort((a, b) => Number(a === "exam-sitting") - Number(b === "exam-sitting"))) {
  const load = ELEMENTS[name];
  if (load && !customElements.get(name)) customElements.define(name, await load());
}
