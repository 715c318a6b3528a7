/** Popup menus at a button. Arrow keys move through the items; Escape or a click elsewhere closes the menu; the focus returns to the button. */

import { isOpenAt, make } from "./nodes.js";

/** What can be done. `bad`: it is not to be done by mistake. @typedef {{text: string, act: () => void, bad?: boolean}} Item */

/** Pixels between a menu and the edge of the window. */
const EDGE = 8;

/** @type {(() => void) | undefined} */
let close;

/**
 * @param {HTMLElement} button where it opens, and which has the focus afterwards @param {string} label
 * @param {Item[]} items
 */
export function openMenu(button, label, items) {
  const wasOpen = isOpenAt(button);
  close?.();
  // The list of people may have been drawn anew while this was loaded.
  if (wasOpen || !items.length || !button.isConnected) return;
  const list = make("div", "popup");
  list.setAttribute("role", "menu");
  list.setAttribute("aria-label", label);
  const shut = (/** @type {boolean} */ back) => {
    close = undefined;
    list.remove();
    button.setAttribute("aria-expanded", "false");
    removeEventListener("pointerdown", elsewhere, true);
    removeEventListener("resize", off);
    if (back) button.focus();
  };
  const off = () => shut(false);
  const elsewhere = (/** @type {Event} */ event) => {
    if (event.target instanceof Node && !list.contains(event.target) && !button.contains(event.target)) off();
  };
  const entries = items.map(({ text, act, bad }) => {
    const entry = make("button", bad ? "bad" : "", text);
    entry.setAttribute("type", "button");
    entry.setAttribute("role", "menuitem");
    entry.tabIndex = -1;
    entry.addEventListener("click", () => {
      shut(true);
      act();
    });
    return entry;
  });
  list.append(...entries);
  list.addEventListener("keydown", event => {
    const at = entries.findIndex(entry => entry === document.activeElement);
    const letter = event.key.length === 1 ? event.key.toLowerCase() : "";
    const behind = [...entries.keys()].map(step => (at + 1 + step) % entries.length);
    const begins = behind.find(one => letter && entries[one]?.textContent?.toLowerCase().startsWith(letter));
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 }[event.key] ?? begins;
    if (to !== undefined) entries[(to + entries.length) % entries.length]?.focus();
    else if (event.key === "Escape") shut(true);
    else if (event.key === "Tab") return shut(true);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  close = off;
  // Every visible text has to be inside a landmark.
  document.querySelector("header")?.append(list);
  button.setAttribute("aria-expanded", "true");
  place(list, button);
  addEventListener("pointerdown", elsewhere, true);
  addEventListener("resize", off);
  entries[0]?.focus();
}

/** Beside the button, and inside the window. @param {HTMLElement} list @param {HTMLElement} button */
function place(list, button) {
  const at = button.getBoundingClientRect();
  const { width, height } = list.getBoundingClientRect();
  const below = at.bottom + height + EDGE <= innerHeight || at.top < height + EDGE;
  const top = below ? Math.min(at.bottom, innerHeight - height - EDGE) : at.top - height;
  list.style.top = `${Math.max(EDGE, top)}px`;
  list.style.left = `${Math.max(EDGE, Math.min(at.right > innerWidth / 2 ? at.right - width : at.left, innerWidth - width - EDGE))}px`;
}
