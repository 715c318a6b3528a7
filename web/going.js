/** Where the user goes: to places and messages, by links, by the address and by keys, and away. */

import { wordsOf } from "./advice.js";
import { linkOf } from "./arrival.js";
import { onDemand, quietly } from "./demand.js";
import * as memory from "./memory.js";
import { byId } from "./nodes.js";
import { isTalk, messageOf, placeOf, talkWith } from "./places.js";
import { t } from "./words.js";

/**
 * `anywhere`: open the list of places to go to.
 * @typedef {{
 *   chat: import("./chat.js").Chat, places: import("./places.js").Places, log: import("./log.js").Log, roster: import("./roster.js").Roster,
 *   composer: import("./composer.js").Composer, connection: import("./connection.js").Connection, side: import("./side.js").Side,
 *   keeping: import("./keeping.js").Keeping, earlier: import("./earlier.js").Earlier, unread: import("./unread.js").Unread,
 *   wording: import("./wording.js").Wording, incoming: import("./incoming.js").Incoming, anywhere: () => void,
 * }} Page
 */

export class Going {
  #page;
  /** The message that the address names, or 0. */
  #sought = messageOf(location.hash);
  /** @type {import("./jumping.js").Jumping | undefined} */
  #jumping;

  /** @param {Page} page */
  constructor(page) {
    this.#page = page;
    addEventListener("hashchange", () => {
      // A link is for a page that begins.
      if (linkOf(location.hash)) return page.keeping.reload();
      this.#follow();
    });
    addEventListener("keydown", event => this.#key(event));
  }

  /** Show a place that one is in. What is typed into the box stays, if the place is shown already. @param {string} place */
  show(place) {
    const { chat, places, log, composer, connection, earlier, roster, side, unread, wording } = this.#page;
    if (place !== places.here) {
      const left = places.view(places.here);
      left.draft = composer.text;
      if (!left.unread) Object.assign(left, { line: undefined, mark: undefined });
      composer.complain("");
      composer.write(places.view(place).draft);
    }
    places.here = place;
    if (!isTalk(place)) chat.room = place;
    const { shown, title } = places.view(place);
    byId("room", HTMLElement).textContent = title;
    this.#name(place);
    roster.clear();
    wording.invite();
    unread.show();
    side.showCurrent();
    log.show(shown);
    composer.showWaiting();
    wording.empty();
    if (connection.online) void roster.refresh(), void earlier.fill();
  }

  /** Go to a place by a link, so that the browser can go back. @param {string} place */
  follow(place) {
    const hash = hashOf(place);
    if (location.hash !== hash) history.pushState(null, "", hash);
    this.#follow();
  }

  /** Go where the address leads. */
  #follow() {
    this.#page.side.open(false);
    this.#sought = messageOf(location.hash);
    if (this.#sought) void this.jumpToSought();
    else this.go(placeOf(location.hash));
  }

  /** Go to a place, or say why not. @param {string} place */
  go(place) {
    void this.visit(place).catch(error => {
      this.#page.composer.complain(wordsOf(error));
      this.#name(this.#page.places.here);
    });
  }

  /** Go to a place, and show it. Throws a `ChatError`. @param {string} place @param {boolean} [look] */
  async visit(place, look = true) {
    const { chat, places, incoming, roster, unread, wording } = this.#page;
    if (isTalk(place)) {
      places.view(talkWith(place.slice(1)));
      if (look) this.show(talkWith(place.slice(1)));
      return;
    }
    const joined = !chat.rooms.includes(place);
    const room = joined ? await chat.join(place) : place;
    if (places.view(room).out !== undefined) places.view(room).out = undefined, wording.invite();
    // What was said before one came is no news.
    if (!places.wasRead(room)) unread.removeLine(room), incoming.read(room);
    memory.remember(person => void (person.rooms = [...new Set([...person.rooms, ...chat.rooms])]));
    if (look && room !== places.here) this.show(room);
    else if (joined && room === chat.room) void roster.refresh();
    unread.show();
  }

  /** Begin to write to one person only. @param {string} name */
  writeTo(name) {
    this.#page.places.view(talkWith(name), name);
    this.go(talkWith(name));
    this.#page.composer.focus();
  }

  /** @param {string} place */
  async leave(place) {
    const { chat, places, unread } = this.#page;
    const out = places.view(place).out !== undefined;
    if (!chat.rooms.includes(place) && !isTalk(place) && !out) throw new Error(t("leave.elsewhere", { room: place }));
    const next = chat.rooms.find(room => room !== place) ?? chat.room;
    if (!isTalk(place) && !out) {
      await chat.leave(place);
      memory.remember(person => void (person.rooms = person.rooms.filter(room => room !== place)));
    }
    if (places.here === place) await this.visit(isTalk(place) ? chat.room : next);
    else if (chat.room === place) chat.room = next;
    places.forget(place);
    unread.show();
  }

  async quit() {
    this.#page.keeping.forget();
    await this.#page.chat.close({ everywhere: true });
    await quietly(() => import("./standby.js"), ({ standDown }) => standDown());
    location.reload();
  }

  /** Go to the message that the address names. */
  async jumpToSought() {
    const id = this.#sought;
    this.#sought = 0;
    if (id) await this.jump(placeOf(location.hash), id);
  }

  /** Go to a message. @param {string} place @param {number} id */
  async jump(place, id) {
    await this.#withJumps(jumps => jumps.to(place, id));
  }

  /** Load what follows a break in the conversation. @param {import("./places.js").Shown} end the break */
  more(end) {
    void this.#withJumps(jumps => jumps.more(end));
  }

  toNewest() {
    this.#jumping?.forget();
    this.#page.log.toBottom();
    this.#page.composer.focus();
  }

  /** @param {(jumps: import("./jumping.js").Jumping) => unknown} use */
  async #withJumps(use) {
    const { chat, places, log, composer, unread } = this.#page;
    await onDemand(async () => {
      const { Jumping } = await import("./jumping.js");
      return this.#jumping ??= new Jumping(chat, places, log, {
        here: () => places.here, visit: place => this.visit(place), complain: error => composer.complain(wordsOf(error)), changed: () => unread.show(),
      });
    }, use);
  }

  /** Have the address name a place. @param {string} place */
  #name(place) {
    const hash = hashOf(place);
    if (location.hash !== hash) history.replaceState(null, "", hash);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const { chat, places, composer, side, anywhere } = this.#page;
    if (event.key === "Escape") side.open(false), composer.complain("");
    if (event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey) {
      event.preventDefault();
      anywhere();
    }
    const step = event.key === "ArrowUp" ? -1 : event.key === "ArrowDown" ? 1 : 0;
    if (!step || !event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const all = [...chat.rooms, ...places.talks];
    const next = all[(all.indexOf(places.here) + step + all.length) % all.length];
    if (next) this.go(next);
  }
}

/** A place's address in the page. @param {string} place */
function hashOf(place) {
  return `#${encodeURIComponent(place)}`;
}
