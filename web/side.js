/** The side bar: rooms, private conversations and people. On narrow screens it covers the rest. */

import { roomOf } from "./commands.js";
import { byId, make, person } from "./nodes.js";

/** A place in a list. @typedef {{place: string, title: string, unread: number, called: boolean}} Entry */
/**
 * `go`: to a room by its name; `write`: to a person; `list`: the list of rooms is needed; `complain`: show an error.
 * @typedef {{
 *   go: (room: string) => Promise<void>, write: (person: string) => void, list: () => void, complain: (text: string) => void,
 * }} Deeds
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
    this.#menu.addEventListener("click", () => this.open(!this.#isOpen));
    // A click or the focus elsewhere closes it.
    for (const type of ["click", "focusin"]) {
      addEventListener(type, ({ target }) => {
        if (target instanceof Node && !this.#side.contains(target) && !this.#menu.contains(target)) this.open(false);
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
    badge.textContent = `${unread}`;
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

  /** @param {string} title @param {Iterable<string>} people @param {string} self */
  showPeople(title, people, self) {
    byId("count", HTMLElement).textContent = title;
    const sorted = [...people].sort((a, b) => a.localeCompare(b));
    byId("people", HTMLElement).replaceChildren(...sorted.map(name => {
      if (name === self) return make("li", "self", person(name));
      const button = make("button", "plain", person(name));
      button.title = `Write to ${name} privately`;
      // There may be hundreds, and keys have /msg.
      button.tabIndex = -1;
      button.addEventListener("click", () => {
        this.open(false);
        this.#deeds.write(name);
      });
      return make("li", "", button);
    }));
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

/** @param {HTMLElement} list @param {Entry[]} entries @param {string} here */
function fill(list, entries, here) {
  const scrolled = list.scrollTop;
  list.replaceChildren(...entries.map(({ place, title, unread, called }) => {
    const link = document.createElement("a");
    link.href = `#${encodeURIComponent(place)}`;
    link.title = title;
    link.append(make("bdi", "", title));
    if (unread) {
      const badge = make("span", called ? "badge called" : "badge", `${unread}`);
      badge.append(make("span", "heard", " new"));
      link.append(badge);
    }
    if (place === here) link.setAttribute("aria-current", "page");
    return make("li", "", link);
  }));
  list.scrollTop = scrolled;
}
