/** The menu items of a person, by the user's role. */

import { ask } from "./dialog.js";

/** @typedef {import("./popup.js").Item} Item */
/** @typedef {import("./moderation.js").Role} Role */

/** How long a ban or a mute holds, in seconds, as a choice. @type {[string, string][]} */
const DURATIONS = [["600", "10 minutes"], ["3600", "an hour"], ["86400", "a day"], ["604800", "a week"], ["2592000", "30 days"], ["", "for ever"]];
/** @type {Map<Role | undefined, number>} */
const RANKS = new Map([["owner", 3], ["op", 2], ["voice", 1]]);

/** @param {Role | undefined} role */
export function rankOf(role) {
  return RANKS.get(role) ?? 0;
}

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
      { text: `Write to ${name} privately`, act: () => write(name) },
      { text: ignored ? `Hear ${name} again` : `Ignore ${name}`, act: () => void this.#try(() => ignore(name, !ignored)) },
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
      if (role !== "owner") roles.push(give("owner", `Make ${name} an owner`));
      if (role !== "op") roles.push(give("op", `Make ${name} an op`));
    }
    if ((own === 3 || rank < 2) && role !== "voice") roles.push(give("voice", `Give ${name} a voice`));
    if (role && (own === 3 || rank < 2)) roles.push(give(null, `Take the role of ${role} from ${name}`));
    const muted = this.#roster.isMuted(name);
    return [
      ...roles,
      muted
        ? { text: `Let ${name} speak again`, act: () => void this.#try(() => moderation.unmute(room, name)) }
        : { text: `Mute ${name}…`, act: () => this.#mute(name, room) },
      { text: `Put ${name} out…`, act: () => this.#kick(name, room), bad: true },
      { text: `Ban ${name}…`, act: () => this.#ban(name, room), bad: true },
    ];
  }

  /** @param {string} name @param {string} room */
  #kick(name, room) {
    void ask({
      title: `Put ${name} out of #${room}`,
      text: `${name} may come back. A ban keeps people out.`,
      fields: [{ name: "text", label: "Why", hint: "Everybody in the room reads it." }],
      send: "Put out",
      bad: true,
      act: ({ text = "" }) => this.#chat.moderation.kick(room, name, text.trim()),
    });
  }

  /** @param {string} name @param {string} room */
  #ban(name, room) {
    void ask({
      title: `Ban ${name} from #${room}`,
      text: "They are put out, and cannot come back while it holds. The menu of the room lists bans, and lifts them.",
      fields: [
        { name: "seconds", label: "For how long", choices: DURATIONS, value: "86400" },
        { name: "text", label: "Why", hint: "Everybody in the room reads it." },
      ],
      send: "Ban",
      bad: true,
      act: ({ seconds, text = "" }) => this.#chat.moderation.ban(room, name, Number(seconds), text.trim()),
    });
  }

  /** @param {string} name @param {string} room */
  #mute(name, room) {
    void ask({
      title: `Mute ${name} in #${room}`,
      text: "They read on, and cannot speak here while it holds.",
      fields: [
        { name: "seconds", label: "For how long", choices: DURATIONS, value: "3600" },
        { name: "text", label: "Why", hint: "Everybody in the room reads it." },
      ],
      send: "Mute",
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
