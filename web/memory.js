/**
 * What the browser stores. All tabs are one person: name, session, rooms and read marks are in `localStorage`, by the
 * server's address; texts that were typed and not sent are in this tab's `sessionStorage`. If the browser stores nothing,
 * each page begins anew.
 */

/**
 * `names`: the user's former names, the latest last. `read`: the id of the last event read, by place.
 * @typedef {{name: string, token: string, rooms: string[], names: string[], read: Map<string, number>}} Person
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
    rooms: strings(kept.rooms),
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
    // Then a reload begins anew.
  }
}
