import { RequestQueue, type RequestQueuePrototype } from './kafkajs-parts.js';

/** What kafkajs itself waits before it looks again at requests that may not be sent yet. */
const LOOK_AGAIN_MS = 10;

let isMended = false;

/**
 * kafkajs sets a timer after each look at its queue of requests, whether something waits in it or not, and a negative one:
 * about 900 timers a second for one idle connection, and a warning from Node 24 on. Mended, it sets one when something
 * waits. (https://github.com/tulios/kafkajs/issues/1751)
 */
export function mendSpin(): void {
  if (isMended) return;
  isMended = true;
  RequestQueue.prototype.scheduleCheckPendingRequests = function (this: RequestQueuePrototype): void {
    if (this.pending.length === 0 || this.throttleCheckTimeoutId !== null) return;
    const throttledMs = this.throttledUntil - Date.now();
    this.throttleCheckTimeoutId = setTimeout(
      () => {
        this.throttleCheckTimeoutId = null;
        this.checkPendingRequests();
      },
      throttledMs > 0 ? throttledMs : LOOK_AGAIN_MS,
    );
  };
}
