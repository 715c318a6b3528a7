/**
 * Outgoing requests: one queue, one request at a time, whatever the transport.
 *
 * A message keeps its key when it is tried again, so it is stored once. Only a refusal or `close` removes it unsent.
 */

import { ChatError, toChatError } from "./errors.js";
import { PAGE } from "./transports.js";
import { backoff, sleep } from "./timing.js";
import { newKey, roomName, roomPath, squash } from "./values.js";

/** @typedef {import("./chat.js").ChatEvent} ChatEvent */
/** @typedef {{type: string, room: string, text: string}} Words */
/** An attempt that may have been carried out. @typedef {{from: string, token: string, after: number, until: number}} Doubt */
/**
 * @typedef {{
 *   method: string, path: string, body: object, key: string, said?: Words, tries: number, doubt?: Doubt,
 *   resolve: (answer: any) => void, reject: (error: ChatError) => void,
 * }} Task
 */

/** Seconds for which the server is relied on to remember a message's key; it promises five minutes. */
const KEY_LIFE = 240;
/** Seconds between two attempts at the same request, at most. */
const LONGEST_TRY = 5;

export class Outbox {
  #server;
  #identity;
  #reader;
  #earlier;
  /** @type {Task[]} */
  #queue = [];
  #draining = false;
  #closed = false;
  #lastSaid = 0;
  /** @type {(() => void)[]} */
  #waiting = [];

  /**
   * @param {import("./server.js").Server} server @param {import("./identity.js").Identity} identity
   * @param {import("./reader.js").Reader} reader
   * @param {(before: number, room: string, limit: number) => Promise<ChatEvent[]>} earlier pages back in a room
   */
  constructor(server, identity, reader, earlier) {
    this.#server = server;
    this.#identity = identity;
    this.#reader = reader;
    this.#earlier = earlier;
  }

  /** @param {string} type @param {string} text @param {string} room @returns {Promise<number>} */
  async say(type, text, room) {
    const body = type === "message" ? { text } : { text, type };
    const said = { type, text: squash(text), room: roomName(room) };
    return (await this.send("POST", `${roomPath(room)}/messages`, body, said)).id;
  }

  /** @param {string} method @param {string} path @param {object} [body] @param {Words} [said] @returns {Promise<any>} */
  send(method, path, body = {}, said) {
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(new ChatError(0, "closed", "the chat was closed"));
      if (!this.#identity.any) return reject(new ChatError(0, "no-name", "choose a name first"));
      this.#queue.push({ method, path, body, said, key: newKey(), tries: 0, resolve, reject });
      void this.#drain();
    });
  }

  /** The session is open and all events have been read: continue with the queue. */
  release() {
    for (const go of this.#waiting.splice(0)) go();
  }

  /** Take nothing more; requests that still wait are not sent. */
  close() {
    this.#closed = true;
    for (const { reject } of this.#queue.splice(0)) reject(new ChatError(0, "closed", "the chat was closed"));
  }

  async #drain() {
    if (this.#draining) return;
    this.#draining = true;
    for (let task; (task = this.#queue[0]); ) {
      while (!(this.#reader.steady && this.#identity.known)) {
        await new Promise(resolve => this.#waiting.push(() => resolve(undefined)));
      }
      try {
        const answer = (await this.#found(task)) ?? (await this.#attempt(task));
        this.#lastSaid = Math.max(this.#lastSaid, answer?.id ?? 0);
        if (task.said && this.#reader.reads(task.said.room)) this.#reader.listenFor(answer.id);
        task.resolve(answer);
      } catch (thrown) {
        const error = toChatError(thrown);
        if (error.status === 401) continue;
        // Slow mode may last for minutes, and other messages wait behind this one: give the text back.
        if (error.passing && error.code !== "slow-mode") {
          if (!error.status) this.#reader.doubt();
          await sleep(Math.max(error.retryAfter, Math.min(backoff(task.tries++), LONGEST_TRY)));
          continue;
        }
        task.reject(error);
      }
      this.#queue.shift();
    }
    this.#draining = false;
  }

  /** @param {Task} task @returns {Promise<any>} */
  async #attempt(task) {
    const after = Math.max(this.#reader.cursor ?? 0, this.#lastSaid);
    const doubt = { from: this.#identity.name, token: this.#server.token, after, until: Date.now() + KEY_LIFE * 1000 };
    const { method, path, body, key } = task;
    try {
      return await this.#server.ask(method, path, { body, key });
    } catch (thrown) {
      const { status } = toChatError(thrown);
      if (!status || status >= 500) task.doubt ??= doubt;
      throw thrown;
    }
  }

  /**
   * The event that an earlier attempt made after all, if its answer was lost and the server cannot know the key any more,
   * because our session is another one now or it is too long ago. It may lie in a gap of what was read: ask.
   * @param {Task} task @returns {Promise<ChatEvent | undefined>}
   */
  async #found({ said, doubt }) {
    if (!said || !doubt || (doubt.token === this.#server.token && Date.now() < doubt.until)) return undefined;
    for (let before = Number.MAX_SAFE_INTEGER; before > doubt.after; ) {
      const events = await this.#earlier(before, said.room, PAGE);
      const found = events.find(
        event => event.id > doubt.after && event.type === said.type && "text" in event && squash(event.text) === said.text
          && "from" in event && event.from === doubt.from,
      );
      if (found) return found;
      before = events[0]?.id ?? 0;
    }
    return undefined;
  }
}
