/** The texts about the current place: its topic, its people, the placeholder of the box, and what stands in an empty log. */

import { byId, face, linked, make } from "./nodes.js";
import { isTalk } from "./places.js";
import { t } from "./words.js";

/**
 * @typedef {{
 *   chat: import("./chat.js").Chat, places: import("./places.js").Places, roster: import("./roster.js").Roster,
 *   log: import("./log.js").Log, connection: import("./connection.js").Connection, people: import("./people.js").People,
 *   composer: import("./composer.js").Composer, here: () => string,
 * }} Page
 */

export class Wording {
  #page;
  /** The room of which the ways in are shown. */
  #shown = "";

  /** @param {Page} page */
  constructor(page) {
    this.#page = page;
  }

  empty() {
    const { places, here, log, connection } = this.#page;
    const { title, all } = places.view(here());
    const talk = isTalk(here());
    const empty = byId("empty", HTMLElement);
    const silent = places.view(here()).shown.every(({ type }) => ["join", "leave", "nick"].includes(type)) && all;
    empty.hidden = !(talk ? log.empty : silent) || !connection.online;
    if (talk) empty.textContent = t("empty.private", { name: title }), (this.#shown = "");
    else if (!empty.hidden) this.#welcome(empty).catch(() => (this.#shown = "")); // the server is away: the next time
    const begin = byId("begin", HTMLElement);
    begin.hidden = !all || log.empty;
    if (!begin.hidden) begin.textContent = talk ? t("begin.private", { name: title }) : t("begin.room", { title });
  }

  /** What an empty room is, and the ways into it. @param {HTMLElement} empty */
  async #welcome(empty) {
    const { chat, here, log } = this.#page;
    const room = here();
    const state = `${room} ${chat.name}`;
    if (this.#shown === state) return;
    this.#shown = state;
    empty.replaceChildren(make("p", "", t("empty.room")));
    const [{ listOf, waysInto, addressOf }, { doors }] = await Promise.all([import("./ways.js"), chat.about().catch(() => ({ doors: [] }))]);
    if (this.#shown !== state) return;
    const { stuck } = log;
    empty.replaceChildren(
      make("p", "", make("b", "", t("empty.room"))),
      make("p", "", t("empty.what", { room, host: location.host })),
      make("p", "", t(chat.name ? "empty.begin" : "empty.read")),
      listOf([[t("ways.page"), addressOf(room)], ...waysInto(room, doors)]),
    );
    if (stuck) log.toBottom();
  }

  topic() {
    const { chat, places, here, roster } = this.#page;
    const { title, out } = places.view(here());
    const secret = () => t(chat.account.signedIn ? "private.kept" : "private.lost", { name: title });
    const shown = isTalk(here()) ? secret() : out === undefined ? roster.topic : "";
    const topic = byId("topic", HTMLElement);
    if (topic.title === shown) return;
    topic.replaceChildren(...linked(shown));
    topic.title = shown;
  }

  people() {
    const { chat, places, here, roster } = this.#page;
    const { people } = roster;
    const elsewhere = isTalk(here()) || places.view(here()).out !== undefined;
    const values = { n: people.size, room: chat.room };
    const count = people.size ? t(elsewhere ? "people.in.count" : "people.count", values) : t(elsewhere ? "people.in" : "people.here", values);
    byId("count", HTMLElement).textContent = count;
    this.#page.people.show(people, chat.name, name => roster.roleOf(name));
  }

  /** Update the user's button after the name or the sign-in has changed. */
  self() {
    const { name, account } = this.#page.chat;
    const button = byId("account", HTMLButtonElement);
    button.replaceChildren(...(name ? [face(name), make("bdi", "", name)] : [make("span", "", t("sign.in"))]));
    button.title = name ? t(account.signedIn ? "own.account" : "own.guest", { name }) : t("own.nobody");
  }

  /** Update the placeholder of the message box. */
  invite() {
    const { chat, places, here, composer } = this.#page;
    const { title, out } = places.view(here());
    const isPrivate = isTalk(here());
    if (out !== undefined) return composer.invite(t("box.out", { title }), false);
    const text = t(isPrivate ? "box.private" : "box.room", { title });
    composer.invite(chat.name ? text : t("box.nameless"), isPrivate);
  }
}
