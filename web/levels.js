/** Of which messages the user is notified, by place: all, those that call the user, or none. */

import * as memory from "./memory.js";

/** @typedef {"all" | "mentions" | "none"} Level */

export class Levels {
  #levels = memory.levels();

  /** @param {string} place @returns {Level} */
  of(place) {
    const level = this.#levels.get(place);
    return level === "all" || level === "none" ? level : "mentions";
  }

  /** Whether a message of a place rings. @param {string} place @param {boolean} calls whether it calls the user */
  rings(place, calls) {
    const level = this.of(place);
    return level === "all" || (level === "mentions" && calls);
  }

  /** @param {string} place @param {Level} level */
  set(place, level) {
    this.#levels.set(place, level);
    memory.rememberLevels(this.#levels);
  }
}
