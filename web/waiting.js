/** Messages under way and refused messages, which are shown below the conversation with buttons to retry or edit. */

import { wordsOf } from "./advice.js";
import { byId, clockFace, make, words } from "./nodes.js";
import { t } from "./words.js";

/** A text of a place. @typedef {{place: string, text: string}} Unsaid */
/** @typedef {Unsaid & {note: HTMLElement}} Failed */

/** Milliseconds after which a message that is still under way is shown as waiting. */
const NOTED = 500;
/** Refusals after which the same text may be accepted later. */
const LATER = new Set(["muted", "slow-mode", "banned", "kicked", "not-allowed", "no-such-person", "not-in-room", "rate-limited", "unavailable", "in-doubt"]);

export class Waiting {
  /** What was refused and stays here. @type {Set<Failed>} */
  failed = new Set();
  #pending = byId("pending", HTMLElement);
  #deeds;

  /** @param {{place: () => string, shown: () => void, again: (unsaid: Unsaid) => void, edit: (unsaid: Unsaid) => void}} deeds */
  constructor(deeds) {
    this.#deeds = deeds;
  }

  /**
   * Send, and while that takes its time show that it is waiting.
   * @template T @param {string} text @param {string} place @param {() => Promise<T>} send
   */
  async post(text, place, send) {
    const note = make("div", "event said own waiting", make("p", "who", clockFace(), t("waiting")), words(text));
    note.dataset.place = place;
    const timer = setTimeout(() => this.#add(note), NOTED);
    try {
      return await send();
    } finally {
      clearTimeout(timer);
      note.remove();
    }
  }

  /**
   * Keep a text that was refused, if it may be accepted later. @param {Unsaid} unsaid @param {unknown} error
   * @returns {boolean} whether it is kept here
   */
  keep({ place, text }, error) {
    if (text.startsWith("/") && !text.startsWith("//")) return false;
    if (!LATER.has(/** @type {{code?: string}} */ (error).code ?? "")) return false;
    const button = (/** @type {string} */ label, /** @type {() => void} */ act) => {
      const found = make("button", "plain", label);
      found.setAttribute("type", "button");
      found.addEventListener("click", () => {
        this.#drop(failed);
        act();
      });
      return found;
    };
    const failed = { place, text, note: make("div", "event said own waiting failed", make("p", "who", `${t("waiting.failed")} ${wordsOf(error)}`), words(text)) };
    failed.note.append(make("p", "ways",
      button(t("waiting.again"), () => this.#deeds.again({ place, text })),
      button(t("waiting.edit"), () => this.#deeds.edit({ place, text })),
      button(t("waiting.discard"), () => {}),
    ));
    failed.note.dataset.place = place;
    this.failed.add(failed);
    this.#add(failed.note);
    return true;
  }

  /** Take back the last text of the place that was refused. @returns {Unsaid | undefined} */
  takeBack() {
    const last = [...this.failed].filter(({ place }) => place === this.#deeds.place()).pop();
    if (last) this.#drop(last);
    return last;
  }

  /** One looks at another place: what waits there is shown. */
  show() {
    const place = this.#deeds.place();
    for (const note of this.#pending.children) if (note instanceof HTMLElement) note.hidden = note.dataset.place !== place;
  }

  /** @param {Failed} failed */
  #drop(failed) {
    this.failed.delete(failed);
    failed.note.remove();
    this.#deeds.shown();
  }

  /** @param {HTMLElement} note */
  #add(note) {
    this.#pending.append(note);
    this.show();
    this.#deeds.shown();
  }
}
