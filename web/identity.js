/**
 * The user's identity: a name, its session, and for a guest a new session of the same name when that one is over. A session of
 * an account cannot be replaced, because the password is not kept.
 */

import { ChatError, toChatError } from "./errors.js";
import { cookieOf, isCookie } from "./server.js";
import { sleep } from "./timing.js";
import { LOBBY, roomPath } from "./values.js";

/**
 * A name to open a session with. `doubtful`: an older session of ours may still hold it; `resting`: it was refused, and the
 * next attempt is later.
 * @typedef {{
 *   name: string, doubtful: boolean, resting?: boolean,
 *   resolve: (name: string) => void, reject: (error: ChatError) => void,
 * }} Wish
 */

/**
 * The server's answer about a session. The last three fields only for accounts: the read marker of each room, the number of
 * messages behind it, and the ignored names.
 * @typedef {{
 *   name: string, account: boolean, admin: boolean, rooms: string[], markers?: Record<string, number>,
 *   unread?: Record<string, number>, ignores?: string[],
 * }} Standing
 */
/** @typedef {{name: string, token: string, account?: boolean}} Opened */

/** Seconds between attempts at a name that an older session of our own may still hold. */
const NAME_PAUSE = 15;
/** Seconds between two sessions, if each ends as soon as it begins. */
const SESSION_PAUSE = 3;

export class Identity {
  /** Empty as long as we only read. */
  name = "";
  /** Whether the server has confirmed our session, its rooms included. */
  known = false;
  /** Whether our name is registered, and we are signed in to its account. */
  account = false;
  #cookie;
  /** Whether the browser's cookie may hold a session, and the server was not asked yet. */
  #unasked = false;
  #server;
  #tabs;
  #rooms;
  #emit;
  #again;
  #rename;
  #enteredAt = 0;
  /** @type {Wish | undefined} */
  #wish;

  /**
   * @param {import("./server.js").Server} server @param {import("./tabs.js").Tabs} tabs @param {import("./rooms.js").Rooms} rooms
   * @param {import("./emitter.js").Emit} emit
   * @param {{again: () => void, rename: (name: string) => Promise<string>}} chat `again`: the identity has changed;
   *   `rename`: take another name in the session that there is
   * @param {boolean} cookie whether the browser's cookie keeps sessions of accounts
   */
  constructor(server, tabs, rooms, emit, { again, rename }, cookie) {
    this.#server = server;
    this.#tabs = tabs;
    this.#rooms = rooms;
    this.#emit = emit;
    this.#again = again;
    this.#rename = rename;
    this.#cookie = cookie;
  }

  /** Whether there is a session, or one is being opened. */
  get any() {
    return this.#server.token !== "" || this.#wish !== undefined;
  }

  /** Begin as somebody: with the session that there is, or with a name. @param {string | undefined} name @param {boolean} account */
  begin(name, account) {
    this.account = account;
    if (this.#server.token) this.name = name ?? "";
    else if (name !== undefined) this.#wish = this.#wishFor(name);
    else this.#unasked = this.#cookie;
  }

  /** Go on in a session that was opened with a password. @param {Opened} session */
  enter({ name, token }) {
    this.#wish?.reject(new ChatError(0, "superseded", "another name was asked for"));
    this.#wish = undefined;
    this.#server.token = this.#cookie ? cookieOf(name) : token;
    this.account = true;
    this.#tell({ name, account: true, admin: false, rooms: [] });
    this.reconsider();
  }

  /** Ask the server again for our name and rooms. */
  reconsider() {
    this.known = false;
    this.#again();
  }

  /** The account's session has ended: continue without a name. */
  forget() {
    this.#server.token = "";
    this.account = false;
    this.#tell({ name: "", account: false, admin: false, rooms: [] });
    this.reconsider();
  }

  /** Open a session of that name. @param {string} name @returns {Promise<string>} the name as the server spells it */
  open(name) {
    this.#wish?.reject(new ChatError(0, "superseded", "another name was asked for"));
    return new Promise((resolve, reject) => {
      this.#wish = { ...this.#wishFor(name), resolve, reject };
      this.#again();
    });
  }

  /** @param {string} name */
  become(name) {
    if (name === this.name && this.known) return;
    this.#tell({ name, account: this.account, admin: false, rooms: [] });
  }

  /** @param {Standing} session */
  #tell({ rooms, ...session }) {
    this.name = session.name;
    this.#emit("session", { ...session, token: this.#server.token });
  }

  /** The server no longer knows our session: open another one of the same name, and go on. */
  expire() {
    if (this.account) {
      this.forget();
      return this.#emit("error", new ChatError(401, "signed-out", "you are signed out: sign in again"));
    }
    this.#server.token = "";
    this.known = false;
    this.#wish ??= this.#wishFor(this.name, true);
    this.#again();
  }

  /**
   * Have the session and the rooms that are wanted.
   * @param {AbortSignal} signal @param {boolean} doubtful whether the connection was lost: the server serves a request with an
   *   outdated cookie as a stranger's, so it has to be asked whether the session still exists
   */
  async settle(signal, doubtful) {
    if (doubtful && isCookie(this.#server.token)) this.known = false;
    if (this.#unasked && !this.#wish) await this.#recognise(signal);
    if (!this.#server.token && this.#wish && !this.#wish.resting) await this.#enter(this.#wish);
    if (!this.#server.token || this.known) return;
    const session = await this.#server.ask("GET", "session", { signal });
    this.account = session.account === true;
    await this.#rooms.confirm(session.rooms, this.account, signal);
    this.confirmed(session);
    this.known = true;
  }

  /** Take over the server's answer about our session. @param {Standing} session */
  confirmed(session) {
    this.#tell({ ...session, account: this.account, admin: session.admin === true });
  }

  /** Go on in the session of the browser's cookie, if there is one. @param {AbortSignal} signal */
  async #recognise(signal) {
    try {
      const { name, account } = await this.#server.ask("GET", "session", { signal });
      this.#server.token = cookieOf(name);
      this.account = account === true;
    } catch (thrown) {
      if (toChatError(thrown).passing) throw thrown;
    }
    this.#unasked = false;
  }

  /** @param {Wish} wish */
  async #enter(wish) {
    if (Date.now() - this.#enteredAt < SESSION_PAUSE * 1000) await sleep(SESSION_PAUSE);
    try {
      const { name, token, shared } = await this.#session(wish);
      this.#enteredAt = Date.now();
      this.#server.token = token;
      this.account = false;
      const other = wish === this.#wish ? undefined : this.#wish;
      this.#wish = undefined;
      this.become(name);
      wish.resolve(name);
      if (other) this.#rename(other.name).then(other.resolve, other.reject);
      if (!shared && !this.#rooms.has(LOBBY)) await this.#server.ask("DELETE", `${roomPath(LOBBY)}/membership`);
    } catch (thrown) {
      this.#refused(wish, toChatError(thrown));
    }
  }

  /** @param {Wish} wish @param {ChatError} error */
  #refused(wish, error) {
    if (error.passing) {
      // The session may have been opened, and only the answer lost.
      if (!error.status) wish.doubtful = true;
      throw error;
    }
    if (wish !== this.#wish) return;
    if (error.code !== "name-in-use" || !wish.doubtful) {
      this.#wish = undefined;
      return wish.reject(error);
    }
    wish.resting = true;
    setTimeout(() => {
      wish.resting = false;
      this.#again();
    }, NAME_PAUSE * 1000);
    this.#emit("error", error);
  }

  /**
   * A session of that name: another tab's, or a new one.
   * @param {Wish} wish @returns {Promise<{name: string, token: string, shared?: boolean}>}
   */
  async #session({ name }) {
    const body = name ? { name } : {};
    const theirs = await this.#tabs.tokenOf(name);
    if (theirs) return { name, token: theirs, shared: true };
    try {
      return await this.#server.ask("POST", "session", { body });
    } catch (error) {
      // Another tab may have been a moment faster.
      const token = toChatError(error).code === "name-in-use" && (await this.#tabs.tokenOf(name));
      if (token) return { name, token, shared: true };
      throw error;
    }
  }

  /** @param {string} name @param {boolean} [doubtful] @returns {Wish} */
  #wishFor(name, doubtful = false) {
    return { name, doubtful, resolve: () => {}, reject: error => this.#emit("error", error) };
  }
}
