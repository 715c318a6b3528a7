/** The commands that few people type, most of them for a room's owners and ops: loaded when one is typed, or commands are listed. */

import { FORMS } from "./commands.js";
import { isTalk, remark } from "./places.js";
import { roleName } from "./roster.js";
import { t } from "./words.js";

/** @typedef {Parameters<typeof import("./carryout.js").carryOut>[0]} Page */
/** @typedef {import("./moderation.js").Role} Role */
/** @typedef {import("./words.js").Key} Key */

const [TEXT, NAME] = [t("form.text"), t("form.name")];
const TIME = "[30m|12h|7d]";
/** Seconds of a unit of time. @type {Record<string, number>} */
const UNITS = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };
/** By command, the role that it gives. @type {Map<string, Role>} */
const ROLES = new Map([["owner", "owner"], ["op", "op"], ["deop", null], ["voice", "voice"], ["devoice", null]]);
/** By command, the setting of a room, and what it may be. @type {Map<string, [string, string[], Key]>} */
const SETTINGS = new Map([
  ["access", ["access", ["open", "members"], "settings.access"]],
  ["posting", ["posting", ["everyone", "accounts", "voices"], "settings.posting"]],
]);
/** By command, the item of a menu that it chooses. @type {Map<string, Key>} */
const ITEMS = new Map([
  ["bans", "menu.bans"], ["members", "menu.members"], ["settings", "menu.settings"], ["about", "menu.about"], ["day", "menu.day"],
  ["notify", "menu.levels"], ["login", "own.sign-in"], ["logout", "own.sign-out"], ["password", "own.password"],
  ["devices", "own.devices"], ["tokens", "own.tokens"], ["language", "own.language"],
]);

/** @param {Key} key @param {Record<string, string>} [values] */
const item = (key, values) => t(key, values).replace(/…$/u, "");
const who = { name: NAME };
/** By name, the form of what follows it, and what it does. @type {Map<string, [string, string]>} */
const MORE = new Map([
  ["unignore", [NAME, t("person.hear", who)]],
  ["owner", [NAME, t("person.owner", who)]],
  ["op", [NAME, t("person.op", who)]],
  ["deop", [NAME, t("person.none", { ...who, role: roleName("op") })]],
  ["voice", [NAME, t("person.voice", who)]],
  ["devoice", [NAME, t("person.none", { ...who, role: roleName("voice") })]],
  ["kick", [`${NAME} [${TEXT}]`, item("person.kick", who)]],
  ["ban", [`${NAME} ${TIME} [${TEXT}]`, item("person.ban", who)]],
  ["unban", [NAME, t("bans.lift")]],
  ["mute", [`${NAME} ${TIME} [${TEXT}]`, item("person.mute", who)]],
  ["unmute", [NAME, t("person.unmute", who)]],
  ["invite", [`[${NAME}]`, item("menu.invite")]],
  ["access", ["open|members", t("settings.access")]],
  ["posting", ["everyone|accounts|voices", t("settings.posting")]],
  ["slow", ["0…", t("settings.slow")]],
  ["delete", ["[ID]", item("message.delete")]],
  ["rooms", ["", t("rooms.all")]],
  ["register", ["", t("register.title")]],
  .../** @type {[string, [string, string]][]} */ ([...ITEMS].map(([name, key]) => [name, ["", item(key)]])),
]);

/** All commands: by name, the form of what follows it, and what it does. @type {Map<string, [string, string]>} */
export const COMMANDS = new Map([
  .../** @type {[keyof typeof FORMS, string][]} */ (Object.entries(FORMS)).map(
    ([name, form]) => /** @type {[string, [string, string]]} */ ([name, [form, t(`command.${name}`)]]),
  ),
  ...MORE,
]);

/** Whether a person's name follows a command. @param {string} [command] */
export function namesPerson(command = "") {
  return (COMMANDS.get(command.toLowerCase())?.[0] ?? "").replace("[", "").startsWith(NAME);
}

/**
 * Carry out one of these commands. Throws an error about it. `command` is as typed. `spaced` is the whole text if there is a space before the command; if there
 * is no such command, that text is said.
 * @param {Pick<Page, "chat" | "places" | "menus" | "ignore" | "keep"> & {say: (text: string) => Promise<void>}} page
 * @param {{command: string, text: string, spaced?: string}} typed @param {string} place
 */
export async function carryOut({ chat, places, menus, ignore, keep, say }, { command: typed, text, spaced }, place) {
  const command = typed.toLowerCase();
  if (spaced && MORE.has(command)) throw new Error(t("parse.space", { command }));
  if (spaced) return say(spaced);
  if (!MORE.has(command)) throw new Error(t("parse.unknown", { command: typed }));
  const { moderation } = chat;
  const talk = isTalk(place) ? places.view(place).title : "";
  const opened = ITEMS.get(command);
  const form = COMMANDS.get(command)?.[0] ?? "";
  /** @param {string} what */
  const wrong = what => new Error(t("parse.usage", { what, form: `/${command} ${form}`.trim() }));
  if (!form && text) throw wrong(t("parse.nothing"));
  if (opened) return choose(opened);
  if (command === "rooms") return void (await menus(({ goTo }) => goTo.rooms()));
  if (command === "register") return void (await menus(({ signing }) => signing.register()));
  if (command === "delete") return erase();
  if (command === "unignore") return ignore(target(), false);
  if (talk) throw new Error(t("rooms.only"));
  if (command === "invite" && !text) return choose("menu.invite");
  const role = ROLES.get(command);
  if (role !== undefined) return changed(moderation.giveRole(place, target(), role));
  const [setting, choices, label] = SETTINGS.get(command) ?? [];
  if (setting && choices && label) {
    if (!choices.includes(text)) throw wrong(t(label));
    return changed(moderation.configure(place, { [setting]: text }));
  }
  switch (command) {
    case "kick": return changed(moderation.kick(place, ...split()));
    case "ban": return changed(moderation.ban(place, ...restricted()));
    case "mute": return changed(moderation.mute(place, ...restricted()));
    case "unban": return changed(moderation.unban(place, target()));
    case "unmute": return changed(moderation.unmute(place, target()));
    case "invite": return changed(moderation.addMember(place, target()));
    case "slow":
      if (!/^\d{1,9}$/u.test(text)) throw wrong(t("settings.slow"));
      return changed(moderation.configure(place, { slow: Number(text) }));
  }

  /** The one name behind the command. */
  function target() {
    const name = text.replace(/^@/u, "");
    if (!name || /\s/u.test(name)) throw wrong(t(name ? "parse.name" : "parse.ignore"));
    return name;
  }

  /** The name and the text behind the command. @returns {[string, string]} */
  function split() {
    const [, name = "", why = ""] = /^@?(\S+)\s*([^]*)$/u.exec(text) ?? [];
    if (!name) throw wrong(t("parse.ignore"));
    return [name, why];
  }

  /** The name, the seconds and the text behind the command. @returns {[string, number | undefined, string]} */
  function restricted() {
    const [name, rest] = split();
    const [, word = "", why = ""] = /^(\S*)\s*([^]*)$/u.exec(rest) ?? [];
    const [, n, unit = ""] = /^(\d{1,9})([smhdw])$/u.exec(word) ?? [];
    if (n) return [name, Number(n) * (UNITS[unit] ?? 1), why];
    if (/^[-+]?[\d.,]+[smhdw]?$/u.test(word)) throw wrong(t("parse.time", { text: word }));
    return [name, undefined, rest];
  }

  /** Delete a message: the one of that id, or our last one here. */
  async function erase() {
    if (text && !/^\d{1,18}$/u.test(text)) throw wrong(t("parse.id"));
    const own = places.view(place).shown.filter(event => (
      "from" in event && "text" in event && event.text && event.from === chat.name && ["message", "action", "private"].includes(event.type)
    )).at(-1);
    const id = text ? Number(text) : own && "id" in own ? own.id : 0;
    if (!id) throw new Error(t("delete.none"));
    await (talk ? chat.unsay(talk, id) : changed(moderation.redact(place, id)));
  }

  /** What was done is shown by its event; if there was nothing to do, say so. @param {Promise<{id?: number | null} | undefined>} doing */
  async function changed(doing) {
    const done = await doing;
    if (done?.id === null) keep(place, remark("remark", t("deed.nothing")));
  }

  /** Choose an item of a menu. @param {Key} key */
  async function choose(key) {
    // The server says in its own words which role is needed.
    if (key === "menu.bans" && !talk) await moderation.bans(place);
    const found = await menus(menus => menus.choose(t(key)));
    if (found === false) throw new Error(t(talk ? "rooms.only" : "deed.absent"));
  }
}
