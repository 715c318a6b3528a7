/** The people of the current room and their roles, its topic and settings, and the list of rooms. */

import { t } from "./words.js";

/** @typedef {import("./chat.js").ChatEvent} ChatEvent */
/** @typedef {import("./chat.js").Room} Room */
/** @typedef {import("./moderation.js").Role} Role */

/** Milliseconds between two requests for the people, and for the list of rooms. */
const FRESH = 60_000;
/** Rooms that are suggested, at most. */
const SUGGESTED = 300;
/** @type {Map<Role | undefined, number>} */
const RANKS = new Map([["owner", 3], ["op", 2], ["voice", 1]]);

/** @param {Role | undefined} role */
export function rankOf(role) {
  return RANKS.get(role) ?? 0;
}

/** @param {Role | undefined} role */
export function roleName(role) {
  return role ? t(`role.${role}`) : "";
}

export class Roster {
  /** @type {Set<string>} */
  people = new Set();
  /** Rooms there are, as far as they can be suggested. @type {string[]} */
  rooms = [];
  topic = "";
  /** Our own role. @type {Role} */
  role = null;
  /** Those who have a role, by name. @type {Map<string, Role>} */
  roles = new Map();
  /** Whether we are an administrator of the server, and so an owner everywhere. */
  admin = false;
  /** @type {import("./moderation.js").Settings | undefined} */
  settings;
  /** By name in lower case. @type {Map<string, Role>} */
  #roleOf = new Map();
  /** In lower case. @type {Set<string>} */
  #muted = new Set();
  #chat;
  #deeds;
  /** The id up to which `people` and the topic are known. */
  #known = 0;
  #listedAt = -FRESH;

  /**
   * @param {import("./chat.js").Chat} chat
   * @param {{changed: () => void, looked: (room: Room) => Iterable<import("./places.js").Shown>}} deeds `changed`: people or topic
   *   have changed; `looked`: the server has described a room; returns the events of the room so far
   */
  constructor(chat, deeds) {
    this.#chat = chat;
    this.#deeds = deeds;
    setInterval(() => void this.refresh(), FRESH);
  }

  /** Another room is current, of which nothing is known yet. */
  clear() {
    this.people = new Set();
    this.topic = "";
    this.role = null;
    this.#setRoles({});
    this.settings = undefined;
    this.#muted = new Set();
    this.#known = 0;
    this.#deeds.changed();
  }

  /** Keep people and topic up to date. @param {ChatEvent} event in the current room */
  follow(event) {
    if (event.id <= this.#known) return;
    if (event.type === "notice") return void this.refresh();
    if (event.type === "join") this.people.add(event.from);
    else if (event.type === "leave") this.people.delete(event.from);
    else if (event.type === "nick") this.people.delete(event.from), this.people.add(event.to);
    else if (event.type === "topic") this.topic = event.text;
    else if (event.type === "mute") this.#muted.add(event.target.toLowerCase());
    else if (event.type === "unmute") this.#muted.delete(event.target.toLowerCase());
    else if (event.type === "role" || event.type === "settings") return void this.refresh();
    else if (event.type === "kick" || event.type === "ban") this.people.delete(event.target);
    else return;
    this.#deeds.changed();
  }

  async refresh() {
    const asked = this.#chat.room;
    const room = await this.#chat.look(asked).catch(() => undefined);
    if (!room || asked !== this.#chat.room) return;
    this.people = new Set(room.here);
    this.topic = room.topic;
    this.role = this.admin ? "owner" : room.role ?? null;
    this.#setRoles(room.roles ?? {});
    this.settings = room.settings;
    this.#known = room.last ?? 0;
    if (this.role === "owner" || this.role === "op") {
      const muted = await this.#chat.moderation.mutes(asked).catch(() => []);
      if (asked !== this.#chat.room) return;
      this.#muted = new Set(muted.map(({ who }) => who.toLowerCase()));
    }
    // Events that arrived before this answer, but are newer than it.
    for (const event of this.#deeds.looked(room)) if ("room" in event && event.type !== "notice") this.follow(event);
    this.#deeds.changed();
  }

  /** @param {Record<string, Role>} roles */
  #setRoles(roles) {
    this.roles = new Map(Object.entries(roles));
    this.#roleOf = new Map(Object.entries(roles).map(([name, role]) => [name.toLowerCase(), role]));
  }

  /** Load the list of rooms, unless that was done lately. @returns {Promise<boolean>} whether it was loaded */
  async list() {
    if (performance.now() - this.#listedAt < FRESH) return false;
    this.#listedAt = performance.now();
    this.rooms = (await this.#chat.list(SUGGESTED).catch(() => [])).map(({ room }) => room);
    return true;
  }

  /** @param {string} name @returns {Role} */
  roleOf(name) {
    return this.#roleOf.get(name.toLowerCase()) ?? null;
  }

  /** Whether somebody may not speak here, as far as one was here when that happened. @param {string} name */
  isMuted(name) {
    return this.#muted.has(name.toLowerCase());
  }

  /** The rooms that one may join. */
  get others() {
    const { rooms } = this.#chat;
    return this.rooms.filter(room => !rooms.includes(room));
  }
}
