// @ts-check
/** Which camera delivers, and how evenly: told once when it opens, and once more when its pace has been measured. */
import { Evenness } from "./models/evenness.js";

const MOST_LABEL = 120;

/**
 * @param {MediaStreamTrack} track @param {HTMLVideoElement} video plays it
 * @param {(report: object) => void} say @param {AbortSignal} signal
 */
export function followDevice(track, video, say, signal) {
  const { width = 0, height = 0, frameRate = 0 } = track.getSettings();
  const label = track.label.replace(/[^\p{L}\p{N}\p{P}\p{S} ]/gu, "").slice(0, MOST_LABEL);
  /** @param {object | null} pace */
  const report = (pace) => say({ t: "device", label, settings: { width, height, rate: frameRate }, pace });
  report(null);
  if (!video.requestVideoFrameCallback) return;
  const evenness = new Evenness(frameRate);
  /** @param {number} _now @param {VideoFrameCallbackMetadata} picture */
  const seen = (_now, picture) => {
    if (signal.aborted || track.readyState === "ended") return;
    evenness.picture(picture.captureTime ?? picture.mediaTime * 1_000);
    if (evenness.pace) return report(evenness.pace);
    video.requestVideoFrameCallback(seen);
  };
  video.requestVideoFrameCallback(seen);
}
