/**
 * A chat, for any page or program that has `fetch`.
 *
 *     const chat = new Chat({url: "https://chat.example", name: "ada", room: "lobby"});
 *     chat.on("message", event => console.log(event.from, event.text));
 *     await chat.send("hello");
 *
 * 1. What is read has one cursor for all rooms. A room's events come in order and each once, whatever happens to the
 *    connection; where the server no longer has what came after the cursor, `gap` says so.
 * 2. What is written stands in one queue and goes out one at a time. A message keeps its key when it is tried again, so
 *    it is said once; only a refusal or `close` takes it out unsaid.
 * 3. A transport only reads, for as long as it can; when to try again, and with which, is decided here. What is written
 *    goes by POST whatever the transport, with one proof that nothing is said twice.
 * 4. First a poll reads what there is: it tells an outage from a session that is over from a gap. What fails after that is
 *    the transport's own fault. A stream that does not open, dies young or falls silent gives way to the next best one.
 * 5. Tabs of one browser that are the same person share one connection (`tabs.js`), and one session.
 *
 * Without a name it only reads, until `nick` gives it one.
 */

import { Tabs } from "./tabs.js";

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
 * What can be listened for. `session` comes when the name or the token changes; a later `Chat` with that token goes on as
 * the same person. `error` is what no promise tells.
 * @typedef {{
 *   message: Message, action: Action, join: Join, leave: Leave, nick: Nick, topic: Topic, notice: Notice, private: Private,
 *   gap: {since: number | undefined}, state: State, session: {name: string, token: string}, error: ChatError,
 * }} Events
 */

/** @typedef {{room: string, topic: string, here: string[], first: number | null, last: number | null}} Room */
/** @typedef {{events: ChatEvent[], next?: number, gap?: boolean}} Batch */
/** @typedef {{accept?: string, body?: object, key?: string, signal?: AbortSignal, keepalive?: boolean}} Request */
/** @typedef {Request & {timeout?: number}} Asking */

/**
 * What a transport is given. `steady`: all there was to read has been read, and nothing has failed since. `up`: the
 * transport of that name works; `shared`: another tab's does, and reads for us. `catchUp`: read once what there is. `expect`: an
 * event with that id was stored. `doubt`: find out anew how things stand.
 * @typedef {{
 *   readonly rooms: string[], readonly cursor: number | undefined, readonly reader: string, readonly steady: boolean,
 *   ask: (method: string, path: string, options?: Asking) => Promise<any>,
 *   open: (path: string, accept: string, signal: AbortSignal) => Promise<Response>, socket: (path: string) => WebSocket,
 *   take: (batch: Batch) => void, up: (name: string) => void, shared: (name: string) => void,
 *   catchUp: (signal: AbortSignal) => Promise<void>, expect: (id: number) => void, doubt: () => void,
 * }} Line
 */

/**
 * One way to read. `run` reads until it is aborted or has nothing more to do, and is then run again; it throws when the
 * line is down.
 * @typedef {{readonly name: string, run: (line: Line, signal: AbortSignal) => Promise<void>}} Transport
 */

/** @typedef {{resolve: (answer: any) => void, reject: (error: ChatError) => void}} Caller */
/** @typedef {Caller & {name: string, key: string, doubtful: boolean, resting?: boolean}} Wish */
/** @typedef {{type: string, room: string, text: string}} Words */
/** @typedef {{from: string, token: string, after: number, until: number}} Doubt */
/** @typedef {Caller & {method: string, path: string, body: object, key: string, said?: Words, tries: number, doubt?: Doubt}} Task */

/** Where the server puts everyone who comes. */
const LOBBY = "lobby";
/** Seconds that a poll may be held. */
const WAIT = 25;
/** Seconds by which an answer may be late. */
const PATIENCE = 10;
/** Seconds within which a stream has to give its first sign of life. */
const OPENING = 5;
/** Seconds between the signs of life that we ask for on a WebSocket, and that the server promises on SSE. */
const PING = 20;
const HEARTBEAT = 15;
/** Seconds by which a timer may be late without the computer having slept: hidden tabs have theirs once a minute. */
const ASLEEP = 75;
/** Seconds: a stream that ends sooner, twice in a row, is taken to be cut by something in between. */
const SHORT_LIFE = 60;
/** Seconds after which something better than the transport that works is tried again. */
const CLIMB = 300;
/** Events in one answer, at most. */
const PAGE = 500;
/** Events of a room that are read on coming in. */
const BACKLOG = 50;
/** Seconds between attempts: the first pause, and the longest. */
const FIRST_PAUSE = 0.5;
const LONGEST_PAUSE = 30;
/** Seconds that we wait at most when the server asks us to. */
const MOST_PATIENT = 600;
/** Seconds between attempts at a name that an older session of our own may still hold. */
const NAME_PAUSE = 15;
/** Seconds after which what the server has stored of ours is heard of as well, unless we are deaf. */
const ECHO = 3;
/** Seconds for which we rely on the server to know a message's key again; it promises five minutes. */
const KEY_LIFE = 240;

/** The server refused, or (status 0) could not be asked. `code` is for programs, `message` for people. */
export class ChatError extends Error {
  /** @param {number} status @param {string} code @param {string} message @param {number} [retryAfter] in seconds */
  constructor(status, code, message, retryAfter = 0) {
    super(message);
    this.status = status;
    this.code = code;
    this.retryAfter = retryAfter;
  }

  /** Whether the same may well succeed later. */
  get passing() {
    return [0, 408, 429].includes(this.status) || this.status >= 500;
  }
}

/** @implements {Transport} */
class Poll {
  name = "poll";

  /** @param {Line} line @param {AbortSignal} signal */
  async run(line, signal) {
    const wait = line.steady ? WAIT : 0;
    const since = line.cursor;
    const query = new URLSearchParams({ rooms: line.rooms.join(","), wait: `${wait}`, reader: line.reader });
    query.set("limit", `${since === undefined ? BACKLOG : PAGE}`);
    if (since !== undefined) query.set("since", `${since}`);
    const began = Date.now();
    const batch = await line.ask("GET", `events?${query}`, { signal, timeout: wait + PATIENCE });
    if (!Array.isArray(batch?.events)) throw unreachable();
    line.take(batch);
    const idle = line.cursor === since;
    if (idle || batch.events.length < PAGE) line.up(this.name);
    // Nothing, and too early: another poll took the place of this one. Give way, or the two chase each other.
    if (idle && wait && Date.now() - began < wait * 900) await sleep(1 + Math.random(), signal);
  }
}

/** @implements {Transport} */
class Sse {
  name = "sse";

  /** @param {Line} line @param {AbortSignal} signal */
  async run(line, signal) {
    const watch = new Watch(signal);
    try {
      const response = await line.open(`events?${onwards(line)}`, "text/event-stream", watch.signal);
      if (!response.body) throw new ChatError(0, "lost", "this browser cannot read a stream");
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      for (let rest = "", pause = 0; ; ) {
        const { done, value } = await reader.read();
        if (signal.aborted) return;
        if (done) throw new ChatError(0, "ended", "the stream ended", retryOf(rest, pause));
        watch.expect(HEARTBEAT + PATIENCE);
        const blocks = (rest + value).split("\n\n");
        rest = blocks.pop() ?? "";
        for (const block of blocks) pause = retryOf(block, pause);
        line.take(batchOf(blocks.flatMap(block => /^data: (.*)$/m.exec(block)?.[1] ?? [])));
        line.up(this.name);
      }
    } catch (error) {
      throw watch.silent ? silent() : error;
    } finally {
      watch.end();
    }
  }
}

/** @implements {Transport} */
class Socket {
  name = "websocket";

  /** @param {Line} line @param {AbortSignal} signal */
  async run(line, signal) {
    const socket = line.socket(`events?${onwards(line)}`);
    const watch = new Watch(signal);
    const ask = () => {
      if (watch.slept) return watch.end();
      // A browser neither shows nor sends the protocol's own pings.
      socket.send('{"type":"ping"}');
      watch.expect(PATIENCE);
    };
    /** @type {ReturnType<typeof setInterval> | undefined} */
    let pinging;
    /** @type {Promise<void>} */
    const life = new Promise((resolve, reject) => {
      socket.onopen = () => {
        socket.send('{"type":"ping"}');
        pinging = setInterval(ask, PING * 1000);
      };
      socket.onmessage = ({ data }) => {
        watch.expect(PING + PATIENCE);
        line.take(batchOf([data]));
        line.up(this.name);
      };
      socket.onclose = ({ code, reason }) => reject(closed(code, reason));
      watch.signal.addEventListener("abort", () => (watch.silent ? reject(silent()) : resolve()));
      if (signal.aborted) resolve();
    });
    try {
      await life;
    } finally {
      clearInterval(pinging);
      watch.end();
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close();
    }
  }
}

/** Aborts when nothing was heard for longer than expected, or with `outer`. */
class Watch {
  /** Whether what is watched is to blame for that. */
  silent = false;
  #ended = new AbortController();
  #outer;
  #due = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {AbortSignal} outer */
  constructor(outer) {
    this.#outer = outer;
    outer.addEventListener("abort", this.#abort);
    if (outer.aborted) this.#abort();
    this.expect(OPENING, false);
  }

  get signal() {
    return this.#ended.signal;
  }

  /** Something was heard, and something will be within so many seconds. @param {number} seconds @param {boolean} [heard] */
  expect(seconds, heard = true) {
    clearTimeout(this.#timer);
    this.#due = Date.now() + seconds * 1000;
    this.#timer = setTimeout(() => {
      this.silent = !heard || !this.slept;
      this.#abort();
    }, seconds * 1000);
  }

  /** Whether it is so late that we must have slept: what worked until then may be dead, but is no bad choice. */
  get slept() {
    return Date.now() - this.#due > ASLEEP * 1000;
  }

  end() {
    clearTimeout(this.#timer);
    this.#outer.removeEventListener("abort", this.#abort);
    this.#abort();
  }

  #abort = () => this.#ended.abort();
}

/** The query of a stream that goes on from the cursor. @param {Line} line */
function onwards({ rooms, cursor }) {
  return new URLSearchParams({ rooms: rooms.join(","), since: `${cursor}` });
}

/**
 * What came on a stream, as JSON. Gaps, pongs, `ready` and what we do not know are no events.
 * @param {string[]} texts @returns {Batch}
 */
function batchOf(texts) {
  const told = texts.map(text => JSON.parse(text));
  // On SSE the types of a gap and of `ready` stand outside the JSON: the one is empty, the other says where we are.
  const gap = told.some(one => one.type === "gap" || !(one.type || "next" in one));
  return { events: told.filter(one => one.id && one.time), gap };
}

/** The seconds after which a part of a stream says to come back; or what was said before. @param {string} text @param {number} before */
function retryOf(text, before) {
  return Number(/^retry: (\d+)$/m.exec(text)?.[1] ?? before * 1000) / 1000;
}

function silent() {
  return new ChatError(0, "silent", "the stream fell silent");
}

/** @param {number} code @param {string} reason */
function closed(code, reason) {
  // The session is over (1000), or the server goes away (1001), restarts (1012), has too much to do (1013): come back.
  if ([1000, 1001, 1012, 1013].includes(code)) return new ChatError(0, "ended", reason || "the server closed the stream");
  // It does not want what we do (1003, 1008, 1009), and would not want it again.
  if ([1003, 1008, 1009].includes(code)) return new ChatError(400, "refused", reason || `the server closed with code ${code}`);
  return new ChatError(0, "lost", "the stream was lost");
}

/** The transports there are, the best first, by the names that `transport` takes. @type {Record<string, new () => Transport>} */
const TRANSPORTS = {
  ...(typeof WebSocket === "function" && { websocket: Socket }),
  ...(typeof TextDecoderStream === "function" && { sse: Sse }),
  poll: Poll,
};

/** Somebody in a chat; without a name, a reader. */
export class Chat {
  /** Who we are; empty as long as we only read. */
  name = "";
  /** Where we speak, unless another room is given. */
  room;

  #url;
  #token;
  /** Whether our session was confirmed by the server, its rooms included. */
  #known = false;
  #enteredAt = 0;
  /** @type {Wish | undefined} the name to open a session with */
  #wish;
  /** @type {Set<string>} */
  #rooms;
  /** @type {(Caller & {room: string})[]} */
  #joining = [];
  /** @type {number | undefined} */
  #cursor;
  /** @type {Transport[]} the best first */
  #ladder;
  #level = 0;
  #catchUp = new Poll();
  /** Whether the transport of this level works, and how often in a row it soon did not any more. */
  #works = false;
  #strikes = 0;
  /** How often in a row the server soon sent us away. */
  #returns = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #climbing;
  #climbs = 0;
  /** @type {Line} */
  #line;
  #steady = false;
  #failures = 0;
  #heardAt = 0;
  #tabs;
  #pinned;
  /** Aborted to make the reading loop begin anew. */
  #turn = new AbortController();
  /** @type {Task[]} */
  #queue = [];
  #draining = false;
  #lastSaid = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #listening;
  /** @type {(() => void)[]} */
  #waiting = [];
  /** Condition and transport, as last told. */
  #told = "";
  /** @type {Map<string, Set<(event: any) => void>>} */
  #listeners = new Map();
  #closed = false;

  /**
   * Begins by itself, once the current task is over: who listens by then misses nothing.
   *
   * `url`: the server, if it is not the one that this file came from. `token`: from an earlier `session` event.
   * `transport`: how to read, of those there are, and in no other way; else the best that works.
   * @param {{url?: string | URL, name?: string, room?: string, token?: string, transport?: string}} [options]
   */
  constructor({ url = new URL(".", import.meta.url), name, room = LOBBY, token = "", transport = "" } = {}) {
    this.#url = new URL(`${url}`.replace(/\/*$/, "/"));
    this.room = roomName(room);
    this.#rooms = new Set([this.room]);
    this.#token = token;
    if (token) this.name = name ?? "";
    else if (name !== undefined) this.#wish = this.#wishFor(name);
    const pinned = TRANSPORTS[transport];
    this.#pinned = pinned ? transport : "";
    this.#tabs = new Tabs(this.#url, () => ({ name: this.name, token: this.#token }));
    this.#ladder = (pinned ? [pinned] : Object.values(TRANSPORTS)).map(one => new one());
    const chat = this;
    const reader = newKey().slice(0, 8);
    this.#line = {
      get rooms() { return chat.rooms; },
      get cursor() { return chat.#cursor; },
      get steady() { return chat.#steady; },
      reader,
      ask: (method, path, options) => this.#ask(method, path, options),
      open: (path, accept, signal) => this.#request("GET", path, { accept, signal }),
      socket: path => this.#socket(path),
      take: batch => this.#take(batch),
      up: name => this.#up(name),
      shared: name => this.#online(name),
      catchUp: signal => this.#catchUp.run(Object.create(this.#line, { steady: { value: false } }), signal),
      expect: id => this.#listenFor(id),
      doubt: () => void (this.#steady = false),
    };
    globalThis.addEventListener?.("online", this.#look);
    globalThis.addEventListener?.("offline", this.#look);
    globalThis.document?.addEventListener("visibilitychange", this.#look);
    queueMicrotask(() => this.#read());
  }

  /** The rooms that are read. */
  get rooms() {
    return [...this.#rooms];
  }

  /**
   * Call `listener` for every event of that type, until the function that comes back is called.
   * @template {keyof Events} K
   * @param {K} type
   * @param {(event: Events[K]) => void} listener
   * @returns {() => void}
   */
  on(type, listener) {
    const all = this.#listeners.get(type) ?? new Set();
    this.#listeners.set(type, all.add(listener));
    return () => void all.delete(listener);
  }

  /**
   * Say something. Resolves with the event's id once the server has stored it, rejects if the server refused.
   * @param {string} text @param {string} [room] @returns {Promise<number>}
   */
  send(text, room = this.room) {
    return this.#say("message", text, room);
  }

  /** Do something: `/me text`. @param {string} text @param {string} [room] @returns {Promise<number>} */
  act(text, room = this.room) {
    return this.#say("action", text, room);
  }

  /** Say something to one person only. @param {string} name @param {string} text @returns {Promise<number>} */
  async tell(name, text) {
    return (await this.#command("POST", `people/${encodeURIComponent(name)}/messages`, { text })).id;
  }

  /** Set a room's topic; an empty one clears it. @param {string} text @param {string} [room] @returns {Promise<number>} */
  async topic(text, room = this.room) {
    return (await this.#command("PUT", `${roomPath(room)}/topic`, { text })).id;
  }

  /** Take a name, or another one. Resolves with it as the server spells it. @param {string} name @returns {Promise<string>} */
  async nick(name) {
    if (!this.#token) {
      this.#wish?.reject(new ChatError(0, "superseded", "another name was asked for"));
      return new Promise((resolve, reject) => {
        this.#wish = { ...this.#wishFor(name), resolve, reject };
        this.#again();
      });
    }
    const answer = await this.#command("PATCH", "session", { name });
    this.#become(answer.name);
    return answer.name;
  }

  /**
   * Be in another room too. Its latest events come first. Resolves with the room's one name.
   * @param {string} room @returns {Promise<string>}
   */
  join(room) {
    return new Promise((resolve, reject) => {
      this.#joining.push({ room: roomName(room), resolve, reject });
      this.#again();
    });
  }

  /** Leave a room, but not the last one: that is `close`. @param {string} [room] */
  async leave(room = this.room) {
    const name = roomName(room);
    if (this.rooms.every(one => one === name)) throw new ChatError(0, "last-room", "this is your only room");
    if (this.#token) await this.#command("DELETE", `${roomPath(name)}/membership`);
    this.#rooms.delete(name);
    this.#again();
  }

  /** A room as it is now: its topic, who is here. @param {string} [room] @returns {Promise<Room>} */
  look(room = this.room) {
    return this.#ask("GET", roomPath(room));
  }

  /** The rooms there are, in alphabetical order: the first thousand. @returns {Promise<{room: string, topic: string, people: number, first: number | null, last: number | null}[]>} */
  async list() {
    const first = await this.#ask("GET", "rooms?limit=500");
    if (!first.next) return first.rooms;
    const second = await this.#ask("GET", `rooms?limit=500&after=${encodeURIComponent(first.next)}`);
    return [...first.rooms, ...second.rooms];
  }

  /**
   * What happened in a room before that event, the oldest first; nothing, when that is all.
   * @param {number} before @param {string} [room] @param {number} [limit] @returns {Promise<ChatEvent[]>}
   */
  async earlier(before, room = this.room, limit = 100) {
    return (await this.#ask("GET", `${roomPath(room)}/events?before=${before}&limit=${limit}`)).events;
  }

  /** Do not wait until it is time for the next attempt. */
  retry() {
    this.#again();
  }

  /** Leave for good, unless another tab stays. What still waits to be said stays unsaid. */
  async close() {
    if (this.#closed) return;
    this.#closed = true;
    globalThis.removeEventListener?.("online", this.#look);
    globalThis.removeEventListener?.("offline", this.#look);
    globalThis.document?.removeEventListener("visibilitychange", this.#look);
    clearTimeout(this.#climbing);
    clearTimeout(this.#listening);
    this.#again();
    const callers = [...this.#queue.splice(0), ...this.#joining.splice(0)];
    for (const caller of callers) caller.reject(new ChatError(0, "closed", "the chat was closed"));
    this.#tellState("offline");
    const shared = this.#token !== "" && (await this.#tabs.tokenOf(this.name)) === this.#token;
    this.#tabs.close();
    if (this.#token && !shared) await this.#ask("DELETE", "session", { keepalive: true }).catch(() => {});
  }

  // -- reading ---------------------------------------------------------------------------------

  async #read() {
    this.#tellState("connecting");
    while (!this.#closed) {
      const { signal } = (this.#turn = new AbortController());
      try {
        await this.#settle(signal);
        if (this.#steady) await this.#follow(signal);
        else await this.#catchUp.run(this.#line, signal);
      } catch (error) {
        if (!signal.aborted) await this.#rest(toChatError(error), signal);
      }
    }
  }

  get #transport() {
    return /** @type {Transport} */ (this.#ladder[this.#level]);
  }

  /** Read with the transport, and see whom to blame if it fails. @param {AbortSignal} signal */
  async #follow(signal) {
    const began = Date.now();
    this.#works = false;
    try {
      await this.#tabs.run(`${this.#token} ${this.#pinned}`, this.#transport, this.#line, signal);
    } catch (thrown) {
      const error = toChatError(thrown);
      if (signal.aborted) return;
      if (this.#transport.name === "poll" || error.status === 401 || error.retryAfter && error.status) throw error;
      // Whether the server is there, the next poll will tell.
      this.#steady = false;
      if (error.code === "ended") return this.#comeBack(error, Date.now() - began < SHORT_LIFE * 1000, signal);
      if (error.code === "refused") this.#emit("error", error);
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
   * The server sent us away, and many others with us: not all are to come back at once.
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

  /** See whether something better works by now, while what works goes on. */
  async #climb() {
    for (const [level, better] of this.#ladder.slice(0, this.#level).entries()) {
      const probe = new AbortController();
      let works = false;
      const up = () => {
        works = true;
        probe.abort();
      };
      const line = Object.create(this.#line, { take: { value: () => {} }, up: { value: up } });
      if (this.#steady) await better.run(line, probe.signal).catch(() => {});
      if (this.#closed || level >= this.#level) return;
      if (!works) continue;
      this.#level = level;
      this.#strikes = 0;
      this.#again();
      break;
    }
    if (this.#level) this.#climbLater();
  }

  /** Try the best first again. */
  #toTop() {
    this.#level = 0;
    this.#strikes = 0;
    clearTimeout(this.#climbing);
  }

  /** Break off what the reading loop does, and begin anew. */
  #again() {
    this.#turn.abort();
  }

  /** Something changed around us. Find out at once how things stand. @param {Event} event */
  #look = ({ type }) => {
    const fine = this.#steady && Date.now() - this.#heardAt < (WAIT + 2) * 1000;
    if (type === "visibilitychange" && (fine || document.hidden)) return;
    if (type === "online") this.#toTop();
    this.#steady = false;
    this.#again();
  };

  /** @param {ChatError} error @param {AbortSignal} signal */
  async #rest(error, signal) {
    this.#steady = false;
    // Nothing works: what gave way to what says nothing any more.
    this.#toTop();
    const pause = backoff(this.#failures++) + error.retryAfter;
    this.#tellState(globalThis.navigator?.onLine === false ? "offline" : "reconnecting", pause);
    if (!error.passing) this.#emit("error", error);
    await sleep(pause, signal);
  }

  /** @param {string} name */
  #up(name) {
    this.#steady = true;
    if (name === this.#transport.name) this.#online(name);
    this.#release();
  }

  /** @param {string} transport */
  #online(transport) {
    this.#works = true;
    this.#failures = 0;
    this.#tellState("online", undefined, transport);
  }

  /** @param {Batch} batch */
  #take({ events, next = events.at(-1)?.id ?? -1, gap }) {
    this.#heardAt = Date.now();
    if (gap) {
      this.#emit("gap", { since: this.#cursor });
      // The server never gave that cursor: what it counts lies before it.
      if (next >= 0 && next < (this.#cursor ?? 0)) this.#cursor = undefined;
    }
    for (const event of events) {
      if (event.id <= (this.#cursor ?? 0)) continue;
      this.#cursor = event.id;
      // Or it is for another tab.
      if (!("room" in event) || this.#rooms.has(event.room)) this.#show(event);
    }
    if (next > (this.#cursor ?? -1)) this.#cursor = next;
  }

  /** @param {ChatEvent} event */
  #show(event) {
    if (event.type === "nick" && event.from === this.name && this.#known) {
      // Our name was changed in another tab; or this is old, and of somebody who had the name before. Ask.
      this.#known = false;
      this.#again();
    }
    this.#emit(event.type, event);
  }

  // -- being somebody --------------------------------------------------------------------------

  /** Have the session and the rooms that are wanted. @param {AbortSignal} signal */
  async #settle(signal) {
    if (!this.#token && this.#wish && !this.#wish.resting) await this.#enter(this.#wish);
    if (this.#token && !this.#known) {
      const { name, rooms } = await this.#ask("GET", "session", { signal });
      for (const room of this.#rooms) {
        if (!rooms.includes(room)) await this.#ask("PUT", `${roomPath(room)}/membership`, { signal });
      }
      this.#become(name);
      this.#known = true;
      this.#release();
    }
    // Here nothing is being read, so the cursor stands still: the backlog ends where the next read begins.
    while (this.#joining[0] && this.#cursor !== undefined) await this.#comeIn(this.#joining[0], signal);
  }

  /** @param {Wish} wish */
  async #enter(wish) {
    // If sessions die as soon as they are born, do not ask for hundreds.
    if (Date.now() - this.#enteredAt < 3000) await sleep(3);
    try {
      const { name, token, shared } = await this.#session(wish);
      this.#enteredAt = Date.now();
      this.#token = token;
      const other = wish === this.#wish ? undefined : this.#wish;
      this.#wish = undefined;
      this.#become(name);
      wish.resolve(name);
      if (other) this.nick(other.name).then(other.resolve, other.reject);
      if (!shared && !this.#rooms.has(LOBBY)) await this.#ask("DELETE", `${roomPath(LOBBY)}/membership`);
    } catch (thrown) {
      const error = toChatError(thrown);
      if (error.passing) {
        // Perhaps it was opened, and only the answer was lost.
        if (!error.status) wish.doubtful = true;
        throw error;
      }
      if (wish !== this.#wish) return;
      if (error.code === "name-in-use" && wish.doubtful) {
        wish.resting = true;
        setTimeout(() => {
          wish.resting = false;
          this.#again();
        }, NAME_PAUSE * 1000);
        this.#emit("error", error);
      } else {
        this.#wish = undefined;
        wish.reject(error);
      }
    }
  }

  /**
   * A session of that name: another tab's, or a new one.
   * @param {Wish} wish @returns {Promise<{name: string, token: string, shared?: boolean}>}
   */
  async #session({ name, key }) {
    const body = name ? { name } : {};
    const theirs = await this.#tabs.tokenOf(name);
    if (theirs) return { name, token: theirs, shared: true };
    try {
      return await this.#ask("POST", "session", { body, key });
    } catch (error) {
      // Another tab may have been a moment faster.
      const token = toChatError(error).code === "name-in-use" && (await this.#tabs.tokenOf(name));
      if (token) return { name, token, shared: true };
      throw error;
    }
  }

  /** @param {string} name @param {boolean} [doubtful] @returns {Wish} */
  #wishFor(name, doubtful = false) {
    return { name, key: newKey(), doubtful, resolve: () => {}, reject: error => this.#emit("error", error) };
  }

  /** @param {string} name */
  #become(name) {
    if (name === this.name && this.#known) return;
    this.name = name;
    this.#emit("session", { name, token: this.#token });
  }

  /** The server does not know our session any more. Open another one of the same name, and go on. */
  #expire() {
    this.#token = "";
    this.#known = false;
    this.#wish ??= this.#wishFor(this.name, true);
    this.#again();
  }

  /** @param {Caller & {room: string}} caller @param {AbortSignal} signal */
  async #comeIn(caller, signal) {
    const path = roomPath(caller.room);
    try {
      if (this.#token) await this.#ask("PUT", `${path}/membership`, { signal });
      const { room, events } = await this.#ask("GET", `${path}/events?wait=0&limit=${BACKLOG}`, { signal });
      this.#joining.shift();
      if (!this.#rooms.has(room)) {
        this.#rooms.add(room);
        for (const event of events) if (event.id <= (this.#cursor ?? 0)) this.#show(event);
      }
      caller.resolve(room);
    } catch (thrown) {
      const error = toChatError(thrown);
      if (error.status === 401 || (error.passing && error.status !== 429)) throw error;
      this.#joining.shift();
      caller.reject(error);
    }
  }

  // -- writing ---------------------------------------------------------------------------------

  /** @param {string} type @param {string} text @param {string} room @returns {Promise<number>} */
  async #say(type, text, room) {
    const body = type === "message" ? { text } : { text, type };
    const said = { type, text: squash(text), room: roomName(room) };
    return (await this.#command("POST", `${roomPath(room)}/messages`, body, said)).id;
  }

  /** @param {string} method @param {string} path @param {object} [body] @param {Words} [said] @returns {Promise<any>} */
  #command(method, path, body = {}, said) {
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(new ChatError(0, "closed", "the chat was closed"));
      if (!this.#token && !this.#wish) return reject(new ChatError(0, "no-name", "choose a name first"));
      this.#queue.push({ method, path, body, said, key: newKey(), tries: 0, resolve, reject });
      void this.#drain();
    });
  }

  async #drain() {
    if (this.#draining) return;
    this.#draining = true;
    for (let task; (task = this.#queue[0]); ) {
      while (!(this.#steady && this.#known)) await new Promise(resolve => this.#waiting.push(() => resolve(undefined)));
      try {
        const answer = (await this.#found(task)) ?? (await this.#attempt(task));
        this.#lastSaid = Math.max(this.#lastSaid, answer?.id ?? 0);
        if (task.said && this.#rooms.has(task.said.room)) this.#listenFor(answer.id);
        task.resolve(answer);
      } catch (thrown) {
        const error = toChatError(thrown);
        if (error.status === 401) continue;
        if (error.passing) {
          if (!error.status) {
            this.#steady = false;
            this.#again();
          }
          await sleep(Math.max(error.retryAfter, Math.min(backoff(task.tries++), 5)));
          continue;
        }
        task.reject(error);
      }
      this.#queue.shift();
    }
    this.#draining = false;
  }

  /** What was stored has to be heard as well. A connection that is dead tells nothing of that. @param {number} id */
  #listenFor(id) {
    if (id <= (this.#cursor ?? 0) || this.#listening) return;
    const stored = Date.now();
    this.#listening = setTimeout(() => {
      this.#listening = undefined;
      if (this.#heardAt >= stored || !this.#steady || this.#closed) return;
      this.#steady = false;
      this.#again();
    }, ECHO * 1000);
  }

  /** @param {Task} task @returns {Promise<any>} */
  async #attempt(task) {
    const after = Math.max(this.#cursor ?? 0, this.#lastSaid);
    const doubt = { from: this.name, token: this.#token, after, until: Date.now() + KEY_LIFE * 1000 };
    try {
      return await this.#ask(task.method, task.path, task);
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
    if (!said || !doubt || (doubt.token === this.#token && Date.now() < doubt.until)) return undefined;
    for (let before = Number.MAX_SAFE_INTEGER; before > doubt.after; ) {
      const events = await this.earlier(before, said.room, PAGE);
      const found = events.find(
        event => event.id > doubt.after && event.type === said.type && "text" in event && squash(event.text) === said.text
          && "from" in event && event.from === doubt.from,
      );
      if (found) return found;
      before = events[0]?.id ?? 0;
    }
    return undefined;
  }

  // -- both ------------------------------------------------------------------------------------

  /** @param {string} method @param {string} path @param {Asking} [options] @returns {Promise<any>} */
  async #ask(method, path, { signal, timeout = 2 * PATIENCE, ...rest } = {}) {
    const ended = new AbortController();
    const end = () => ended.abort();
    const timer = setTimeout(end, timeout * 1000);
    signal?.addEventListener("abort", end);
    if (signal?.aborted) end();
    try {
      const response = await this.#request(method, path, { ...rest, signal: ended.signal });
      return response.status === 204 ? undefined : await response.json();
    } catch (error) {
      throw toChatError(error);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
    }
  }

  /** @param {string} method @param {string} path @param {Request} [options] @returns {Promise<Response>} */
  async #request(method, path, { accept = "application/json", body, key, signal, keepalive } = {}) {
    const token = this.#token;
    /** @type {Record<string, string>} */
    const headers = { Accept: accept };
    if (token) headers.Authorization = `Bearer ${token}`;
    if (body) headers["Content-Type"] = "application/json";
    if (key) headers["Idempotency-Key"] = key;
    // Without cookies: another tab's session would speak and listen through this one.
    const response = await fetch(new URL(path, this.#url), {
      method, headers, keepalive, signal, body: body && JSON.stringify(body), cache: "no-store", credentials: "omit",
    });
    if (response.ok) return response;
    const { error } = await response.json().catch(() => ({}));
    if (response.status === 401 && token && token === this.#token) this.#expire();
    const after = retryAfter(response.headers.get("Retry-After") ?? "");
    throw new ChatError(response.status, error?.code ?? "http", error?.message ?? `HTTP ${response.status}`, after);
  }

  /** @param {string} path */
  #socket(path) {
    const url = new URL(path, this.#url);
    url.protocol = url.protocol.replace("http", "ws");
    // A browser sets no headers here.
    if (this.#token) url.searchParams.set("access_token", this.#token);
    return new WebSocket(url);
  }

  /** Let the queue see whether it can go on. */
  #release() {
    for (const go of this.#waiting.splice(0)) go();
  }

  /** @param {Condition} state @param {number} [retryIn] @param {string} [transport] */
  #tellState(state, retryIn, transport = this.#transport.name) {
    if (this.#told === `${state} ${transport}` && retryIn === undefined) return;
    this.#told = `${state} ${transport}`;
    this.#emit("state", { state, transport, retryIn });
  }

  /** @template {keyof Events} K @param {K} type @param {Events[K]} event */
  #emit(type, event) {
    for (const listener of [...(this.#listeners.get(type) ?? [])]) {
      try {
        listener(event);
      } catch (error) {
        console.error(error);
      }
    }
  }
}

/** @param {number} failures so far @returns {number} seconds */
function backoff(failures) {
  return Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** failures) * (0.5 + Math.random() / 2);
}

/** `Retry-After`, seconds or a date (RFC 9110, 10.2.3), in seconds. @param {string} value @returns {number} */
function retryAfter(value) {
  const seconds = /^\d+$/.test(value) ? Number(value) : (Date.parse(value) - Date.now()) / 1000;
  return Math.min(Math.max(seconds || 0, 0), MOST_PATIENT);
}

/** @param {number} seconds @param {AbortSignal} [signal] ends it early @returns {Promise<void>} */
function sleep(seconds, signal) {
  return new Promise(resolve => {
    const timer = setTimeout(done, seconds * 1000);
    signal?.addEventListener("abort", done);
    if (signal?.aborted) done();
    function done() {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    }
  });
}

function unreachable() {
  return new ChatError(0, "unreachable", "the server cannot be reached");
}

/** @param {unknown} error */
function toChatError(error) {
  return error instanceof ChatError ? error : unreachable();
}

/** @param {string} room */
function roomName(room) {
  return room.replace(/^#/, "").toLowerCase();
}

/** @param {string} room */
function roomPath(room) {
  return `rooms/${encodeURIComponent(roomName(room))}`;
}

/** A text without what the server may tidy. @param {string} text */
function squash(text) {
  return text.replace(/[\s\p{C}]+/gu, "");
}

/** A word that never was before. (`randomUUID` is missing on pages that came over plain HTTP.) */
function newKey() {
  if (typeof crypto.randomUUID === "function") return crypto.randomUUID();
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), byte => byte.toString(16).padStart(2, "0")).join("");
}
