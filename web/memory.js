/**
 * The page's storage in the browser. All tabs are one person: name, session, rooms and read marks are in `localStorage`, by the
 * server's address; unsent drafts are in this tab's `sessionStorage`. If the browser stores nothing, each page begins without
 * them.
 */

/**
 * `account`: whether the name is registered, and we are signed in; then the session is in the browser's cookie, and the token only
 * says so. `names`: the names that we had, the latest last. `read`: the id of the last event that was read, by place. `ignores`: the
 * names that a guest ignores.
 * @typedef {{
 *   name: string, token: string, account: boolean, rooms: string[], names: string[], read: Map<string, number>, ignores: string[],
 * }} Person
 */

const KEY = `chatd ${new URL(".", location.href).pathname}`;
/** Former names, and places with a read mark, that are remembered. */
const NAMES = 20;
const PLACES = 300;

/** What all tabs share. @returns {Person} */
export function person() {
  const kept = recall("localStorage");
  const strings = (/** @type {unknown} */ list) => (Array.isArray(list) ? list.filter(one => typeof one === "string") : []);
  return {
    name: typeof kept.name === "string" ? kept.name : "",
    token: typeof kept.token === "string" ? kept.token : "",
    account: kept.account === true,
    rooms: strings(kept.rooms),
    ignores: strings(kept.ignores),
    names: strings(kept.names),
    read: pairs(kept.read, "number"),
  };
}

/** Change what all tabs know. What another tab has read meanwhile stays read. @param {(person: Person) => void} change */
export function remember(change) {
  const known = person();
  change(known);
  const { read, names, ...rest } = known;
  const latest = [...read].sort((a, b) => a[1] - b[1]).slice(-PLACES);
  store("localStorage", JSON.stringify({ ...rest, names: names.slice(-NAMES), read: latest }));
}

/** Call `changed` when another tab has changed what all know. @param {(person: Person) => void} changed */
export function onChange(changed) {
  addEventListener("storage", event => {
    if (event.key === KEY || event.key === null) changed(person());
  });
}

/** Texts that were typed in this tab and not sent, by place. @returns {Map<string, string>} */
export function drafts() {
  return pairs(recall("sessionStorage").drafts, "string");
}

/** @param {Map<string, string>} drafts */
export function rememberDrafts(drafts) {
  store("sessionStorage", JSON.stringify({ drafts: [...drafts] }));
}

/** The code of an invite to be used as soon as the user is signed in; reading it forgets it. */
export function invite() {
  const { code } = recall("sessionStorage", `${KEY} invite`);
  store("sessionStorage", "{}", `${KEY} invite`);
  return typeof code === "string" ? code : "";
}

/** @param {string} code */
export function rememberInvite(code) {
  store("sessionStorage", JSON.stringify({ code }), `${KEY} invite`);
}

/** The code of the language that the user has chosen; empty: the browser's. */
export function language() {
  const { code } = recall("localStorage", `${KEY} language`);
  return typeof code === "string" ? code : "";
}

/** @param {string} code */
export function rememberLanguage(code) {
  store("localStorage", JSON.stringify({ code }), `${KEY} language`);
}

/** The notification levels that differ from the default, by place. @returns {Map<string, string>} */
export function levels() {
  return pairs(recall("localStorage", `${KEY} levels`).levels, "string");
}

/** @param {Map<string, string>} levels */
export function rememberLevels(levels) {
  store("localStorage", JSON.stringify({ levels: [...levels] }), `${KEY} levels`);
}

/** Whether notifications are wanted. */
export function wantsNotice() {
  return recall("localStorage", `${KEY} notify`).on === true;
}

/** @param {boolean} on */
export function rememberNotice(on) {
  store("localStorage", JSON.stringify({ on }), `${KEY} notify`);
}

/** @template {"string" | "number"} K @param {unknown} list @param {K} kind @returns {Map<string, K extends "string" ? string : number>} */
function pairs(list, kind) {
  const found = Array.isArray(list) ? list : [];
  return new Map(found.filter(one => Array.isArray(one) && typeof one[0] === "string" && typeof one[1] === kind));
}

/** @param {"sessionStorage" | "localStorage"} place @param {string} [key] @returns {Record<string, unknown>} */
function recall(place, key = KEY) {
  try {
    return Object(JSON.parse(window[place].getItem(key) ?? "{}"));
  } catch {
    return {};
  }
}

/** @param {"sessionStorage" | "localStorage"} place @param {string} text @param {string} [key] */
function store(place, text, key = KEY) {
  try {
    window[place].setItem(key, text);
  } catch {
    // Nothing is stored: after a reload, the page begins without it.
  }
}
