/** The ways into a room: its address, and the lines for a terminal, an IRC client and curl. */

import { copied } from "./copying.js";
import { make } from "./nodes.js";
import { t } from "./words.js";

/** @typedef {import("./chat.js").Door} Door */
/** What it is for, and what to open or to type. @typedef {[string, string]} Way */

const LOOPBACK = /^(?:localhost|127\..*|\[::1\])$/u;

/** The page's address of a room. @param {string} room */
export function addressOf(room) {
  return new URL(`#${encodeURIComponent(room)}`, base()).href;
}

function base() {
  return new URL(".", location.href);
}

/** The ways without a browser, of those doors that can be reached from here. @param {string} room @param {Door[]} doors @returns {Way[]} */
export function waysInto(room, doors) {
  const host = location.hostname;
  const open = doors.filter(({ local }) => !local || LOOPBACK.test(host));
  const plain = host.replace(/^\[|\]$/gu, "");
  /** @type {Way[]} */
  const ways = [];
  const line = open.find(({ door }) => door === "line");
  if (line) ways.push([t("ways.line"), `(echo /join ${room}; cat) | ${line.tls ? "ncat --ssl" : "nc"} ${plain} ${line.port}`]);
  const irc = open.find(({ door }) => door === "irc");
  if (irc) ways.push([t("ways.irc"), `${irc.tls ? "ircs" : "irc"}://${host}:${irc.port}/${encodeURIComponent(room)}`]);
  const url = `${base().href}rooms/${encodeURIComponent(room)}`;
  ways.push([t("ways.read"), `curl -N -H 'Accept: text/plain' '${url}/events'`]);
  ways.push([t("ways.say"), `curl -d '${t("ways.hello")}' '${url}/messages?name=${t("ways.name")}'`]);
  return ways;
}

/** Ways as a list whose entries can be copied. @param {Way[]} ways */
export function listOf(ways) {
  return make("dl", "into", ...ways.flatMap(([label, text]) => {
    const code = make("code", "", text);
    code.dir = "ltr";
    const button = make("button", "plain", t("copy"));
    button.setAttribute("type", "button");
    button.setAttribute("aria-label", t("copy.what", { what: label }));
    button.addEventListener("click", () => void copied(text).then(done => {
      button.textContent = t(done ? "copied" : "copy.impossible");
    }));
    return [make("dt", "", label), make("dd", "", code, button)];
  }));
}
