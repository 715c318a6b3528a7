/** The page: shows the events of `Chat`, and passes what is typed to `Chat`. */

import { Chat } from "./chat.js";
import { wordsOf } from "./advice.js";
import { Bell, attending } from "./bell.js";
import { parse, waysOn } from "./commands.js";
import { Composer } from "./composer.js";
import { Connection } from "./connection.js";
import { Earlier } from "./earlier.js";
import { Log } from "./log.js";
import * as memory from "./memory.js";
import { byId, linked } from "./nodes.js";
import { Places, isTalk, remark, talkWith } from "./places.js";
import { Roster } from "./roster.js";
import { Side } from "./side.js";

/** @typedef {import("./chat.js").ChatEvent} ChatEvent */
/** @typedef {import("./places.js").Shown} Shown */

/** Milliseconds after which read marks are stored. */
const SAVING = 300;

byId("unloaded", HTMLElement).remove();
const newer = byId("newer", HTMLButtonElement);

const before = memory.person();
/** The user's present and former names, from which a private message may come. */
const ownNames = new Set(before.names);
/** The current place, of `Places`. */
let here = placeOfHash();
const transport = new URLSearchParams(location.search).get("transport") ?? "";
const chat = new Chat({
  name: before.token ? before.name : undefined, token: before.token, room: before.rooms.includes(here) ? here : before.rooms[0], transport,
});
const places = new Places(() => chat.name, before.read, memory.drafts());
const log = new Log(() => ({ name: chat.name, line: places.view(here).line, calls, again: gap => earlier.again(gap) }), () => {
  if (log.stuck) read(here);
  showNewer();
  void earlier.fill();
}, () => {
  newer.hidden = true;
  if (attending()) read(here);
});
const composer = new Composer({
  place: () => here,
  name: () => chat.name,
  take: name => chat.nick(name),
  carryOut,
  turn: pages => log.turn(pages),
  shown: () => {
    if (log.stuck) log.toBottom();
    rememberDrafts();
  },
  waysOn: (left, right, asked) => {
    const others = [...roster.people].filter(name => name !== chat.name);
    return waysOn(left, right, others, roster.others, asked);
  },
  typed: text => {
    if (/^\/join\s/i.test(text)) void listRooms();
  },
}, (place, text) => {
  const there = places.view(place);
  there.draft = there.draft ? `${text}\n${there.draft}` : text;
});
const complain = composer.complain.bind(composer);
const side = new Side({ go: room => visit(room).then(() => composer.focus()), write: writeTo, list: () => void listRooms(), complain });
const earlier = new Earlier(chat, places, log, () => here, showEmpty);
const bell = new Bell(complain);
const connection = new Connection(() => chat.retry());
const roster = new Roster(chat, {
  changed: () => {
    showPeople();
    showTopic();
  },
  looked: ({ room, here }) => {
    places.reconcile(room, here);
    return places.view(room).shown;
  },
});
/** Whether this page is about to close, and nothing of it is stored. */
let gone = false;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let saving;

composer.showName(chat.name || before.name, "");
for (const room of before.rooms) if (room !== chat.room) void visit(room, false).catch(error => complain(wordsOf(error)));
if (isTalk(here)) {
  show(here);
} else {
  const wanted = here;
  show(here = chat.room);
  if (wanted !== here) go(wanted);
}
if (matchMedia("(pointer: fine)").matches) before.token ? composer.focus() : composer.focusName();

// -- events of the chat -----------------------------------------------------------------------

for (const type of /** @type {const} */ (["message", "action", "join", "leave", "nick", "topic", "notice"])) {
  chat.on(type, event => {
    keep(event.room, event);
    if (event.room === chat.room) roster.follow(event);
  });
}
chat.on("private", event => {
  const ours = event.from === chat.name || (event.to !== chat.name && ownNames.has(event.from));
  const other = ours ? event.to : event.from;
  places.view(talkWith(other), other);
  keep(talkWith(other), event);
  showUnread();
});
chat.on("nick", ({ from, to, id }) => {
  if (!places.rename(from, to, id)) return;
  if (here === talkWith(from)) show(talkWith(to));
  showUnread();
});
chat.on("gap", () => {
  for (const room of chat.rooms) keep(room, remark("gap", "Some of what happened here was missed."));
  void roster.refresh();
});
chat.on("session", ({ name, token }) => {
  const former = memory.person();
  if (token !== former.token) complain("");
  composer.showName(name, former.name);
  ownNames.add(name);
  memory.remember(person => {
    person.names = [...person.names.filter(one => one !== name), name];
    Object.assign(person, { name, token, rooms: withHere(person.rooms) });
  });
  showPeople();
  invite();
});
chat.on("error", error => {
  if (error.code === "sign-in") return complain(wordsOf(error), ["Sign in again", reload]);
  if (error.code !== "name-in-use") return complain(wordsOf(error));
  complain(`${wordsOf(error)}. (Or wait: it may still be held by you, and will be asked for again.)`);
  composer.focusName();
});
chat.on("state", now => {
  connection.show(now);
  if (now.state !== "connecting") places.outage(now.state !== "online");
  if (now.state !== "online") return;
  log.busy = false;
  showUnread();
  showEmpty();
  void roster.refresh();
  void earlier.fill();
});

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
  if (place === here && log.stuck && attending()) {
    if ("id" in event) read(place, event.id);
  } else if (places.count(place, event)) {
    if (first && place === here) log.removeLine();
    if (calls(event) && places.isNews(event)) {
      const title = event.type === "private" ? `Private message from ${event.from}` : `${event.from} in #${place}`;
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
  showEmpty();
}

/** @param {Shown} event */
function calls(event) {
  return places.callsUs(event);
}

/** A place was read, up to an event. @param {string} place @param {number} [id] */
function read(place, id) {
  if (places.markRead(place, id)) showUnread();
  saving ??= setTimeout(rememberRead, SAVING);
}

/** @param {string} place */
function removeLine(place) {
  places.view(place).line = undefined;
  if (place === here) log.removeLine();
}

/** @param {string} place */
function show(place) {
  if (place !== here) {
    const left = places.view(here);
    left.draft = composer.text;
    if (!left.unread) left.line = undefined;
    complain("");
  }
  here = place;
  if (!isTalk(place)) chat.room = place;
  const { shown, draft, title } = places.view(place);
  composer.write(draft);
  byId("room", HTMLElement).textContent = title;
  history.replaceState(null, "", `#${encodeURIComponent(place)}`);
  roster.clear();
  invite();
  showUnread();
  side.showCurrent();
  log.show(shown);
  composer.showWaiting();
  showEmpty();
  if (connection.online) void roster.refresh(), void earlier.fill();
}

function showEmpty() {
  const { title, all } = places.view(here);
  const empty = byId("empty", HTMLElement);
  empty.textContent = isTalk(here) ? `Nothing has been said between you and ${title} yet.` : "Nothing has been said here yet.";
  empty.hidden = !log.empty || !connection.online;
  const begin = byId("begin", HTMLElement);
  begin.textContent = isTalk(here) ? `This is where your private messages with ${title} begin.` : `This is where ${title} begins.`;
  begin.hidden = !all || log.empty;
}

/** Update all unread counts. */
function showUnread() {
  /** @param {string} place */
  const entry = place => {
    const { title, unread, called } = places.view(place);
    return { place, title, unread, called: called > 0 };
  };
  const rooms = chat.rooms.map(entry);
  const talks = places.talks.map(entry);
  const total = [...rooms, ...talks].reduce((sum, { unread }) => sum + unread, 0);
  const { unread, title } = places.view(here);
  document.title = `${total ? `(${total}) ` : ""}${isTalk(here) ? `${title} (private)` : title}`;
  newer.textContent = unread ? `${unread} new message${unread === 1 ? "" : "s"} ↓` : "Latest messages ↓";
  showNewer();
  side.showPlaces(rooms, talks, here);
}

/** The button that scrolls to the bottom: shown far from it, or if there are new messages. */
function showNewer() {
  newer.hidden = log.stuck || (!places.view(here).unread && !log.far);
}

function showTopic() {
  const topic = byId("topic", HTMLElement);
  const shown = isTalk(here) ? `Private: only ${places.view(here).title} and you read this, and the server does not keep it.` : roster.topic;
  topic.replaceChildren(...linked(shown));
  topic.title = shown;
}

function showPeople() {
  const { people } = roster;
  const where = isTalk(here) ? `in #${chat.room}` : "here";
  side.showPeople(people.size ? `${people.size} ${where}` : `People ${where}`, people, chat.name);
}

/** Update the placeholders of the boxes. */
function invite() {
  const { title } = places.view(here);
  const text = isTalk(here) ? `Write to ${title} only` : `Message ${title} · /help`;
  composer.invite(chat.name ? text : "Choose a name, and write", isTalk(here));
}

newer.addEventListener("click", () => {
  log.toBottom();
  composer.focus();
});
document.addEventListener("visibilitychange", attend);
addEventListener("focus", attend);
addEventListener("blur", attend);

function attend() {
  if (!attending()) {
    if (!places.view(here).unread) removeLine(here);
    rememberDrafts();
  } else if (log.stuck) {
    read(here);
  }
}

// -- what is remembered ----------------------------------------------------------------------

addEventListener("pagehide", () => {
  rememberRead();
  rememberDrafts();
});
addEventListener("beforeunload", event => {
  if (composer.unsaid.size && !gone) event.preventDefault();
});

function rememberRead() {
  clearTimeout(saving);
  saving = undefined;
  if (gone) return;
  memory.remember(person => {
    for (const [place, id] of places.marks) person.read.set(place, Math.max(id, person.read.get(place) ?? 0));
  });
}

/** A browser, above all on a phone, may discard a tab and load it anew: texts that were not sent are in the box again. */
function rememberDrafts() {
  if (gone) return;
  places.view(here).draft = composer.text;
  /** @type {Map<string, string>} */
  const drafts = new Map();
  for (const [place, text] of [...[...composer.unsaid].map(({ place, text }) => [place, text]), ...places.drafts]) {
    if (place && text) drafts.set(place, drafts.has(place) ? `${drafts.get(place)}\n${text}` : text);
  }
  memory.rememberDrafts(drafts);
}

/** The rooms that were remembered, and those that we are in. @param {string[]} rooms */
function withHere(rooms) {
  return [...new Set([...rooms, ...chat.rooms])];
}

// All tabs are one person.
memory.onChange(({ name, token, rooms, read }) => {
  if (gone) return;
  if (!token && chat.name) return void chat.close({ quiet: true }).then(reload);
  if (token && !chat.name) void chat.nick(name).catch(() => {});
  for (const room of rooms) if (!chat.rooms.includes(room)) void visit(room, false).catch(() => {});
  for (const room of rooms.length ? chat.rooms : []) if (!rooms.includes(room)) void leave(room).catch(() => {});
  let changed = false;
  for (const [place, id] of read) if (places.markRead(place, id)) changed = true;
  if (changed) showUnread();
});

function reload() {
  rememberDrafts();
  gone = true;
  location.reload();
}

// -- going about -----------------------------------------------------------------------------

function placeOfHash() {
  try {
    return decodeURIComponent(location.hash.slice(1)) || "lobby";
  } catch {
    return "lobby";
  }
}

addEventListener("hashchange", () => {
  side.open(false);
  go(placeOfHash());
});
addEventListener("keydown", event => {
  if (event.key === "Escape") side.open(false), complain("");
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
  const room = chat.rooms.includes(place) ? place : await chat.join(place);
  // Messages from before the user joined are not unread.
  if (!places.wasRead(room)) removeLine(room), read(room);
  memory.remember(person => void (person.rooms = withHere(person.rooms)));
  if (look && room !== here) show(room);
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
  if (!chat.rooms.includes(place) && !isTalk(place)) throw new Error(`You are not in #${place}`);
  const next = chat.rooms.find(room => room !== place) ?? chat.room;
  if (!isTalk(place)) {
    await chat.leave(place);
    memory.remember(person => void (person.rooms = person.rooms.filter(room => room !== place)));
  }
  if (here === place) await visit(isTalk(place) ? chat.room : next);
  else if (chat.room === place) chat.room = next;
  places.forget(place);
  showUnread();
}

async function quit() {
  gone = true;
  // The other tabs end by that.
  memory.remember(person => Object.assign(person, { token: "", rooms: [], read: new Map() }));
  memory.rememberDrafts(new Map());
  await chat.close({ everywhere: true });
  location.reload();
}

/** Do what was typed in a place. Throws what is wrong with it. @param {string} text @param {string} place */
async function carryOut(text, place) {
  const deed = parse(text);
  const talk = isTalk(place) ? places.view(place).title : "";
  if (talk && ["act", "topic"].includes(deed.do)) throw new Error("That works in rooms only, and this is a private conversation");
  switch (deed.do) {
    case "say":
      return void (await composer.post(deed.text, place, () => (talk ? chat.tell(talk, deed.text) : chat.send(deed.text, place))));
    case "act": return void (await composer.post(deed.text, place, () => chat.act(deed.text, place)));
    case "tell":
      if (deed.text.trim()) await composer.post(deed.text, place, () => chat.tell(deed.to, deed.text));
      return writeTo(deed.to);
    case "nick": return void (await chat.nick(deed.name));
    case "topic": {
      if (deed.text !== undefined) return void (await chat.topic(deed.text, place));
      const { topic } = await chat.look(place);
      return keep(place, remark("remark", topic ? `The topic is: ${topic}` : "There is no topic yet; /topic TEXT sets one."));
    }
    case "join": return visit(deed.room);
    case "leave": return leave(deed.room === undefined ? place : deed.room.toLowerCase());
    case "quit": return quit();
    case "help": return keep(place, remark("help", ""));
  }
}
