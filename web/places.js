/**
 * Places: rooms, and private conversations with one person each; their events and unread counts. No nodes here.
 *
 * The key of a place is its room's name, or an at sign and a person's name in lower case, which no room can have.
 */

import { follow } from "./comings.js";
import { mentions } from "./texts.js";

/** @typedef {import("./chat.js").ChatEvent} ChatEvent */
/** What only this page has to say. @typedef {{type: "gap" | "break" | "help" | "remark" | "out", text: string, time: string}} Remark */
/** @typedef {ChatEvent | Remark} Shown */
/** @typedef {Extract<ChatEvent, {from: string, text: string}>} News */
/**
 * `title`: the name as it is shown. `called`: the number of unread messages that mention us. `line`: the event after the unread
 * line. `all`: there are no earlier events; `earliest`: the id up to which they were requested. `present`: the people believed to be
 * here, in lower case. `out`: why we may not be here any more. `mark`: the id up to which we had read before this visit.
 * @typedef {{
 *   title: string, shown: Shown[], unread: number, called: number, line?: Shown, all: boolean, loading: boolean, earliest: number,
 *   draft: string, present: Set<string>, out?: string, mark?: number,
 * }} View
 */

/** Events kept of a place, unless the user scrolls further up. */
const KEPT = 1000;
/** Milliseconds after an outage within which a join counts as coming back. */
const RETURNING = 60_000;

/** @param {string} place */
export function isTalk(place) {
  return place.startsWith("@");
}

/** The place that a page's address says, else the lobby. @param {string} hash `#ROOM` or `#ROOM/ID` */
export function placeOf(hash) {
  try {
    return (hash.includes("=") ? "" : decodeURIComponent(hash.slice(1).split("/", 1)[0] ?? "")) || "lobby";
  } catch {
    return "lobby";
  }
}

/** The message that a page's address names, or 0. @param {string} hash */
export function messageOf(hash) {
  return Number(/^#[^/=]+\/(\d{1,16})$/u.exec(hash)?.[1] ?? 0);
}

/** @param {string} person @returns {string} the place */
export function talkWith(person) {
  return `@${person.toLowerCase()}`;
}

/** @param {Remark["type"]} type @param {string} text @returns {Remark} */
export function remark(type, text) {
  return { type, text, time: new Date().toISOString() };
}

export class Places {
  #self;
  #drafts;
  /** @type {Map<string, View>} */
  #views = new Map();
  /** The id of the last event that was read, by place. @type {Map<string, number>} */
  #read;
  #returningUntil = 0;
  /** The places that were not read before this visit: nothing in them is new since then. @type {Set<string>} */
  #firstRead = new Set();
  /** Whether arriving events are from before this page was opened. */
  returning = true;
  /** The place that is shown. */
  here = "lobby";
  /** The names that we ignore, in lower case. @type {Set<string>} */
  #ignored = new Set();

  /** @param {() => string} self our name @param {Map<string, number>} read as remembered @param {Map<string, string>} drafts as remembered */
  constructor(self, read, drafts) {
    this.#self = self;
    this.#read = read;
    this.#drafts = drafts;
  }

  /** @param {string} place @param {string} [title] @returns {View} */
  view(place, title) {
    const found = this.#views.get(place) ?? {
      title: isTalk(place) ? place.slice(1) : `#${place}`, shown: [], unread: 0, called: 0, all: isTalk(place), loading: false,
      earliest: Number.MAX_SAFE_INTEGER, draft: this.#drafts.get(place) ?? "", present: new Set(),
    };
    if (title) found.title = title;
    this.#views.set(place, found);
    return found;
  }

  /** The private conversations. @returns {string[]} */
  get talks() {
    return [...this.#views.keys()].filter(isTalk);
  }

  /** Rooms that we were put out of. @param {string[]} rooms those that we are in @returns {string[]} */
  lost(rooms) {
    return [...this.#views].filter(([place, { out }]) => out !== undefined && !rooms.includes(place)).map(([place]) => place);
  }

  /** The texts that were typed and not sent, by place. */
  get drafts() {
    return new Map([...this.#views].map(([place, { draft }]) => [place, draft]));
  }

  /** @param {string} place */
  forget(place) {
    this.#views.delete(place);
    this.#drafts.delete(place);
  }

  /**
   * The connection is lost, or is there (again). For a while after an outage, people who were present may join again without
   * having left.
   * @param {boolean} lost
   */
  outage(lost) {
    if (lost) this.#returningUntil = Infinity;
    else if (this.#returningUntil === Infinity) this.#returningUntil = Date.now() + RETURNING;
  }

  /** Those who are in a room, as the server says. @param {string} room @param {string[]} here */
  reconcile(room, here) {
    const { present } = this.view(room);
    if (Date.now() > this.#returningUntil) present.clear();
    for (const name of here) present.add(name.toLowerCase());
  }

  /** @param {string} place @param {Shown} event @returns {boolean} whether it is new here, and news */
  add(place, event) {
    const { shown, present } = this.view(place);
    if (!("id" in event)) return shown.push(event) > 0;
    // An event that was loaded as the newest of the history may arrive again.
    if (shown.some(one => "id" in one && one.id === event.id)) return false;
    if (this.#isIgnored(event) || event.type === "redact") return false;
    const back = event.type === "join" && Date.now() < this.#returningUntil
      && shown.some(one => "from" in one && one.from.toLowerCase() === event.from.toLowerCase());
    const tells = follow(present, event) && !back;
    if (tells) shown.push(event);
    return tells;
  }

  /** The text of a message is gone. @param {string} place @param {number} id */
  redact(place, id) {
    for (const event of this.view(place).shown) {
      if ("id" in event && event.id === id && (event.type === "message" || event.type === "action" || event.type === "private")) {
        event.text = "";
        event.redacted = true;
      }
    }
  }

  /** Ignore these names: hide their earlier messages, and drop their later ones. @param {Iterable<string>} names */
  ignore(names) {
    this.#ignored = new Set([...names].map(name => name.toLowerCase()));
    for (const view of this.#views.values()) view.shown = view.shown.filter(event => !this.#isIgnored(event));
  }

  /** @param {string} name */
  ignores(name) {
    return this.#ignored.has(name.toLowerCase());
  }

  /** @param {Shown} event */
  #isIgnored(event) {
    return ["message", "action", "private"].includes(event.type) && "from" in event && this.ignores(event.from);
  }

  /** Put earlier events first. @param {string} place @param {ChatEvent[]} events @returns {ChatEvent[]} those that tell something */
  addEarlier(place, events) {
    const telling = this.telling(events);
    const view = this.view(place);
    view.shown.unshift(...telling);
    const { mark } = view;
    const first = mark === undefined ? undefined : telling.find(event => this.isNews(event) && event.id > mark);
    if (first && view.line) view.line = first;
    return telling;
  }

  /** Those of past events that tell something. @param {ChatEvent[]} events */
  telling(events) {
    const present = new Set();
    return events.filter(event => follow(present, event) && !this.#isIgnored(event) && event.type !== "redact");
  }

  /** Drop the oldest events of a place that has too many. @param {string} place @returns {number} how many */
  trim(place) {
    const view = this.view(place);
    const dropped = view.shown.splice(0, Math.max(0, view.shown.length - KEPT)).length;
    if (dropped) view.all = false, (view.earliest = Number.MAX_SAFE_INTEGER);
    return dropped;
  }

  /**
   * Rename a person's conversation. A past event (not `live`) may be about an earlier holder of the name, so it counts only if the
   * conversation has messages from before it.
   * @param {string} from @param {string} to @param {number} id of that event @param {boolean} live
   */
  rename(from, to, id, live) {
    const old = talkWith(from);
    const place = talkWith(to);
    const view = this.#views.get(old);
    // Later messages were to another person of that name.
    if (!view || view.shown.some(event => "id" in event && event.id > id)) return false;
    if (!live && !view.shown.some(event => "id" in event)) return false;
    if (old !== place) {
      const there = this.#views.get(place);
      view.shown.unshift(...(there?.shown ?? []));
      view.unread += there?.unread ?? 0;
      view.draft ||= there?.draft ?? "";
      this.#views.delete(old);
      this.markRead(place, this.#read.get(old) ?? 0);
    }
    view.title = to;
    this.#views.set(place, view);
    return true;
  }

  // -- what is unread --------------------------------------------------------------------------

  /** Whether an event is a message of another person. @param {Shown} event @returns {event is News} */
  isNews(event) {
    return ["message", "action", "private"].includes(event.type) && "from" in event && event.from !== this.#self();
  }

  /** Whether an event mentions us, or is a private message to us. @param {Shown} event */
  callsUs(event) {
    return this.isNews(event) && (event.type === "private" || mentions(event.text, this.#self()));
  }

  /** Mark the first message of others since the last visit. @param {string} place @param {Shown} event */
  markReturn(place, event) {
    const view = this.view(place);
    if (!this.wasRead(place)) this.#firstRead.add(place);
    if (!this.returning || this.#firstRead.has(place) || view.line || !this.isNews(event) || event.id <= this.lastRead(place)) return;
    view.line = event;
    view.mark = this.lastRead(place);
  }

  /** Count an event that the user does not look at. @param {string} place @param {Shown} event @returns {boolean} whether it is unread now */
  count(place, event) {
    if (!this.isNews(event) || event.id <= this.lastRead(place)) return false;
    const view = this.view(place);
    if (!view.unread++ && !view.mark) view.line = event;
    if (this.callsUs(event)) view.called++;
    return true;
  }

  /**
   * How much of a place the server counts as unread, which is more than what it has told of it since we came.
   * @param {string} place @param {number} unread
   */
  countedElsewhere(place, unread) {
    const view = this.view(place);
    view.unread = Math.max(view.unread, unread);
  }

  /** @param {string} place */
  lastRead(place) {
    return this.#read.get(place) ?? 0;
  }

  /** @param {string} place */
  wasRead(place) {
    return this.#read.has(place);
  }

  /** The places that were read, and up to which event. @returns {ReadonlyMap<string, number>} */
  get marks() {
    return this.#read;
  }

  /** @param {string} place @param {number} [id] everything, unless given @returns {boolean} whether anything was unread */
  markRead(place, id = this.#lastOf(place)) {
    const read = Math.max(id, this.lastRead(place));
    if (read) this.#read.set(place, read);
    const view = this.#views.get(place);
    if (!view?.unread) return false;
    const left = view.shown.filter(event => this.isNews(event) && event.id > read);
    view.unread = left.length;
    view.called = left.filter(event => this.callsUs(event)).length;
    return true;
  }

  /** @param {string} place */
  #lastOf(place) {
    const shown = this.#views.get(place)?.shown ?? [];
    return shown.reduce((last, event) => ("id" in event ? Math.max(last, event.id) : last), 0);
  }
}
