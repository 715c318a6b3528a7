/** What outlasts the page: how far was read, here and for an account on all its devices; and what was typed and not said. */

import * as memory from "./memory.js";

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
  /** How far the server knows that our account has read. @type {Map<string, number>} */
  #known = new Map();
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

  /** Something was read: remember that, soon. */
  soon() {
    this.#saving ??= setTimeout(() => this.read(), SAVING);
  }

  /** The server knows that our account has read a room up to there. @param {string} room @param {number} id */
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
    if (!this.#chat.account.signedIn) return;
    for (const room of this.#chat.rooms) {
      const id = this.#places.lastRead(room);
      if (id <= (this.#known.get(room) ?? 0)) continue;
      this.knows(room, id);
      // The next one says it as well.
      void this.#chat.mark(id, room).catch(() => {});
    }
  }

  /** A browser may throw a tab away and load it anew, a phone above all. What was not said then stands in the box again. */
  drafts() {
    if (this.gone) return;
    this.#places.view(this.#here()).draft = this.#composer.text;
    /** @type {Map<string, string>} */
    const drafts = new Map();
    for (const [place, text] of [...[...this.#composer.unsaid].map(({ place, text }) => [place, text]), ...this.#places.drafts]) {
      if (place && text) drafts.set(place, drafts.has(place) ? `${drafts.get(place)}\n${text}` : text);
    }
    memory.rememberDrafts(drafts);
  }

  /** Another device may have gone into rooms meanwhile, or out of some. */
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

  /** Be nobody, in all tabs: they end by that. */
  forget() {
    this.gone = true;
    memory.remember(person => Object.assign(person, { token: "", account: false, rooms: [], read: new Map(), ignores: [] }));
    memory.rememberDrafts(new Map());
  }
}
