/** How to come into a room: a link, a QR code, and the lines for a terminal, an IRC client and curl. */

import { copied, panel } from "./dialog.js";
import { make } from "./nodes.js";
import { qrOf } from "./qr.js";
import { t } from "./words.js";

/** @typedef {import("./chat.js").Door} Door */
/** What it is for, and what to open or to type. @typedef {[string, string]} Way */

/** Light modules around a QR code. */
const QUIET = 4;
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

/**
 * Show how to come into a room. @param {import("./chat.js").Chat} chat @param {string} room
 * @param {{url?: string, more?: {text: string, act: () => void}[]}} [options] `url`: a link that lets in, which is shown this once
 */
export async function share(chat, room, { url, more = [] } = {}) {
  const { doors } = await chat.about().catch(() => ({ doors: [] }));
  const address = url ?? addressOf(room);
  const code = qrOf(address);
  panel(t("share.title", { room }), [
    make("p", "about", t(url ? "share.once" : "share.text", { room })),
    ...(code ? [drawn(code)] : []),
    listOf([[t("ways.page"), address], ...(url ? [] : waysInto(room, doors))]),
  ], more);
}

/** @param {boolean[][]} rows */
function drawn(rows) {
  const space = "http://www.w3.org/2000/svg";
  const size = rows.length + 2 * QUIET;
  const picture = document.createElementNS(space, "svg");
  picture.setAttribute("viewBox", `0 0 ${size} ${size}`);
  picture.setAttribute("class", "qr");
  picture.setAttribute("role", "img");
  picture.setAttribute("aria-label", t("share.code"));
  const path = document.createElementNS(space, "path");
  path.setAttribute("d", rows.flatMap((row, y) => row.flatMap((dark, x) => (dark ? [`M${x + QUIET} ${y + QUIET}h1v1h-1z`] : []))).join(""));
  picture.append(path);
  return picture;
}
