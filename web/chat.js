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
 * 4. A session that is over is replaced by another of the same name (`identity.js`).
 * 5. Tabs of one browser that are the same person share one connection (`tabs.js`), and one session.
 *
 * Without a name it only reads, until `nick` gives it one.
 *
 * The lowest browsers: Chrome and Edge 109, Firefox 115, Safari and iOS 16.
 */

import { ChatError } from "./errors.js";
import { Emitter } from "./emitter.js";
import { Identity } from "./identity.js";
import { Outbox } from "./outbox.js";
import { Reader } from "./reader.js";
import { Rooms } from "./rooms.js";
import { Server } from "./server.js";
import { Tabs } from "./tabs.js";
import { LOBBY, roomName, roomPath } from "./values.js";

export { ChatError };

/** @typedef {{id: number, room: string, time: string, from: string}} Happened */
/** @typedef {Happened & {type: "message", text: string}} Message */
/** @typedef {Happened & {type: "action", text: string}} Action */
/** @typedef {Happened & {type: "join"}} Join */
/** @typedef {Happened & {type: "leave", text: string}} Leave */
/** @typedef {Happened & {type: "nick", to: string}} Nick */
/** @typedef {Happened & {type: "topic", text: string}} Topic */
/** @typedef {{id: number, room: string, time: string, type: "notice", text: string}} Notice */
/** @typedef {{id: number, time: string, type: "private", from: string, to: string, text: string}} Private */
/** @typedef {Message | Action | Join | Leave | Nick | Topic | Notice | Private} ChatEvent */

/** @typedef {"connecting" | "online" | "reconnecting" | "offline"} Condition */
/** @typedef {{state: Condition, transport: string, retryIn?: number}} State `retryIn` is in seconds */

/**
 * The events to listen for. `session` comes when the name or the token changes; a later `Chat` with that token continues as
 * the same person. `error` reports errors that no promise does.
 * @typedef {{
 *   message: Message, action: Action, join: Join, leave: Leave, nick: Nick, topic: Topic, notice: Notice, private: Private,
 *   gap: {since: number | undefined}, state: State, session: {name: string, token: string}, error: ChatError,
 * }} Events
 */

/** @typedef {{room: string, topic: string, here: string[], first: number | null, last: number | null}} Room */
/** @typedef {{room: string, topic: string, people: number, first: number | null, last: number | null}} RoomSummary */

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

  /**
   * Begins by itself, once the current task is over: listeners that are added by then miss nothing.
   *
   * `url`: the server, if it is not the one that this file came from. `token`: from an earlier `session` event.
   * `transport`: how to read, of those there are, and in no other way; else the best that works.
   * @param {{url?: string | URL, name?: string, room?: string, token?: string, transport?: string}} [options]
   */
  constructor({ url = new URL(".", import.meta.url), name, room = LOBBY, token = "", transport = "" } = {}) {
    this.room = roomName(room);
    const { emit } = this.#emitter;
    const again = () => this.#reader.again();
    const rename = (/** @type {string} */ other) => this.nick(other);
    const show = (/** @type {ChatEvent} */ event) => this.#show(event);
    const server = new Server(new URL(`${url}`.replace(/\/*$/, "/")), token, () => this.#identity.expire());
    this.#server = server;
    this.#rooms = new Rooms(server, this.room, show);
    this.#tabs = new Tabs(server.url, () => ({ name: this.name, token: server.token }));
    this.#identity = new Identity(server, this.#tabs, this.#rooms, emit, { again, rename });
    this.#reader = new Reader({
      server, tabs: this.#tabs, rooms: this.#rooms, emit, show,
      settle: async signal => {
        await this.#identity.settle(signal);
        this.#outbox.release();
      },
      steady: () => this.#outbox.release(),
    }, transport);
    this.#outbox = new Outbox(server, this.#identity, this.#reader, (...page) => this.earlier(...page));
    this.#identity.begin(name);
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
   * What happened in a room before that event, the oldest first; nothing, when that is all.
   * @param {number} before @param {string} [room] @param {number} [limit] @returns {Promise<ChatEvent[]>}
   */
  async earlier(before, room = this.room, limit = 100) {
    return (await this.#server.ask("GET", `${roomPath(room)}/events?before=${before}&limit=${limit}`)).events;
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

  /** @param {ChatEvent} event */
  #show(event) {
    if (event.type === "nick" && event.from === this.name && this.#identity.known) {
      // Our name was changed in another tab; or this is old, and of somebody who had the name before. Ask.
      this.#identity.known = false;
      this.#reader.again();
    }
    this.#emitter.emit(event.type, /** @type {any} */ (event));
  }
}
