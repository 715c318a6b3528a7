/** Unread counts, wherever they stand: the title, the side bar, and the button that scrolls to the newest messages. */

import { byId } from "./nodes.js";
import { isTalk } from "./places.js";
import { t } from "./words.js";

/**
 * @typedef {{
 *   chat: import("./chat.js").Chat, places: import("./places.js").Places, log: import("./log.js").Log,
 *   side: import("./side.js").Side, here: () => string, toNewest: () => void,
 * }} Page
 */

export class Unread {
  #page;
  #newer = byId("newer", HTMLButtonElement);

  /** @param {Page} page `toNewest`: called when the user wants to see the newest messages */
  constructor(page) {
    this.#page = page;
    this.#newer.addEventListener("click", page.toNewest);
  }

  show() {
    const { chat, places, side, here } = this.#page;
    /** @param {string} place */
    const entry = place => {
      const { title, unread, called, out } = places.view(place);
      return { place, title, unread, called: called > 0, out: out !== undefined };
    };
    const rooms = [...chat.rooms, ...places.lost(chat.rooms)].map(entry);
    const talks = places.talks.map(entry);
    const total = [...rooms, ...talks].reduce((sum, { unread }) => sum + unread, 0);
    const { unread, title } = places.view(here());
    document.title = `${total ? `(${total}) ` : ""}${isTalk(here()) ? t("title.private", { name: title }) : title}`;
    this.#newer.textContent = unread ? t("newer.count", { n: unread }) : t("newer.latest");
    this.showNewer();
    side.showPlaces(rooms, talks, here());
  }

  /** The button that scrolls to the bottom is shown far from it, or if there are new messages. */
  showNewer() {
    const { places, log, here } = this.#page;
    this.#newer.hidden = log.stuck || (!places.view(here()).unread && !log.far);
  }

  /** Nothing in a place is new any more. @param {string} place */
  removeLine(place) {
    const { places, log } = this.#page;
    Object.assign(places.view(place), { line: undefined, mark: undefined });
    if (place === places.here) log.removeLine();
  }

  hideNewer() {
    this.#newer.hidden = true;
  }
}
