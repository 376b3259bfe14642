// @ts-check
/** Ticks in a worker, because timers of a page that is not in view are slowed down to one a minute. */
self.onmessage = (/** @type {MessageEvent<number>} */ message) => {
  setInterval(() => self.postMessage(0), message.data);
};
