/** Finds web addresses and names in a text. No nodes here. */

/** Characters that no address contains: spaces, quotes, brackets of markup, and CJK and typographic punctuation. */
const OUTSIDE = "\\s<>\"`\\\\\\u2014\\u2015\\u201c-\\u201f\\u2026\\u00ab\\u00bb\\u3000-\\u3004\\u3008-\\u3020\\u3030\\u303d-\\u303f"
  + "\\ufe10-\\ufe1f\\ufe30-\\ufe4f\\uff01-\\uff0f\\uff1a-\\uff20\\uff3b-\\uff40\\uff5b-\\uff64";
const ADDRESS = new RegExp(`https?://[^${OUTSIDE}]+`, "giu");
/** Characters after an address that do not belong to it. */
const BEHIND = /[.,;:!?'*|\u2018\u2019\u060c\u061b\u061f\u0964([{]$/u;
const CLOSING = new Map([[")", "("], ["]", "["], ["}", "{"]]);

/**
 * The parts of a text, every second of which is an address of HTTP.
 * @param {string} text @returns {string[]}
 */
export function split(text) {
  const parts = [];
  let end = 0;
  for (const { 0: found, index = 0 } of text.matchAll(ADDRESS)) {
    if (/[a-z\d]/i.test(text.charAt(index - 1))) continue;
    const address = trimmed(found, text.slice(end, index));
    if (!isAddress(address)) continue;
    parts.push(text.slice(end, index), address);
    end = index + address.length;
  }
  parts.push(text.slice(end));
  return parts;
}

/** An address without the characters that close the text around it. @param {string} found @param {string} before what stands before it */
function trimmed(found, before) {
  let address = balanced(found.split("**", 1)[0] ?? "");
  const emphasis = /(?:\*+|_+|~+|\|\|)$/u.exec(before)?.[0];
  if (emphasis) {
    const escaped = emphasis.replace(/[*|]/gu, "\\$&");
    address = new RegExp(`^(.+?)${escaped}(?![\\p{L}\\p{N}])`, "u").exec(address)?.[1] ?? address;
  }
  while (BEHIND.test(address)) address = address.slice(0, -1);
  // Emphasis that begins further up, as in _see https://example.com/_
  const closing = /(?:_+|~+)$/u.exec(address)?.[0];
  if (closing && new RegExp(`(?:^|[\\s([])${closing}[^\\s_~]`, "u").test(before)) address = address.slice(0, -closing.length);
  return address;
}

/** An address up to the first bracket that closes none of its own. @param {string} address */
function balanced(address) {
  /** @type {Map<string, number>} */
  const open = new Map();
  for (let place = 0; place < address.length; place++) {
    const letter = address.charAt(place);
    const opening = CLOSING.get(letter);
    const count = open.get(opening ?? letter) ?? 0;
    if (opening && !count) return address.slice(0, place);
    open.set(opening ?? letter, count + (opening ? -1 : 1));
  }
  return address;
}

/** @param {string} text */
function isAddress(text) {
  // `URL.canParse` is missing before Chrome 120 and Safari 17.
  try {
    return ["http:", "https:"].includes(new URL(text).protocol);
  } catch {
    return false;
  }
}

/** Letters of words that are written with spaces between them. Others (CJK, Thai) begin and end words anywhere. */
const LETTER = /[\p{L}\p{N}\p{M}_-]/u;
const UNSPACED = /[\p{scx=Han}\p{scx=Hiragana}\p{scx=Katakana}\p{scx=Hangul}\p{scx=Bopomofo}\p{scx=Thai}\p{scx=Lao}\p{scx=Khmer}\p{scx=Myanmar}]/u;

/** Whether a text names somebody. (Safari before 16.4 has no look-behind.) @param {string} text @param {string} name */
export function mentions(text, name) {
  if (!name) return false;
  const pattern = new RegExp(name.replace(/[.[\]{}|^]/gu, "\\$&"), "giu");
  const whole = text.normalize("NFC");
  for (const { 0: found, index = 0 } of whole.matchAll(pattern)) {
    const before = [...whole.slice(Math.max(0, index - 2), index)].pop() ?? "";
    const after = [...whole.slice(index + found.length, index + found.length + 2)][0] ?? "";
    const first = [...found][0] ?? "";
    const last = [...found].pop() ?? "";
    if (parts(before, first) && parts(last, after)) return true;
  }
  return false;
}

/** Whether a word may end between these two characters. @param {string} one @param {string} other */
function parts(one, other) {
  return !LETTER.test(one) || !LETTER.test(other) || UNSPACED.test(one) || UNSPACED.test(other);
}
