/** The state of the connection in the page's head, and the time until the next attempt. */

import { byId } from "./nodes.js";
import { t } from "./words.js";

/** @typedef {import("./chat.js").State} State */

export class Connection {
  #state = byId("state", HTMLElement);
  #word = byId("state-word", HTMLElement);
  #retry = byId("retry", HTMLElement);
  #retryAt = 0;

  /** @param {() => void} retry called when the user does not want to wait */
  constructor(retry) {
    this.#retry.addEventListener("click", retry);
    setInterval(() => this.#countDown(), 1000);
  }

  get online() {
    return this.#state.dataset.state === "online";
  }

  /** @param {State} now */
  show({ state, transport, retryIn }) {
    this.#state.dataset.state = state;
    this.#state.dataset.transport = transport;
    const over = /** @type {const} */ ({ websocket: "over.websocket", sse: "over.sse", poll: "over.poll" });
    this.#state.title = state === "online" ? t(over[/** @type {keyof over} */ (transport)]) : "";
    this.#word.textContent = t(`state.${state}`);
    // Without a network the next attempt is made when there is one, not when the time is over.
    this.#retryAt = retryIn && state !== "offline" ? Date.now() + retryIn * 1000 : 0;
    this.#countDown();
  }

  #countDown() {
    const left = Math.ceil((this.#retryAt - Date.now()) / 1000);
    this.#retry.hidden = left <= 0;
    this.#retry.textContent = t("retry.in", { n: left });
  }
}
