/** Nodes of the page. Text becomes text nodes only. */

import { partsOf } from "./markup.js";
import { split } from "./texts.js";
import { t } from "./words.js";

/** @typedef {import("./markup.js").Part} Part */

/** Emoji that stand alone are shown large, at most so many. */
const LARGE = 3;
const ONLY_EMOJI = new RegExp(`^(?:[\\p{Emoji_Presentation}\\p{Extended_Pictographic}]\\p{M}*[\\ufe0f\\u200d]*\\s?){1,${LARGE}}$`, "u");

/** The table of emoji, which is loaded when the first name of one is shown. @type {typeof import("./emoji.js") | undefined} */
let emoji;
/** @type {Promise<void> | undefined} */
let loading;
/** What was shown without the table, though it may name emoji: nodes and their texts. @type {Map<Element, string>} */
const early = new Map();

/** Whether the text that is being shown names emoji, maybe. */
let named = false;

/** The emoji of a name, if there is one and the table is here. @param {string} name */
function emojiOf(name) {
  named = true;
  loading ??= import("./emoji.js").then(table => {
    emoji = table;
    for (const [node, text] of early) node.replaceWith(words(text));
    early.clear();
  }).catch(() => (loading = undefined)); // the name is shown as it is; the next one asks again
  return emoji?.emojiOf(name);
}

/** What was said. The text of the nodes is the text itself, with its marks, which are not shown. @param {string} text */
export function words(text) {
  const parts = partsOf(text);
  named = false;
  const element = make("div", "text", ...parts.map(nodeOf));
  element.dir = "auto";
  if (!emoji && named) early.set(element, text);
  const shown = parts.map(part => (typeof part === "string" ? part : part.kind === "emoji" ? emojiOf(part.text) ?? part.text : "x")).join("");
  if (ONLY_EMOJI.test(shown.trim())) element.classList.add("large");
  return element;
}

/** @param {Part} part @returns {Node | string} */
function nodeOf(part) {
  if (typeof part === "string") return part;
  switch (part.kind) {
    case "link": return linkTo(part.text);
    case "emoji": {
      const emoji = emojiOf(part.text);
      if (!emoji) return part.text;
      const shown = make("span", "emoji", part.text);
      shown.dataset.emoji = emoji;
      return shown;
    }
    case "code": {
      const code = make("code", "", part.text);
      code.dir = "ltr";
      return make("span", "", mark(part.open), code, mark(part.close));
    }
    case "strong":
    case "em": return make(part.kind, "", mark(part.open), ...part.inside.map(nodeOf), mark(part.close));
    case "quote":
      return make("blockquote", "", mark(part.before), ...part.lines.flatMap(([sign, inside], place) => [
        ...(place ? ["\n"] : []), mark(sign), ...inside.map(nodeOf),
      ]), mark(part.after));
    case "block": return block(part);
  }
}

/** Code in lines, with a button that copies it. @param {Extract<Part, {kind: "block"}>} part */
function block({ before, text, after }) {
  const code = make("pre", "", text);
  code.tabIndex = 0;
  code.dir = "ltr";
  code.setAttribute("role", "group");
  code.setAttribute("aria-label", t("code.label"));
  const button = make("button", "copy plain");
  button.setAttribute("type", "button");
  button.dataset.copy = text;
  button.dataset.word = t("copy");
  button.setAttribute("aria-label", t("code.copy"));
  return make("div", "block", mark(before), code, button, mark(after));
}

/** What stands for something, and is not shown. @param {string} text */
function mark(text) {
  return text ? make("span", "mark", text) : "";
}

/** A text, with what is an address on the web as a link. @param {string} text @returns {(Node | string)[]} */
export function linked(text) {
  return split(text).map((part, place) => {
    return place % 2 ? linkTo(part) : part;
  });
}

/** @param {string} address */
function linkTo(address) {
  const link = document.createElement("a");
  link.href = address;
  link.rel = "noopener noreferrer nofollow ugc";
  link.target = "_blank";
  link.textContent = address;
  return link;
}

/** A name, in a colour of its own. @param {string} name */
export function person(name) {
  return tinted(make("bdi", "person", name), name);
}

/** Whether a menu is open at a button. @param {HTMLElement} button */
export function isOpenAt(button) {
  return button.getAttribute("aria-expanded") === "true";
}

/** A person's colour and first letter, which stands in the style sheet's content: it is not copied with the text. @param {string} name */
export function face(name) {
  const element = tinted(make("span", "face"), name);
  element.dataset.letter = (name.match(/[\p{L}\p{N}]/u)?.[0] ?? name.charAt(0)).toUpperCase();
  element.setAttribute("aria-hidden", "true");
  return element;
}

/** @param {HTMLElement} element @param {string} name */
function tinted(element, name) {
  let hash = 0x811c9dc5;
  for (const letter of name.toLowerCase()) hash = Math.imul(hash ^ (letter.codePointAt(0) ?? 0), 0x01000193);
  element.style.setProperty("--hue", `${(hash >>> 8) % 360}`);
  return element;
}

export function clockFace() {
  const space = "http://www.w3.org/2000/svg";
  const picture = document.createElementNS(space, "svg");
  picture.setAttribute("viewBox", "0 0 16 16");
  picture.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(space, "path");
  path.setAttribute("d", "M8 2.5a5.5 5.5 0 1 1 0 11 5.5 5.5 0 0 1 0-11zM8 5v3l2 1.5");
  picture.append(path);
  return picture;
}

/** @param {string} tag @param {string} className @param {...(Node | string)} inside */
export function make(tag, className, ...inside) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...inside);
  return element;
}

/** @template {HTMLElement} T @param {string} id @param {new () => T} kind @returns {T} */
export function byId(id, kind) {
  const element = document.getElementById(id);
  if (element instanceof kind) return element;
  throw new Error(`#${id} is missing`);
}
