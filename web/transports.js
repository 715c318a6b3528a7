/** Transports: each reads as long as it can; `reader.js` decides when to try again, and with which one. */

import { ChatError, unreachable } from "./errors.js";
import { PATIENCE } from "./server.js";
import { sleep } from "./timing.js";

/** @typedef {import("./chat.js").ChatEvent} ChatEvent */
/** @typedef {{room: string, code: string}} Removed */
/** @typedef {{room: string, marker: number}} Marker */
/**
 * `next`: the cursor behind all of it. `removed`: rooms that are read no more, and why. `markers`: how far our account has
 * read elsewhere.
 * @typedef {{events: ChatEvent[], next?: number, gap?: boolean, removed?: Removed[], markers?: Marker[]}} Batch
 */

/**
 * The callbacks of a transport. `steady`: all events have been read, and nothing has failed since. `up`: the transport of that
 * name works; `shared`: another tab's works, and reads for us. `catchUp`: read all events once. `expect`: an event with that id
 * was stored. `doubt`: check the connection again.
 * @typedef {{
 *   readonly rooms: string[], readonly cursor: number | undefined, readonly reader: string, readonly steady: boolean,
 *   ask: (method: string, path: string, options?: import("./server.js").Asking) => Promise<any>,
 *   open: (path: string, accept: string, signal: AbortSignal) => Promise<Response>,
 *   socket: (path: string, signal: AbortSignal) => Promise<WebSocket>,
 *   take: (batch: Batch) => void, up: (name: string) => void, shared: (name: string) => void,
 *   catchUp: (signal: AbortSignal) => Promise<void>, expect: (id: number) => void, doubt: () => void,
 * }} Line
 */

/**
 * One transport. `run` reads until it is aborted or has nothing more to do, and is then run again; it throws when the
 * connection is lost.
 * @typedef {{readonly name: string, run: (line: Line, signal: AbortSignal) => Promise<void>}} Transport
 */

/** Seconds that a poll may be held. */
export const WAIT = 25;
/** Seconds within which a stream has to send its first bytes. */
const OPENING = 5;
/** Seconds between pings on a WebSocket, and between the heartbeats that the server promises on SSE. */
const PING = 20;
const HEARTBEAT = 15;
/** Seconds by which a timer may be late although the computer did not sleep: in hidden tabs timers run once a minute. */
const ASLEEP = 75;
/** Codes of refusals to read. */
const PUT_OUT = ["banned", "kicked", "not-allowed", "not-found", "bad-token"];
/** Events in one answer, at most. */
export const PAGE = 500;
/** Events of a room that are read on coming in. */
export const BACKLOG = 50;

/** @implements {Transport} */
export class Poll {
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
        if (done) throw new ChatError(0, "ended", "the stream ended", pause);
        watch.expect(HEARTBEAT + PATIENCE);
        const blocks = (rest + value).split("\n\n");
        rest = blocks.pop() ?? "";
        for (const block of blocks) pause = Number(/^retry: ?(\d+)$/m.exec(block)?.[1] ?? pause * 1000) / 1000;
        line.take(batchOf(blocks.flatMap(toldIn)));
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
    const socket = await line.socket(`events?${onwards(line)}`, signal);
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
        line.take(batchOf([JSON.parse(data)]));
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
  /** Whether the silence is the stream's own fault. */
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

/** The query of a stream that continues from the cursor. @param {Line} line */
function onwards({ rooms, cursor }) {
  return new URLSearchParams({ rooms: rooms.join(","), since: `${cursor}` });
}

/** The JSON of an SSE block, with the block's type where the JSON has none; nothing of a comment. @param {string} block */
function toldIn(block) {
  const data = /^data: ?(.*)$/m.exec(block)?.[1];
  return data ? [{ type: /^event: ?(.*)$/m.exec(block)?.[1], ...JSON.parse(data) }] : [];
}

/**
 * What came on a stream. `ready` says up to where all has been sent; pongs and unknown types are no events.
 * @param {any[]} told @returns {Batch}
 */
function batchOf(told) {
  return {
    events: told.filter(one => one.id && one.time),
    gap: told.some(one => one.type === "gap"),
    removed: told.filter(one => one.type === "removed" && typeof one.room === "string"),
    markers: told.filter(one => one.type === "marker" && Number.isSafeInteger(one.marker)),
    next: told.filter(one => one.type === "ready" && Number.isSafeInteger(one.next)).map(one => one.next).pop(),
  };
}

function silent() {
  return new ChatError(0, "silent", "the stream fell silent");
}

/** @param {number} code @param {string} reason */
function closed(code, reason) {
  // We may not read that any more: the next poll finds out why.
  if (code === 1008 && PUT_OUT.includes(reason)) return new ChatError(0, "ended", reason);
  // The session is over (1000), or the server goes away (1001), restarts (1012) or is overloaded (1013): reconnect.
  if ([1000, 1001, 1012, 1013].includes(code)) return new ChatError(0, "ended", reason || "the server closed the stream");
  // It does not want what we do (1003, 1008, 1009), and would not want it again.
  if ([1003, 1008, 1009].includes(code)) return new ChatError(400, "refused", reason || `the server closed with code ${code}`);
  return new ChatError(0, "lost", "the stream was lost");
}

/** The transports there are, the best first, by the names that `transport` takes. @type {Map<string, new () => Transport>} */
export const TRANSPORTS = new Map();
if (typeof WebSocket === "function") TRANSPORTS.set("websocket", Socket);
if (typeof TextDecoderStream === "function") TRANSPORTS.set("sse", Sse);
TRANSPORTS.set("poll", Poll);
