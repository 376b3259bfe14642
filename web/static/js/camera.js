// @ts-check
/** The camera itself: asking for it, and saying in one word why it did not come. */

/** @typedef {"denied" | "missing" | "busy" | "insecure" | "failed"} Trouble */

/**
 * @param {MediaTrackConstraints} wanted
 * @returns {Promise<{ stream: MediaStream } | { trouble: Trouble }>}
 */
export async function openCamera(wanted) {
  if (!window.isSecureContext || !navigator.mediaDevices) return { trouble: "insecure" };
  try {
    return { stream: await navigator.mediaDevices.getUserMedia({ video: wanted, audio: false }) };
  } catch (error) {
    return { trouble: troubleOf(error instanceof DOMException ? error.name : "") };
  }
}

/**
 * The candidate chooses what is shared; the browser asks, and only after a press of a button.
 * @returns {Promise<{ stream: MediaStream } | { trouble: Trouble }>}
 */
export async function openScreen() {
  if (!navigator.mediaDevices?.getDisplayMedia) return { trouble: "missing" };
  try {
    const wanted = { video: { displaySurface: "monitor", frameRate: { ideal: 5 } }, audio: false };
    return { stream: await navigator.mediaDevices.getDisplayMedia(wanted) };
  } catch (error) {
    return { trouble: troubleOf(error instanceof DOMException ? error.name : "") };
  }
}

/** @param {string} name of the DOMException @returns {Trouble} */
function troubleOf(name) {
  if (name === "NotAllowedError" || name === "SecurityError") return "denied";
  if (name === "NotFoundError" || name === "OverconstrainedError") return "missing";
  if (name === "NotReadableError" || name === "AbortError") return "busy";
  return "failed";
}

/** @param {MediaStream | null} stream */
export function closeCamera(stream) {
  for (const track of stream?.getTracks() ?? []) track.stop();
}

/**
 * Show a stream. False when the browser refuses to play it, which the page must say.
 * @param {HTMLVideoElement} video @param {MediaStream} stream @returns {Promise<boolean>}
 */
export async function play(video, stream) {
  video.srcObject = stream;
  return video.play().then(() => true, () => false);
}

/**
 * @param {HTMLCanvasElement} canvas @param {number} quality between 0 and 1
 * @returns {Promise<Blob | null>}
 */
export function jpegOf(canvas, quality) {
  return new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", quality));
}
