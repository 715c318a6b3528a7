/**
 * Requests to the server, in a session or without one.
 *
 * 1. On a page of the server's own the session goes in a header of its own, `Chatd-Session`, with same-origin credentials: a
 *    proxy in front may have its Basic authentication or its cookie. Elsewhere it goes as `Authorization: Bearer`.
 * 2. A WebSocket can have no header. Its URL contains a ticket that is valid once, because proxies log URLs; it contains the token
 *    itself only if the server has no tickets.
 * 3. A page of the server's own can leave its session to the browser's cookie, which no script reads: the token is then
 *    `cookie:` and a name, and no header is sent.
 * 4. An answer that is not chatd's (a redirect, a page of HTML, a bare 401) is a proxy's, and is reported as `sign-in`.
 */

import { ChatError, signIn, toChatError } from "./errors.js";
import { retryAfter } from "./timing.js";

/**
 * `key`: the request's `Idempotency-Key`. `cache`: of the browser, `no-store` unless given.
 * @typedef {{accept?: string, body?: object, key?: string, signal?: AbortSignal, keepalive?: boolean, cache?: RequestCache}} Request
 */
/** @typedef {Request & {timeout?: number}} Asking `timeout` is in seconds */

/** Seconds by which an answer may be late. */
export const PATIENCE = 10;

/** Statuses with which a proxy asks for its own sign-in. */
const PROXY_REFUSALS = [401, 403, 407, 511];
const COOKIE = "cookie:";

/** The placeholder for the token of a session in the browser's cookie. @param {string} name of its person */
export function cookieOf(name) {
  return COOKIE + name.toLowerCase();
}

/** @param {string} token */
export function isCookie(token) {
  return token.startsWith(COOKIE);
}

/** One server, and our session there. */
export class Server {
  url;
  /** The session's token; empty without a session. */
  token;
  #expired;
  /** Whether the server has no tickets for WebSockets. */
  #ticketless = false;

  /** @param {URL} url @param {string} token @param {() => void} expired called when the server no longer knows the token */
  constructor(url, token, expired) {
    this.url = url;
    this.token = token;
    this.#expired = expired;
  }

  /** Ask for JSON. @param {string} method @param {string} path @param {Asking} [options] @returns {Promise<any>} */
  async ask(method, path, { signal, timeout = 2 * PATIENCE, ...rest } = {}) {
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

  /** Open a stream. @param {string} path @param {string} accept its media type @param {AbortSignal} signal @returns {Promise<Response>} */
  open(path, accept, signal) {
    return this.#request("GET", path, { accept, signal });
  }

  /** @param {string} path @param {AbortSignal} signal ends the request for a ticket @returns {Promise<WebSocket>} */
  async socket(path, signal) {
    const url = new URL(path, this.url);
    url.protocol = url.protocol.replace("http", "ws");
    if (this.token && !isCookie(this.token)) {
      const ticket = await this.#ticket(signal);
      if (ticket) url.searchParams.set("ticket", ticket);
      else url.searchParams.set("access_token", this.token);
    }
    return new WebSocket(url);
  }

  /** @param {AbortSignal} signal @returns {Promise<string | undefined>} */
  async #ticket(signal) {
    if (this.#ticketless) return undefined;
    try {
      return (await this.ask("POST", "session/ticket", { signal }))?.ticket;
    } catch (thrown) {
      const error = toChatError(thrown);
      if (![404, 405].includes(error.status)) throw error;
      this.#ticketless = true;
      return undefined;
    }
  }

  /** @param {string} method @param {string} path @param {Request} [options] @returns {Promise<Response>} */
  async #request(method, path, { accept = "application/json", body, key, signal, keepalive, cache = "no-store" } = {}) {
    const { token } = this;
    /** @type {Record<string, string>} */
    const headers = { Accept: accept };
    if (!token || isCookie(token)) {
      // The browser knows.
    } else if (this.url.origin === globalThis.location?.origin) {
      headers["Chatd-Session"] = token;
    } else {
      headers.Authorization = `Bearer ${token}`;
    }
    if (body) headers["Content-Type"] = "application/json";
    if (key) headers["Idempotency-Key"] = key;
    const response = await fetch(new URL(path, this.url), {
      method, headers, keepalive, signal, cache, body: body && JSON.stringify(body),
      credentials: "same-origin", redirect: "manual",
    });
    const { ok, status } = response;
    if (ok && (status === 204 || response.headers.get("Content-Type")?.startsWith(accept))) return response;
    if (ok || response.type === "opaqueredirect" || (status >= 300 && status < 400)) throw signIn();
    const error = (await response.json().catch(() => undefined))?.error;
    if (typeof error?.code !== "string" && PROXY_REFUSALS.includes(status)) throw signIn();
    if (status === 401 && token && token === this.token) this.#expired();
    const after = retryAfter(response.headers.get("Retry-After") ?? "");
    throw new ChatError(status, error?.code ?? "http", error?.message ?? `HTTP ${status}`, after);
  }
}
