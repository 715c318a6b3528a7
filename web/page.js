/** The page: shows the events of `Chat`, and passes what is typed to `Chat`. */

import { Chat, ChatError } from "./chat.js";
import { wordsOf } from "./advice.js";
import { Arrival, linkOf } from "./arrival.js";
import { Bell, attending } from "./bell.js";
import { carryOut } from "./carryout.js";
import { wantsRooms } from "./commands.js";
import { Composer } from "./composer.js";
import { Connection } from "./connection.js";
import { watchCopying } from "./copying.js";
import { demandsBy, onDemand, quietly, styled } from "./demand.js";
import { Earlier } from "./earlier.js";
import { Ignoring } from "./ignoring.js";
import { Keeping } from "./keeping.js";
import { Levels } from "./levels.js";
import { Log } from "./log.js";
import * as memory from "./memory.js";
import { byId, whenEmoji } from "./nodes.js";
import { followOtherTabs } from "./othertabs.js";
import { Places, isTalk, messageOf, placeOf, remark, talkWith } from "./places.js";
import { Roster } from "./roster.js";
import { RowMenu } from "./rowmenu.js";
import { Side } from "./side.js";
import { followStanding } from "./standing.js";
import { Unread } from "./unread.js";
import { t } from "./words.js";
import { Wording } from "./wording.js";

/** @typedef {import("./chat.js").ChatEvent} ChatEvent */
/** @typedef {import("./places.js").Shown} Shown */

byId("unloaded", HTMLElement).remove();
// Before this, a click would be lost, and the browser itself would send the form.
for (const part of document.querySelectorAll("[inert]")) part.removeAttribute("inert");
for (const box of byId("form", HTMLFormElement).elements) box.removeAttribute("disabled");

const before = memory.person();
/** The user's present and former names, from which a private message may come. */
const ownNames = new Set(before.names);
/** The invite or claim that the page was opened with; its code is removed from the address. */
const link = linkOf(location.hash);
if (link) history.replaceState(null, "", location.pathname + location.search);
/** Where one is: a place of `Places`. */
let here = placeOf(location.hash);
/** The place that the address named, or empty. */
const wanted = location.hash.length > 1 ? here : "";
/** The message that the address named, or 0. */
let sought = messageOf(location.hash);
const transport = new URLSearchParams(location.search).get("transport") ?? "";
const chat = new Chat({
  name: before.token ? before.name : undefined, token: before.token, account: before.account, cookie: true,
  room: (before.account && wanted && !isTalk(wanted)) || before.rooms.includes(here) ? here : before.rooms[0], transport,
});
const places = new Places(() => chat.name, before.read, memory.drafts());
const log = new Log(() => ({ name: chat.name, line: places.view(here).line, returned: places.view(here).mark !== undefined, calls, again: end => (end.type === "break" ? void withJumps(jumps => jumps.more(end)) : earlier.again(end)) }), () => {
  if (log.stuck) read(here);
  unread.showNewer();
  void earlier.fill();
}, () => {
  unread.hideNewer();
  if (attending()) read(here);
});
/** @type {typeof import("./suggestions.js") | undefined} */
let suggestions;
/** @type {Composer} */
const composer = new Composer({
  place: () => here,
  name: () => chat.name,
  take: name => chat.nick(name),
  carryOut: (text, place) => carryOut({ chat, places, composer, keep, writeTo, visit, leave, quit, ignore, search: async words => void (await withMenus(menus => menus.goTo.search(words))) }, text, place),
  turn: pages => log.turn(pages),
  shown: () => {
    if (log.stuck) log.toBottom();
    keeping.drafts();
  },
  waysOn: (left, right, asked) => {
    const load = () => import("./suggestions.js");
    /** @param {typeof import("./suggestions.js")} found */
    const use = found => {
      suggestions = found;
      const people = [...roster.people].filter(name => name !== chat.name);
      return found.waysOn(left, right, { people, joined: chat.rooms, others: roster.others }, asked);
    };
    if (suggestions) return use(suggestions);
    if (!/\S$/u.test(left)) return [];
    // While the server is away, only one who asks for them is told so.
    return asked ? onDemand(load, use).then(hints => hints ?? []) : load().then(use, () => []);
  },
  typed: text => {
    if (wantsRooms(text)) void listRooms();
  },
  up: () => rowMenu.enter(),
  wayOut: error => {
    const code = error instanceof ChatError ? error.code : "";
    const helps = code === "name-registered" || (!chat.name && ["not-allowed", "no-session"].includes(code));
    return helps ? [t("sign.in"), () => signing.signIn()] : undefined;
  },
}, (place, text) => {
  const there = places.view(place);
  there.draft = there.draft ? `${text}\n${there.draft}` : text;
});
const complain = composer.complain.bind(composer);
const tell = (/** @type {unknown} */ error) => complain(wordsOf(error));
whenEmoji(() => log.redrawAll());
watchCopying(byId("scroll", HTMLElement), complain);
const keeping = new Keeping(chat, places, composer, () => here);
demandsBy(complain, () => keeping.reload());
/** @type {import("./menus.js").Menus | undefined} */
let menus;
const signing = /** @type {import("./arrival.js").Opening} */ ({
  signIn: given => void withMenus(menus => menus.signing.signIn(given)), opened: found => void withMenus(menus => menus.signing.opened(found)),
});
/** @type {Side} */
const side = new Side({
  go: room => visit(room).then(() => composer.focus()), write: writeTo, list: () => void listRooms(), complain,
  menu: (button, name) => void withMenus(menus => menus.ofPerson(button, name)),
});
/** @type {import("./jumping.js").Jumping | undefined} */
let jumping;
const unread = new Unread({
  chat, places, log, side, here: () => here, toNewest: () => {
    jumping?.forget();
    log.toBottom();
    composer.focus();
  },
});
const earlier = new Earlier(chat, places, log, () => here, () => wording.empty());
const bell = new Bell(complain);
/** @type {import("./push.js").Push | undefined} */
let push;
const connection = new Connection(() => chat.retry());
const roster = new Roster(chat, {
  changed: () => {
    wording.people();
    wording.topic();
  },
  looked: ({ room, here }) => {
    places.reconcile(room, here);
    return places.view(room).shown;
  },
});
const rowMenu = new RowMenu({
  eventAt: node => log.eventAt(node), menu: (button, event) => void withMenus(menus => menus.ofMessage(button, event)), back: () => composer.focus(),
});
const levels = new Levels();
for (const [id, open] of /** @type {[string, (menus: import("./menus.js").Menus) => unknown][]} */ ([
  ["account", menus => menus.ofUser()], ["room-menu", menus => menus.ofPlace()], ["new-room", menus => menus.create()],
  ["all-rooms-button", menus => menus.goTo.rooms()], ["find", menus => menus.goTo.search()],
])) byId(id, HTMLButtonElement).addEventListener("click", () => void withMenus(open));
const wording = new Wording({ chat, places, roster, log, connection, side, composer, here: () => here });
const ignoring = new Ignoring(chat, places, before.ignores, () => log.show(places.view(here).shown));
const arrival = new Arrival(chat, places, signing, link, {
  wanted, here: () => here, visit, complain, talks: () => {
    showUnread();
    if (isTalk(here)) void earlier.fill();
  },
});
/** The server's unread counts, until the first catch-up is done. @type {Record<string, number>} */
let counted = {};

wording.self();
composer.showName(chat.name || before.name, "");
for (const room of before.account ? [] : before.rooms) if (room !== chat.room) void visit(room, false).catch(error => complain(wordsOf(error)));
if (isTalk(here)) {
  show(here);
} else {
  const asked = here;
  show(here = chat.room);
  if (asked !== here && !before.account) go(asked);
}
if (matchMedia("(pointer: fine)").matches) composer.focus();
// A first visit loads no more than it needs.
if (before.token) void quietly(() => import("./push.js"), ({ Push }) => (push = new Push(chat, levels, bell)).begin());

// -- events of the chat -----------------------------------------------------------------------

for (const type of /** @type {const} */ ([
  "message", "action", "join", "leave", "nick", "topic", "notice", "settings", "role", "kick", "ban", "unban", "mute", "unmute", "invite", "redact",
])) {
  chat.on(type, event => {
    keep(event.room, event);
    if (event.type === "redact") redact(event.room, event.target);
    if (event.room === chat.room) roster.follow(event);
  });
}
chat.on("private", event => {
  if (places.ignores(event.from)) return;
  const ours = event.from === chat.name || (event.to !== chat.name && ownNames.has(event.from));
  const other = ours ? event.to : event.from;
  places.view(talkWith(other), other);
  keep(talkWith(other), event);
  showUnread();
});
chat.on("unsaid", ({ from, to, target }) => [from, to].map(talkWith).filter(one => places.talks.includes(one)).forEach(one => redact(one, target)));
chat.on("nick", ({ from, to, id }) => {
  if (!places.rename(from, to, id, connection.online)) return;
  if (here === talkWith(from)) show(talkWith(to));
  showUnread();
});
chat.on("gap", () => {
  for (const room of chat.rooms) keep(room, remark("gap", t("gap")));
  void roster.refresh();
});
chat.on("marker", ({ room, person, marker }) => {
  const place = person ? talkWith(person) : room;
  keeping.knows(place, marker);
  if (!places.markRead(place, marker)) return;
  if (place === here) log.removeLine();
  showUnread();
});
followStanding({
  chat, places, composer, keeping, roster, ignoring, wording, signing, arrival, bell, here: () => here, ownNames,
  keep, go, changed: showUnread, counted: unread => (counted = connection.online ? {} : unread),
});
chat.on("state", now => {
  connection.show(now);
  if (now.state !== "connecting") places.outage(now.state !== "online");
  if (now.state !== "online") return;
  log.busy = false;
  for (const [room, unread] of Object.entries(counted)) if (room !== here || !log.stuck) places.countedElsewhere(room, unread);
  counted = {};
  void arrival.come().then(jumpToSought);
  if (places.returning) void chat.about().then(({ text }) => composer.bound(text), () => {});
  places.returning = false;
  showUnread();
  wording.empty();
  void roster.refresh();
  void earlier.fill();
});

/** Load the menus if they are not here yet, and use them. @template R @param {(menus: import("./menus.js").Menus) => R} use */
async function withMenus(use) {
  // At once, so that no key goes elsewhere.
  if (menus) return use(menus);
  return onDemand(async () => {
    const [{ Menus }] = await Promise.all([import("./menus.js"), styled("menus.css")]);
    return menus ??= new Menus({
      chat, places, roster, composer, keeping, jump, ignoring, levels, bell, push: () => push, here: () => here, go, visit, writeTo, leave, quit, ignore, complain: tell,
    });
  }, use);
}

async function listRooms() {
  if (!(await roster.list())) return;
  side.suggest(roster.others);
  composer.suggest();
}

// -- what is shown ---------------------------------------------------------------------------

/** @param {string} place @param {Shown} event */
function keep(place, event) {
  if (!places.add(place, event)) return;
  const seen = places.view(place);
  const first = !seen.unread;
  places.markReturn(place, event);
  if (place === here && log.stuck && attending()) {
    if ("id" in event) read(place, event.id);
  } else if (places.count(place, event)) {
    if (first && place === here) log.removeLine();
    if (places.isNews(event) && levels.rings(place, calls(event))) {
      const title = event.type === "private" ? t("bell.private", { name: event.from }) : t("bell.room", { name: event.from, room: place });
      bell.ring(title, event.text, place, () => go(place));
    }
    showUnread();
  }
  if (place !== here || log.stuck) {
    const dropped = places.trim(place);
    if (place === here) log.drop(dropped);
  }
  if (place !== here) return;
  log.append(event);
  wording.empty();
}

/** Show a message as deleted. @param {string} room @param {number} id */
function redact(room, id) {
  places.redact(room, id);
  if (room === here) log.redraw(id);
}

/** @param {string} name @param {boolean} yes whether to ignore them, or to hear them again */
async function ignore(name, yes) {
  await ignoring.ignore(name, yes);
  keep(here, remark("remark", t(yes ? "ignored.now" : "ignored.over", { name })));
}

/** @param {Shown} event */
function calls(event) {
  return places.callsUs(event);
}

/** A place was read, up to an event. @param {string} place @param {number} [id] */
function read(place, id) {
  if (places.markRead(place, id)) showUnread();
  keeping.soon();
}

/** @param {string} place */
function removeLine(place) {
  Object.assign(places.view(place), { line: undefined, mark: undefined });
  if (place === here) log.removeLine();
}

/** @param {string} place */
function show(place) {
  if (place !== here) {
    const left = places.view(here);
    left.draft = composer.text;
    if (!left.unread) Object.assign(left, { line: undefined, mark: undefined });
    complain("");
  }
  here = place;
  if (!isTalk(place)) chat.room = place;
  const { shown, draft, title } = places.view(place);
  composer.write(draft);
  byId("room", HTMLElement).textContent = title;
  history.replaceState(null, "", `#${encodeURIComponent(place)}`);
  roster.clear();
  wording.invite();
  showUnread();
  side.showCurrent();
  log.show(shown);
  composer.showWaiting();
  wording.empty();
  if (connection.online) void roster.refresh(), void earlier.fill();
}

document.addEventListener("visibilitychange", attend);
addEventListener("focus", attend);
addEventListener("blur", attend);

function attend() {
  if (!attending()) {
    if (!places.view(here).unread) removeLine(here);
    keeping.drafts();
  } else {
    if (log.stuck) read(here);
    void keeping.sync().then(showUnread, () => {});
  }
}

function showUnread() {
  unread.show();
}

// -- what is remembered ----------------------------------------------------------------------


followOtherTabs({ chat, places, keeping, visit, leave, changed: showUnread });

// -- going about -----------------------------------------------------------------------------

addEventListener("hashchange", () => {
  // A link is for a page that begins.
  if (linkOf(location.hash)) return keeping.reload();
  side.open(false);
  sought = messageOf(location.hash);
  if (sought) void jumpToSought();
  else go(placeOf(location.hash));
});

/** Go to the message that the address names. */
async function jumpToSought() {
  const id = sought;
  sought = 0;
  if (id) await jump(placeOf(location.hash), id);
}

/** Go to a message. @param {string} place @param {number} id */
async function jump(place, id) {
  await withJumps(jumps => jumps.to(place, id));
}

/** @param {(jumps: import("./jumping.js").Jumping) => unknown} use */
async function withJumps(use) {
  await onDemand(async () => {
    const { Jumping } = await import("./jumping.js");
    return jumping ??= new Jumping(chat, places, log, { here: () => here, visit: place => visit(place), complain: tell, changed: () => showUnread() });
  }, use);
}

addEventListener("keydown", event => {
  if (event.key === "Escape") side.open(false), complain("");
  if (event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey) {
    event.preventDefault();
    void withMenus(menus => menus.goTo.anywhere());
  }
  const step = event.key === "ArrowUp" ? -1 : event.key === "ArrowDown" ? 1 : 0;
  if (!step || !event.altKey || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  const all = [...chat.rooms, ...places.talks];
  const next = all[(all.indexOf(here) + step + all.length) % all.length];
  if (next) go(next);
});

/** Go to a place, or say why not. @param {string} place */
function go(place) {
  void visit(place).catch(error => {
    complain(wordsOf(error));
    history.replaceState(null, "", `#${encodeURIComponent(here)}`);
  });
}

/** Go to a place, and show it. Throws a `ChatError`. @param {string} place @param {boolean} [look] */
async function visit(place, look = true) {
  if (isTalk(place)) {
    places.view(talkWith(place.slice(1)));
    if (look) show(talkWith(place.slice(1)));
    return;
  }
  const joined = !chat.rooms.includes(place);
  const room = joined ? await chat.join(place) : place;
  if (places.view(room).out !== undefined) places.view(room).out = undefined, wording.invite();
  // What was said before one came is no news.
  if (!places.wasRead(room)) removeLine(room), read(room);
  memory.remember(person => void (person.rooms = [...new Set([...person.rooms, ...chat.rooms])]));
  if (look && room !== here) show(room);
  else if (joined && room === chat.room) void roster.refresh();
  showUnread();
}

/** Begin to write to one person only. @param {string} name */
function writeTo(name) {
  places.view(talkWith(name), name);
  go(talkWith(name));
  composer.focus();
}

/** @param {string} place */
async function leave(place) {
  const out = places.view(place).out !== undefined;
  if (!chat.rooms.includes(place) && !isTalk(place) && !out) throw new Error(t("leave.elsewhere", { room: place }));
  const next = chat.rooms.find(room => room !== place) ?? chat.room;
  if (!isTalk(place) && !out) {
    await chat.leave(place);
    memory.remember(person => void (person.rooms = person.rooms.filter(room => room !== place)));
  }
  if (here === place) await visit(isTalk(place) ? chat.room : next);
  else if (chat.room === place) chat.room = next;
  places.forget(place);
  showUnread();
}

async function quit() {
  keeping.forget();
  await chat.close({ everywhere: true });
  await quietly(() => import("./standby.js"), ({ standDown }) => standDown());
  location.reload();
}
