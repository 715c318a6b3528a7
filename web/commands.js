/** The commands that can be typed, and suggestions that complete them. No nodes here. */

/** A suggestion: what to show, and the whole text of the box if it is taken. @typedef {{shown: string, about: string, text: string}} Hint */
/**
 * A command. `leave` without a room: the current one; `topic` without a text: show it.
 * @typedef {{do: "say" | "act", text: string} | {do: "tell", to: string, text: string} | {do: "nick", name: string}
 *   | {do: "topic", text?: string} | {do: "join", room: string} | {do: "leave", room?: string} | {do: "quit" | "help"}
 *   | {do: "search", text: string}
 *   | {do: "ignore", name: string}} Deed
 */

/** @type {Map<string, [string, string]>} */
const COMMANDS = new Map([
  ["me", ["TEXT", "do something"]],
  ["msg", ["NAME TEXT", "write to one person only"]],
  ["nick", ["NAME", "change your name"]],
  ["topic", ["[TEXT]", "show the topic, or set it; /topic - clears it"]],
  ["join", ["ROOM", "go to a room"]],
  ["leave", ["[ROOM]", "leave this room, or another one"]],
  ["search", ["WORDS", "find messages"]],
  ["ignore", ["NAME", "hear no more of somebody; again, to hear them"]],
  ["quit", ["", "leave the chat; with an account, sign out"]],
  ["help", ["", "list the commands"]],
]);
/** @type {[string, string][]} */
export const HELP = [
  ...[...COMMANDS].map(([name, [what, about]]) => /** @type {[string, string]} */ ([`/${name} ${what}`, about])),
  ["//TEXT", "say something that begins with a slash"],
  ["Enter", "send; with Shift it begins a new line. On a touch screen it begins a new line"],
  ["Tab", "complete a name or a command"],
  ["Page ↑ ↓", "scroll"],
  ["↑", "in an empty box: what was not sent, or was sent last"],
  ["Shift+↑", "in an empty box: go to the messages, and with Enter open the menu of one"],
  ["Alt+↑ ↓", "go to another room or person"],
  ["Ctrl+K", "go anywhere, by some letters of a name"],
];

/** The command in a text. Throws an `Error` whose message says what is wrong. @param {string} text @returns {Deed} */
export function parse(text) {
  const indented = /^\s+\/([a-z]+)(?!\S)/iu.exec(text)?.[1]?.toLowerCase() ?? "";
  if (COMMANDS.has(indented)) throw new Error(`There is a space before /${indented}: remove it, or it would be said to everybody`);
  const [, word, rest = ""] = /^\/(?!\/)(\S*)\s*([^]*)$/u.exec(text) ?? [];
  // A word with a second slash in it is a path.
  if (word === undefined || word.includes("/")) return { do: "say", text: text.replace(/^\/\//u, "/") };
  const command = word.toLowerCase();
  const one = rest.trim();
  switch (command) {
    case "me":
      if (!one) throw usage("Say what you do", command);
      return { do: "act", text: rest };
    case "msg": {
      const [, to = "", words = ""] = /^(\S+)\s*([^]*)$/u.exec(rest) ?? [];
      if (!to) throw usage("Say to whom", command);
      return { do: "tell", to: to.replace(/^@/u, ""), text: words };
    }
    case "nick":
      if (!one) throw usage("Say which name", command);
      if (/\s/u.test(one)) throw new Error("A name is one word; it has no spaces");
      return { do: "nick", name: one };
    case "topic":
      return one ? { do: "topic", text: one === "-" ? "" : rest } : { do: "topic" };
    case "join":
      if (!one) throw usage("Say which room", command);
      return { do: "join", room: roomOf(one) };
    case "leave":
      return one ? { do: "leave", room: roomOf(one) } : { do: "leave" };
    case "ignore":
      if (!one || /\s/u.test(one)) throw usage("Say whom", command);
      return { do: "ignore", name: one.replace(/^@/u, "") };
    case "search": return { do: "search", text: one };
    case "quit":
    case "help":
      return { do: command };
    default:
      throw new Error(`There is no command /${word}; /help lists them. To say it as it is, begin with //`);
  }
}

/** @param {string} text @returns {string} */
export function roomOf(text) {
  if (/\s/u.test(text)) throw new Error("A room is one word; for several rooms use /join once for each");
  return text.replace(/^#/u, "");
}

/** @param {string} what @param {string} command */
function usage(what, command) {
  return new Error(`${what}: /${command} ${COMMANDS.get(command)?.[0]}`);
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
