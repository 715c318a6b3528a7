/** Sums up joins, leaves and changes of name: the result of a run of them for each person. No nodes here. */

/** @typedef {import("./chat.js").ChatEvent} ChatEvent */
/** @typedef {Extract<ChatEvent, {type: "join" | "leave" | "nick"}>} Coming */
/** @typedef {"joined" | "left" | "came and went" | "left and came back" | "is now"} Deed */
/** The result for one person. `more`: the parting word, or the new name. @typedef {{name: string, deed: Deed, more: string}} Sum */
/** A person in the middle of a run. @typedef {{name: string, first: string, last: string, text: string, was: string}} Path */

/** @param {{type: string}} event @returns {event is Coming} */
export function isComing(event) {
  return ["join", "leave", "nick"].includes(event.type);
}

/** @param {Coming[]} run @returns {Sum[]} in the order in which the people first appear */
export function sumUp(run) {
  /** @type {Set<Path>} */
  const paths = new Set();
  /** @type {Map<string, Path>} by the name that each has now */
  const now = new Map();
  for (const event of run) {
    const key = event.from.toLowerCase();
    const path = now.get(key) ?? { name: event.from, first: "", last: "", text: "", was: "" };
    paths.add(path);
    now.set(key, path);
    if (event.type === "nick") {
      now.delete(key);
      now.set(event.to.toLowerCase(), path);
      path.was ||= path.name;
      path.name = event.to;
    } else {
      path.first ||= event.type;
      path.last = event.type;
      path.text = event.type === "leave" ? event.text : "";
    }
  }
  return [...paths].flatMap(sums);
}

/** @param {Path} path @returns {Sum[]} */
function sums({ name, first, last, text, was }) {
  /** @type {Sum[]} */
  const found = [];
  const renamed = was !== "" && was !== name;
  if (first === "join") found.push({ name: was || name, deed: last === "join" ? "joined" : "came and went", more: "" });
  if (renamed) found.push({ name: was, deed: "is now", more: name });
  if (first === "leave") found.push({ name, deed: last === "leave" ? "left" : "left and came back", more: text });
  return found;
}

/**
 * The people who are assumed to be present after an event, and which joins are no news: after a restart of the server
 * all people join again without having left.
 * @param {Set<string>} present in lower case; changed
 * @param {ChatEvent} event @returns {boolean} whether the event is news
 */
export function follow(present, event) {
  if (event.type === "notice") present.clear(); // Leaves may be summed up in it.
  if (!isComing(event)) return true;
  const from = event.from.toLowerCase();
  if (event.type === "join") {
    if (present.has(from)) return false;
    present.add(from);
  } else {
    present.delete(from);
    if (event.type === "nick") present.add(event.to.toLowerCase());
  }
  return true;
}
