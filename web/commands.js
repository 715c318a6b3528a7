/** The commands that can be typed, and suggestions that complete them. No nodes here. */

import { t } from "./words.js";
/** A suggestion: what to show, and the whole text of the box if it is taken. @typedef {{shown: string, about: string, text: string}} Hint */
/**
 * A command. `leave` without a room: the current one; `topic` without a text: show it.
 * @typedef {{do: "say" | "act", text: string} | {do: "tell", to: string, text: string} | {do: "nick", name: string}
 *   | {do: "topic", text?: string} | {do: "join", room: string} | {do: "leave", room?: string} | {do: "quit" | "help"}
 *   | {do: "search", text: string}
 *   | {do: "ignore", name: string}} Deed
 */

/** What stands for a text, a name, a room and words in the form of a command. */
const [TEXT, NAME, ROOM, WORDS] = [t("form.text"), t("form.name"), t("form.room"), t("form.words")];
/** @type {Map<string, [string, string]>} */
const COMMANDS = new Map([
  ["me", [TEXT, t("command.me")]],
  ["msg", [`${NAME} ${TEXT}`, t("command.msg")]],
  ["nick", [NAME, t("command.nick")]],
  ["topic", [`[${TEXT}]`, t("command.topic")]],
  ["join", [ROOM, t("command.join")]],
  ["leave", [`[${ROOM}]`, t("command.leave")]],
  ["search", [WORDS, t("command.search")]],
  ["ignore", [NAME, t("command.ignore")]],
  ["quit", ["", t("command.quit")]],
  ["help", ["", t("command.help")]],
]);
/** @type {[string, string][]} */
export const HELP = [
  ...[...COMMANDS].map(([name, [what, about]]) => /** @type {[string, string]} */ ([`/${name} ${what}`, about])),
  [`//${TEXT}`, t("help.slash")],
  [t("key.enter"), t("help.enter")],
  [t("key.tab"), t("help.tab")],
  [t("key.page"), t("help.page")],
  ["↑", t("help.up")],
  [t("key.shift-up"), t("help.shift-up")],
  ["Alt+↑ ↓", t("help.alt")],
  ["Ctrl+K", t("help.k")],
];

/** The command in a text. Throws an `Error` whose message says what is wrong. @param {string} text @returns {Deed} */
export function parse(text) {
  const indented = /^\s+\/([a-z]+)(?!\S)/iu.exec(text)?.[1]?.toLowerCase() ?? "";
  if (COMMANDS.has(indented)) throw new Error(t("parse.space", { command: indented }));
  const [, word, rest = ""] = /^\/(?!\/)(\S*)\s*([^]*)$/u.exec(text) ?? [];
  // A word with a second slash in it is a path.
  if (word === undefined || word.includes("/")) return { do: "say", text: text.replace(/^\/\//u, "/") };
  const command = word.toLowerCase();
  const one = rest.trim();
  switch (command) {
    case "me":
      if (!one) throw usage(t("parse.me"), command);
      return { do: "act", text: rest };
    case "msg": {
      const [, to = "", words = ""] = /^(\S+)\s*([^]*)$/u.exec(rest) ?? [];
      if (!to) throw usage(t("parse.msg"), command);
      return { do: "tell", to: to.replace(/^@/u, ""), text: words };
    }
    case "nick":
      if (!one) throw usage(t("parse.nick"), command);
      if (/\s/u.test(one)) throw new Error(t("parse.name"));
      return { do: "nick", name: one };
    case "topic":
      return one ? { do: "topic", text: one === "-" ? "" : rest } : { do: "topic" };
    case "join":
      if (!one) throw usage(t("parse.join"), command);
      return { do: "join", room: roomOf(one) };
    case "leave":
      return one ? { do: "leave", room: roomOf(one) } : { do: "leave" };
    case "ignore":
      if (!one || /\s/u.test(one)) throw usage(t("parse.ignore"), command);
      return { do: "ignore", name: one.replace(/^@/u, "") };
    case "search": return { do: "search", text: one };
    case "quit":
    case "help":
      return { do: command };
    default:
      throw new Error(t("parse.unknown", { command: word }));
  }
}

/** Whether a text is a command that goes to another place, and so what is typed next is meant for there. @param {string} text */
export function goesElsewhere(text) {
  return /^\/(?:msg|join|leave)(?!\S)/iu.test(text);
}

/** @param {string} text @returns {string} */
export function roomOf(text) {
  if (/\s/u.test(text)) throw new Error(t("parse.room"));
  return text.replace(/^#/u, "");
}

/** @param {string} what @param {string} command */
function usage(what, command) {
  return new Error(t("parse.usage", { what, form: `/${command} ${COMMANDS.get(command)?.[0]}` }));
}

/**
 * Suggestions for the word at the cursor.
 * @param {string} before the cursor
 * @param {string} after the cursor
 * @param {string[]} people to whom the user may write
 * @param {string[]} rooms that the user may join
 * @param {boolean} asked whether suggestions were asked for (Tab): then any word may become a name
 * @returns {Hint[]}
 */
export function waysOn(before, after, people, rooms, asked) {
  const [, start = "", word = ""] = /^([^]*?)(\S*)$/u.exec(before) ?? [];
  /** @param {string[]} names @param {string} [mark] @param {string} [end] */
  const named = (names, mark = "", end = " ") => names
    .filter(name => name.toLowerCase().startsWith(word.slice(mark.length).toLowerCase()))
    .sort((a, b) => a.localeCompare(b)).slice(0, 8)
    .map(name => ({ shown: mark + name, about: "", text: start + mark + name + end + after }));
  if (!start && /^\/[a-z]*$/iu.test(word)) {
    return [...COMMANDS].filter(([name]) => `/${name}`.startsWith(word.toLowerCase()))
      .map(([name, [what, about]]) => ({ shown: `/${name} ${what}`, about, text: `/${name}${what && " "}${after}` }));
  }
  if (/^\/(?:msg|ignore)\s+$/iu.test(start)) return named(people, word.startsWith("@") ? "@" : "");
  if (/^\/join\s+$/iu.test(start)) return named(rooms, word.startsWith("#") ? "#" : "", "");
  if (word.startsWith("@")) return named(people, "@");
  return asked && word ? named(people, "", start ? " " : ": ") : [];
}
