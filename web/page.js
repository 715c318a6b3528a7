/** The page: makes its parts, of `Chat` and of what is shown, and brings them together. */

import { Chat, ChatError } from "./chat.js";
import { wordsOf } from "./advice.js";
import { Arrival, linkOf } from "./arrival.js";
import { Bell, attending } from "./bell.js";
import { carryOut } from "./carryout.js";
import { wantsRooms } from "./commands.js";
import { Composer } from "./composer.js";
import { Connection } from "./connection.js";
import { watchCopying } from "./copying.js";
import { demandsBy, onDemand, opening, quietly, styled } from "./demand.js";
import { Earlier } from "./earlier.js";
import { Going } from "./going.js";
import { Ignoring } from "./ignoring.js";
import { Incoming } from "./incoming.js";
import { Keeping } from "./keeping.js";
import { Levels } from "./levels.js";
import { Log } from "./log.js";
import * as memory from "./memory.js";
import { byId } from "./nodes.js";
import { followOtherTabs } from "./othertabs.js";
import { People } from "./people.js";
import { Places, isTalk, placeOf, remark } from "./places.js";
import { Roster } from "./roster.js";
import { RowMenu } from "./rowmenu.js";
import { Side } from "./side.js";
import { followStanding } from "./standing.js";
import { Unread } from "./unread.js";
import { t } from "./words.js";
import { Wording } from "./wording.js";

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
const asked = placeOf(location.hash);
/** The place that the address named, or empty. */
const wanted = location.hash.length > 1 ? asked : "";
const transport = new URLSearchParams(location.search).get("transport") ?? "";
const chat = new Chat({
  name: before.token ? before.name : undefined, token: before.token, account: before.account, cookie: true,
  room: (before.account && wanted && !isTalk(wanted)) || before.rooms.includes(asked) ? asked : before.rooms[0], transport,
});
const places = new Places(() => chat.name, before.read, memory.drafts());
const here = () => places.here;
const log = new Log(() => {
  const { line, mark } = places.view(here());
  return {
    name: chat.name, line, returned: mark !== undefined, calls: event => places.callsUs(event),
    again: end => (end.type === "break" ? going.more(end) : earlier.again(end)),
  };
}, () => {
  if (log.stuck) incoming.read(here());
  unread.showNewer();
  void earlier.fill();
}, () => {
  unread.hideNewer();
  if (attending()) incoming.read(here());
});
/** @type {typeof import("./suggestions.js") | undefined} */
let suggestions;
/** @type {Composer} */
const composer = new Composer({
  place: here,
  name: () => chat.name,
  take: name => chat.nick(name),
  carryOut: (text, place) => carryOut({
    chat, places, composer, going, ignore, keep: (there, shown) => incoming.keep(there, shown), menus: withMenus,
  }, text, place),
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
watchCopying(byId("scroll", HTMLElement), complain);
const keeping = new Keeping(chat, places, composer, here);
demandsBy(complain, () => keeping.reload());
/** @type {import("./menus.js").Menus | undefined} */
let menus;
const signing = /** @type {import("./arrival.js").Opening} */ ({
  signIn: given => void withMenus(menus => menus.signing.signIn(given)), opened: found => void withMenus(menus => menus.signing.opened(found)),
});
/** @type {Side} */
const side = new Side({
  go: room => going.visit(room).then(() => composer.focus()), follow: place => going.follow(place), list: () => void listRooms(), complain,
});
const people = new People({
  write: name => (side.open(false), going.writeTo(name)), menu: (button, name) => void withMenus(menus => menus.ofPerson(button, name)),
});
const unread = new Unread({ chat, places, log, side, here, toNewest: () => going.toNewest() });
const earlier = new Earlier(chat, places, log, here, () => wording.empty());
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
const wording = new Wording({ chat, places, roster, log, connection, people, composer, here });
const ignoring = new Ignoring(chat, places, before.ignores, () => log.show(places.view(here()).shown));
const arrival = new Arrival(chat, places, signing, link, {
  wanted, here, visit: room => going.visit(room), complain, talks: () => {
    unread.show();
    if (isTalk(here())) void earlier.fill();
  },
});
const incoming = new Incoming({
  chat, places, log, bell, composer, connection, keeping, levels, roster, unread, wording, ownNames, go: place => going.go(place), show: place => going.show(place),
});
const going = new Going({
  chat, places, log, roster, composer, connection, side, keeping, earlier, unread, wording, incoming, anywhere: () => void withMenus(menus => menus.goTo.anywhere()),
});
/** The server's unread counts, until the first catch-up is done. @type {Record<string, number>} */
let counted = {};

wording.self();
composer.showName(chat.name || before.name, "");
for (const room of before.account ? [] : before.rooms) if (room !== chat.room) void going.visit(room, false).catch(tell);
places.here = isTalk(asked) ? asked : chat.room;
composer.write(places.view(here()).draft);
going.show(here());
if (asked !== here() && !before.account) going.go(asked);
if (matchMedia("(pointer: fine)").matches) composer.focus();
// A first visit loads no more than it needs.
if (before.token) void quietly(() => import("./push.js"), ({ Push }) => (push = new Push(chat, levels, bell)).begin());

followStanding({
  chat, places, composer, keeping, roster, ignoring, wording, signing, arrival, bell, here, ownNames, incoming, going, unread,
  counted: unread => (counted = connection.online ? {} : unread),
});
chat.on("state", now => {
  connection.show(now);
  if (now.state !== "connecting") places.outage(now.state !== "online");
  if (now.state !== "online") return;
  log.busy = false;
  for (const [room, unread] of Object.entries(counted)) if (room !== here() || !log.stuck) places.countedElsewhere(room, unread);
  counted = {};
  void arrival.come().then(() => going.jumpToSought());
  if (places.returning) void chat.about().then(({ text }) => composer.bound(text), () => {});
  places.returning = false;
  unread.show();
  wording.empty();
  void roster.refresh();
  void earlier.fill();
});

/** Load the menus if they are not here yet, and use them. @template R @param {(menus: import("./menus.js").Menus) => R} use */
async function withMenus(use) {
  // At once, so that no key goes elsewhere.
  if (menus) return use(menus);
  return opening(async () => {
    const [{ Menus }] = await Promise.all([import("./menus.js"), styled("menus.css")]);
    return menus ??= new Menus({
      chat, places, roster, composer, keeping, ignoring, levels, bell, push: () => push, here, going, ignore, complain: tell,
    });
  }, use);
}

async function listRooms() {
  if (!(await roster.list())) return;
  side.suggest(roster.others);
  composer.suggest();
}

followOtherTabs({ chat, places, keeping, going, unread });

/** @param {string} name @param {boolean} yes whether to ignore them, or to hear them again */
async function ignore(name, yes) {
  await ignoring.ignore(name, yes);
  incoming.keep(here(), remark("remark", t(yes ? "ignored.now" : "ignored.over", { name })));
}
