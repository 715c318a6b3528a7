/** What the box understands besides words, and how what was begun in it might go on. No nodes here. */

/** A way to go on: what to show, and the whole text of the box then. @typedef {{shown: string, about: string, text: string}} Hint */

/** @type {Record<string, [string, string]>} */
const COMMANDS = {
  me: ["TEXT", "do something"],
  msg: ["NAME TEXT", "tell one person only"],
  nick: ["NAME", "change your name"],
  topic: ["TEXT", "set the topic; without a text, clear it"],
  join: ["ROOM", "go to a room"],
  leave: ["", "leave this room"],
  quit: ["", "leave the chat"],
  help: ["", "list the commands"],
};
/** @type {[string, string][]} */
export const HELP = [
  ...Object.entries(COMMANDS).map(([name, [what, about]]) => /** @type {[string, string]} */ ([`/${name} ${what}`, about])),
  ["//TEXT", "say something that begins with a slash"],
  ["Enter", "send; with Shift it begins a new line"],
  ["Tab", "complete a name or a command"],
  ["Page ↑ ↓", "scroll"],
  ["Alt+↑ ↓", "go to another room"],
];

/**
 * What might stand in the place of the word that was begun.
 * @param {string} before the cursor
 * @param {string} after the cursor
 * @param {string[]} people whom one may write to
 * @param {string[]} rooms that one may join
 * @param {boolean} asked whether they were asked for: then any word may become a name
 * @returns {Hint[]}
 */
export function waysOn(before, after, people, rooms, asked) {
  const [, start = "", word = ""] = /^([^]*?)(\S*)$/.exec(before) ?? [];
  /** @param {string[]} names @param {string} [mark] @param {string} [end] */
  const named = (names, mark = "", end = " ") => names
    .filter(name => name.toLowerCase().startsWith(word.slice(mark.length).toLowerCase()))
    .sort((a, b) => a.localeCompare(b)).slice(0, 8)
    .map(name => ({ shown: mark + name, about: "", text: start + mark + name + end + after }));
  if (!start && /^\/[a-z]*$/i.test(word)) {
    return Object.entries(COMMANDS).filter(([name]) => `/${name}`.startsWith(word.toLowerCase()))
      .map(([name, [what, about]]) => ({ shown: `/${name} ${what}`, about, text: `/${name}${what && " "}${after}` }));
  }
  if (/^\/msg\s+$/.test(start)) return named(people);
  if (/^\/join\s+$/.test(start)) return named(rooms, word.startsWith("#") ? "#" : "", "");
  if (word.startsWith("@")) return named(people, "@");
  return asked && word ? named(people, "", start ? " " : ": ") : [];
}
