/** Listeners by type of event. */

/** @typedef {import("./chat.js").Events} Events */
/** @typedef {<K extends keyof Events>(type: K, event: Events[K]) => void} Emit */

export class Emitter {
  /** @type {Map<string, Set<(event: any) => void>>} */
  #listeners = new Map();

  /**
   * Call `listener` for every event of that type, until the returned function is called.
   * @template {keyof Events} K @param {K} type @param {(event: Events[K]) => void} listener @returns {() => void}
   */
  on(type, listener) {
    const all = this.#listeners.get(type) ?? new Set();
    this.#listeners.set(type, all.add(listener));
    return () => void all.delete(listener);
  }

  /** @type {Emit} A listener that throws does not keep the event from the others. */
  emit = (type, event) => {
    for (const listener of [...(this.#listeners.get(type) ?? [])]) {
      try {
        listener(event);
      } catch (error) {
        console.error(error);
      }
    }
  };
}
