// @ts-check
/**
 * Can an identity picture be read? Two plain measures of its brightness and sharpness, taken before it is sent, so
 * that somebody takes it again now and not after a wait in the queue. The person who verifies has the last word.
 *
 * Sharpness is the standard deviation of the Laplacian of the grey values, at `MEASURED` pixels across: a sharp
 * document has edges, a blurred one has none.
 */

/** How wide a picture is drawn for measuring: the measure depends on it. */
export const MEASURED = 640;
export const DARKEST = 50;
export const BRIGHTEST = 225;
// Of 61 photographs of faces the softest measures 4.2 and, smeared over three pixels, the sharpest 2.1.
export const SOFTEST = 3;

/**
 * @param {Uint8ClampedArray} pixels red, green, blue, alpha; row by row
 * @param {number} width
 * @returns {"good" | "dark" | "bright" | "blurred"}
 */
export function readable(pixels, width) {
  const grey = greyOf(pixels);
  const luma = grey.reduce((sum, value) => sum + value, 0) / Math.max(1, grey.length);
  if (luma < DARKEST) return "dark";
  if (luma > BRIGHTEST) return "bright";
  return sharpness(grey, width) < SOFTEST ? "blurred" : "good";
}

/** @param {Uint8ClampedArray} pixels @returns {Float32Array} */
function greyOf(pixels) {
  const grey = new Float32Array(pixels.length >> 2);
  for (let at = 0, from = 0; at < grey.length; at += 1, from += 4) {
    grey[at] = 0.299 * (pixels[from] ?? 0) + 0.587 * (pixels[from + 1] ?? 0) + 0.114 * (pixels[from + 2] ?? 0);
  }
  return grey;
}

/** @param {Float32Array} grey @param {number} width */
function sharpness(grey, width) {
  const height = Math.floor(grey.length / width);
  const at = (/** @type {number} */ place) => grey[place] ?? 0;
  let [count, sum, squares] = [0, 0, 0];
  for (let row = 1; row < height - 1; row += 1) {
    for (let column = 1; column < width - 1; column += 1) {
      const place = row * width + column;
      const edge = at(place - 1) + at(place + 1) + at(place - width) + at(place + width) - 4 * at(place);
      count += 1;
      sum += edge;
      squares += edge * edge;
    }
  }
  return count === 0 ? 0 : Math.sqrt(Math.max(0, squares / count - (sum / count) ** 2));
}
