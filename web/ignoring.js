/** The names that the user ignores: stored by the server for an account, by this browser for a guest. */

import * as memory from "./memory.js";

export class Ignoring {
  /** @type {Set<string>} */
  names;
  #chat;
  #places;
  #changed;

  /**
   * @param {import("./chat.js").Chat} chat @param {import("./places.js").Places} places @param {string[]} names as remembered
   * @param {() => void} changed called when other things are to be shown
   */
  constructor(chat, places, names, changed) {
    this.names = new Set(names);
    this.#chat = chat;
    this.#places = places;
    this.#changed = changed;
    places.ignore(this.names);
  }

  /** Ignore these, and nobody else. @param {Iterable<string>} names */
  set(names) {
    const before = [...this.names].join();
    this.names = new Set(names);
    if (before === [...this.names].join()) return;
    this.#places.ignore(this.names);
    this.#changed();
  }

  /** @param {string} name @param {boolean} yes whether to ignore them, or to hear them again */
  async ignore(name, yes) {
    const { account } = this.#chat;
    if (account.signedIn) await (yes ? account.ignore(name) : account.unignore(name));
    const others = [...this.names].filter(one => one.toLowerCase() !== name.toLowerCase());
    this.set(yes ? [...others, name] : others);
    if (!account.signedIn) memory.remember(person => void (person.ignores = [...this.names]));
  }
}
