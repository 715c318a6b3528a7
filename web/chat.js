/**
 * A chat, for any page or program that has `fetch`.
 *
 *     const chat = new Chat({url: "https://chat.example", name: "ada", room: "lobby"});
 *     chat.on("message", event => console.log(event.from, event.text));
 *     await chat.send("hello");
 *
 * 1. Reading has one cursor for all rooms (`reader.js`). A room's events come in order and each once, whatever happens to
 *    the connection; if the server no longer has the events after the cursor, `gap` says so.
 * 2. Writing has one queue, one request at a time (`outbox.js`), by POST whatever the transport, with an idempotency key, so
 *    that nothing is stored twice.
 * 3. A transport only reads (`transports.js`).
 * 4. A guest's session that is over is replaced by another of the same name (`identity.js`); one of an account is not.
 * 5. Tabs of one browser that are the same person share one connection (`tabs.js`), and one session.
 *
 * Without a name it only reads, until `nick` gives it one.
 *
 * The lowest browsers: Chrome and Edge 109, Firefox 115, Safari and iOS 16.
 */

import { Account } from "./account.js";
import { ChatError, toChatError } from "./errors.js";
import { Emitter } from "./emitter.js";
import { Identity } from "./identity.js";
import { Moderation } from "./moderation.js";
import { Outbox } from "./outbox.js";
import { Reader } from "./reader.js";
import { Rooms } from "./rooms.js";
import { Server } from "./server.js";
import { Tabs } from "./tabs.js";
import { LOBBY, roomName, roomPath } from "./values.js";

export { ChatError };

/** `account`: whether the one who did it is signed in. @typedef {{id: number, room: string, time: string, from: string, account?: true}} Happened */
/** `redacted`: it was deleted, and its text is empty. @typedef {Happened & {type: "message", text: string, redacted?: true}} Message */
/** @typedef {Happened & {type: "action", text: string, redacted?: true}} Action */
/** @typedef {Happened & {type: "join"}} Join */
/** @typedef {Happened & {type: "leave", text: string}} Leave */
/** @typedef {Happened & {type: "nick", to: string}} Nick */
/** @typedef {Happened & {type: "topic", text: string}} Topic */
/** @typedef {{id: number, room: string, time: string, type: "notice", text: string}} Notice */
/**
 * @typedef {{
 *   id: number, time: string, type: "private", from: string, to: string, text: string, account?: true, redacted?: true,
 * }} Private
 */
/**
 * A private message was deleted: by an administrator, where `by` is.
 * @typedef {{id: number, time: string, type: "unsaid", from: string, to: string, target: number, by?: string}} Unsaid
 */
/** Only what has changed is there. @typedef {Happened & {type: "settings"} & Partial<import("./moderation.js").Settings>} SettingsChange */
/** @typedef {Happened & {type: "role", target: string, role: import("./moderation.js").Role}} RoleChange */
/** @typedef {Happened & {type: "kick", target: string, text: string}} Kick */
/** Without `until`, for ever. @typedef {Happened & {type: "ban", target: string, ban: string, text: string, until?: string}} Ban */
/** @typedef {Happened & {type: "unban", target: string, ban: string}} Unban */
/** @typedef {Happened & {type: "mute", target: string, text: string, until?: string}} Mute */
/** @typedef {Happened & {type: "unmute" | "invite", target: string}} Unmute */
/** A message was deleted: `target` is its id. @typedef {Happened & {type: "redact", target: number}} Redact */
/** What moderators do. @typedef {SettingsChange | RoleChange | Kick | Ban | Unban | Mute | Unmute | Redact} Moderated */
/** @typedef {Message | Action | Join | Leave | Nick | Topic | Notice | Private | Moderated} ChatEvent */

/** @typedef {"connecting" | "online" | "reconnecting" | "offline"} Condition */
/** @typedef {{state: Condition, transport: string, retryIn?: number}} State `retryIn` is in seconds */

/**
 * The events of a `Chat`. `session`: the name or the token has changed, or is confirmed; a later `Chat` with that token continues
 * as the same person. `removed`: we may not be in a room any more; `marker`: on another device, our account has read a room or a
 * private conversation up to an event. `error`: an error that no promise reports.
 * @typedef {{
 *   message: Message, action: Action, join: Join, leave: Leave, nick: Nick, topic: Topic, notice: Notice, private: Private, unsaid: Unsaid,
 *   settings: SettingsChange, role: RoleChange, kick: Kick, ban: Ban, unban: Unban, mute: Mute, unmute: Unmute, invite: Unmute,
 *   redact: Redact, removed: {room: string, why: ChatError}, marker: {room: string, person?: string, marker: number},
 *   gap: {since: number | undefined}, state: State, session: SessionTold, error: ChatError,
 * }} Events
 */
/** @typedef {Omit<import("./identity.js").Standing, "rooms"> & {token: string}} SessionTold */

/**
 * `roles`: of those who have one, by name; `role`: our own.
 * @typedef {{
 *   room: string, topic: string, here: string[], first: number | null, last: number | null,
 *   settings?: import("./moderation.js").Settings, roles?: Record<string, import("./moderation.js").Role>,
 *   role?: import("./moderation.js").Role,
 * }} Room
 */
/** @typedef {{room: string, topic: string, people: number, first: number | null, last: number | null}} RoomSummary */

/** `local`: reached from the server's machine only. @typedef {{door: "line" | "irc", port: number, tls: boolean, local: boolean}} Door */
/** The doors that need no browser, and how long a text may be. @typedef {{doors: Door[], text: {bytes: number, breaks: number}}} About */

/** Rooms per request. */
const ROOMS = 100;

/** A person in a chat; without a name, a reader. */
export class Chat {
  /** Where we speak, unless another room is given. */
  room;

  #emitter = new Emitter();
  #server;
  #rooms;
  #tabs;
  /** @type {Identity} */
  #identity;
  #reader;
  #outbox;
  #closed = false;
  /** By whom, and why, we were put out of rooms. @type {Map<string, Kick | Ban>} */
  #kicks = new Map();
  /** Registering, signing in, and what belongs to an account. @type {Account} */
  account;
  /** Roles, bans, settings and so on of rooms. @type {Moderation} */
  moderation;

  /**
   * Begins by itself, once the current task is over: listeners that are added by then miss nothing.
   *
   * `url`: the server, if it is not the one that this file came from. `token`: from an earlier `session` event.
   * `transport`: how to read, of those there are, and in no other way; else the best that works. `cookie`: on a page of the
   * server's own, leave sessions of accounts to the browser's cookie, and go on in the one that it holds; `account`: the token
   * is an account's.
   * @param {{
   *   url?: string | URL, name?: string, room?: string, token?: string, transport?: string, cookie?: boolean, account?: boolean,
   * }} [options]
   */
  constructor({
    url = new URL(".", import.meta.url), name, room = LOBBY, token = "", transport = "", cookie = false, account = false,
  } = {}) {
    this.room = roomName(room);
    const { emit } = this.#emitter;
    const again = () => this.#reader.again();
    const rename = (/** @type {string} */ other) => this.nick(other);
    const show = (/** @type {ChatEvent} */ event) => this.#show(event);
    const server = new Server(new URL(`${url}`.replace(/\/*$/, "/")), token, () => this.#identity.expire());
    this.#server = server;
    this.#rooms = new Rooms(server, this.room, show, (lost, why) => emit("removed", { room: lost, why }));
    this.#tabs = new Tabs(server.url, () => ({ name: this.name, token: server.token }));
    this.#identity = new Identity(server, this.#tabs, this.#rooms, emit, { again, rename }, cookie);
    this.#reader = new Reader({
      server, tabs: this.#tabs, rooms: this.#rooms, emit, show,
      settle: async signal => {
        await this.#identity.settle(signal, !this.#reader.steady);
        this.#outbox.release();
      },
      steady: () => this.#outbox.release(),
      removed: (lost, code) => void this.#lose(lost, code),
    }, transport);
    this.#outbox = new Outbox(server, this.#identity, this.#reader, (...page) => this.earlier(...page));
    this.account = new Account(server, this.#identity);
    this.moderation = new Moderation(server);
    this.#identity.begin(name, account);
    queueMicrotask(() => this.#reader.start());
  }

  /** Who we are; empty as long as we only read. @returns {string} */
  get name() {
    return this.#identity.name;
  }

  /** The rooms that are read. */
  get rooms() {
    return this.#rooms.all;
  }

  /**
   * Call `listener` for every event of that type, until the function that comes back is called.
   * @template {keyof Events} K
   * @param {K} type
   * @param {(event: Events[K]) => void} listener
   * @returns {() => void}
   */
  on(type, listener) {
    return this.#emitter.on(type, listener);
  }

  /**
   * Say something. Resolves with the event's id once the server has stored it, rejects if the server refused.
   * @param {string} text @param {string} [room] @returns {Promise<number>}
   */
  send(text, room = this.room) {
    return this.#outbox.say("message", text, room);
  }

  /** Do something: `/me text`. @param {string} text @param {string} [room] @returns {Promise<number>} */
  act(text, room = this.room) {
    return this.#outbox.say("action", text, room);
  }

  /** Say something to one person only. @param {string} name @param {string} text @returns {Promise<number>} */
  async tell(name, text) {
    return (await this.#outbox.send("POST", `people/${encodeURIComponent(name)}/messages`, { text })).id;
  }

  /** Set a room's topic; an empty one clears it. @param {string} text @param {string} [room] @returns {Promise<number>} */
  async topic(text, room = this.room) {
    return (await this.#outbox.send("PUT", `${roomPath(room)}/topic`, { text })).id;
  }

  /** Take a name, or another one. Resolves with it as the server spells it. @param {string} name @returns {Promise<string>} */
  async nick(name) {
    if (!this.#server.token) return this.#identity.open(name);
    const answer = await this.#outbox.send("PATCH", "session", { name });
    this.#identity.become(answer.name);
    return answer.name;
  }

  /**
   * Be in another room too. Its latest events come first. Resolves with the room's one name.
   * @param {string} room @returns {Promise<string>}
   */
  join(room) {
    const joined = this.#rooms.join(room);
    this.#reader.again();
    return joined;
  }

  /** Leave a room, but not the last one: that is `close`. @param {string} [room] */
  async leave(room = this.room) {
    const name = roomName(room);
    if (this.rooms.every(one => one === name)) throw new ChatError(0, "last-room", "this is your only room");
    if (this.#server.token) {
      await this.#outbox.send("DELETE", `${roomPath(name)}/membership`).catch(error => {
        // Another tab of the same person was faster.
        if (error.code !== "not-in-room") throw error;
      });
    }
    this.#rooms.delete(name);
    this.#reader.again();
  }

  /** A room as it is now: its topic, who is here. @param {string} [room] @returns {Promise<Room>} */
  look(room = this.room) {
    return this.#server.ask("GET", roomPath(room));
  }

  /** All rooms there are, or the first of them: at least `most`, if there are so many. @param {number} [most] @returns {Promise<RoomSummary[]>} */
  async list(most = Infinity) {
    /** @type {RoomSummary[]} */
    const all = [];
    for (let after; all.length < most; ) {
      const behind = after === undefined ? "" : `&after=${encodeURIComponent(after)}`;
      const { rooms, next } = await this.#server.ask("GET", `rooms?limit=${ROOMS}${behind}`, { cache: "no-cache" });
      // A server that knows no pages answers with all of them, again and again.
      if (!rooms.length || (after !== undefined && rooms[0].room === all[0]?.room)) break;
      all.push(...rooms);
      after = next === undefined && rooms.length === ROOMS ? rooms[ROOMS - 1].room : next;
      if (!after) break;
    }
    return all;
  }

  /**
   * Events of a room before that event, the oldest first; empty if there are no more.
   * @param {number} before @param {string} [room] @param {number} [limit] @returns {Promise<ChatEvent[]>}
   */
  async earlier(before, room = this.room, limit = 100) {
    return (await this.#server.ask("GET", `${roomPath(room)}/events?before=${before}&limit=${limit}`)).events;
  }

  /**
   * Events of a room after that event, the oldest first; empty if there are no more.
   * @param {number} after @param {string} [room] @param {number} [limit] @returns {Promise<ChatEvent[]>}
   */
  async later(after, room = this.room, limit = 100) {
    return (await this.#server.ask("GET", `${roomPath(room)}/events?since=${after}&wait=0&limit=${limit}`)).events;
  }

  /**
   * Messages of a room that contain all these words, the newest first; `next` is the `before` of the next page.
   * @param {string} words quotes hold a phrase together @param {string} [room] @param {number} [before] @param {number} [limit]
   * @returns {Promise<{events: (Message | Action)[], next: number | null}>}
   */
  search(words, room = this.room, before = undefined, limit = 50) {
    const more = before === undefined ? "" : `&before=${before}`;
    return this.#server.ask("GET", `${roomPath(room)}/search?q=${encodeURIComponent(words)}&limit=${limit}${more}`);
  }

  /** The server's public facts: see `/about` in `docs/protocol.md`. @returns {Promise<About>} */
  about() {
    return this.#server.ask("GET", "about");
  }

  /**
   * The private conversations of our account, the latest first. Empty for guests: their private messages are not kept.
   * `marker`: the id up to which our account has read it. @returns {Promise<{name: string, last: number, marker?: number}[]>}
   */
  async talks() {
    return this.#identity.account ? (await this.#server.ask("GET", "people")).people : [];
  }

  /**
   * Private messages with a person before that event, as `earlier`.
   * @param {string} name @param {number} before @param {number} [limit] @returns {Promise<Private[]>}
   */
  async earlierWith(name, before, limit = 100) {
    return (await this.#server.ask("GET", `people/${encodeURIComponent(name)}/events?before=${before}&limit=${limit}`)).events;
  }

  /**
   * Private messages with a person after that event, as `later`.
   * @param {string} name @param {number} after @param {number} [limit] @returns {Promise<Private[]>}
   */
  async laterWith(name, after, limit = 100) {
    return (await this.#server.ask("GET", `people/${encodeURIComponent(name)}/events?since=${after}&wait=0&limit=${limit}`)).events;
  }

  /** Delete a private message of ours: the server erases its text. @param {string} name to whom @param {number} id */
  async unsay(name, id) {
    await this.#server.ask("DELETE", `people/${encodeURIComponent(name)}/messages/${id}`);
  }

  /** Our account has read what it writes with a person up to a message, as `mark`. @param {string} name @param {number} id */
  async markWith(name, id) {
    if (this.#identity.account) await this.#server.ask("PUT", `people/${encodeURIComponent(name)}/marker`, { body: { id } });
  }

  /** Store that our account has read a room up to an event, for all its devices. @param {number} id @param {string} [room] */
  async mark(id, room = this.room) {
    if (this.#identity.account) await this.#server.ask("PUT", `${roomPath(room)}/marker`, { body: { id } });
  }

  /** Be in the rooms that our account is in by now: another device may have joined or left some. */
  async sync() {
    if (!this.#identity.account || !this.#identity.known) return;
    const session = await this.#server.ask("GET", "session");
    for (const room of session.rooms) if (!this.#rooms.has(room)) void this.join(room).catch(() => {});
    for (const room of this.rooms) if (!session.rooms.includes(room) && this.rooms.length > 1) this.#rooms.delete(room);
    this.#identity.confirmed(session);
  }

  /** Join the room of an invite; this needs an account. @param {string} code @returns {Promise<string>} the room */
  async accept(code) {
    const { room } = await this.#server.ask("POST", `invites/${encodeURIComponent(code)}`, { body: {} });
    return this.join(room);
  }

  /** Do not wait until it is time for the next attempt. */
  retry() {
    this.#reader.again();
  }

  /**
   * Stop, and leave for good: at once with `everywhere`, else unless another tab stays. What still waits to be said stays
   * unsaid. With `quiet` the session is left alone.
   * @param {{everywhere?: boolean, quiet?: boolean}} [options]
   */
  async close({ everywhere = false, quiet = false } = {}) {
    if (this.#closed) return;
    this.#closed = true;
    this.#reader.close();
    this.#outbox.close();
    this.#rooms.close(new ChatError(0, "closed", "the chat was closed"));
    const { token } = this.#server;
    const stays = !token || quiet || (!everywhere && (await this.#tabs.tokenOf(this.name)) === token);
    this.#tabs.close();
    if (!stays) await this.#server.ask("DELETE", "session", { keepalive: true }).catch(() => {});
  }

  /** The server lets us read a room no more: find out why, and tell. @param {string} room @param {string} code */
  async #lose(room, code) {
    const why = await this.#rooms.refusal(room).catch(() => undefined);
    const kick = this.#kicks.get(room);
    const known = kick ? `you were put out of #${room} by ${kick.from}${kick.text ? `: ${kick.text}` : ""}` : `you may not be in #${room} any more`;
    this.#rooms.lose(room, why ?? new ChatError(403, code, known));
    this.#reader.again();
  }

  /** Somebody of our name was put out of a room, now or some time ago: ask whether that concerns us still. @param {Kick | Ban} event */
  async #putOut(event) {
    this.#kicks.set(event.room, event);
    const session = await this.#server.ask("GET", "session").catch(toChatError);
    if (session instanceof ChatError || session.rooms.includes(event.room)) return;
    await this.#lose(event.room, event.type === "kick" ? "kicked" : "banned");
  }

  /** @param {ChatEvent} event */
  #show(event) {
    if (event.type === "redact" && !event.room) return this.#emitter.emit("unsaid", /** @type {any} */ (event));
    if (event.type === "nick" && event.from === this.name && this.#identity.known) {
      // Our name was changed in another tab; or this is old, and of somebody who had the name before. Ask.
      this.#identity.known = false;
      this.#reader.again();
    }
    if ((event.type === "kick" || event.type === "ban") && this.#rooms.has(event.room) && this.#server.token
      && event.target.toLowerCase() === this.name.toLowerCase()) void this.#putOut(event);
    this.#emitter.emit(event.type, /** @type {any} */ (event));
  }
}
