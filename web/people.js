/** The people of a room in the side bar. A change draws only the people whom it concerns: there may be a thousand. */

import { byId, make, person } from "./nodes.js";
import { roleName } from "./roster.js";
import { t } from "./words.js";

/** `write`: to a person; `menu`: open the menu of a person at a button. @typedef {{write: (person: string) => void, menu: (button: HTMLElement, person: string) => void}} Deeds */

export class People {
  #list = byId("people", HTMLElement);
  #deeds;
  /** The names that are shown, in order. @type {string[]} */
  #names = [];
  /** @type {Map<string, HTMLElement>} */
  #entries = new Map();

  /** @param {Deeds} deeds */
  constructor(deeds) {
    this.#deeds = deeds;
    this.#list.addEventListener("keydown", event => this.#step(event));
  }

  /** @param {Set<string>} people @param {string} self @param {(name: string) => import("./moderation.js").Role} roleOf */
  show(people, self, roleOf) {
    // A menu stays with its button until the next change.
    const open = this.#list.querySelector("[aria-expanded=true]")?.closest("li");
    for (const [name, entry] of this.#entries) {
      if (people.has(name) || entry === open) continue;
      entry.remove();
      this.#entries.delete(name);
    }
    this.#names = this.#names.filter(name => this.#entries.has(name));
    for (const name of people) {
      const entry = this.#entries.get(name) ?? this.#insert(name);
      const role = roleName(roleOf(name));
      const state = `${role} ${name === self}`;
      if (entry.dataset.state === state || entry === open) continue;
      const focused = entry.contains(document.activeElement);
      const shown = [person(name), ...(role ? [make("span", "role", role)] : [])];
      entry.replaceChildren(...(name === self ? [...shown, make("span", "you", t("you"))] : this.#buttonsOf(name, shown)));
      entry.className = name === self ? "self" : "";
      entry.dataset.state = state;
      if (focused) entry.querySelector("button")?.focus();
    }
  }

  /** An entry in its place. @param {string} name */
  #insert(name) {
    let [from, to] = [0, this.#names.length];
    while (from < to) {
      const middle = (from + to) >> 1;
      if (name.localeCompare(this.#names[middle] ?? "") < 0) to = middle;
      else from = middle + 1;
    }
    const entry = make("li", "");
    entry.dataset.name = name;
    this.#list.insertBefore(entry, this.#entries.get(this.#names[from] ?? "") ?? null);
    this.#names.splice(from, 0, name);
    this.#entries.set(name, entry);
    return entry;
  }

  /** @param {string} name @param {Node[]} shown */
  #buttonsOf(name, shown) {
    const write = make("button", "plain", ...shown);
    write.title = t("person.write", { name });
    const more = make("button", "plain more");
    more.title = t("more.title");
    more.setAttribute("aria-label", t("more"));
    more.setAttribute("aria-haspopup", "menu");
    // From the list, arrow keys go to them.
    write.tabIndex = more.tabIndex = -1;
    write.addEventListener("click", () => this.#deeds.write(name));
    const open = () => this.#deeds.menu(more, name);
    more.addEventListener("click", open);
    write.addEventListener("contextmenu", event => {
      event.preventDefault();
      open();
    });
    return [write, more];
  }

  /** Go through the people with arrow keys. @param {KeyboardEvent} event */
  #step(event) {
    const { activeElement } = document;
    const entries = [...this.#list.children].filter(entry => entry.querySelector("button"));
    const at = entries.findIndex(entry => entry.contains(activeElement));
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.altKey || event.ctrlKey) return;
    if (step) entries[Math.max(at + step, 0)]?.querySelector("button")?.focus();
    else if (at >= 0 && event.key === "ArrowRight") /** @type {HTMLElement | null} */ (entries[at]?.querySelector(".more"))?.focus();
    else if (at >= 0 && event.key === "ArrowLeft") entries[at]?.querySelector("button")?.focus();
    else return;
    event.preventDefault();
  }
}
