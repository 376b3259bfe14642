// @ts-check
import { startWorker } from "./policy.js";

/**
 * Call `act` every `everyMs`, also while the page is hidden. Where workers are refused, an ordinary timer has
 * to do.
 * @param {number} everyMs
 * @param {() => void} act
 * @param {AbortSignal} signal ends it
 */
export function tick(everyMs, act, signal) {
  if (signal.aborted) return;
  try {
    const worker = startWorker("ticker.js");
    worker.onmessage = act;
    worker.postMessage(everyMs);
    signal.addEventListener("abort", () => worker.terminate(), { once: true });
  } catch (error) {
    console.warn("Invigil: no worker, using a timer.", String(error));
    const timer = setInterval(act, everyMs);
    signal.addEventListener("abort", () => clearInterval(timer), { once: true });
  }
}
