/** The rooms that are read; joining another one, and removal from one. */

import { toChatError } from "./errors.js";
import { BACKLOG } from "./transports.js";
import { LOBBY, roomName, roomPath } from "./values.js";

/** @typedef {import("./errors.js").ChatError} ChatError */
/** @typedef {{room: string, resolve: (room: string) => void, reject: (error: Error) => void}} Joining */

export class Rooms {
  #server;
  #show;
  #putOut;
  /** Whether the first catch-up is done: from then on, the backlog of a further room is read separately. */
  #begun = false;
  /** @type {Set<string>} */
  #all;
  /** @type {Joining[]} */
  #joining = [];
  /** The newest event of each room's backlog: what a stream from an older cursor sends of the room before it is history. @type {Map<string, number>} */
  #behind = new Map();

  /**
   * @param {import("./server.js").Server} server @param {string} first the room to begin with
   * @param {(event: import("./chat.js").ChatEvent) => void} show called with the backlog of a room that was joined
   * @param {(room: string, why: ChatError) => void} putOut called when we may not be in a room any more
   */
  constructor(server, first, show, putOut) {
    this.#server = server;
    this.#all = new Set([first]);
    this.#show = show;
    this.#putOut = putOut;
  }

  /** @returns {string[]} */
  get all() {
    return [...this.#all];
  }

  /** @param {string} room */
  has(room) {
    return this.#all.has(room);
  }

  /** Whether an event that was read is to be shown. @param {{room: string, id: number}} event */
  takes({ room, id }) {
    return this.has(room) && id > (this.#behind.get(room) ?? 0);
  }

  /** The server gives lower ids than before. */
  restart() {
    this.#behind.clear();
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

  /**
   * Have the session in all of these rooms. An account is in its own as well, wherever it came into them.
   * @param {string[]} known the rooms that the session is in @param {boolean} account @param {AbortSignal} signal
   */
  async confirm(known, account, signal) {
    if (account && known.length && !this.#begun) this.#all = new Set(known);
    for (const room of this.#all) {
      if (known.includes(room)) continue;
      try {
        await this.#server.ask("PUT", `${roomPath(room)}/membership`, { signal });
      } catch (thrown) {
        const error = toChatError(thrown);
        if (![403, 404].includes(error.status)) throw error;
        this.lose(room, error, account ? known : []);
      }
    }
    for (const room of account ? known : []) {
      if (this.#all.has(room)) continue;
      if (this.#begun) void this.join(room).catch(() => {});
      else this.#all.add(room);
    }
  }

  /** We may not be in a room any more. There is always one. @param {string} room @param {ChatError} why @param {string[]} [others] */
  lose(room, why, others = []) {
    if (!this.#all.delete(room)) return;
    if (!this.#all.size) this.#all.add(others.find(other => other !== room) ?? LOBBY);
    this.#putOut(room, why);
  }

  /** Something is refused that names all our rooms: find out which of them are to blame. @param {AbortSignal} signal */
  async examine(signal) {
    let found = false;
    for (const room of this.all) {
      const why = await this.refusal(room, signal);
      // Without the lobby there is nowhere else to go.
      if (!why || (room === LOBBY && this.#all.size === 1)) continue;
      this.lose(room, why);
      found = true;
    }
    return found;
  }

  /** Why we may not read a room; undefined: we may. @param {string} room @param {AbortSignal} [signal] */
  async refusal(room, signal) {
    const thrown = await this.#server.ask("GET", roomPath(room), { signal }).then(() => undefined, error => toChatError(error));
    return thrown && [403, 404].includes(thrown.status) ? thrown : undefined;
  }

  /** Come into the rooms that are waited for. @param {AbortSignal} signal */
  async settle(signal) {
    this.#begun = true;
    while (this.#joining[0]) await this.#comeIn(this.#joining[0], signal);
  }

  /** @param {Joining} joining @param {AbortSignal} signal */
  async #comeIn(joining, signal) {
    const path = roomPath(joining.room);
    try {
      if (this.#server.token) await this.#server.ask("PUT", `${path}/membership`, { signal });
      const { room, events } = await this.#server.ask("GET", `${path}/events?wait=0&limit=${BACKLOG}`, { signal });
      this.#joining.shift();
      if (!this.#all.has(room)) {
        this.#all.add(room);
        for (const event of events) {
          this.#show(event);
          this.#behind.set(room, event.id);
        }
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
