/** Jumps: to a message wherever it is, to a day, and back to where the user was. */

import { isTalk, remark } from "./places.js";
import { byId } from "./nodes.js";
import { t } from "./words.js";

/** @typedef {import("./places.js").Shown} Shown */
/** @typedef {import("./chat.js").ChatEvent} ChatEvent */

/** Events that are loaded before and after a message, and in one page of later events. */
const AROUND = 50;
const PAGE = 100;

export class Jumping {
  #chat;
  #places;
  #log;
  #deeds;
  #back = byId("back", HTMLButtonElement);
  /** Where the user was: the place, and the event at the top of the window; none: at the bottom. @type {{place: string, event?: Shown} | undefined} */
  #from;

  /**
   * @param {import("./chat.js").Chat} chat @param {import("./places.js").Places} places @param {import("./log.js").Log} log
   * @param {{here: () => string, visit: (place: string) => Promise<void>, complain: (error: unknown) => void, changed: () => void}} deeds
   *   `changed`: called when other events are shown
   */
  constructor(chat, places, log, deeds) {
    this.#chat = chat;
    this.#places = places;
    this.#log = log;
    this.#deeds = deeds;
    this.#back.addEventListener("click", () => void this.#goBack());
  }

  /** Go to a message, or to the first event from a time on. @param {string} place @param {number} id microseconds since 1970, as all ids */
  async to(place, id) {
    const { here, visit, complain } = this.#deeds;
    const from = { place: here(), event: this.#log.stuck ? undefined : this.#log.topmost };
    try {
      if (place !== here()) await visit(place);
      if (!this.#shows(place, id)) await this.#load(place, id);
    } catch (error) {
      return complain(error);
    }
    if (place !== here()) return;
    const { shown } = this.#places.view(place);
    const event = shown.find(one => "id" in one && one.id >= id) ?? shown[shown.length - 1];
    if (!event) return;
    this.#log.showAt(shown, event);
    this.#from ??= from;
    this.#back.hidden = false;
    this.#deeds.changed();
  }

  /** Forget the way back: the user has gone to another place without jumping. */
  forget() {
    this.#from = undefined;
    this.#back.hidden = true;
  }

  /** Load what follows a break. @param {Shown} end the break */
  async more(end) {
    const place = this.#deeds.here();
    const view = this.#places.view(place);
    const at = view.shown.indexOf(end);
    const last = view.shown.slice(0, at).reduce((found, one) => ("id" in one ? Math.max(found, one.id) : found), 0);
    try {
      const events = await this.#later(place, last, PAGE);
      if (!view.shown.includes(end)) return;
      this.#insert(place, view.shown.slice(0, at), events, view.shown.slice(at + 1), events.length < PAGE / 2);
    } catch (error) {
      return this.#deeds.complain(error);
    }
    if (place === this.#deeds.here()) this.#log.rebuild(view.shown);
  }

  async #goBack() {
    const from = this.#from;
    this.forget();
    if (!from) return;
    try {
      if (from.place !== this.#deeds.here()) await this.#deeds.visit(from.place);
    } catch (error) {
      return this.#deeds.complain(error);
    }
    const { shown } = this.#places.view(from.place);
    if (from.event && shown.includes(from.event)) this.#log.showAt(shown, from.event);
    else this.#log.toBottom();
    this.#deeds.changed();
  }

  /** Whether the events of a place hold a message, without a hole before it. @param {string} place @param {number} id */
  #shows(place, id) {
    const { shown, all } = this.#places.view(place);
    const ids = shown.flatMap(one => ("id" in one ? [one.id] : []));
    if (ids.includes(id)) return true;
    const live = this.#live(place).flatMap(one => ("id" in one ? [one.id] : []));
    return live[0] !== undefined && (live[0] <= id || (all && shown.length === this.#live(place).length));
  }

  /** The newest events, which go on: those after the last break. @param {string} place @returns {Shown[]} */
  #live(place) {
    const { shown } = this.#places.view(place);
    const breaks = shown.map(({ type }) => type).lastIndexOf("break");
    return shown.slice(breaks + 1);
  }

  /** @param {string} place @param {number} id */
  async #load(place, id) {
    const [before, after] = await Promise.all([this.#earlier(place, id), this.#later(place, id - 1, AROUND)]);
    const view = this.#places.view(place);
    const live = this.#live(place);
    view.all = false;
    view.earliest = Number.MAX_SAFE_INTEGER;
    this.#insert(place, [], [...before, ...after], live, after.length < AROUND / 2);
  }

  /**
   * Show events between those before and those that go on.
   * @param {string} place @param {Shown[]} before @param {ChatEvent[]} events @param {Shown[]} live @param {boolean} end whether nothing follows them
   */
  #insert(place, before, events, live, end) {
    const view = this.#places.view(place);
    const first = live.reduce((found, one) => ("id" in one ? Math.min(found, one.id) : found), Number.MAX_SAFE_INTEGER);
    const reached = end || events.some(({ id }) => id >= first);
    const between = this.#places.telling(events.filter(({ id }) => id < first));
    const gap = reached ? [] : [remark("break", t("jump.break"))];
    view.shown = [...before, ...between, ...gap, ...live];
  }

  /** @param {string} place @param {number} before @returns {Promise<ChatEvent[]>} */
  #earlier(place, before) {
    const { title } = this.#places.view(place);
    return isTalk(place) ? this.#chat.earlierWith(title, before, AROUND) : this.#chat.earlier(before, place, AROUND);
  }

  /** @param {string} place @param {number} after @param {number} limit @returns {Promise<ChatEvent[]>} */
  #later(place, after, limit) {
    const { title } = this.#places.view(place);
    return isTalk(place) ? this.#chat.laterWith(title, after, limit) : this.#chat.later(after, place, limit);
  }
}
