/** Texts that were sent from this page, which ↑ in the empty box brings back. No nodes here. */

/** Texts that are remembered of a place. */
const KEPT = 50;

export class Recall {
  /** @type {Map<string, string[]>} */
  #sent = new Map();
  /** The number of steps back to the recalled text, and that text. */
  #back = 0;
  #shown = "";

  /** @param {string} place @param {string} text */
  add(place, text) {
    const all = this.#sent.get(place) ?? [];
    this.#sent.set(place, [...all.filter(one => one !== text), text].slice(-KEPT));
    this.#back = 0;
    this.#shown = "";
  }

  /**
   * The text for the box after a step; undefined if the box holds another text than the recalled one.
   * @param {string} place @param {string} text that is in the box @param {number} step -1: further back @returns {string | undefined}
   */
  step(place, text, step) {
    const all = this.#sent.get(place) ?? [];
    if (text === "") this.#back = 0;
    else if (text !== this.#shown) return undefined;
    const back = this.#back - step;
    if (back < 0 || back > all.length) return undefined;
    this.#back = back;
    this.#shown = back ? all[all.length - back] ?? "" : "";
    return this.#shown;
  }
}
