/**
 * The rows of the conversation in chunks, each of which a browser lays out apart from the others (`contain`): rows that are put in
 * before ten thousand others cost only their own layout.
 *
 * `content-visibility` would save the layout of those that are not seen, too, and is not used: browsers then take their texts for
 * empty (`innerText`), and guess their heights, so that the window jumps where there is no scroll anchoring.
 */

import { make } from "./nodes.js";

/** Rows in a chunk. */
const ROWS = 50;

export class Chunks {
  #parent;

  /** @param {HTMLElement} parent */
  constructor(parent) {
    this.#parent = parent;
  }

  /** Have these rows, and no others. @param {HTMLElement[][]} rows the nodes of each */
  fill(rows) {
    this.#parent.replaceChildren(...made(rows));
  }

  /** @param {HTMLElement[][]} rows the nodes of each */
  prepend(rows) {
    this.#parent.prepend(...made(rows));
  }

  /** @param {HTMLElement[]} nodes of a row */
  append(nodes) {
    const last = this.#parent.lastElementChild;
    if (last && last.childElementCount < ROWS) last.append(...nodes);
    else this.#parent.append(...made([nodes]));
  }

  /** Remove nodes, and a chunk that is left empty. @param {HTMLElement[]} nodes */
  remove(nodes) {
    for (const node of nodes) {
      const chunk = node.parentElement;
      node.remove();
      if (chunk?.matches(".chunk") && !chunk.childElementCount) chunk.remove();
    }
  }

  /** The nodes from the first chunk on that reaches below a line. @param {number} top in pixels from the top of the window @returns {Iterable<Element>} */
  *below(top) {
    for (const chunk of this.#parent.children) {
      if (chunk.getBoundingClientRect().bottom > top) yield* chunk.children;
    }
  }
}

/** @param {HTMLElement[][]} rows @returns {HTMLElement[]} */
function made(rows) {
  return Array.from({ length: Math.ceil(rows.length / ROWS) }, (_, place) =>
    make("div", "chunk", ...rows.slice(place * ROWS, (place + 1) * ROWS).flat()));
}
