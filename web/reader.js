/**
 * Reading: one cursor for all rooms, over the best transport that works.
 *
 * First a poll reads all events: its outcome distinguishes an outage, an expired session and a gap. Any later failure is the
 * transport's own. A stream that does not open, ends early or falls silent is replaced by the next best transport.
 */

import { toChatError } from "./errors.js";
import { backoff, sleep } from "./timing.js";
import { Poll, TRANSPORTS, WAIT } from "./transports.js";
import { newKey } from "./values.js";

/** @typedef {import("./chat.js").ChatEvent} ChatEvent */
/** @typedef {import("./chat.js").Condition} Condition */
/** @typedef {import("./errors.js").ChatError} ChatError */
/** @typedef {import("./transports.js").Batch} Batch */
/** @typedef {import("./transports.js").Line} Line */
/** @typedef {import("./transports.js").Transport} Transport */

/**
 * What a reader needs. `settle` opens the session and joins the rooms that are wanted; `show` takes each event of our rooms;
 * `steady` is called when all events have been read.
 * @typedef {{
 *   server: import("./server.js").Server, tabs: import("./tabs.js").Tabs, rooms: import("./rooms.js").Rooms,
 *   emit: import("./emitter.js").Emit, settle: (signal: AbortSignal) => Promise<void>,
 *   show: (event: ChatEvent) => void, steady: () => void, removed: (room: string, code: string) => void,
 * }} Surroundings
 */

/** Seconds: a stream that ends sooner, twice in a row, counts as cut by a proxy. */
const SHORT_LIFE = 60;
/** Seconds after which a better transport than the one that works is tried again. */
const CLIMB = 300;
/** Seconds within which a message of ours that the server has stored must arrive, or the stream is dead. */
const ECHO = 3;

export class Reader {
  /** Up to where everything was read. @type {number | undefined} */
  cursor;
  /** Whether all events have been read, and nothing has failed since. */
  steady = false;
  #around;
  #pinned;
  /** @type {Transport[]} the best first */
  #ladder;
  #level = 0;
  #catchUp = new Poll();
  /** Whether the transport of this level works, and how often in a row it soon did not any more. */
  #works = false;
  #strikes = 0;
  /** How often in a row the server disconnected us soon after we came. */
  #returns = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #climbing;
  #climbs = 0;
  #failures = 0;
  #heardAt = 0;
  /** Aborted to restart the reading loop. */
  #turn = new AbortController();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #listening;
  /** The state and transport that were emitted last. */
  #told = "";
  #closed = false;
  /** @type {Line} */
  #line;

  /** @param {Surroundings} around @param {string} transport the only one to use, if there is one of that name */
  constructor(around, transport) {
    this.#around = around;
    const pinned = TRANSPORTS.get(transport);
    this.#pinned = pinned ? transport : "";
    this.#ladder = (pinned ? [pinned] : [...TRANSPORTS.values()]).map(one => new one());
    const reader = this;
    const word = newKey().slice(0, 8);
    const { server, rooms } = around;
    this.#line = {
      get rooms() { return rooms.all; },
      get cursor() { return reader.cursor; },
      get steady() { return reader.steady; },
      reader: word,
      ask: (method, path, options) => server.ask(method, path, options),
      open: (path, accept, signal) => server.open(path, accept, signal),
      socket: (path, signal) => server.socket(path, signal),
      take: batch => this.#take(batch),
      up: name => this.#up(name),
      shared: name => this.#online(name),
      catchUp: signal => this.#catchUp.run(Object.create(this.#line, { steady: { value: false } }), signal),
      expect: id => this.listenFor(id),
      doubt: () => void (this.steady = false),
    };
  }

  /** Read until closed. */
  async start() {
    globalThis.addEventListener?.("online", this.#look);
    globalThis.addEventListener?.("offline", this.#look);
    globalThis.document?.addEventListener("visibilitychange", this.#look);
    this.#tellState("connecting");
    while (!this.#closed) {
      const { signal } = (this.#turn = new AbortController());
      try {
        await this.#around.settle(signal);
        // Here nothing is being read: what comes into a room after its backlog is read next.
        if (this.cursor !== undefined) await this.#around.rooms.settle(signal);
        if (this.steady) await this.#follow(signal);
        else await this.#catchUp.run(this.#line, signal);
      } catch (error) {
        if (!signal.aborted) await this.#rest(toChatError(error), signal);
      }
    }
  }

  close() {
    this.#closed = true;
    globalThis.removeEventListener?.("online", this.#look);
    globalThis.removeEventListener?.("offline", this.#look);
    globalThis.document?.removeEventListener("visibilitychange", this.#look);
    clearTimeout(this.#climbing);
    clearTimeout(this.#listening);
    this.again();
    this.#tellState("offline");
  }

  /** Abort the present step of the reading loop, and restart the loop. */
  again() {
    this.#turn.abort();
  }

  /** A request failed elsewhere: check the connection at once. */
  doubt() {
    this.steady = false;
    this.again();
  }

  /** @param {string} room */
  reads(room) {
    return this.#around.rooms.has(room);
  }

  /** Expect an event that was stored: if it does not arrive, the connection is dead. @param {number} id */
  listenFor(id) {
    if (id <= (this.cursor ?? 0) || this.#listening) return;
    const stored = Date.now();
    this.#listening = setTimeout(() => {
      this.#listening = undefined;
      if (this.#heardAt < stored && this.steady && !this.#closed) this.doubt();
    }, ECHO * 1000);
  }

  get #transport() {
    return /** @type {Transport} */ (this.#ladder[this.#level]);
  }

  /** Read with the transport; if it fails, find out why. @param {AbortSignal} signal */
  async #follow(signal) {
    const began = Date.now();
    this.#works = false;
    const { server, tabs, emit } = this.#around;
    try {
      await tabs.run(`${server.token} ${this.#pinned}`, this.#transport, this.#line, signal);
    } catch (thrown) {
      const error = toChatError(thrown);
      if (signal.aborted) return;
      if (this.#transport.name === "poll" || error.status === 401 || error.retryAfter && error.status) throw error;
      // The next poll will show whether the server can be reached.
      this.steady = false;
      if (error.code === "ended") return this.#comeBack(error, Date.now() - began < SHORT_LIFE * 1000, signal);
      if (error.code === "refused") emit("error", error);
      if (!this.#works || error.code === "silent" || error.code === "refused") this.#strikes = 2;
      else this.#strikes = Date.now() - began < SHORT_LIFE * 1000 ? this.#strikes + 1 : 0;
      if (this.#strikes < 2) return;
      if (this.#level === this.#ladder.length - 1) throw error;
      this.#level++;
      this.#strikes = 0;
      this.#climbLater();
    }
  }

  /**
   * The server disconnected us, and many others: not all should come back at once.
   * @param {ChatError} error @param {boolean} soon after we came @param {AbortSignal} signal
   */
  async #comeBack(error, soon, signal) {
    this.#returns = soon ? this.#returns + 1 : 0;
    const pause = error.retryAfter + backoff(this.#returns) + Math.random();
    this.#tellState("reconnecting", pause);
    await sleep(pause, signal);
  }

  #climbLater() {
    clearTimeout(this.#climbing);
    const pause = CLIMB * 2 ** Math.min(this.#climbs++, 3) * (0.75 + Math.random() / 2);
    this.#climbing = setTimeout(() => void this.#climb(), pause * 1000);
  }

  /** Check whether a better transport works by now, while the present one goes on. */
  async #climb() {
    for (const [level, better] of this.#ladder.slice(0, this.#level).entries()) {
      const probe = new AbortController();
      let works = false;
      const up = () => {
        works = true;
        probe.abort();
      };
      const line = Object.create(this.#line, { take: { value: () => {} }, up: { value: up } });
      if (this.steady) await better.run(line, probe.signal).catch(() => {});
      if (this.#closed || level >= this.#level) return;
      if (!works) continue;
      this.#level = level;
      this.#strikes = 0;
      this.again();
      break;
    }
    if (this.#level) this.#climbLater();
  }

  /** Begin again with the best transport. */
  #toTop() {
    this.#level = 0;
    this.#strikes = 0;
    clearTimeout(this.#climbing);
  }

  /** Something changed around us. Find out at once how things stand. @param {Event} event */
  #look = ({ type }) => {
    const fine = this.steady && Date.now() - this.#heardAt < (WAIT + 2) * 1000;
    if (type === "visibilitychange" && (fine || document.hidden)) return;
    if (type === "online") this.#toTop();
    this.doubt();
  };

  /** @param {ChatError} error @param {AbortSignal} signal */
  async #rest(error, signal) {
    this.steady = false;
    // One room that we may not read keeps us from all.
    if ([403, 404].includes(error.status) && (await this.#around.rooms.examine(signal).catch(() => false))) return;
    // Nothing works: what gave way to what says nothing any more.
    this.#toTop();
    const pause = backoff(this.#failures++) + error.retryAfter;
    this.#tellState(globalThis.navigator?.onLine === false ? "offline" : "reconnecting", pause);
    if (!error.passing || error.code === "sign-in") this.#around.emit("error", error);
    await sleep(pause, signal);
  }

  /** @param {string} name */
  #up(name) {
    this.steady = true;
    if (name === this.#transport.name) this.#online(name);
    this.#around.steady();
  }

  /** @param {string} transport */
  #online(transport) {
    this.#works = true;
    this.#failures = 0;
    this.#tellState("online", undefined, transport);
  }

  /** @param {Batch} batch */
  #take({ events, removed = [], markers = [], next = events.length ? /** @type {ChatEvent} */ (events[events.length - 1]).id : -1, gap }) {
    this.#heardAt = Date.now();
    if (gap) {
      this.#around.emit("gap", { since: this.cursor });
      // The server never gave that cursor: its ids are lower.
      if (next >= 0 && next < (this.cursor ?? 0)) this.cursor = undefined, this.#around.rooms.restart();
    }
    for (const one of markers) this.#around.emit("marker", one);
    for (const event of events) {
      if (event.id <= (this.cursor ?? 0)) continue;
      this.cursor = event.id;
      // Or it is for another tab.
      if (!("room" in event) || this.#around.rooms.takes(event)) this.#around.show(event);
    }
    if (next > (this.cursor ?? -1)) this.cursor = next;
    for (const { room, code } of removed) this.#around.removed(room, code);
  }

  /** @param {Condition} state @param {number} [retryIn] @param {string} [transport] */
  #tellState(state, retryIn, transport = this.#transport.name) {
    if (this.#told === `${state} ${transport}` && retryIn === undefined) return;
    this.#told = `${state} ${transport}`;
    this.#around.emit("state", { state, transport, retryIn });
  }
}
