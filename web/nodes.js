/** Nodes of the page. Text becomes text nodes only. */

import { split } from "./texts.js";

/** @param {string} text */
export function words(text) {
  const element = make("p", "text", ...linked(text));
  element.dir = "auto";
  return element;
}

/** A text, with what is an address on the web as a link. @param {string} text @returns {(Node | string)[]} */
export function linked(text) {
  return split(text).map((part, place) => {
    if (place % 2 === 0) return part;
    const link = document.createElement("a");
    link.href = part;
    link.rel = "noopener noreferrer nofollow ugc";
    link.target = "_blank";
    link.textContent = part;
    return link;
  });
}

/** A name, in a colour of its own. @param {string} name */
export function person(name) {
  return tinted(make("bdi", "person", name), name);
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
