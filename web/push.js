/**
 * Notifications while the page is closed (Web Push): the subscription of this browser, which belongs to the session of an account,
 * and whether this page is in view. The service worker shows them: see `worker.js`.
 */

import { attending } from "./bell.js";
import * as memory from "./memory.js";
import { standBy } from "./standby.js";
import { t } from "./words.js";

/** Milliseconds between two signs that the page is in view: the server believes each for a minute. */
const SIGN = 45_000;
/** Milliseconds after which the server is asked anew whether any device is notified. */
const ASKED = 600_000;
/** Places whose level the server is told. */
const PLACES = 300;

/** What the server says of itself, of this session and of the account. @typedef {{on: boolean, key?: string, subscribed?: boolean, subscriptions?: number}} Standing */

export class Push {
  /** What this page calls itself to the server: several may be open in one session. */
  #page = crypto.getRandomValues(new Uint32Array(2)).join("-");
  #chat;
  #levels;
  #bell;
  /** @type {Standing} */
  #told = { on: false };
  #asked = 0;
  /** @type {ServiceWorkerRegistration | undefined} */
  #worker;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #signing;
  /** Settles when the server has answered all signs. @type {Promise<unknown>} */
  #signed = Promise.resolve();
  /** Ends the signs that the server has not answered. */
  #unanswered = new AbortController();

  /** @param {import("./chat.js").Chat} chat @param {import("./levels.js").Levels} levels @param {import("./bell.js").Bell} bell */
  constructor(chat, levels, bell) {
    this.#chat = chat;
    this.#levels = levels;
    this.#bell = bell;
  }

  /** Whether the server does this, for us. */
  get offered() {
    return this.#told.on;
  }

  /** Whether this browser is notified. */
  get on() {
    return this.#told.subscribed === true;
  }

  /** Why this browser cannot do it; empty: it can. */
  get hindered() {
    if (this.#worker && "pushManager" in this.#worker && "Notification" in window) return "";
    // On iPhones and iPads only pages that are installed can.
    return /** @type {any} */ (navigator).standalone === false ? t("push.install") : t("bell.impossible");
  }

  async begin() {
    this.#worker = await standBy().catch(() => undefined);
    if (!this.#chat.account.signedIn) return;
    await this.#ask();
    if (!this.offered) return;
    await this.#reconcile();
    document.addEventListener("visibilitychange", () => void this.#look());
    addEventListener("focus", () => void this.#look());
    addEventListener("blur", () => void this.#look());
    addEventListener("pagehide", () => this.#leave());
    await this.#look();
  }

  async turnOn() {
    if (await Notification.requestPermission() !== "granted") throw new Error(t("push.denied"));
    await this.#ask();
    await this.#subscribe();
    await this.#ask();
    await this.#look();
  }

  async #subscribe() {
    const manager = /** @type {ServiceWorkerRegistration} */ (this.#worker).pushManager;
    const former = await manager.getSubscription();
    if (former && !isOf(former, this.#told.key)) await former.unsubscribe();
    const made = await manager.subscribe({ userVisibleOnly: true, applicationServerKey: this.#told.key }).catch(() => {
      throw new Error(t("bell.impossible"));
    });
    await this.#tell(made);
  }

  async turnOff() {
    await this.#chat.account.push("DELETE");
    await (await this.#subscription())?.unsubscribe();
    await this.#ask();
  }

  /** Tell the server the levels of places, if this browser is notified. */
  async renew() {
    const made = this.on && await this.#subscription();
    if (made) await this.#tell(made);
  }

  async #ask() {
    this.#asked = performance.now();
    this.#told = await this.#chat.account.push("GET");
    this.#bell.byWorker = this.on;
  }

  async #subscription() {
    return await this.#worker?.pushManager?.getSubscription() ?? undefined;
  }

  /**
   * Have the browser and the server agree: what the browser has lost is made anew. What is left of an earlier session, which may have
   * been another account's, ends.
   */
  async #reconcile() {
    // A worker that could not be had this time says nothing of the subscription.
    if (!this.#worker?.pushManager) return;
    const made = await this.#subscription();
    if (!this.on) return void (await made?.unsubscribe());
    if (made && isOf(made, this.#told.key)) return this.renew();
    if (Notification.permission !== "granted") return this.turnOff();
    // The push service may be away: the next visit tries again.
    await this.#subscribe().catch(() => {});
  }

  /** @param {PushSubscription} made */
  async #tell(made) {
    const { endpoint, keys } = made.toJSON();
    const levels = [...memory.levels()].slice(-PLACES);
    const listed = (/** @type {string} */ wanted) => levels.filter(([, level]) => level === wanted).map(([place]) => place).join();
    await this.#chat.account.push("PUT", { endpoint, ...keys, all: listed("all"), none: listed("none") });
  }

  /** Tell the server whether the page is in view, as long as any device is notified. */
  async #look() {
    clearInterval(this.#signing);
    if (!attending()) return this.#sign(false);
    if (performance.now() - this.#asked > ASKED) await this.#ask().catch(() => {});
    if (!attending()) return;
    this.#sign(true);
    clearInterval(this.#signing);
    this.#signing = setInterval(() => this.#sign(true), SIGN);
  }

  /** Say whether the page is in view, when the server has answered what was said before: no request overtakes another. @param {boolean} here */
  #sign(here) {
    const { signal } = this.#unanswered;
    this.#signed = this.#signed.then(() => this.#say(here, signal));
  }

  /** Say at once that the page is out of view, instead of what has no answer yet: a page that is gone waits for none. */
  #leave() {
    this.#unanswered.abort();
    this.#unanswered = new AbortController();
    this.#signed = this.#say(false, this.#unanswered.signal);
  }

  /** @param {boolean} here @param {AbortSignal} signal */
  async #say(here, signal) {
    if (!this.#told.subscriptions || signal.aborted) return;
    await this.#chat.account.push("PUT", { here, page: this.#page }, "push/view", signal).catch(() => {});
  }
}

/** Whether a subscription was made for a server with that key. @param {PushSubscription} made @param {string | undefined} key */
function isOf(made, key) {
  const own = String.fromCharCode(...new Uint8Array(made.options.applicationServerKey ?? new ArrayBuffer(0)));
  return btoa(own).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "") === key;
}
