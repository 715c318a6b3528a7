/** The state of the connection in the page's head, and the time until the next attempt. */

import { byId } from "./nodes.js";

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
    const over = { websocket: "a WebSocket", sse: "server-sent events", poll: "long polls" }[transport];
    this.#state.title = state === "online" ? `Connected over ${over}` : "";
    this.#word.textContent = state.charAt(0).toUpperCase() + state.slice(1);
    // Without a network the next attempt is made when there is one, not when the time is over.
    this.#retryAt = retryIn && state !== "offline" ? Date.now() + retryIn * 1000 : 0;
    this.#countDown();
  }

  #countDown() {
    const left = Math.ceil((this.#retryAt - Date.now()) / 1000);
    this.#retry.hidden = left <= 0;
    this.#retry.textContent = `in ${left} s`;
  }
}
