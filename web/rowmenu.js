/** The button for the menu of a message: one for all rows, placed at the row under the pointer, or that the arrow keys have reached. */

import { byId, isOpenAt } from "./nodes.js";
import { t } from "./words.js";

/** @typedef {import("./places.js").Shown} Shown */
/** @typedef {Extract<import("./chat.js").ChatEvent, {type: "message" | "action" | "private"}>} Said */

const ROWS = ".message, .action, .private";

export class RowMenu {
  #button = byId("row-menu", HTMLButtonElement);
  #scroll = byId("scroll", HTMLElement);
  #log = byId("log", HTMLElement);
  #deeds;
  /** @type {Element | undefined} */
  #row;

  /**
   * @param {{eventAt: (node: Node) => Shown | undefined, menu: (button: HTMLElement, event: Said) => void, back: () => void}} deeds
   *   `menu`: open the menu of a message at the button; `back`: focus the message box
   */
  constructor(deeds) {
    this.#deeds = deeds;
    this.#log.addEventListener("pointerover", ({ target }) => {
      const row = target instanceof Element && target.closest(ROWS);
      if (row && row !== this.#row && !isOpenAt(this.#button)) this.#goTo(row);
    });
    this.#scroll.addEventListener("pointerleave", () => {
      if (!isOpenAt(this.#button) && document.activeElement !== this.#button) this.hide();
    });
    this.#button.addEventListener("click", () => {
      const event = this.#event;
      if (event) this.#deeds.menu(this.#button, event);
    });
    this.#button.addEventListener("keydown", event => this.#key(event));
    this.#button.addEventListener("blur", () => requestAnimationFrame(() => {
      // A menu and a dialog give the focus back.
      const stays = document.activeElement?.closest(".popup, dialog, #row-menu") || this.#scroll.matches(":hover");
      if (!stays) this.hide();
    }));
  }

  hide() {
    this.#button.hidden = true;
    this.#row = undefined;
  }

  /** Focus the button at the last message. @returns {boolean} whether there is a message */
  enter() {
    const rows = this.#log.querySelectorAll(ROWS);
    return this.#focus(rows[rows.length - 1]);
  }

  /** @returns {Said | undefined} */
  get #event() {
    const event = this.#row && this.#deeds.eventAt(this.#row);
    return event && ["message", "action", "private"].includes(event.type) ? /** @type {Said} */ (event) : undefined;
  }

  /** @param {Element} row */
  #goTo(row) {
    this.#row = row;
    const event = this.#event;
    // Nothing can be done with a deleted private message.
    if (!event || (event.type === "private" && !event.text)) return this.hide();
    this.#button.hidden = false;
    this.#button.setAttribute("aria-label", t("message.menu", { name: event.from, text: event.text.slice(0, 100) }));
    const top = row.getBoundingClientRect().top - this.#scroll.getBoundingClientRect().top + this.#scroll.scrollTop;
    this.#button.style.top = `${top}px`;
  }

  /** @param {Element | undefined} row */
  #focus(row) {
    if (!row) return false;
    this.#goTo(row);
    row.scrollIntoView({ block: "nearest" });
    this.#button.focus({ preventScroll: true });
    return !this.#button.hidden;
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (step) {
      const rows = [...this.#log.querySelectorAll(ROWS)];
      const to = rows[rows.findIndex(row => row === this.#row) + step];
      if (to) this.#focus(to);
      else if (step > 0) this.#deeds.back();
    } else if (event.key === "Escape") {
      this.#deeds.back();
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }
}
