/** The conversation: the events of the current place as rows, and the scroll position. */

import { Chunks } from "./chunks.js";
import { byId } from "./nodes.js";
import { goesOn, rowOf } from "./rows.js";

/** @typedef {import("./places.js").Shown} Shown */
/** @typedef {import("./rows.js").About} About */
/** @typedef {{events: Shown[], nodes: HTMLElement[]}} Row */

/** Pixels from the bottom within which the user counts as at the bottom. */
const NEAR = 40;

export class Log {
  /** Whether the window was at the bottom when that was last looked at. */
  #stuck = true;
  /** The scroll offset when the window was last at the bottom, in pixels. */
  #bottom = 0;
  #scroll = byId("scroll", HTMLElement);
  #log = byId("log", HTMLElement);
  #pending = byId("pending", HTMLElement);
  #about;
  #settled;
  #chunks = new Chunks(this.#log);
  /** @type {Row[]} */
  #rows = [];
  /** Which row a node belongs to. @type {WeakMap<Element, Row>} */
  #rowOf = new WeakMap();
  /** Whether the log will scroll to the bottom with the next frame. */
  #due = false;
  /** The rows that the next frame draws anew. @type {Set<Row>} */
  #stale = new Set();
  #framed = false;

  /**
   * @param {() => About} about the state that rows depend on
   * @param {() => void} moved called when the user has scrolled @param {() => void} settled called at the bottom
   */
  constructor(about, moved, settled) {
    this.#about = about;
    this.#settled = settled;
    this.#scroll.addEventListener("scroll", () => {
      this.#look();
      moved();
    });
    new ResizeObserver(() => this.stuck && this.toBottom()).observe(this.#scroll);
  }

  get empty() {
    return this.#rows.length === 0;
  }

  /**
   * Whether the window follows new events. Browsers tell of a scroll only with the next frame: an event that arrives before it must
   * not take the user back to the bottom, so the place of the window counts too.
   */
  get stuck() {
    if (!this.#due && this.#stuck && this.#scroll.scrollTop < this.#bottom - 1 && this.below >= NEAR) this.#stuck = false;
    return this.#stuck;
  }

  /** Pixels below the window. */
  get below() {
    return this.#scroll.scrollHeight - this.#scroll.scrollTop - this.#scroll.clientHeight;
  }

  /** Whether the window is more than its own height above the bottom. */
  get far() {
    return this.below >= this.#scroll.clientHeight;
  }

  /** Whether there is little above the window. */
  get high() {
    return this.#scroll.scrollTop < 1.5 * this.#scroll.clientHeight;
  }

  /** @param {boolean} busy whether screen readers are to wait */
  set busy(busy) {
    this.#log.setAttribute("aria-busy", `${busy}`);
  }

  /** The first event that is completely in the window. @returns {Shown | undefined} */
  get topmost() {
    const { top } = this.#scroll.getBoundingClientRect();
    for (const node of this.#chunks.below(top)) {
      const row = this.#rowOf.get(node);
      if (row && node === lastOf(row.nodes) && node.getBoundingClientRect().top >= top) return row.events[0];
    }
  }

  /** @param {Shown | undefined} event @returns {number} the place of its row, or -1 */
  #placeOf(event) {
    return event ? this.#rows.findIndex(({ events }) => events.includes(event)) : -1;
  }

  /** Show these, and nothing else. @param {Shown[]} shown */
  show(shown) {
    this.#fill(shown);
    this.toBottom();
    const line = this.#log.querySelector(".line");
    if (line instanceof HTMLElement) {
      const above = line.getBoundingClientRect().top - this.#scroll.getBoundingClientRect().top - NEAR;
      this.#scroll.scrollTop += Math.min(0, above);
    }
    this.#settle();
  }

  /** Show these, with an event of them in the middle of the window. @param {Shown[]} shown @param {Shown} event */
  showAt(shown, event) {
    this.#fill(shown);
    const node = lastOf(this.#rows[this.#placeOf(event)]?.nodes ?? []);
    node?.scrollIntoView({ block: "center" });
    this.#look();
    node?.classList.add("sought");
    node?.setAttribute("tabindex", "-1");
    node?.focus({ preventScroll: true });
    this.#settle();
  }

  /** Show these; what one looks at stays where it is. @param {Shown[]} shown */
  rebuild(shown) {
    const { topmost } = this;
    const nodeOf = () => lastOf(this.#rows[this.#placeOf(topmost)]?.nodes ?? []);
    const before = nodeOf()?.getBoundingClientRect().top ?? 0;
    this.#fill(shown);
    this.#scroll.scrollTop += (nodeOf()?.getBoundingClientRect().top ?? before) - before;
    this.#look();
    this.#settle();
  }

  /** @param {Shown} event */
  append(event) {
    const about = this.#about();
    const last = this.#rows[this.#rows.length - 1];
    const before = last?.events[last.events.length - 1];
    if (last && before && goesOn(event, before, about)) {
      last.events.push(event);
      this.#stale.add(last);
    } else {
      const row = { events: [event], nodes: rowOf([event], before, about) };
      this.#rows.push(this.#known(row));
      this.#chunks.append(row.nodes);
    }
    this.#due ||= this.stuck;
    if (this.#framed) return;
    this.#framed = true;
    requestAnimationFrame(() => this.#catchUp());
  }

  /** Draw what arrived since the last frame: what arrives together is drawn and laid out together. */
  #catchUp() {
    this.#framed = false;
    for (const row of this.#stale) {
      const at = this.#rows.lastIndexOf(row);
      if (at >= 0) this.#redraw(row, this.#rows[at - 1]);
    }
    this.#stale.clear();
    if (this.#due) this.toBottom();
  }

  /** Put earlier events before those that are shown; what one looks at stays where it is. @param {Shown[]} events */
  prepend(events) {
    this.busy = true;
    const { stuck } = this;
    // In fractions of a pixel, unlike `scrollHeight`.
    const end = () => this.#pending.getBoundingClientRect().top;
    const before = end();
    const [first, ...rest] = this.#rows;
    this.#chunks.remove(first?.nodes ?? []);
    const rows = this.#rowsOf([...events, ...(first?.events ?? [])], undefined);
    this.#rows = [...rows, ...rest];
    this.#chunks.prepend(rows.map(({ nodes }) => nodes));
    if (stuck) this.toBottom();
    else this.#scroll.scrollTop += end() - before;
    this.#settle();
  }

  /** Draw an event anew, and the one that follows, which may stand under the same name. @param {number} id */
  redraw(id) {
    const at = this.#rows.findIndex(({ events }) => events.some(one => "id" in one && one.id === id));
    for (const place of at < 0 ? [] : [at, at + 1]) {
      const row = this.#rows[place];
      if (row) this.#redraw(row, this.#rows[place - 1]);
    }
  }

  /** Take the first events off. @param {number} count */
  drop(count) {
    // The window moves by what is gone, which is no scrolling of the user's.
    if (this.stuck) this.#bottom = 0;
    for (let left = count; left > 0 && this.#rows[0]; ) {
      const [first] = this.#rows;
      const gone = first.events.splice(0, left).length;
      left -= gone;
      if (first.events.length) {
        this.#redraw(first, undefined);
      } else {
        this.#chunks.remove(first.nodes);
        this.#rows.shift();
      }
    }
  }

  /** The event of which a node is the row, if it is one that somebody said. @param {Node} node @returns {Shown | undefined} */
  eventAt(node) {
    const top = (node instanceof Element ? node : node.parentElement)?.closest(".chunk > *");
    return top ? this.#rowOf.get(top)?.events[0] : undefined;
  }

  removeLine() {
    this.#log.querySelector(".line")?.remove();
  }

  toBottom() {
    this.#scroll.scrollTop = this.#scroll.scrollHeight;
    this.#bottom = this.#scroll.scrollTop;
    this.#stuck = true;
    this.#due = false;
    this.#settled();
  }

  toTop() {
    this.#scroll.scrollTop = 0;
  }

  /** @param {number} pages down */
  turn(pages) {
    this.#scroll.scrollBy(0, pages * 0.9 * this.#scroll.clientHeight);
  }

  /** The window was scrolled. */
  #look() {
    if (this.#due && this.#scroll.scrollTop >= this.#bottom - 1) return;
    this.#due = false;
    this.#stuck = this.below < NEAR;
    if (this.#stuck) this.#bottom = this.#scroll.scrollTop;
  }

  /** @param {Shown[]} shown */
  #fill(shown) {
    this.busy = true;
    this.#due = false;
    this.#rows = this.#rowsOf(shown, undefined);
    this.#chunks.fill(this.#rows.map(({ nodes }) => nodes));
  }

  /** Remember of which row its nodes are. @param {Row} row */
  #known(row) {
    for (const node of row.nodes) this.#rowOf.set(node, row);
    return row;
  }

  /** @param {Shown[]} shown @param {Shown | undefined} before @returns {Row[]} */
  #rowsOf(shown, before) {
    const about = this.#about();
    /** @type {Row[]} */
    const rows = [];
    let last = before;
    for (const event of shown) {
      const row = rows[rows.length - 1];
      if (row && last && goesOn(event, last, about)) row.events.push(event);
      else rows.push({ events: [event], nodes: [] });
      last = event;
    }
    for (const [place, row] of rows.entries()) {
      const previous = rows[place - 1]?.events;
      row.nodes = rowOf(row.events, previous?.[previous.length - 1] ?? before, about);
      this.#known(row);
    }
    return rows;
  }

  /** A row holds other events now. @param {Row} row @param {Row | undefined} previous */
  #redraw(row, previous) {
    const before = previous?.events[previous.events.length - 1];
    const nodes = rowOf(row.events, before, this.#about());
    const open = row.nodes.some(node => node.querySelector("details[open]"));
    if (open) nodes[nodes.length - 1]?.querySelector("details")?.setAttribute("open", "");
    // The first ones may be gone: the unread line is taken away.
    lastOf(row.nodes)?.before(...nodes);
    for (const node of row.nodes) node.remove();
    row.nodes = nodes;
    this.#known(row);
  }

  /** Screen readers are to speak again, but not of what was put in just now. */
  #settle() {
    requestAnimationFrame(() => (this.busy = false));
  }
}

/** @param {HTMLElement[]} nodes */
function lastOf(nodes) {
  return nodes[nodes.length - 1];
}
