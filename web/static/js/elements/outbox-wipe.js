// @ts-check
/** <outbox-wipe data-sitting>: stands on the receipt; the sitting is over, so nothing of it stays on this device. */
import { Element } from "./element.js";

export class OutboxWipe extends Element {
  start() {
    try {
      indexedDB.deleteDatabase(`invigil-${this.dataset["sitting"]}`);
    } catch (error) {
      console.warn("Invigil: nothing was kept on this device.", String(error));
    }
  }
}
