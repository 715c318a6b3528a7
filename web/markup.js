/**
 * Finds markup in a text. No nodes here.
 *
 * 1. The parts, put together, are the text: what is only a mark (`**`, a fence) is a part of its own kind.
 * 2. Emphasis, code and addresses end with their line. A mark within a word is none: `snake_case`, `2*3*4`.
 */

import { split } from "./texts.js";

/** @typedef {{kind: "link", text: string}} Link */
/** @typedef {{kind: "emoji", text: string}} Emoji maybe: a name between colons */
/** @typedef {{kind: "code", open: string, text: string, close: string}} Code */
/** @typedef {{kind: "strong" | "em", open: string, inside: Inline[], close: string}} Emphasis */
/** @typedef {string | Link | Emoji | Code | Emphasis} Inline */
/** `before` and `after`: the ends of lines around it, which its shape makes. @typedef {{kind: "block", before: string, text: string, after: string}} Block */
/** @typedef {{kind: "quote", before: string, lines: [string, Inline[]][], after: string}} Quote each line with its mark */
/** @typedef {Inline | Block | Quote} Part */

const FENCE = /^( {0,3})(`{3,}|~{3,})([^`]*)$/u;
const INDENTED = /^(?: {4}|\t)/u;
const QUOTED = /^> ?/u;
/** Marks within marks, at most. */
const DEEPEST = 6;
const WORD = /[\p{L}\p{N}\p{M}]/u;
const UNSPACED = /[\p{scx=Han}\p{scx=Hiragana}\p{scx=Katakana}\p{scx=Hangul}\p{scx=Bopomofo}\p{scx=Thai}\p{scx=Lao}\p{scx=Khmer}\p{scx=Myanmar}]/u;

/** @param {string} text @returns {Part[]} */
export function partsOf(text) {
  const lines = text.split("\n");
  /** @type {Part[]} */
  const parts = [];
  for (let at = 0; at < lines.length; ) {
    const count = blockAt(lines, at);
    if (!count) {
      parts.push(...inline(lines[at] ?? ""), ...(at + 1 < lines.length ? ["\n"] : []));
      at += 1;
      continue;
    }
    // The line break before a block is the block's.
    let before = "";
    if (parts[parts.length - 1] === "\n") before = `${parts.pop()}`;
    const after = at + count < lines.length ? "\n" : "";
    parts.push(block(lines.slice(at, at + count), before, after));
    at += count;
  }
  return joined(parts);
}

/** How many lines a block has that begins at a line; 0: none begins there. @param {string[]} lines @param {number} at */
function blockAt(lines, at) {
  const line = lines[at] ?? "";
  const [, , fence] = FENCE.exec(line) ?? [];
  if (fence) {
    const end = lines.findIndex((one, place) => place > at && closes(one, fence));
    return end < 0 ? lines.length - at : end - at + 1;
  }
  if (QUOTED.test(line)) return run(lines, at, one => QUOTED.test(one));
  const begins = at === 0 || !(lines[at - 1] ?? "").trim();
  if (!begins || !INDENTED.test(line) || !line.trim()) return 0;
  let count = run(lines, at, one => INDENTED.test(one) || !one.trim());
  while (!(lines[at + count - 1] ?? "").trim()) count--;
  return count;
}

/** Whether a line ends a block. @param {string} line @param {string} fence that began it */
function closes(line, fence) {
  const mark = line.trim();
  return mark.length >= fence.length && [...mark].every(letter => letter === fence.charAt(0));
}

/** @param {string[]} lines @param {number} at @param {(line: string) => boolean} fits */
function run(lines, at, fits) {
  const end = lines.findIndex((one, place) => place > at && !fits(one));
  return (end < 0 ? lines.length : end) - at;
}

/** @param {string[]} lines @param {string} before @param {string} after @returns {Block | Quote} */
function block(lines, before, after) {
  const [first = ""] = lines;
  const [, , fence] = FENCE.exec(first) ?? [];
  if (fence) {
    const closed = lines.length > 1 && closes(lines[lines.length - 1] ?? "", fence);
    const code = lines.slice(1, closed ? -1 : undefined);
    const end = closed ? `${code.length ? "\n" : ""}${lines[lines.length - 1]}` : "";
    const opening = first + (lines.length > 1 ? "\n" : "");
    return { kind: "block", before: before + opening, text: code.join("\n"), after: end + after };
  }
  if (QUOTED.test(first)) {
    return {
      kind: "quote", before, after,
      lines: lines.map(line => {
        const mark = QUOTED.exec(line)?.[0] ?? "";
        return [mark, inline(line.slice(mark.length))];
      }),
    };
  }
  return { kind: "block", before, text: lines.join("\n"), after };
}

/** The parts of one line. @param {string} line @returns {Inline[]} */
function inline(line) {
  return joined(emphasized(withoutCode(line)));
}

/** Code and addresses, in which no mark counts, and what is between them. @param {string} line @returns {Inline[]} */
function withoutCode(line) {
  /** @type {Inline[]} */
  const found = [];
  let from = 0;
  const runs = [...line.matchAll(/`+/gu)].map(({ 0: ticks, index = 0 }) => ({ at: index, ticks }));
  for (let one = 0; one < runs.length; one++) {
    const open = /** @type {{at: number, ticks: string}} */ (runs[one]);
    let other = one + 1; // not by `findIndex`, which would begin at the first run each time
    while (other < runs.length && runs[other]?.ticks !== open.ticks) other++;
    const close = runs[other];
    if (!close) continue;
    found.push(...linked(line.slice(from, open.at)));
    found.push({ kind: "code", open: open.ticks, text: line.slice(open.at + open.ticks.length, close.at), close: close.ticks });
    from = close.at + close.ticks.length;
    one = other;
  }
  found.push(...linked(line.slice(from)));
  return found;
}

/** @param {string} text @returns {Inline[]} */
function linked(text) {
  return split(text).map((part, place) => (place % 2 ? { kind: /** @type {const} */ ("link"), text: part } : part));
}

/** A mark of emphasis that may open or close. @typedef {{mark: string, opens: boolean, closes: boolean}} Delimiter */

/** @param {Inline[]} parts @returns {Inline[]} */
function emphasized(parts) {
  /** What is open: the mark, and what is in it so far. @type {{mark: string, inside: Inline[]}[]} */
  const open = [];
  /** @type {Inline[]} */
  const all = [];
  const inside = () => open[open.length - 1]?.inside ?? all;
  for (const [place, part] of parts.entries()) {
    if (typeof part !== "string") {
      inside().push(part);
      continue;
    }
    for (const piece of marks(part, edge(parts[place - 1], -1), edge(parts[place + 1], 0))) {
      if (typeof piece === "string") {
        inside().push(...named(piece));
        continue;
      }
      const { mark, opens, closes } = piece;
      const to = closes ? open.map(one => one.mark).lastIndexOf(mark) : -1;
      if (to >= 0 && open[to]?.inside.length) {
        while (open.length > to + 1) giveUp();
        const within = joined(open.pop()?.inside ?? []);
        inside().push({ kind: mark.length === 2 ? "strong" : "em", open: mark, inside: within, close: mark });
      } else if (opens && open.length < DEEPEST && !open.some(one => one.mark === mark)) {
        open.push({ mark, inside: [] });
      } else {
        inside().push(mark);
      }
    }
  }
  while (open.length) giveUp();
  return all;

  /** What was opened last is not closed: its mark is a text. */
  function giveUp() {
    const last = open.pop();
    if (last) inside().push(last.mark, ...last.inside);
  }
}

/** The character of a neighbour that stands beside a text. @param {Inline | undefined} part @param {number} at */
function edge(part, at) {
  if (part === undefined) return "";
  const text = typeof part === "string" ? part : part.kind === "link" ? part.text : "`";
  return (at < 0 ? [...text].pop() : [...text][0]) ?? "";
}

/** A text and the marks in it. @param {string} text @param {string} before @param {string} after @returns {(string | Delimiter)[]} */
function marks(text, before, after) {
  /** @type {(string | Delimiter)[]} */
  const found = [];
  let from = 0;
  for (const { 0: run, index = 0 } of text.matchAll(/\*+|_+/gu)) {
    if (run.length > (run.startsWith("_") ? 1 : 3)) continue;
    const left = [...text.slice(Math.max(0, index - 2), index)].pop() ?? before;
    const right = [...text.slice(index + run.length, index + run.length + 2)][0] ?? after;
    const opens = right !== "" && /\S/u.test(right) && !isLetter(left);
    const closes = left !== "" && /\S/u.test(left) && !isLetter(right);
    if (!opens && !closes) continue;
    found.push(text.slice(from, index));
    const split = run.length === 3 ? (opens ? ["**", "*"] : ["*", "**"]) : [run];
    for (const mark of split) found.push({ mark, opens, closes });
    from = index + run.length;
  }
  found.push(text.slice(from));
  return found.filter(piece => piece !== "");
}

/** @param {string} letter */
function isLetter(letter) {
  return WORD.test(letter) && !UNSPACED.test(letter);
}

/** A text, with what may be names of emoji apart. @param {string} text @returns {Inline[]} */
function named(text) {
  return text.split(/(:[a-z0-9_+-]{2,30}:)/gu).map((part, place) => (place % 2 ? { kind: /** @type {const} */ ("emoji"), text: part } : part));
}

/** Neighbouring texts as one. @template {Part} P @param {P[]} parts @returns {P[]} */
function joined(parts) {
  /** @type {P[]} */
  const found = [];
  for (const part of parts) {
    const last = found[found.length - 1];
    if (part === "") continue;
    if (typeof part === "string" && typeof last === "string") found[found.length - 1] = /** @type {P} */ (last + part);
    else found.push(part);
  }
  return found;
}
