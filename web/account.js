/** Requests about accounts: registering, signing in, devices, tokens, the password, ignored names. */

/** One client that is signed in; times in microseconds since 1970. @typedef {{
 *   id: string, label: string, address: string, created: number, used: number, present: boolean, current: boolean,
 * }} Device */
/** What a token may do. @typedef {"read" | "write" | "all"} Scope */
/** @typedef {{id: string, label: string, scope: Scope, created: number, expires: number | null}} Token */
/** What else may come with a name and a password. @typedef {{invite?: string, claim?: string}} Codes */

export class Account {
  #server;
  #identity;

  /** @param {import("./server.js").Server} server @param {import("./identity.js").Identity} identity */
  constructor(server, identity) {
    this.#server = server;
    this.#identity = identity;
  }

  /** Whether we are signed in. */
  get signedIn() {
    return this.#identity.account;
  }

  /** Make an account, and sign in to it; a guest of that name becomes it. @param {string} name @param {string} password @param {Codes} [codes] */
  async register(name, password, codes = {}) {
    this.#identity.enter(await this.#server.ask("POST", "accounts", { body: { name, password, ...codes } }));
  }

  /** @param {string} name @param {string} password @param {{claim?: string}} [codes] */
  async signIn(name, password, codes = {}) {
    this.#identity.enter(await this.#server.ask("POST", "session", { body: { name, password, ...codes } }));
  }

  /** Where we are signed in, the one used last first. @returns {Promise<Device[]>} */
  async devices() {
    return (await this.#server.ask("GET", "account/sessions")).sessions;
  }

  /** Sign a device out. @param {string} id */
  async endDevice(id) {
    await this.#server.ask("DELETE", `account/sessions/${encodeURIComponent(id)}`);
  }

  /** @returns {Promise<Token[]>} */
  async tokens() {
    return (await this.#server.ask("GET", "account/tokens")).tokens;
  }

  /**
   * A token for a program, shown this once. @param {string} label @param {Scope} [scope] @param {number} [expires] in seconds
   * @returns {Promise<{id: string, token: string}>}
   */
  makeToken(label, scope = "write", expires) {
    return this.#server.ask("POST", "account/tokens", { body: { label, scope, ...(expires && { expires }) } });
  }

  /** @param {string} id */
  async removeToken(id) {
    await this.#server.ask("DELETE", `account/tokens/${encodeURIComponent(id)}`);
  }

  /** Have another password; all other devices are signed out. @param {string} current @param {string} password */
  async changePassword(current, password) {
    await this.#server.ask("PATCH", "account", { body: { current, password } });
  }

  /** Delete the account: the name stays reserved, messages stay. @param {string} password */
  async delete(password) {
    await this.#server.ask("DELETE", "account", { body: { password } });
    this.#identity.forget();
  }

  /** A request about notifications while the page is closed. @param {string} method @param {object} [body] @param {string} [path] @param {AbortSignal} [signal] */
  push(method, body, path = "push", signal) {
    return this.#server.ask(method, path, { body, signal, keepalive: path !== "push" });
  }

  /** Get no private messages of that name any more; pages hide what it says. @param {string} name */
  async ignore(name) {
    await this.#server.ask("PUT", `account/ignores/${encodeURIComponent(name)}`);
  }

  /** @param {string} name */
  async unignore(name) {
    await this.#server.ask("DELETE", `account/ignores/${encodeURIComponent(name)}`);
  }
}
