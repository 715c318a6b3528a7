/** State that outlasts the page: read marks, which an account has on all its devices, and unsent texts. */

import { toChatError } from "./errors.js";
import * as memory from "./memory.js";
import { isTalk } from "./places.js";
import { Retry } from "./timing.js";

/** Milliseconds after which what was read is remembered. */
const SAVING = 300;
/** Milliseconds between two looks at the rooms of our account. */
const SYNCED = 60_000;

export class Keeping {
  /** Whether this page is about to go, and nothing of it is to be remembered. */
  gone = false;
  #chat;
  #places;
  #composer;
  #here;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #saving;
  /** The account's read markers that the server has or is told, by room or conversation. @type {Map<string, number>} */
  #known = new Map();
  /** Of markers that the server did not take. */
  #retry = new Retry();
  #synced = 0;

  /**
   * @param {import("./chat.js").Chat} chat @param {import("./places.js").Places} places
   * @param {import("./composer.js").Composer} composer @param {() => string} here the place that is shown
   */
  constructor(chat, places, composer, here) {
    this.#chat = chat;
    this.#places = places;
    this.#composer = composer;
    this.#here = here;
    addEventListener("pagehide", () => {
      this.read();
      this.drafts();
    });
    addEventListener("beforeunload", event => {
      if (composer.unsaid.size && !this.gone) event.preventDefault();
    });
  }

  /** Store the read marks soon. */
  soon() {
    this.#saving ??= setTimeout(() => this.read(), SAVING);
  }

  /** The server has this read marker of our account. @param {string} room @param {number} id */
  knows(room, id) {
    this.#known.set(room, Math.max(id, this.#known.get(room) ?? 0));
  }

  read() {
    clearTimeout(this.#saving);
    this.#saving = undefined;
    if (this.gone) return;
    memory.remember(person => {
      for (const [place, id] of this.#places.marks) person.read.set(place, Math.max(id, person.read.get(place) ?? 0));
    });
    if (!this.#chat.account.signedIn || this.#retry.waiting) return;
    for (const place of [...this.#chat.rooms, ...this.#places.talks]) void this.#mark(place);
  }

  /** Tell the server how far a place was read, if it does not know. @param {string} place */
  async #mark(place) {
    const id = this.#places.lastRead(place);
    const known = this.#known.get(place) ?? 0;
    if (id <= known) return;
    this.#known.set(place, id);
    try {
      await (isTalk(place) ? this.#chat.markWith(this.#places.view(place).title, id) : this.#chat.mark(id, place));
      this.#retry.worked();
    } catch (thrown) {
      const { passing, retryAfter } = toChatError(thrown);
      // What is written with a guest, say, is not kept, and has no marker.
      if (!passing) return;
      if (this.#known.get(place) === id) this.#known.set(place, known);
      this.#retry.failed(retryAfter, () => this.read());
    }
  }

  /** Store unsent texts: a browser, above all on a phone, may discard a tab and load it anew. */
  drafts() {
    if (this.gone) return;
    this.#places.view(this.#here()).draft = this.#composer.text;
    /** @type {Map<string, string>} */
    const drafts = new Map();
    for (const [place, text] of [...this.#composer.open.map(({ place, text }) => [place, text]), ...this.#places.drafts]) {
      if (place && text) drafts.set(place, drafts.has(place) ? `${drafts.get(place)}\n${text}` : text);
    }
    memory.rememberDrafts(drafts);
  }

  /** Take over rooms that another device has joined or left, at most once in `SYNCED`. */
  async sync() {
    if (performance.now() - this.#synced < SYNCED) return;
    this.#synced = performance.now();
    await this.#chat.sync();
  }

  reload() {
    this.drafts();
    this.gone = true;
    location.reload();
  }

  /** Forget the user, in all tabs: the other tabs reload when the stored state changes. */
  forget() {
    this.gone = true;
    memory.remember(person => Object.assign(person, { token: "", account: false, rooms: [], read: new Map(), ignores: [] }));
    memory.rememberDrafts(new Map());
  }
}
