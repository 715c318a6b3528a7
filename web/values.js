/** Names, paths and keys, as they go over the wire. */

/** The server puts every new session into this room. */
export const LOBBY = "lobby";

/** @param {string} room */
export function roomName(room) {
  return room.replace(/^#/, "").toLowerCase();
}

/** @param {string} room */
export function roomPath(room) {
  return `rooms/${encodeURIComponent(roomName(room))}`;
}

/** A text without the characters that the server may tidy. @param {string} text */
export function squash(text) {
  return text.replace(/[\s\p{C}]+/gu, "");
}

/** A unique key. (`randomUUID` is missing on pages that came over plain HTTP.) */
export function newKey() {
  if (typeof crypto.randomUUID === "function") return crypto.randomUUID();
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), byte => byte.toString(16).padStart(2, "0")).join("");
}
