/** Ways to go somewhere: Ctrl+K, the list of rooms, search, a day. What they show is loaded when it is wanted. */

import { opening } from "./demand.js";
import { ask } from "./dialog.js";
import { isTalk, talkWith } from "./places.js";
import { showSwitcher } from "./switcher.js";
import { t } from "./words.js";

/**
 * @typedef {{
 *   chat: import("./chat.js").Chat, places: import("./places.js").Places, roster: import("./roster.js").Roster,
 *   going: import("./going.js").Going, here: () => string, create: () => void, complain: (error: unknown) => void,
 * }} Page
 */

export class GoTo {
  #page;

  /** @param {Page} page */
  constructor(page) {
    this.#page = page;
  }

  async anywhere() {
    if (document.querySelector("dialog[open]")) return;
    const { roster } = this.#page;
    const changed = showSwitcher(() => this.#goals(), place => this.#page.going.go(place));
    if (await roster.list()) changed();
  }

  async rooms() {
    const { chat, going, create } = this.#page;
    await opening(() => import("./directory.js"), ({ showDirectory }) => showDirectory(chat, going, create));
  }

  /** @param {string} [words] */
  async search(words) {
    const { chat, here, going } = this.#page;
    await opening(() => import("./searching.js"), ({ showSearch }) => showSearch(chat, isTalk(here()) ? "" : here(), (room, id) => void going.jump(room, id), words));
  }

  /** Go to a day in the place that is shown. */
  day() {
    const { here, going } = this.#page;
    void ask({
      title: t("day.title"),
      fields: [{ name: "day", label: t("day.label"), type: "date", value: new Date().toLocaleDateString("sv"), must: true }],
      send: t("day.send"),
      act: ({ day }) => {
        const time = new Date(`${day}T00:00`).getTime();
        if (!time) throw new Error(t("day.wrong"));
        void going.jump(here(), Math.max(1, time * 1000));
      },
    });
  }

  /**
   * Choose of which messages of the place the user is notified.
   * @param {import("./levels.js").Levels} levels @param {() => void} wanted called when notifications are wanted
   * @param {() => void} changed called when a level has changed
   */
  level(levels, wanted, changed) {
    const { here, places } = this.#page;
    const place = here();
    void ask({
      title: t("levels.title", { title: places.view(place).title }),
      fields: [{
        name: "level", label: t("levels.label"), value: levels.of(place),
        choices: [["all", t("levels.all")], ["mentions", t("levels.mentions")], ["none", t("levels.none")]],
      }],
      send: t("save"),
      act: ({ level = "mentions" }) => {
        levels.set(place, /** @type {import("./levels.js").Level} */ (level));
        if (level !== "none") wanted();
        changed();
      },
    });
  }

  /** @returns {import("./switcher.js").Goal[]} */
  #goals() {
    const { chat, places, roster, here } = this.#page;
    const own = [...chat.rooms, ...places.talks];
    const entry = (/** @type {string} */ place) => {
      const { title, unread } = places.view(place);
      return { place, title, about: unread ? t("switch.unread", { n: unread }) : "", unread };
    };
    const mine = own.map(entry).sort((a, b) => Number(b.unread > 0) - Number(a.unread > 0) || Number(a.place === here()) - Number(b.place === here()));
    const people = [...roster.people].filter(name => name !== chat.name && !own.includes(talkWith(name)));
    return [
      ...mine,
      ...roster.others.map(room => ({ place: room, title: `#${room}`, about: t("switch.join") })),
      ...people.map(name => ({ place: `@${name}`, title: name, about: t("switch.person") })),
    ];
  }
}
