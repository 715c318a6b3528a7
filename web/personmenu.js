/** The menu items of a person, by the user's role. */

import { ask } from "./dialog.js";
import { rankOf, roleName } from "./roster.js";
import { t } from "./words.js";

/** @typedef {import("./popup.js").Item} Item */
/** @typedef {import("./moderation.js").Role} Role */

/** How long a ban or a mute holds, in seconds, as a choice. @type {[string, string][]} */
const DURATIONS = [
  ["600", t("minutes", { n: 10 })], ["3600", t("hours", { n: 1 })], ["86400", t("days", { n: 1 })], ["604800", t("days", { n: 7 })], ["2592000", t("days", { n: 30 })],
  ["", t("for-ever")],
];

export class PersonMenu {
  #chat;
  #roster;
  #deeds;

  /**
   * @param {import("./chat.js").Chat} chat @param {import("./roster.js").Roster} roster
   * @param {{
   *   write: (name: string) => void, ignores: (name: string) => boolean, ignore: (name: string, yes: boolean) => Promise<void>,
   *   complain: (error: unknown) => void,
   * }} deeds
   *   `write`: open the private conversation; `ignores`: whether the user ignores a name
   */
  constructor(chat, roster, deeds) {
    this.#chat = chat;
    this.#roster = roster;
    this.#deeds = deeds;
  }

  /** @param {string} name @param {string} [room] where it is done @returns {Item[]} */
  items(name, room = this.#chat.room) {
    if (same(name, this.#chat.name)) return [];
    const { write, ignores, ignore } = this.#deeds;
    const ignored = ignores(name);
    /** @type {Item[]} */
    const items = [
      { text: t("person.write", { name }), act: () => write(name) },
      { text: t(ignored ? "person.hear" : "person.ignore", { name }), act: () => void this.#try(() => ignore(name, !ignored)) },
    ];
    return [...items, ...this.#moderating(name, room)];
  }

  /** @param {string} name @param {string} room @returns {Item[]} */
  #moderating(name, room) {
    const { moderation } = this.#chat;
    const own = rankOf(this.#roster.role);
    const role = this.#roster.roleOf(name);
    const rank = rankOf(role);
    if (own < 2 || rank > own) return [];
    /** @type {(to: Role, text: string) => Item} */
    const give = (to, text) => ({ text, act: () => void this.#try(() => moderation.giveRole(room, name, to)) });
    /** @type {Item[]} */
    const roles = [];
    if (own === 3) {
      if (role !== "owner") roles.push(give("owner", t("person.owner", { name })));
      if (role !== "op") roles.push(give("op", t("person.op", { name })));
    }
    if ((own === 3 || rank < 2) && role !== "voice") roles.push(give("voice", t("person.voice", { name })));
    if (role && (own === 3 || rank < 2)) roles.push(give(null, t("person.none", { name, role: roleName(role) })));
    const muted = this.#roster.isMuted(name);
    return [
      ...roles,
      muted
        ? { text: t("person.unmute", { name }), act: () => void this.#try(() => moderation.unmute(room, name)) }
        : { text: t("person.mute", { name }), act: () => this.#mute(name, room) },
      { text: t("person.kick", { name }), act: () => this.#kick(name, room), bad: true },
      { text: t("person.ban", { name }), act: () => this.#ban(name, room), bad: true },
    ];
  }

  /** @param {string} name @param {string} room */
  #kick(name, room) {
    void ask({
      title: t("kick.title", { name, room }),
      text: t("kick.text", { name }),
      fields: [{ name: "text", label: t("why"), hint: t("why.hint") }],
      send: t("kick.send"),
      bad: true,
      act: ({ text = "" }) => this.#chat.moderation.kick(room, name, text.trim()),
    });
  }

  /** @param {string} name @param {string} room */
  #ban(name, room) {
    void ask({
      title: t("ban.title", { name, room }),
      text: t("ban.text"),
      fields: [
        { name: "seconds", label: t("how-long"), choices: DURATIONS, value: "86400" },
        { name: "text", label: t("why"), hint: t("why.hint") },
      ],
      send: t("ban.send"),
      bad: true,
      act: ({ seconds, text = "" }) => this.#chat.moderation.ban(room, name, Number(seconds), text.trim()),
    });
  }

  /** @param {string} name @param {string} room */
  #mute(name, room) {
    void ask({
      title: t("mute.title", { name, room }),
      text: t("mute.text"),
      fields: [
        { name: "seconds", label: t("how-long"), choices: DURATIONS, value: "3600" },
        { name: "text", label: t("why"), hint: t("why.hint") },
      ],
      send: t("mute.send"),
      act: ({ seconds, text = "" }) => this.#chat.moderation.mute(room, name, Number(seconds), text.trim()),
    });
  }

  /** @param {() => Promise<unknown>} deed */
  async #try(deed) {
    await deed().catch(this.#deeds.complain);
  }
}

/** @param {string} one @param {string} other */
function same(one, other) {
  return one.toLowerCase() === other.toLowerCase();
}
