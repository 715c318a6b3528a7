/** The rooms that are read, and joining another one. */

import { toChatError } from "./errors.js";
import { BACKLOG } from "./transports.js";
import { roomName, roomPath } from "./values.js";

/** @typedef {{room: string, resolve: (room: string) => void, reject: (error: Error) => void}} Joining */

export class Rooms {
  #server;
  #show;
  /** @type {Set<string>} */
  #all;
  /** @type {Joining[]} */
  #joining = [];

  /**
   * @param {import("./server.js").Server} server @param {string} first the room to begin with
   * @param {(event: import("./chat.js").ChatEvent) => void} show called with the backlog of a room that was joined
   */
  constructor(server, first, show) {
    this.#server = server;
    this.#all = new Set([first]);
    this.#show = show;
  }

  /** @returns {string[]} */
  get all() {
    return [...this.#all];
  }

  /** @param {string} room */
  has(room) {
    return this.#all.has(room);
  }

  /** @param {string} room */
  delete(room) {
    this.#all.delete(room);
  }

  /** Join as soon as `settle` is called. @param {string} room @returns {Promise<string>} the room's name as the server spells it */
  join(room) {
    return new Promise((resolve, reject) => this.#joining.push({ room: roomName(room), resolve, reject }));
  }

  /** Reject those that wait to come in. @param {Error} error */
  close(error) {
    for (const { reject } of this.#joining.splice(0)) reject(error);
  }

  /** Have the session in all of these rooms. @param {string[]} known the rooms that it is in @param {AbortSignal} signal */
  async confirm(known, signal) {
    for (const room of this.#all) {
      if (!known.includes(room)) await this.#server.ask("PUT", `${roomPath(room)}/membership`, { signal });
    }
  }

  /** Come into the rooms that are waited for. Their backlog ends at the cursor. @param {number} cursor @param {AbortSignal} signal */
  async settle(cursor, signal) {
    while (this.#joining[0]) await this.#comeIn(this.#joining[0], cursor, signal);
  }

  /** @param {Joining} joining @param {number} cursor @param {AbortSignal} signal */
  async #comeIn(joining, cursor, signal) {
    const path = roomPath(joining.room);
    try {
      if (this.#server.token) await this.#server.ask("PUT", `${path}/membership`, { signal });
      const { room, events } = await this.#server.ask("GET", `${path}/events?wait=0&limit=${BACKLOG}`, { signal });
      this.#joining.shift();
      if (!this.#all.has(room)) {
        this.#all.add(room);
        for (const event of events) if (event.id <= cursor) this.#show(event);
      }
      joining.resolve(room);
    } catch (thrown) {
      const error = toChatError(thrown);
      if (error.status === 401 || (error.passing && error.status !== 429)) throw error;
      this.#joining.shift();
      joining.reject(error);
    }
  }
}
