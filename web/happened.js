/** Moderation events as sentences. No nodes here. */

/** @typedef {import("./chat.js").Moderated} Moderated */
/** @typedef {import("./moderation.js").Settings} Settings */
/** A part of a sentence: words, or a person's name. @typedef {string | {name: string}} Part */

const POSTING = {
  everyone: "everybody may speak", accounts: "only who is signed in may speak", voices: "only voices, ops and owners may speak",
};

/** @param {{type: string}} event @returns {event is Moderated} */
export function isModerated(event) {
  return ["settings", "role", "kick", "ban", "unban", "mute", "unmute", "invite", "redact"].includes(event.type);
}

/** @param {Moderated} event @returns {Part[]} */
export function told(event) {
  const by = { name: event.from };
  const target = { name: `${"target" in event ? event.target : ""}` };
  const why = "text" in event && event.text ? `: ${event.text}` : "";
  const until = "until" in event && event.until ? ` until ${moment(event.until)}` : "";
  switch (event.type) {
    case "settings": return [by, ` changed the room: ${changes(event).join("; ")}`];
    case "role": return event.role ? [by, " made ", target, ` ${aRole(event.role)} here`] : [by, " took the role of ", target, " away"];
    case "kick": return [by, " put ", target, ` out of the room${why}`];
    case "ban": return [by, " banned ", target, `${until}${why}`];
    case "unban": return [by, " lifted the ban of ", target];
    case "mute": return [by, " muted ", target, `${until}${why}`];
    case "unmute": return [by, " lets ", target, " speak again"];
    case "invite": return [by, " made ", target, " a member"];
    case "redact": return [by, " deleted a message"];
  }
}

/** @param {"owner" | "op" | "voice"} role */
function aRole(role) {
  return role === "voice" ? "a voice" : role === "op" ? "an op" : "an owner";
}

/** @param {string} time */
export function moment(time) {
  return new Date(time).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
}

/** What the settings come to, each in a few words. @param {Partial<Settings>} settings @returns {string[]} */
export function changes({ access, posting, topic, listed, outside, slow }) {
  const found = [];
  if (access) found.push(access === "members" ? "only members may come in and read" : "everybody may come in and read");
  if (posting) found.push(POSTING[posting]);
  if (topic) found.push(topic === "ops" ? "only ops set the topic" : "everybody may set the topic");
  if (listed !== undefined) found.push(listed ? "lists of rooms show it" : "lists of rooms do not show it");
  if (outside !== undefined) found.push(outside ? "it may be spoken to from outside" : "only who is in it may speak");
  if (slow !== undefined) found.push(slow ? `one message every ${slow} s each` : "no slow mode");
  return found;
}
