// @ts-check
/**
 * One window at a time writes to this browser's outbox of a sitting. The browser's own lock says which.
 *
 * Two windows with one outbox would give two answers the same number. Across browsers and devices it is the
 * server that says who may write (epoch); this lock is only for windows that share one IndexedDB.
 */

const OLD_PAGE_LEAVES_MS = 2_500; // after a reload the old page may hold on for a moment

/**
 * Resolves to true when this window holds the outbox, to false when another one does.
 * @param {string} sitting
 * @param {boolean} steal take it away from the other window
 * @param {() => void} stolen called when another window takes it from us
 * @param {AbortSignal} signal lets it go
 * @returns {Promise<boolean>}
 */
export function holdOutbox(sitting, steal, stolen, signal) {
  if (!navigator.locks) return Promise.resolve(true);
  return new Promise((resolve) => {
    const until = () =>
      new Promise((release) => {
        resolve(true);
        signal.addEventListener("abort", release, { once: true });
      });
    let held = false;
    const hold = () => {
      held = true;
      return until();
    };
    const options = steal ? { steal: true } : { signal: AbortSignal.timeout(OLD_PAGE_LEAVES_MS) };
    navigator.locks.request(`invigil-outbox-${sitting}`, options, hold).catch(() => {
      if (held) stolen();
      else resolve(false);
    });
  });
}
