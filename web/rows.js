/** Events as rows of the log. */

import { isComing, sumUp } from "./comings.js";
import { isModerated, told } from "./happened.js";
import { face, linked, make, person, words } from "./nodes.js";
import { moment, number, pieces, t } from "./words.js";

/** @typedef {import("./chat.js").ChatEvent} ChatEvent */
/** @typedef {import("./places.js").Shown} Shown */
/** @typedef {import("./comings.js").Coming} Coming */
/** @typedef {import("./comings.js").Sum} Sum */
/** What a row depends on besides its event. @typedef {{name: string, line?: Shown, returned: boolean, calls: (event: Shown) => boolean, again: (gap: Shown) => void}} About */

/** Milliseconds within which further messages of a sender are shown under the same name. */
const TOGETHER = 5 * 60_000;
/** Joins and leaves that are shown by name; more are counted. */
const NAMED = 4;
/** Marks on one letter that reach into other rows. */
const PILED = /\p{M}{6}/u;
/** Stands where a deleted message stood. */
const DELETED = t("message.deleted");
/** What each deed of those who come and go is called. */
const DEEDS = /** @type {const} */ ({ "joined": "joined", "left": "left", "came and went": "visited", "left and came back": "back", "is now": "renamed" });

/** Whether an event is shown in the same row as the one before it. @param {Shown} event @param {Shown} before @param {About} about */
export function goesOn(event, before, { line }) {
  return isComing(event) && isComing(before) && event !== line && dayOf(event) === dayOf(before);
}

/**
 * The nodes of a row, the row itself the last of them.
 * @param {Shown[]} events one, or joins and leaves @param {Shown | undefined} before @param {About} about
 */
export function rowOf(events, before, about) {
  const [event] = /** @type {[Shown]} */ (events);
  const found = [];
  if (dayOf(event) !== (before ? dayOf(before) : new Date().toDateString())) {
    found.push(make("p", "day", moment(event.time, { dateStyle: "full" })));
  }
  if (event === about.line) found.push(make("p", "line", t(about.returned ? "line.visit" : "line.new")));
  const follows = !found.length && before && followsOn(event, before);
  const row = isComing(event) ? comings(/** @type {Coming[]} */ (events)) : single(/** @type {Exclude<Shown, Coming>} */ (event), !!follows, about);
  if (events.some(one => "text" in one && PILED.test(one.text))) row.classList.add("piled");
  return [...found, row];
}

/** @param {Shown} event */
function dayOf({ time }) {
  return new Date(time).toDateString();
}

/** Whether the sender stands above already. @param {Shown} event @param {Shown} before */
function followsOn(event, before) {
  return (event.type === "message" || event.type === "private") && before.type === event.type && before.from === event.from
    && !("redacted" in before && before.redacted)
    && +new Date(event.time) - +new Date(before.time) < TOGETHER;
}

/** @param {Exclude<Shown, Coming>} event @param {boolean} follows @param {About} about */
function single(event, follows, { name, calls, again }) {
  const said = event.type === "message" || event.type === "private";
  const kinds = ["event", event.type, said ? "said" : "aside"];
  if ("from" in event && event.from === name && (said || event.type === "action")) kinds.push("own");
  if (event.type !== "private" && calls(event)) kinds.push("mention");
  if (follows) kinds.push("more");
  const redacted = "redacted" in event && event.redacted;
  if (redacted) kinds.push("redacted");
  const element = make("div", kinds.join(" "));
  const clock = clockOf(event);
  if (said) {
    if (!follows) element.append(face(event.from));
    element.append(make("p", "who", person(event.from), " ", clock), redacted ? make("p", "text", DELETED) : words(event.text));
    if (follows) element.title = clock.title;
  } else if (event.type === "help") {
    element.append(make("dl", "", ...event.text.split("\n").flatMap(line => line.split("\t").map((text, at) => make(at ? "dd" : "dt", "", text)))));
  } else if (event.type === "gap" || event.type === "break") {
    const button = make("button", "plain", t(event.type === "gap" ? "gap.read" : "jump.more"));
    button.addEventListener("click", () => again(event));
    element.classList.add("gap");
    element.append(make("p", "text", event.text), button);
  } else {
    element.append(make("p", "text", ...deed(event), clock));
    element.title = clock.title;
  }
  return element;
}

/** @param {Shown} event */
function clockOf(event) {
  const time = new Date(event.time);
  const clock = make("time", "", moment(time, { hour: "numeric", minute: "2-digit" }));
  clock.setAttribute("datetime", event.time);
  clock.title = moment(time, { dateStyle: "full", timeStyle: "medium" });
  return clock;
}

/** What happened, in words. @param {Exclude<Shown, Coming | {type: "message" | "private" | "help" | "gap" | "break"}>} event @returns {(Node | string)[]} */
function deed(event) {
  if (isModerated(event)) {
    return told(event).map(part => (typeof part === "string" ? make("span", "", ...linked(part)) : person(part.name)));
  }
  if (event.type === "action" && event.redacted) return [person(event.from), ": ", DELETED];
  const text = make("bdi", "", ...linked(event.text));
  switch (event.type) {
    case "action": return [person(event.from), " ", text];
    case "topic": return shown(pieces(event.text ? "topic.set" : "topic.cleared", { name: person(event.from), text }));
    default: return [text];
  }
}

/** Comings and goings in one row, which opens if it holds many. @param {Coming[]} run */
function comings(run) {
  const sums = sumUp(run);
  const kinds = new Set(run.map(({ type }) => type));
  const element = make("div", `event aside comings ${[...kinds].join(" ")}`);
  const clock = clockOf(/** @type {Coming} */ (run[run.length - 1]));
  element.title = clock.title;
  if (sums.length <= NAMED) {
    element.append(make("p", "text", ...inWords(sums), clock));
    return element;
  }
  const counts = [...byDeed(sums)].map(([deed, all]) => t(`comings.${DEEDS[deed]}.count`, { n: all.length }));
  const all = make("p", "text", ...inWords(sums));
  const details = make("details", "", make("summary", "text", counts.join(t("list.comma")), clock), all);
  element.append(details);
  return element;
}

/** @param {Sum[]} sums */
function byDeed(sums) {
  /** @type {Map<Sum["deed"], Sum[]>} */
  const found = new Map();
  for (const sum of sums) found.set(sum.deed, [...(found.get(sum.deed) ?? []), sum]);
  return found;
}

/** @param {Sum[]} sums @returns {(Node | string)[]} */
function inWords(sums) {
  /** @type {(Node | string)[]} */
  const found = [];
  for (const [deed, all] of byDeed(sums)) {
    // A parting word and a new name are shown beside their person.
    const apart = all.filter(({ more }) => more);
    const together = all.filter(({ more }) => !more);
    if (together.length) {
      const names = make("span", "", ...together.flatMap(({ name }, place) => [place ? t("list.comma") : "", person(name)]));
      found.push(t("list.semicolon"), ...shown(pieces(`comings.${DEEDS[deed]}`, { names, n: together.length })));
    }
    for (const { name, more } of apart) {
      const text = deed === "is now" ? person(more) : make("bdi", "", ...linked(more));
      found.push(t("list.semicolon"), ...shown(pieces(deed === "is now" ? "comings.renamed" : "comings.parted", { name: person(name), text })));
    }
  }
  return found.slice(1);
}

/** The pieces of a sentence. @param {(Node | string | number)[]} parts @returns {(Node | string)[]} */
function shown(parts) {
  return parts.map(part => (typeof part === "number" ? number(part) : part));
}
