/** The list of all rooms that the user may see: to search in, to go to, to leave. */

import { panel } from "./dialog.js";
import { linked, make } from "./nodes.js";
import { wordsOf } from "./advice.js";
import { moment, t } from "./words.js";

/** @typedef {import("./chat.js").RoomSummary} RoomSummary */

/** Rooms that are asked for, and rows that are shown, at most. */
const ASKED = 2000;
const SHOWN = 200;

/** @param {import("./chat.js").Chat} chat @param {import("./going.js").Going} going @param {() => void} create begins a new room */
export async function showDirectory(chat, going, create) {
  const box = make("input", "");
  box.setAttribute("aria-label", t("rooms.filter"));
  box.setAttribute("placeholder", t("rooms.filter"));
  box.setAttribute("type", "search");
  const list = make("ul", "entries directory");
  const told = make("p", "quiet");
  told.setAttribute("role", "status");
  const { dialog, problem } = panel(t("rooms.all"), [make("p", "field", box), told, list], [{ text: t("rooms.new"), act: create }]);
  dialog.classList.add("wide");
  box.focus();
  /** @type {RoomSummary[]} */
  let rooms = [];
  box.addEventListener("input", show);
  await load();

  async function load() {
    try {
      rooms = (await chat.list(ASKED)).sort((a, b) => b.people - a.people || (b.last ?? 0) - (a.last ?? 0));
      show();
    } catch (error) {
      problem.textContent = wordsOf(error);
    }
  }

  function show() {
    const wanted = /** @type {HTMLInputElement} */ (box).value.trim().replace(/^#/u, "").toLowerCase();
    const found = rooms.filter(({ room, topic }) => `${room} ${topic.toLowerCase()}`.includes(wanted));
    list.replaceChildren(...found.slice(0, SHOWN).map(row));
    told.textContent = found.length > SHOWN ? t("rooms.some", { n: found.length, shown: SHOWN }) : t("rooms.count", { n: found.length });
  }

  /** @param {RoomSummary} summary */
  function row({ room, topic, people, last }) {
    const joined = chat.rooms.includes(room);
    const at = new Date((last ?? 0) / 1000);
    const today = at.toDateString() === new Date().toDateString();
    const said = last ? t("rooms.last", { time: moment(at, today ? { timeStyle: "short" } : undefined) }) : t("rooms.silent");
    const about = [t("rooms.people", { n: people }), said, joined ? t("rooms.joined") : ""];
    const entry = make("li", "", make("span", "",
      make("bdi", "room", `#${room}`),
      ...(topic ? [make("span", "topic", ...linked(topic))] : []),
      make("span", "quiet", about.filter(Boolean).join(" · ")),
    ));
    if (joined && chat.rooms.length > 1) {
      entry.append(button(t("rooms.leave"), room, async () => {
        await going.leave(room);
        show();
      }));
    }
    entry.append(button(t(joined ? "rooms.open" : "rooms.join"), room, async () => {
      dialog.close();
      going.go(room);
    }));
    return entry;
  }

  /** @param {string} label @param {string} room @param {() => Promise<void>} act */
  function button(label, room, act) {
    const found = make("button", "plain", label);
    found.setAttribute("type", "button");
    found.setAttribute("aria-label", `${label}: #${room}`);
    found.addEventListener("click", () => void act().catch(error => (problem.textContent = wordsOf(error))));
    return found;
  }
}

