/** Requests of a room's owners and ops. A method rejects with a `ChatError` if the role does not allow it: see `docs/permissions.md`. */

import { roomPath } from "./values.js";

/** Null: none. @typedef {"owner" | "op" | "voice" | null} Role */
/**
 * Who may come in, who may speak, who may set the topic, whether lists show it to others, whether people who are not in it may
 * speak there, and seconds between two messages of one person.
 * @typedef {{
 *   access: "open" | "members", posting: "everyone" | "accounts" | "voices", topic: "everyone" | "ops", listed: boolean,
 *   outside: boolean, slow: number,
 * }} Settings
 */
/** A ban or a mute that holds. @typedef {{id: string, who: string, by: string, text: string, until?: string, address?: string}} Restriction */
/** @typedef {{id: string, by: string, until?: string | null, uses: number}} Invite */

export class Moderation {
  #server;

  /** @param {import("./server.js").Server} server */
  constructor(server) {
    this.#server = server;
  }

  /** Change what is given; the rest stays. @param {string} room @param {Partial<Settings>} settings */
  configure(room, settings) {
    return this.#do("PATCH", roomPath(room), settings);
  }

  /** @param {string} room @param {string} name @param {Role} role */
  giveRole(room, name, role) {
    return this.#do("PUT", below(room, "roles", name), { role });
  }

  /** Put somebody out, who may come back. @param {string} room @param {string} name @param {string} [text] why */
  kick(room, name, text = "") {
    return this.#do("DELETE", below(room, "people", name), { text });
  }

  /** @param {string} room @param {string} who a name; for administrators also a network @param {number} [seconds] else for ever @param {string} [text] why */
  ban(room, who, seconds, text = "") {
    return this.#do("PUT", below(room, "bans", who), { text, ...(seconds && { seconds }) });
  }

  /** @param {string} room @param {string} who a name, or a ban's id */
  unban(room, who) {
    return this.#do("DELETE", below(room, "bans", who));
  }

  /** @param {string} room @returns {Promise<Restriction[]>} */
  async bans(room) {
    return (await this.#do("GET", `${roomPath(room)}/bans`)).bans;
  }

  /** @param {string} room @param {string} name @param {number} [seconds] else for ever @param {string} [text] why */
  mute(room, name, seconds, text = "") {
    return this.#do("PUT", below(room, "mutes", name), { text, ...(seconds && { seconds }) });
  }

  /** @param {string} room @param {string} name */
  unmute(room, name) {
    return this.#do("DELETE", below(room, "mutes", name));
  }

  /** @param {string} room @returns {Promise<Restriction[]>} */
  async mutes(room) {
    return (await this.#do("GET", `${roomPath(room)}/mutes`)).mutes;
  }

  /** The members of a room that only members may come into. @param {string} room @returns {Promise<string[]>} */
  async members(room) {
    return (await this.#do("GET", `${roomPath(room)}/members`)).members;
  }

  /** @param {string} room @param {string} name */
  addMember(room, name) {
    return this.#do("PUT", below(room, "members", name));
  }

  /** @param {string} room @param {string} name */
  removeMember(room, name) {
    return this.#do("DELETE", below(room, "members", name));
  }

  /**
   * A link with which people come in, shown this once. @param {string} room @param {{seconds?: number, uses?: number}} [bounds]
   * @returns {Promise<{id: string, code: string, url: string}>}
   */
  invite(room, bounds = {}) {
    return this.#do("POST", `${roomPath(room)}/invites`, bounds);
  }

  /** @param {string} room @returns {Promise<Invite[]>} */
  async invites(room) {
    return (await this.#do("GET", `${roomPath(room)}/invites`)).invites;
  }

  /** @param {string} room @param {string} id */
  takeBack(room, id) {
    return this.#do("DELETE", below(room, "invites", id));
  }

  /** Delete a message: its text is nowhere any more. @param {string} room @param {number} id */
  redact(room, id) {
    return this.#do("DELETE", below(room, "messages", `${id}`));
  }

  /** @param {string} method @param {string} path @param {object} [body] @returns {Promise<any>} */
  #do(method, path, body) {
    return this.#server.ask(method, path, { body });
  }
}

/** @param {string} room @param {string} list @param {string} one */
function below(room, list, one) {
  return `${roomPath(room)}/${list}/${encodeURIComponent(one)}`;
}
