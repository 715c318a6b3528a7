/** Pauses, and when to try again. */

/** Seconds between attempts: the first pause, and the longest. */
const FIRST_PAUSE = 0.5;
const LONGEST_PAUSE = 30;
/** Seconds that a client waits at most when the server asks it to. */
const MOST_PATIENT = 600;

/** Exponential backoff with jitter. @param {number} failures so far @returns {number} seconds */
export function backoff(failures) {
  return Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** failures) * (0.5 + Math.random() / 2);
}

/** Something that is tried again after it failed. */
export class Retry {
  /** Whether an attempt is to come. */
  waiting = false;
  #failures = 0;

  worked() {
    this.#failures = 0;
  }

  /** @param {number} seconds at least @param {() => unknown} again */
  failed(seconds, again) {
    if (this.waiting) return;
    this.waiting = true;
    setTimeout(() => {
      this.waiting = false;
      again();
    }, Math.max(seconds, backoff(this.#failures++)) * 1000);
  }
}

/** `Retry-After`, seconds or a date (RFC 9110, 10.2.3), in seconds. @param {string} value @returns {number} */
export function retryAfter(value) {
  const seconds = /^\d+$/.test(value) ? Number(value) : (Date.parse(value) - Date.now()) / 1000;
  return Math.min(Math.max(seconds || 0, 0), MOST_PATIENT);
}

/** @param {number} seconds @param {AbortSignal} [signal] ends it early @returns {Promise<void>} */
export function sleep(seconds, signal) {
  return new Promise(resolve => {
    const timer = setTimeout(done, seconds * 1000);
    signal?.addEventListener("abort", done);
    if (signal?.aborted) done();
    function done() {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    }
  });
}
