/** The side bar, and the rooms and private conversations in it. On narrow screens it covers the rest. */

import { roomOf } from "./commands.js";
import { byId, make } from "./nodes.js";
import { number, t } from "./words.js";

/** A place in a list. `out`: we may not be there any more. @typedef {{place: string, title: string, unread: number, called: boolean, out?: boolean}} Entry */
/**
 * `go`: to a room that one types; `follow`: the link of a place; `list`: the rooms there are are wanted; `complain`: show what is wrong.
 * @typedef {{go: (room: string) => Promise<void>, follow: (place: string) => void, list: () => void, complain: (text: string) => void}} Deeds
 */

export class Side {
  #side = byId("side", HTMLElement);
  #menu = byId("menu", HTMLButtonElement);
  #rooms = byId("rooms", HTMLElement);
  #talks = byId("talks", HTMLElement);
  #joinBox = byId("join-room", HTMLInputElement);
  #deeds;

  /** @param {Deeds} deeds */
  constructor(deeds) {
    this.#deeds = deeds;
    byId("join", HTMLFormElement).addEventListener("submit", event => {
      event.preventDefault();
      void this.#join();
    });
    this.#joinBox.addEventListener("focus", deeds.list);
    this.#side.addEventListener("click", event => this.#click(event));
    this.#menu.addEventListener("click", () => this.open(!this.#isOpen));
    // A click or the focus elsewhere closes it.
    for (const type of ["click", "focusin"]) {
      addEventListener(type, ({ target }) => {
        const within = target instanceof Element && target.closest("#side, #menu, .popup, dialog");
        if (target instanceof Element && !within) this.open(false);
      });
    }
  }

  get #isOpen() {
    return this.#side.classList.contains("open");
  }

  get focused() {
    return this.#side.contains(document.activeElement);
  }

  /** @param {boolean} open */
  open(open) {
    if (open === this.#isOpen) return;
    this.#side.classList.toggle("open", open);
    this.#menu.setAttribute("aria-expanded", `${open}`);
    this.showCurrent();
    const current = this.#side.querySelector("[aria-current]");
    if (open && current instanceof HTMLElement) current.focus();
    else if (this.focused) this.#menu.focus();
  }

  /** @param {Entry[]} rooms @param {Entry[]} talks @param {string} here */
  showPlaces(rooms, talks, here) {
    fill(this.#rooms, rooms, here);
    fill(this.#talks, talks, here);
    byId("private", HTMLElement).hidden = !talks.length;
    const elsewhere = [...rooms, ...talks].filter(({ place }) => place !== here);
    const unread = elsewhere.reduce((sum, one) => sum + one.unread, 0);
    const badge = byId("elsewhere", HTMLElement);
    badge.textContent = number(unread);
    badge.classList.toggle("called", elsewhere.some(({ called }) => called));
    badge.hidden = !unread;
  }

  /** Scroll the current place into view. */
  showCurrent() {
    this.#side.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });
  }

  /** The rooms that one may join. @param {string[]} rooms */
  suggest(rooms) {
    byId("all-rooms", HTMLElement).replaceChildren(...rooms.map(room => new Option("", room)));
  }

  /**
   * A click on a place, at once: the browser says `hashchange` later, and what is typed until then would be a draft of the former place.
   * @param {MouseEvent} event
   */
  #click(event) {
    const place = event.target instanceof Element && event.target.closest("a") && event.target.closest("li")?.dataset.place;
    if (!place || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    this.#deeds.follow(place);
  }

  /** The name that was typed stays until the room is joined. */
  async #join() {
    const text = this.#joinBox.value.trim();
    if (!text) return;
    try {
      await this.#deeds.go(roomOf(text));
      this.#joinBox.value = "";
      this.open(false);
    } catch (error) {
      this.#deeds.complain(error instanceof Error ? error.message : `${error}`);
    }
  }
}

/**
 * Show these entries. What has not changed is left as it is: there may be hundreds, one of which has the focus.
 * @param {HTMLElement} list @param {Entry[]} entries @param {string} here
 */
function fill(list, entries, here) {
  const before = /** @type {HTMLElement[]} */ ([...list.children]);
  const known = new Map(before.map(item => [item.dataset.place, item]));
  const wanted = entries.map(entry => {
    const state = JSON.stringify([entry, entry.place === here]);
    const item = known.get(entry.place) ?? make("li", "");
    if (item.dataset.state !== state) draw(item, entry, entry.place === here);
    Object.assign(item.dataset, item.dataset.state === state ? {} : { place: entry.place, state });
    return item;
  });
  for (const item of before) if (!wanted.includes(item)) item.remove();
  for (const [at, item] of wanted.entries()) {
    const there = list.children[at];
    if (there !== item) list.insertBefore(item, there ?? null);
  }
}

/** @param {HTMLElement} item @param {Entry} entry @param {boolean} current */
function draw(item, { place, title, unread, called, out }, current) {
  const link = item.querySelector("a") ?? document.createElement("a");
  link.href = `#${encodeURIComponent(place)}`;
  link.title = title;
  link.replaceChildren(make("bdi", "", title));
  if (unread) {
    const badge = make("span", called ? "badge called" : "badge", number(unread));
    badge.append(make("span", "heard", ` ${t("badge.new")}`));
    link.append(badge);
  }
  if (out) link.append(make("span", "role", t("badge.out")));
  if (current) link.setAttribute("aria-current", "page");
  else link.removeAttribute("aria-current");
  if (!link.isConnected) item.append(link);
}
