/**
 * One connection for all tabs of a browser that read as the same person.
 *
 * 1. One tab leads: it holds a lock, reads the rooms of all tabs, and passes batches on. Without locks (pages that came over
 *    plain HTTP, programs), each tab leads for itself alone.
 * 2. Each tab has its own cursor, and each batch names the two cursors between which it lies. A tab whose cursor is elsewhere
 *    catches up with polls first. So it does not matter which tab leads, since when, or whether two tabs believe that they do.
 * 3. No tab trusts the leader to be alive: the tabs ask it, and if it does not answer in time they take the lock from it. A
 *    frozen tab notices when it wakes.
 * 4. Each tab writes for itself.
 */

/** @typedef {import("./transports.js").Line} Line */
/** @typedef {import("./transports.js").Batch} Batch */
/** @typedef {import("./transports.js").Transport} Transport */

/** Somebody wants to read from there. @typedef {{type: "hello", from: string, rooms: string[], cursor: number}} Hello */
/**
 * All events of these rooms between two cursors; often none.
 * @typedef {{type: "batch", rooms: string[], since: number, via: string} & Batch} Passed
 */
/**
 * The leader is new, is about to be connected, cannot go on, or cannot read so many rooms.
 * @typedef {{type: "new" | "soon" | "down"} | {type: "full", to: string}} Word
 */
/**
 * A name is asked for, and the token of its session.
 * @typedef {{type: "who", name: string} | {type: "is", name: string, token: string}} Naming
 */

/** Seconds between questions whether the leader is alive, and how long its answer may take. */
const ASK = 10;
const ANSWER = 3;
/** Seconds without a sign of life on its connection after which a leader does not answer. */
const DEAF = 40;
/** Seconds after which a tab that no longer asks counts as closed; hidden tabs ask once a minute. */
const GONE = 150;
/** Rooms that the server reads on one connection. */
const MOST = 300;
/** Seconds that another tab is given to say that it has a name. */
const NAMING = 0.15;

/** One tab's part in the group of tabs. */
export class Tabs {
  #url;
  #self = crypto.getRandomValues(new Uint32Array(2)).join("-");
  /** @type {BroadcastChannel | undefined} */
  #names;
  /** @type {BroadcastChannel | undefined} */
  #channel;
  #key = "";
  #leading = false;
  /** Ends our part in the group of tabs that have this key. */
  #part = new AbortController();
  /** @type {Map<string, {rooms: string[], at: number}>} what the others read, and when they asked last */
  #wanted = new Map();
  /** Aborted when our role changes. */
  #role = new AbortController();

  /** @param {URL} url the server's @param {() => {name: string, token: string}} self who we are now */
  constructor(url, self) {
    this.#url = url;
    this.#names = open(`chatd ${url}`);
    this.#names?.addEventListener("message", ({ data }) => {
      const naming = /** @type {Naming} */ (data);
      const { name, token } = self();
      if (naming.type === "who" && token && same(name, naming.name)) this.#names?.postMessage({ type: "is", name, token });
    });
  }

  /**
   * The token of the session that another tab has under that name.
   * @param {string} name @returns {Promise<string | undefined>}
   */
  async tokenOf(name) {
    const channel = this.#names;
    if (!channel || !name) return undefined;
    return new Promise(resolve => {
      /** @param {MessageEvent<Naming>} message */
      const hear = ({ data }) => data.type === "is" && same(data.name, name) && end(data.token);
      /** @param {string} [token] */
      const end = token => {
        clearTimeout(timer);
        channel.removeEventListener("message", hear);
        resolve(token);
      };
      const timer = setTimeout(end, NAMING * 1000);
      channel.addEventListener("message", hear);
      channel.postMessage({ type: "who", name });
    });
  }

  /**
   * Read, over a connection of our own or another tab's, until aborted. Throws what the transport throws.
   * @param {string} key what tabs that share have in common
   * @param {Transport} transport @param {Line} line @param {AbortSignal} signal
   */
  async run(key, transport, line, signal) {
    if (key !== this.#key) await this.#take(key);
    if (!this.#channel) return transport.run(line, signal);
    this.#role = new AbortController();
    const ended = AbortSignal.any([signal, this.#role.signal]);
    if (this.#leading) await this.#lead(this.#channel, transport, line, ended);
    else await this.#follow(this.#channel, transport, line, ended);
  }

  /** Leave the group. */
  close() {
    this.#names?.close();
    this.#end();
  }

  #end() {
    this.#part.abort();
    this.#channel?.close();
    this.#channel = undefined;
    this.#leading = false;
    this.#wanted.clear();
  }

  /** Take part in the group of that key: lead it, or wait for that. @param {string} key */
  async #take(key) {
    this.#end();
    this.#key = key;
    this.#part = new AbortController();
    const channel = open(`chatd ${this.#url} ${key}`);
    if (!channel) return;
    this.#channel = channel;
    void this.#stand();
    // The browser answers in order, so after this answer it is known whether another tab leads. It fails if the page may not
    // use locks.
    await navigator.locks.query().catch(() => this.#end());
  }

  /**
   * Lead as soon as the lock is ours, until our part ends or another tab takes it. Resolves when we had it, or will not get it.
   * @param {LockOptions} options
   */
  async #queue(options) {
    const { signal } = this.#part;
    try {
      await navigator.locks.request(`chatd ${this.#url} ${this.#key}`, options, async lock => {
        if (!lock || signal.aborted) return;
        this.#leading = true;
        this.#role.abort();
        await new Promise(resolve => signal.addEventListener("abort", resolve));
      });
    } catch (error) {
      // Our part ended, or the lock was taken from us; or there are no locks for this page.
      if (signal.aborted) return;
      if (!(error instanceof DOMException && error.name === "AbortError")) this.#end();
      this.#leading = false;
      this.#role.abort();
    }
  }

  /** Lead whenever no other tab does. */
  async #stand() {
    const { signal } = this.#part;
    while (!signal.aborted) await this.#queue({ signal });
  }

  /** @param {BroadcastChannel} channel @param {Transport} transport @param {Line} line @param {AbortSignal} signal */
  async #lead(channel, transport, line, signal) {
    /** @param {Passed | Word} message */
    const tell = message => channel.postMessage(message);
    // A stream has not shown yet that it works; with polls, one was answered before.
    let heard = transport.name === "poll" ? Date.now() : 0;
    let turn = new AbortController();
    const union = () => {
      for (const [tab, { at }] of this.#wanted) if (Date.now() - at > GONE * 1000) this.#wanted.delete(tab);
      return [...new Set([line.rooms, ...[...this.#wanted.values()].map(({ rooms }) => rooms)].flat())];
    };
    let rooms = union();
    /** @param {Batch} batch @param {number} since @returns {Passed} */
    const passed = (batch, since) => ({ ...batch, type: "batch", rooms, since, next: line.cursor ?? 0, via: transport.name });
    /** @type {Line} */
    const wide = Object.create(line, {
      rooms: { get: () => rooms },
      take: { value: (/** @type {Batch} */ batch) => {
        const since = line.cursor ?? 0;
        line.take(batch);
        heard = Date.now();
        tell(passed(batch, since));
      } },
    });
    /** @param {MessageEvent<Hello | Passed | Word>} message */
    const hear = ({ data }) => {
      if (data.type !== "hello") return;
      this.#wanted.set(data.from, { rooms: data.rooms, at: Date.now() });
      if (data.rooms.every(room => rooms.includes(room))) {
        if (!heard) return tell({ type: "soon" });
        if (Date.now() - heard > DEAF * 1000) return;
        tell(passed({ events: [] }, line.cursor ?? 0));
        line.expect(data.cursor);
      } else if (union().length <= MOST) {
        turn.abort();
      } else {
        this.#wanted.delete(data.from);
        tell({ type: "full", to: data.from });
      }
    };
    channel.addEventListener("message", hear);
    tell({ type: "new" });
    try {
      while (!signal.aborted) {
        turn = new AbortController();
        rooms = union();
        await transport.run(wide, AbortSignal.any([signal, turn.signal]));
      }
    } finally {
      channel.removeEventListener("message", hear);
      if (!this.#part.signal.aborted) tell({ type: "down" });
    }
  }

  /** @param {BroadcastChannel} channel @param {Transport} transport @param {Line} line @param {AbortSignal} signal */
  async #follow(channel, transport, line, signal) {
    const ended = new AbortController();
    const end = () => ended.abort();
    const answer = new Deadline(() => {
      void this.#queue({ steal: true });
      // If even that takes long, go on without it.
      answer.within(ANSWER);
    });
    const hello = () => {
      channel.postMessage({ type: "hello", from: this.#self, rooms: line.rooms, cursor: line.cursor ?? 0 });
      answer.within(ANSWER);
    };
    let alone = false;
    /** @type {Promise<void>} */
    let taken = Promise.resolve();
    /** @param {MessageEvent<Hello | Passed | Word>} message */
    const hear = ({ data }) => {
      if (data.type === "new") hello();
      else if (data.type === "soon") answer.met();
      else if (data.type === "full" && data.to === this.#self) alone = true, end();
      else if (data.type === "down" || (data.type === "batch" && data.gap)) end();
      else if (data.type === "batch" && line.rooms.every(room => data.rooms.includes(room))) {
        answer.met();
        taken = taken.then(() => this.#accept(data, line, ended.signal)).catch(() => end());
      }
    };
    channel.addEventListener("message", hear);
    const asking = setInterval(hello, ASK * 1000);
    signal.addEventListener("abort", end);
    try {
      hello();
      if (!signal.aborted) await new Promise(resolve => ended.signal.addEventListener("abort", resolve));
    } finally {
      clearInterval(asking);
      answer.met();
      channel.removeEventListener("message", hear);
    }
    if (alone) return transport.run(line, signal);
    if (!signal.aborted) line.doubt();
  }

  /**
   * Take a batch that was passed on, and before it the events between our cursor and the batch.
   * @param {Passed} passed @param {Line} line @param {AbortSignal} signal
   */
  async #accept({ since, via, ...batch }, line, signal) {
    for (let before = -1; since > (line.cursor ?? 0) && before !== line.cursor; ) {
      before = line.cursor ?? 0;
      await line.catchUp(signal);
    }
    if (signal.aborted) return;
    line.take(batch);
    line.shared(via);
  }
}

/** A timeout. */
class Deadline {
  #missed;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {() => void} missed */
  constructor(missed) {
    this.#missed = missed;
  }

  /** @param {number} seconds */
  within(seconds) {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#missed();
    }, seconds * 1000);
  }

  met() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}

/** @param {string} name @returns {BroadcastChannel | undefined} */
function open(name) {
  const can = typeof document === "object" && typeof BroadcastChannel === "function" && "any" in AbortSignal
    && globalThis.navigator?.locks;
  return can ? new BroadcastChannel(name) : undefined;
}

/** @param {string} one @param {string} other */
function same(one, other) {
  return one.toLowerCase() === other.toLowerCase();
}
