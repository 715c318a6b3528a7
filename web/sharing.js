/** How to come into a room: a link, a QR code, and the ways without a browser. */

import { panel } from "./dialog.js";
import { make } from "./nodes.js";
import { qrOf } from "./qr.js";
import { addressOf, listOf, waysInto } from "./ways.js";
import { t } from "./words.js";

/** Light modules around a QR code. */
const QUIET = 4;

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
