/** The commands that can be typed; those that few people type are in `morecommands.js`. No nodes here. */

import { t } from "./words.js";
/**
 * A command. `leave` without a room: the current one; `topic` without a text: show it.
 * @typedef {{do: "say" | "act", text: string} | {do: "tell", to: string, text: string} | {do: "nick", name: string}
 *   | {do: "topic", text?: string} | {do: "join", room: string} | {do: "leave", room?: string} | {do: "quit" | "help"}
 *   | {do: "search", text: string}
 *   | {do: "ignore", name: string}
 *   | {do: "more", command: string, text: string, spaced?: string}} Deed
 */

/** What stands for a text, a name, a room and words in the form of a command. */
const [TEXT, NAME, ROOM, WORDS] = [t("form.text"), t("form.name"), t("form.room"), t("form.words")];
/** By name, the form of what follows it. */
export const FORMS = {
  me: TEXT, msg: `${NAME} ${TEXT}`, nick: NAME, topic: `[${TEXT}]`, join: ROOM, leave: `[${ROOM}]`, search: WORDS, ignore: NAME, quit: "",
  help: "",
};

/** The command in a text. Throws an `Error` whose message says what is wrong. @param {string} text @returns {Deed} */
export function parse(text) {
  const spaced = /^\s+\/([a-z]+)(?!\S)/iu.exec(text)?.[1]?.toLowerCase();
  if (spaced && Object.hasOwn(FORMS, spaced)) throw new Error(t("parse.space", { command: spaced }));
  if (spaced) return { do: "more", command: spaced, text: "", spaced: text };
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
      return { do: "more", command: word, text: one };
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

/** @param {string} what @param {keyof typeof FORMS} command */
function usage(what, command) {
  return new Error(t("parse.usage", { what, form: `/${command} ${FORMS[command]}` }));
}

/** Whether a text may want the names of rooms. @param {string} text */
export function wantsRooms(text) {
  return /^\/join\s/iu.test(text) || text.includes("#");
}
