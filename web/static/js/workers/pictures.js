// @ts-check
/**
 * Takes pictures off the page's thread, also while the page is hidden.
 *
 * `{ watch: ReadableStream<VideoFrame>, keep }` follows a track; of its frames only the newest is held. With `keep`
 * (a shared screen, which sends a frame only when it changes) a frame may be used again, and it is shown whole instead
 * of filling the size. `{ take, size, quality, keep, bitmap? }` is answered by `{ taken, jpeg }`: null when no fresh picture is there. The bitmap stands for the track
 * where a browser has no track processor.
 */
import { cover, within } from "../models/frames.js";

/** @type {VideoFrame | null} */
let newest = null;
let keeps = false;
let track = 0;

/** @param {ReadableStream<VideoFrame>} readable */
async function follow(readable) {
  const mine = (track += 1);
  const reader = readable.getReader();
  for (;;) {
    const { value, done } = await reader.read();
    if (mine !== track || done) return value?.close();
    newest?.close();
    newest = value;
  }
}

/** @param {[number, number]} size @param {number} quality @param {ImageBitmap | undefined} bitmap */
async function jpegOf(size, quality, bitmap) {
  const [width, height] = size;
  const picture = bitmap ?? newest;
  if (!picture) return null;
  const [wide, high] = picture instanceof ImageBitmap ? [picture.width, picture.height] : [picture.displayWidth, picture.displayHeight];
  const canvas = new OffscreenCanvas(...(keeps ? within(wide, high, width, height) : size));
  const [x, y, w, h] = cover(wide, high, canvas.width, canvas.height);
  canvas.getContext("2d", { alpha: false })?.drawImage(picture, x, y, w, h, 0, 0, canvas.width, canvas.height);
  if (bitmap || !keeps) picture.close();
  if (!bitmap && !keeps) newest = null;
  const blob = await canvas.convertToBlob({ type: "image/jpeg", quality });
  return blob.arrayBuffer();
}

self.onmessage = async (/** @type {MessageEvent} */ { data }) => {
  keeps = data.keep === true;
  if (data.watch) {
    newest?.close();
    newest = null;
    void follow(data.watch).catch(() => undefined); // the track ended; the page hears that from the track itself
    return;
  }
  const jpeg = await jpegOf(data.size, data.quality, data.bitmap).catch(() => null);
  self.postMessage({ taken: data.take, jpeg }, { transfer: jpeg ? [jpeg] : [] });
};
