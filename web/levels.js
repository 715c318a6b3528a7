/** Of which messages the user is notified, by place: all, those that call the user, or none. */

import { ask } from "./dialog.js";
import * as memory from "./memory.js";
import { t } from "./words.js";

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

  /** @param {string} place @param {string} title @param {() => void} wanted called when notifications are wanted */
  choose(place, title, wanted) {
    void ask({
      title: t("levels.title", { title }),
      fields: [{
        name: "level", label: t("levels.label"), value: this.of(place),
        choices: [["all", t("levels.all")], ["mentions", t("levels.mentions")], ["none", t("levels.none")]],
      }],
      send: t("save"),
      act: ({ level = "mentions" }) => {
        this.#levels.set(place, level);
        memory.rememberLevels(this.#levels);
        if (level !== "none") wanted();
      },
    });
  }
}
