/** The list of suggestions at a box that keeps the focus: ↑ ↓ move in it; Tab, Enter or a click takes one. */

import { make } from "./nodes.js";
import { t } from "./words.js";

/** @typedef {import("./suggestions.js").Hint} Hint */

export class Hints {
  #box;
  #list;
  #find;
  #write;
  /** @type {Hint[]} */
  #shown = [];
  #picked = -1;
  /** Says how many there are: a list that opens beside the focus is not heard. */
  #told = make("p", "heard");

  /**
   * @param {HTMLTextAreaElement} box
   * @param {HTMLElement} list
   * @param {(before: string, after: string, asked: boolean) => Hint[] | Promise<Hint[]>} find suggestions for the text before and after
   *   the cursor; `asked`: with Tab, not by typing
   * @param {(text: string) => void} write puts a text into the box, and hides the list
   */
  constructor(box, list, find, write) {
    this.#box = box;
    this.#list = list;
    this.#find = find;
    this.#write = write;
    this.#told.setAttribute("role", "status");
    list.after(this.#told);
    // A list that is longer than its place can be scrolled with the keyboard, too.
    list.tabIndex = 0;
    for (const [one, other] of [[box, list], [list, box]]) {
      one?.addEventListener("blur", ({ relatedTarget }) => {
        if (relatedTarget !== other) this.hide();
      });
    }
    list.addEventListener("keydown", event => {
      if (this.handled(event)) box.focus();
    });
    list.addEventListener("pointerdown", event => {
      event.preventDefault();
      const option = event.target instanceof Element && event.target.closest("li");
      if (option) this.#take(this.#shown[[...list.children].indexOf(option)]);
    });
  }

  /** Show the suggestions for the text in the box. */
  update() {
    this.#when(this.#found(false), hints => this.#show(hints));
  }

  /** Hide the list: the box has another text, or lost the focus. */
  hide() {
    this.#show([]);
  }

  /** Whether a key was for the list. @param {KeyboardEvent} event */
  handled(event) {
    const tab = event.key === "Tab" && !event.shiftKey;
    if (tab && !this.#shown.length && !event.ctrlKey) {
      const found = this.#found(true);
      if (found instanceof Promise) {
        event.preventDefault();
        this.#when(found, ([first]) => this.#take(first));
        return true;
      }
      this.#shown = found;
    }
    const { length } = this.#shown;
    if (!length) return false;
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (step) this.#show(this.#shown, (Math.max(this.#picked, step < 0 ? 0 : -1) + step + length) % length);
    else if (event.key === "Escape") this.hide();
    else if (tab) this.#take(this.#shown[Math.max(this.#picked, 0)]);
    else if (event.key === "Enter" && !event.shiftKey && this.#picked >= 0) this.#take(this.#shown[this.#picked]);
    else return false;
    event.preventDefault();
    return true;
  }

  /** Use suggestions, at once or when their script is loaded, if the text is the same then. @param {Hint[] | Promise<Hint[]>} found @param {(hints: Hint[]) => void} use */
  #when(found, use) {
    if (!(found instanceof Promise)) return use(found);
    const { value } = this.#box;
    void found.then(hints => {
      if (this.#box.value === value) use(hints);
    });
  }

  /** @param {boolean} asked */
  #found(asked) {
    const { value, selectionStart } = this.#box;
    return this.#find(value.slice(0, selectionStart), value.slice(selectionStart), asked);
  }

  /** @param {Hint[]} hints @param {number} [at] which is picked */
  #show(hints, at = -1) {
    this.#shown = hints;
    this.#picked = at;
    this.#list.hidden = !hints.length;
    this.#told.textContent = hints.length ? t("hints.count", { n: hints.length }) : "";
    this.#list.replaceChildren(...hints.map(({ shown, about }, place) => {
      const option = make("li", "", make("bdi", "", shown), about);
      option.id = `hint-${place}`;
      option.setAttribute("role", "option");
      option.setAttribute("aria-selected", `${place === at}`);
      return option;
    }));
    if (at < 0) return this.#box.removeAttribute("aria-activedescendant");
    this.#box.setAttribute("aria-activedescendant", `hint-${at}`);
    this.#list.children[at]?.scrollIntoView({ block: "nearest" });
  }

  /** @param {Hint} [hint] */
  #take(hint) {
    if (!hint) return;
    const box = this.#box;
    const rest = box.value.length - box.selectionStart;
    this.#write(hint.text);
    box.selectionStart = box.selectionEnd = hint.text.length - rest;
  }
}
