/**
 * The words of the page, in the user's language. `start.js` loads the catalogue (`words-de.js`, …) before the page begins.
 *
 * In a text `{name}` stands for a value; `{n}` for a number, by which a text that depends on it is chosen.
 */

/** @typedef {typeof import("./words-en.js").WORDS} English */
/** @typedef {keyof English} Key */
/** A text for each plural category of a number (CLDR). @typedef {Partial<Record<Intl.LDMLPluralRule, string>> & {other: string}} Plural */
/** @typedef {{readonly [K in Key]: string | Plural}} Catalogue */

/** The languages there are, by their codes, as they call themselves. */
export const LANGUAGES = new Map([
  ["en", "English"], ["de", "Deutsch"], ["fr", "Français"], ["es", "Español"], ["ar", "العربية"], ["ja", "日本語"],
]);
const RIGHT_TO_LEFT = new Set(["ar"]);

/** @type {Partial<Catalogue>} */
let words = {};
/** Made when they are first used: a browser's first one takes longer than all the rest of this module. @type {Intl.PluralRules | undefined} */
let plurals;
/** @type {Intl.NumberFormat | undefined} */
let numbers;
/** For dates and times, by what they show: to make one takes longer than all the rest of a row. @type {Map<string, Intl.DateTimeFormat>} */
const moments = new Map();
let rtl = false;
/** The language of the words. */
export let language = "en";
/** For dates, times and numbers: the user's own variety of the language, if the browser says one. */
let locale = "en";

/** The language to use: the chosen one, else the first of the browser's that there is. @param {string} chosen */
export function languageFor(chosen) {
  const wanted = [chosen, ...navigator.languages].map(one => one.toLowerCase().split("-", 1)[0] ?? "");
  return wanted.find(one => LANGUAGES.has(one)) ?? "en";
}

/** @param {string} code @param {Catalogue} catalogue */
export function speak(code, catalogue) {
  language = code;
  locale = navigator.languages.find(one => one.toLowerCase().split("-", 1)[0] === code) ?? code;
  words = catalogue;
  plurals = numbers = undefined;
  moments.clear();
  rtl = RIGHT_TO_LEFT.has(code);
  document.documentElement.lang = code;
  document.documentElement.dir = rtl ? "rtl" : "ltr";
  if (code !== "en") translate();
}

/** A text. @param {Key} key @param {Record<string, string | number>} [values] @returns {string} */
export function t(key, values = {}) {
  return pieces(key, values).map(part => (typeof part === "number" ? number(part) : part)).join("");
}

/**
 * The pieces of a text, with the values between them as they are.
 * @template V @param {Key} key @param {Record<string, V | string | number>} values @returns {(V | string | number)[]}
 */
export function pieces(key, values) {
  const found = words[key] ?? key;
  const { n } = values;
  const text = typeof found === "string" ? found : found[(plurals ??= new Intl.PluralRules(language)).select(Number(n))] ?? found.other;
  return text.split(/\{(\w+)\}/u).map((piece, place) => {
    if (place % 2 === 0) return piece;
    const value = values[piece] ?? "";
    // A name may run the other way.
    return rtl && typeof value === "string" && value ? `\u2068${value}\u2069` : value;
  }).filter(piece => piece !== "");
}

/** @param {number} value */
export function number(value) {
  return (numbers ??= new Intl.NumberFormat(locale)).format(value);
}

/** @param {string | number | Date} time @param {Intl.DateTimeFormatOptions} style */
export function moment(time, style = { dateStyle: "medium", timeStyle: "short" }) {
  const key = JSON.stringify(style);
  const format = moments.get(key) ?? new Intl.DateTimeFormat(locale, style);
  moments.set(key, format);
  return format.format(new Date(time));
}

/** Put the words into what stands in the page already: `data-t` names its text, `data-label`, `data-hint` and `data-title` the rest. */
export function translate() {
  const each = (/** @type {string} */ name, /** @type {(node: HTMLElement, text: string) => void} */ put) => {
    for (const node of document.querySelectorAll(`[data-${name}]`)) {
      const key = node instanceof HTMLElement ? node.dataset[name] ?? "" : "";
      if (node instanceof HTMLElement && has(key)) put(node, t(key));
    }
  };
  each("t", (node, text) => (node.textContent = text));
  each("hint", (node, text) => node.setAttribute("placeholder", text));
  each("title", (node, text) => (node.title = text));
  each("label", (node, text) => {
    node.setAttribute("aria-label", text);
    if (node.title) node.title = text;
  });
}

/** Whether there is a text of that key. @param {string} key @returns {key is Key} */
export function has(key) {
  return key in words;
}
