/** Suggestions that complete what is being typed: commands, people, rooms and emoji. No nodes here. */

import { emojiLike } from "./emoji.js";
import { COMMANDS, namesPerson } from "./morecommands.js";

/** A suggestion: what to show, and the whole text of the box if it is taken. @typedef {{shown: string, about: string, text: string}} Hint */
/**
 * `people`: to whom the user may write. `joined`: the rooms that the user is in; `others`: those that the user may join.
 * @typedef {{people: string[], joined: string[], others: string[]}} Known
 */

/** Suggestions that are shown, at most. */
const MOST = 8;
/** A mark and what follows it. Behind a Latin letter, or a sign of an address, it is no mark; Chinese and Japanese leave no space before it. */
const MARKED = /(?:^|[^\p{L}\p{N}./:%&=?@#-]|[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}])([@#:])([^\s@#:]*)$/u;
/** Letters of an emoji's name that have to be typed: `:D` and `:p` are no names. */
const NAMED = 2;

/**
 * Suggestions for the word at the cursor.
 * @param {string} before the cursor
 * @param {string} after the cursor
 * @param {Known} known
 * @param {boolean} asked whether suggestions were asked for (Tab): then any word may become a name
 * @returns {Hint[]}
 */
export function waysOn(before, after, { people, joined, others }, asked) {
  const [, start = "", word = ""] = /^([^]*?)(\S*)$/u.exec(before) ?? [];
  if (!start && /^\/[a-z]*$/iu.test(word)) {
    return [...COMMANDS].filter(([name]) => `/${name}`.startsWith(word.toLowerCase()))
      .map(([name, [what, about]]) => ({ shown: `/${name} ${what}`, about, text: `/${name}${what && " "}${after}` }));
  }
  /** @param {string[]} names @param {string} mark what stands before the name, if anything @param {string} [end] */
  const complete = (names, mark, end) => named(names, start, mark, word.slice(mark.length), after, end);
  if (namesPerson(/^\/(\w+)\s+$/u.exec(start)?.[1])) return complete(people, word.startsWith("@") ? "@" : "");
  if (/^\/(?:join|leave)\s+$/iu.test(start)) {
    return complete(/^\/join/iu.test(start) ? others : joined, word.startsWith("#") ? "#" : "", "");
  }
  const [, mark, begun = ""] = MARKED.exec(word) ?? [];
  if (mark) {
    const left = before.slice(0, before.length - begun.length - 1);
    if (mark === "@") return named(people, left, mark, begun, after);
    if (mark === "#") return named([...joined, ...others], left, mark, begun, after);
    return emoji(left, begun, after);
  }
  return asked && word ? complete(people, "", start ? " " : ": ") : [];
}

/**
 * The names that begin so.
 * @param {string[]} names @param {string} left of the mark @param {string} mark @param {string} begun @param {string} after @param {string} [end] what follows the name
 * @returns {Hint[]}
 */
function named(names, left, mark, begun, after, end = " ") {
  return names
    .filter(name => name.toLowerCase().startsWith(begun.toLowerCase()))
    .sort((a, b) => a.localeCompare(b)).slice(0, MOST)
    .map(name => ({ shown: mark + name, about: "", text: left + mark + name + end + after }));
}

/** Emoji, which are put in themselves: not all doors know their names. @param {string} left @param {string} begun @param {string} after @returns {Hint[]} */
function emoji(left, begun, after) {
  if (!/^[a-z\d_+-]+$/iu.test(begun) || begun.length < NAMED) return [];
  return emojiLike(begun.toLowerCase(), MOST).map(([name, sign]) => ({ shown: `${sign} :${name}:`, about: "", text: `${left}${sign} ${after}` }));
}
