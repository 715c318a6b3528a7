/** Search in the current room or in all of the user's rooms; a message that is found is shown where it was said. */

import { wordsOf } from "./advice.js";
import { panel } from "./dialog.js";
import { make, person } from "./nodes.js";
import { moment, t } from "./words.js";

/** @typedef {import("./chat.js").Message | import("./chat.js").Action} Said */

/** Messages that are asked for at once, of one room and of each of many. */
const PAGE = 30;
const EACH = 10;
/** Rooms that are searched, at most, and at the same time. */
const ROOMS = 100;
const ABREAST = 4;
/** Characters of a message that are shown around the first word that was found. */
const AROUND = 240;

/**
 * @param {import("./chat.js").Chat} chat @param {string} here the room that is shown, or empty
 * @param {(room: string, id: number) => void} jump @param {string} [words] to begin with
 */
export function showSearch(chat, here, jump, words = "") {
  const box = document.createElement("input");
  box.type = "search";
  box.value = words;
  box.setAttribute("aria-label", t("search.words"));
  box.placeholder = t("search.words");
  box.enterKeyHint = "search";
  const where = document.createElement("select");
  where.setAttribute("aria-label", t("search.where"));
  where.append(...(here ? [new Option(t("search.here", { room: here }), here)] : []), new Option(t("search.everywhere"), ""));
  const button = make("button", "", t("search.send"));
  const form = make("form", "search", box, where, button);
  const list = make("ul", "entries found");
  const told = make("p", "quiet");
  told.setAttribute("role", "status");
  const more = make("button", "plain", t("search.more"));
  more.setAttribute("type", "button");
  more.hidden = true;
  const { dialog, problem } = panel(t("search.title"), [form, told, list, more]);
  dialog.classList.add("wide");
  box.focus();
  let run = 0;
  form.addEventListener("submit", event => {
    event.preventDefault();
    void search();
  });
  if (words) void search();

  /** @param {number} [before] where an earlier search ended */
  async function search(before) {
    const asked = box.value.trim();
    const mine = ++run;
    if (before === undefined) list.replaceChildren();
    more.hidden = true;
    problem.textContent = "";
    if (!asked) return void (told.textContent = "");
    told.textContent = t("search.running");
    try {
      const { events, next } = where.value ? await chat.search(asked, where.value, before, PAGE) : await everywhere(asked);
      if (mine !== run) return;
      list.append(...events.map(event => row(event, asked)));
      const n = list.children.length;
      told.textContent = n ? t("search.count", { n }) : next ? t("search.further") : t("search.none");
      more.hidden = !next;
      more.onclick = () => void search(next ?? undefined);
    } catch (error) {
      if (mine === run) told.textContent = "", problem.textContent = wordsOf(error);
    }
  }

  /** @param {string} asked @returns {Promise<{events: Said[], next: null}>} */
  async function everywhere(asked) {
    const rooms = chat.rooms.slice(0, ROOMS);
    /** @type {Said[]} */
    const events = [];
    /** @type {unknown[]} */
    const failures = [];
    await Promise.all(Array.from({ length: ABREAST }, async () => {
      for (let room; (room = rooms.shift()); ) {
        await chat.search(asked, room, undefined, EACH).then(found => events.push(...found.events), error => failures.push(error));
      }
    }));
    if (!events.length && failures.length) throw failures[0];
    return { events: events.sort((a, b) => b.id - a.id), next: null };
  }

  /** @param {Said} event @param {string} asked */
  function row({ id, room, from, text, time }, asked) {
    const open = make("button", "plain hit",
      make("span", "who", person(from), make("span", "quiet", where.value ? moment(time) : `#${room} · ${moment(time)}`)),
      make("span", "text", ...marked(text, asked)),
    );
    open.setAttribute("type", "button");
    open.addEventListener("click", () => {
      dialog.close();
      jump(room, id);
    });
    return make("li", "", open);
  }
}

/** A text, shortened, with the words that were sought marked. @param {string} text @param {string} asked @returns {(Node | string)[]} */
function marked(text, asked) {
  const parts = found(text, asked);
  const first = (parts[0] ?? "").length;
  const from = first > AROUND / 2 ? first - AROUND / 2 : 0;
  let at = 0;
  /** @type {(Node | string)[]} */
  const nodes = from ? ["…"] : [];
  for (const [place, part] of parts.entries()) {
    const shown = part.slice(Math.max(0, from - at), Math.max(0, from + AROUND - at));
    at += part.length;
    if (shown) nodes.push(place % 2 ? make("mark", "", shown) : shown);
  }
  return at > from + AROUND ? [...nodes, "…"] : nodes;
}

/**
 * The parts of a text, every second of which is one of the words: in either case, with or without accents.
 * @param {string} text @param {string} asked @returns {string[]}
 */
export function found(text, asked) {
  const wanted = [...asked.matchAll(/"([^"]+)"|(\S+)/gu)].map(one => folded(one[1] ?? one[2] ?? "").text.replace(/"/gu, "")).filter(Boolean);
  const { text: plain, places } = folded(text);
  /** @type {boolean[]} */
  const hit = new Array(text.length).fill(false);
  for (const word of wanted) {
    for (let at = plain.indexOf(word); at >= 0; at = plain.indexOf(word, at + word.length)) {
      hit.fill(true, places[at], places[at + word.length] ?? text.length);
    }
  }
  const parts = [""];
  for (let at = 0; at < text.length; at++) {
    if ((parts.length % 2 === 0) !== hit[at]) parts.push("");
    parts[parts.length - 1] += text.charAt(at);
  }
  return parts;
}

/** A text without case and accents, and where each of its letters stood. @param {string} text */
function folded(text) {
  let plain = "";
  /** @type {number[]} */
  const places = [];
  let at = 0;
  for (const letter of text) {
    const fold = letter.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
    for (let one = 0; one < fold.length; one++) places.push(at);
    plain += fold;
    at += letter.length;
  }
  return { text: plain, places };
}
