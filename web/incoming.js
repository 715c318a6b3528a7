/** What the chat tells: its events are kept in their places, shown, and read, or counted as unread and rung for. */

import { attending } from "./bell.js";
import { isTalk, remark, talkWith } from "./places.js";
import { t } from "./words.js";

/** @typedef {import("./places.js").Shown} Shown */
/**
 * `ownNames`: the user's present and former names, from which a private message may come; `go`: to a place; `show`: a place that
 * one is in.
 * @typedef {{
 *   chat: import("./chat.js").Chat, places: import("./places.js").Places, log: import("./log.js").Log, bell: import("./bell.js").Bell,
 *   composer: import("./composer.js").Composer, connection: import("./connection.js").Connection, keeping: import("./keeping.js").Keeping,
 *   levels: import("./levels.js").Levels, roster: import("./roster.js").Roster, unread: import("./unread.js").Unread, wording: import("./wording.js").Wording,
 *   ownNames: Set<string>, go: (place: string) => void, show: (place: string) => void,
 * }} Page
 */

export class Incoming {
  #page;

  /** @param {Page} page */
  constructor(page) {
    this.#page = page;
    const { chat, places, log, composer, connection, keeping, roster, unread, ownNames, show } = page;
    for (const type of /** @type {const} */ ([
      "message", "action", "join", "leave", "nick", "topic", "notice", "settings", "role", "kick", "ban", "unban", "mute", "unmute", "invite", "redact",
    ])) {
      chat.on(type, event => {
        this.keep(event.room, event);
        if (event.type === "redact") this.#redact(event.room, event.target);
        if (event.room === chat.room) roster.follow(event);
      });
    }
    chat.on("private", event => {
      if (places.ignores(event.from)) return;
      const ours = event.from === chat.name || (event.to !== chat.name && ownNames.has(event.from));
      const other = ours ? event.to : event.from;
      places.view(talkWith(other), other);
      this.keep(talkWith(other), event);
      unread.show();
    });
    chat.on("unsaid", ({ from, to, target }) => [from, to].map(talkWith).filter(one => places.talks.includes(one)).forEach(one => this.#redact(one, target)));
    chat.on("nick", ({ from, to, id }) => {
      const here = places.here === talkWith(from);
      if (here) places.view(places.here).draft = composer.text;
      if (!places.rename(from, to, id, connection.online)) return;
      if (here) {
        // The place is the same, with another key; it may have taken over a draft.
        places.here = talkWith(to);
        const { draft } = places.view(places.here);
        if (draft !== composer.text) composer.write(draft);
        show(places.here);
      }
      unread.show();
    });
    chat.on("gap", () => {
      for (const room of chat.rooms) this.keep(room, remark("gap", t("gap")));
      void roster.refresh();
    });
    chat.on("marker", ({ room, person, marker }) => {
      const place = person ? talkWith(person) : room;
      keeping.knows(place, marker);
      if (!places.markRead(place, marker)) return;
      if (place === places.here) log.removeLine();
      unread.show();
    });
    document.addEventListener("visibilitychange", () => this.#attend());
    addEventListener("focus", () => this.#attend());
    addEventListener("blur", () => this.#attend());
  }

  /** @param {string} place @param {Shown} event */
  keep(place, event) {
    const { places, log, bell, levels, unread, wording, go } = this.#page;
    if (!places.add(place, event)) return;
    const seen = places.view(place);
    const first = !seen.unread;
    const here = place === places.here;
    places.markReturn(place, event);
    if (here && log.stuck && attending()) {
      if ("id" in event) this.read(place, event.id);
    } else if (places.count(place, event)) {
      if (first && here) log.removeLine();
      if (places.isNews(event) && levels.rings(place, places.callsUs(event))) {
        const title = event.type === "private" ? t("bell.private", { name: event.from }) : t("bell.room", { name: event.from, room: place });
        bell.ring(title, event.text, place, () => go(place), event.id);
      }
      unread.show();
    }
    if (!here || log.stuck) {
      const dropped = places.trim(place);
      if (here) log.drop(dropped);
    }
    if (!here) return;
    log.append(event);
    wording.empty();
  }

  /** A place was read, up to an event. @param {string} place @param {number} [id] */
  read(place, id) {
    if (this.#page.places.markRead(place, id)) this.#page.unread.show();
    this.#page.keeping.soon();
  }

  /** Show a message as deleted. @param {string} place @param {number} id */
  #redact(place, id) {
    this.#page.places.redact(place, id);
    if (place === this.#page.places.here) this.#page.log.redraw(id);
  }

  /** The user looks at the page, or away from it. */
  #attend() {
    const { places, log, keeping, unread } = this.#page;
    if (!attending()) {
      if (!places.view(places.here).unread) unread.removeLine(places.here);
      keeping.drafts();
    } else {
      if (log.stuck) this.read(places.here);
      void keeping.sync().then(() => unread.show(), () => {});
    }
  }
}
