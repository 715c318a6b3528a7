/** Earlier events of a place, which are loaded when the user scrolls up. */

import { toChatError } from "./errors.js";
import { isTalk } from "./places.js";
import { Retry } from "./timing.js";

/** Events in one request: no more than are shown within a frame. */
const PAGE = 50;

export class Earlier {
  #chat;
  #places;
  #log;
  #here;
  #changed;
  #retry = new Retry();

  /**
   * @param {import("./chat.js").Chat} chat @param {import("./places.js").Places} places @param {import("./log.js").Log} log
   * @param {() => string} here the place that is shown @param {() => void} changed called when more is shown
   */
  constructor(chat, places, log, here, changed) {
    this.#chat = chat;
    this.#places = places;
    this.#log = log;
    this.#here = here;
    this.#changed = changed;
  }

  /** Load events until the window is filled. */
  async fill() {
    while (this.#log.high && (await this.#load()));
  }

  /** Forget the events up to one, and load again those before the rest. @param {import("./places.js").Shown} last */
  again(last) {
    const seen = this.#places.view(this.#here());
    seen.shown.splice(0, seen.shown.indexOf(last) + 1);
    seen.all = false;
    seen.earliest = Number.MAX_SAFE_INTEGER;
    this.#log.show(seen.shown);
    this.#log.toTop();
    void this.fill();
  }

  /** @returns {Promise<boolean>} whether there may be more */
  async #load() {
    const room = this.#here();
    const seen = this.#places.view(room);
    if (seen.loading || seen.all) return false;
    const firstOf = () => seen.shown.reduce((first, one) => ("id" in one ? Math.min(first, one.id) : first), seen.earliest);
    const first = firstOf();
    seen.loading = true;
    const asking = isTalk(room) ? this.#chat.earlierWith(seen.title, first, PAGE) : this.#chat.earlier(first, room, PAGE);
    const found = await asking.catch(thrown => {
      const error = toChatError(thrown);
      seen.all = error.status === 404;
      // The user may not scroll again.
      if (error.passing) this.#retry.failed(error.retryAfter, () => this.fill());
    });
    seen.loading = false;
    if (!found || firstOf() > first) return false;
    this.#retry.worked();
    // If nothing was shown yet, some of these events may have arrived meanwhile.
    const now = firstOf();
    const { line } = seen;
    const events = this.#places.addEarlier(room, found.filter(({ id }) => id < now));
    // A page may be cut short: only an empty one is the end.
    seen.all = !found.length;
    seen.earliest = found[0]?.id ?? first;
    if (room !== this.#here()) return false;
    if (line !== seen.line) this.#log.removeLine();
    this.#log.prepend(events);
    this.#changed();
    return !seen.all;
  }
}
