/** Moderation events as sentences. No nodes here. */

import { moment, pieces, t } from "./words.js";
/** @typedef {import("./chat.js").Moderated} Moderated */
/** @typedef {import("./moderation.js").Settings} Settings */
/** A part of a sentence: words, or a person's name. @typedef {string | {name: string}} Part */

/** @param {{type: string}} event @returns {event is Moderated} */
export function isModerated(event) {
  return ["settings", "role", "kick", "ban", "unban", "mute", "unmute", "invite", "redact"].includes(event.type);
}

/** @param {Moderated} event @returns {Part[]} */
export function told(event) {
  const people = { by: { name: event.from }, target: { name: `${"target" in event ? event.target : ""}` } };
  const found = /** @type {Part[]} */ (sentence(event, people));
  if ("until" in event && event.until) found.push(t("told.until", { time: moment(event.until) }));
  if ("text" in event && event.text) found.push(t("told.why"), event.text);
  return found;
}

/** @param {Moderated} event @param {{by: {name: string}, target: {name: string}}} people */
function sentence(event, people) {
  switch (event.type) {
    case "settings": return pieces("told.settings", { ...people, changes: changes(event).join(t("list.semicolon")) });
    case "role": return pieces(event.role ? `told.role.${event.role}` : "told.role.none", people);
    default: return pieces(`told.${event.type}`, people);
  }
}

/** What the settings come to, each in a few words. @param {Partial<Settings>} settings @returns {string[]} */
export function changes({ access, posting, topic, listed, outside, slow }) {
  const found = [];
  if (access) found.push(t(`room.access.${access}`));
  if (posting) found.push(t(`room.posting.${posting}`));
  if (topic) found.push(t(`room.topic.${topic}`));
  if (listed !== undefined) found.push(t(listed ? "room.listed" : "room.unlisted"));
  if (outside !== undefined) found.push(t(outside ? "room.outside" : "room.inside"));
  if (slow !== undefined) found.push(slow ? t("room.slow", { n: slow }) : t("room.fast"));
  return found;
}
