/** The texts about the current place: its topic, its people, the placeholder of the box, and what stands in an empty log. */

import { byId, linked } from "./nodes.js";
import { isTalk } from "./places.js";

/**
 * @typedef {{
 *   chat: import("./chat.js").Chat, places: import("./places.js").Places, roster: import("./roster.js").Roster,
 *   log: import("./log.js").Log, connection: import("./connection.js").Connection, side: import("./side.js").Side,
 *   composer: import("./composer.js").Composer, here: () => string,
 * }} Page
 */

export class Wording {
  #page;

  /** @param {Page} page */
  constructor(page) {
    this.#page = page;
  }

  empty() {
    const { places, here, log, connection } = this.#page;
    const { title, all } = places.view(here());
    const talk = isTalk(here());
    const empty = byId("empty", HTMLElement);
    empty.textContent = talk ? `Nothing has been said between you and ${title} yet.` : "Nothing has been said here yet.";
    empty.hidden = !log.empty || !connection.online;
    const begin = byId("begin", HTMLElement);
    begin.textContent = talk ? `This is where your private messages with ${title} begin.` : `This is where ${title} begins.`;
    begin.hidden = !all || log.empty;
  }

  topic() {
    const { chat, places, here, roster } = this.#page;
    const { title, out } = places.view(here());
    const kept = chat.account.signedIn ? "" : ", and the server does not keep it";
    const shown = isTalk(here()) ? `Private: only ${title} and you read this${kept}.` : out === undefined ? roster.topic : "";
    const topic = byId("topic", HTMLElement);
    topic.replaceChildren(...linked(shown));
    topic.title = shown;
  }

  people() {
    const { chat, places, here, roster, side } = this.#page;
    const { people } = roster;
    const where = isTalk(here()) || places.view(here()).out !== undefined ? `in #${chat.room}` : "here";
    side.showPeople(people.size ? `${people.size} ${where}` : `People ${where}`, people, chat.name, name => roster.roleOf(name));
  }

  /** Update the placeholder of the message box. */
  invite() {
    const { chat, places, here, composer } = this.#page;
    const { title, out } = places.view(here());
    const isPrivate = isTalk(here());
    if (out !== undefined) return composer.invite(`You are out of ${title}`, false);
    const text = isPrivate ? `Write to ${title} only` : `Message ${title} · /help`;
    composer.invite(chat.name ? text : "Choose a name, and write", isPrivate);
  }
}
