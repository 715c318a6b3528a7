/** The page: what `Chat` tells is shown, what is typed goes to `Chat`. */

import { Chat, ChatError } from "./chat.js";
import { HELP, waysOn } from "./commands.js";
import { Hints } from "./hints.js";
import { byId, clockFace, face, linked, make, person, words } from "./nodes.js";

/** @typedef {import("./chat.js").ChatEvent} ChatEvent */
/** What only this page has to say. @typedef {{type: "gap" | "help", text: string, time: string}} Remark */
/**
 * A room as it is shown. `called`: how many of the unread speak to us. `line`: what the unread line stands before.
 * `all`: nothing earlier is to be had.
 * @typedef {{
 *   shown: (ChatEvent | Remark)[], unread: number, called: number, line?: ChatEvent | Remark, all: boolean, loading: boolean,
 *   draft: string,
 * }} View
 */

/** Rows kept of a room, as long as nobody looks further up. */
const KEPT = 1000;
/** Events that are asked for at once when somebody does. */
const PAGE = 100;
/** Milliseconds for which a sender's name stands for what follows. */
const TOGETHER = 5 * 60_000;

const scroll = byId("scroll", HTMLElement);
const log = byId("log", HTMLElement);
const pending = byId("pending", HTMLElement);
const newer = byId("newer", HTMLButtonElement);
const nameBox = byId("name", HTMLInputElement);
const box = byId("message", HTMLTextAreaElement);
const side = byId("side", HTMLElement);
const menu = byId("menu", HTMLButtonElement);
const bell = byId("notify", HTMLButtonElement);
const state = byId("state", HTMLElement);

/**
 * What this tab was; another tab is somebody else. `drafts`: by room, what was typed and is not said.
 * @type {{name?: string, token?: string, rooms?: string[], read?: Record<string, number>, drafts?: Record<string, string>}}
 */
const tab = JSON.parse(recall("sessionStorage") ?? "{}");
const hash = roomOfHash();
const transport = new URLSearchParams(location.search).get("transport") ?? "";
const chat = new Chat({ name: tab.name, token: tab.token, room: tab.rooms?.includes(hash) ? hash : undefined, transport });

/** @type {Map<string, View>} */
const views = new Map();
/** @type {Set<string>} */
let people = new Set();
/** @type {string[]} */
let everyRoom = [];
/** The id up to which `people` and the topic are known. */
let known = 0;
/** Whether the reader is at the bottom, and whether we are about to go there again, once for all that came together. */
let stuck = true;
let due = false;
/** @type {Set<{room: string, text: string}>} what was sent off and is not said yet */
const unsaid = new Set();
let retryAt = 0;
/** @type {{name: string, done: Promise<boolean>} | undefined} */
let naming;
const hints = new Hints(box, byId("hints", HTMLElement), (before, after, asked) => {
  const others = [...people].filter(name => name !== chat.name);
  return waysOn(before, after, others, everyRoom.filter(room => !chat.rooms.includes(room)), asked);
}, write);

nameBox.value = tab.name ?? recall("localStorage") ?? "";
showRoom(chat.room);
for (const room of new Set([...(tab.rooms ?? ["lobby"]), hash])) if (room !== chat.room) void visit(room, room === hash);
if (matchMedia("(pointer: fine)").matches) (tab.token ? box : nameBox).focus();

// -- what the chat tells ---------------------------------------------------------------------

for (const type of /** @type {const} */ (["message", "action", "join", "leave", "nick", "topic", "notice"])) {
  chat.on(type, event => {
    keep(event.room, event);
    if (event.room === chat.room) follow(event);
  });
}
chat.on("private", event => keep(chat.room, event));
chat.on("gap", () => {
  for (const room of chat.rooms) keep(room, remark("gap", "Some of what happened here was missed."));
  void refresh();
});
chat.on("session", ({ name, token }) => {
  if (document.activeElement !== nameBox) nameBox.value = name;
  store("localStorage", name);
  if (token !== tab.token) complain("");
  remember({ name, token });
  showPeople();
  invite();
});
chat.on("error", error => {
  if (error.code !== "name-in-use") return complain(wordsOf(error));
  complain(`${wordsOf(error)}. (Or wait: it may still be held by you, and will be asked for again.)`);
  nameBox.focus();
});
chat.on("state", now => {
  state.dataset.state = now.state;
  state.dataset.transport = now.transport;
  state.title = `Connected over ${{ websocket: "a WebSocket", sse: "server-sent events" }[now.transport] ?? "long polls"}`;
  if (now.state !== "online") state.title = "";
  byId("state-word", HTMLElement).textContent = now.state[0]?.toUpperCase() + now.state.slice(1);
  // Without a network it goes on when there is one, whatever the clock says.
  retryAt = now.retryIn && now.state !== "offline" ? Date.now() + now.retryIn * 1000 : 0;
  countDown();
  if (now.state !== "online") return;
  log.ariaBusy = "false";
  showRooms();
  showEmpty();
  void refresh();
  void fill();
});
setInterval(countDown, 1000);
setInterval(refresh, 60_000);

function countDown() {
  const left = Math.ceil((retryAt - Date.now()) / 1000);
  const retry = byId("retry", HTMLElement);
  retry.hidden = left <= 0;
  retry.textContent = `in ${left} s`;
}
byId("retry", HTMLElement).addEventListener("click", () => chat.retry());

/** Keep the people and the topic up to date. @param {ChatEvent} event */
function follow(event) {
  if (event.id <= known) return;
  if (event.type === "join") people.add(event.from);
  else if (event.type === "leave") people.delete(event.from);
  else if (event.type === "nick") people.delete(event.from), people.add(event.to);
  else if (event.type === "topic") showTopic(event.text);
  else if (event.type === "notice") return void refresh();
  else return;
  showPeople();
}

async function refresh() {
  const asked = chat.room;
  const [room, rooms] = await Promise.all([chat.look(asked), chat.list()].map(one => one.catch(() => undefined)))
    .then(([one, all]) => /** @type {[import("./chat.js").Room?, {room: string}[]?]} */ ([one, all]));
  if (rooms) {
    everyRoom = rooms.map(one => one.room);
    const others = everyRoom.filter(one => !chat.rooms.includes(one));
    byId("all-rooms", HTMLElement).replaceChildren(...others.map(one => new Option("", one)));
  }
  if (!room || asked !== chat.room) return;
  people = new Set(room.here);
  known = room.last ?? 0;
  showTopic(room.topic);
  // What was told faster than this was answered.
  for (const event of view(asked).shown) if ("room" in event && event.type !== "notice") follow(event);
  showPeople();
}

// -- what is shown ---------------------------------------------------------------------------

/** @param {string} room @returns {View} */
function view(room) {
  const found = views.get(room)
    ?? { shown: [], unread: 0, called: 0, all: false, loading: false, draft: tab.drafts?.[room] ?? "" };
  views.set(room, found);
  return found;
}

/** @param {string} room @param {ChatEvent | Remark} event */
function keep(room, event) {
  const seen = view(room);
  const { shown } = seen;
  // What was looked up in the history as the newest there is may be told after all.
  if ("id" in event && shown.some(one => "id" in one && one.id === event.id)) return;
  shown.push(event);
  const looking = room === chat.room && stuck && !document.hidden;
  if (looking) read(room, event);
  else if (isNews(event) && event.id > (tab.read?.[room] ?? 0)) {
    if (!seen.unread++) setLine(room, event);
    if (callsMe(event)) {
      seen.called++;
      tellAloud(room, event);
    }
    showUnread();
  }
  if (room !== chat.room || stuck) trim(room);
  if (room !== chat.room) return;
  log.append(...rows(event, shown.at(-2)));
  showEmpty();
  if (stuck && !due) queueMicrotask(toBottom), (due = true);
}

/** Whether somebody else said something. @param {ChatEvent | Remark} event @returns {event is Extract<ChatEvent, {from: string, text: string}>} */
function isNews(event) {
  return ["message", "action", "private"].includes(event.type) && "from" in event && event.from !== chat.name;
}

/** @param {ChatEvent | Remark} event */
function callsMe(event) {
  if (!chat.name || !isNews(event)) return false;
  const name = chat.name.replace(/[.[\]{}|^]/g, "\\$&");
  return event.type === "private" || new RegExp(`(?<![\\p{L}\\p{N}_-])${name}(?![\\p{L}\\p{N}_-])`, "iu").test(event.text);
}

/** Do not keep everything. @param {string} room */
function trim(room) {
  const seen = view(room);
  while (seen.shown.length > KEPT) {
    seen.shown.shift();
    seen.all = false;
    if (room === chat.room) dropFirst();
  }
}

/** Take the first event off the log, with what stands before it. */
function dropFirst() {
  for (let last = false; !last && log.firstElementChild; ) {
    last = log.firstElementChild.classList.contains("event");
    log.firstElementChild.remove();
  }
}

/** Everything in a room was read, up to an event. @param {string} room @param {ChatEvent | Remark} [event] */
function read(room, event = view(room).shown.filter(one => "id" in one).at(-1)) {
  const seen = view(room);
  if (event && "id" in event) (tab.read ??= {})[room] = Math.max(event.id, tab.read[room] ?? 0);
  if (!seen.unread) return;
  seen.unread = seen.called = 0;
  showUnread();
}

/** @param {string} room @param {ChatEvent | Remark} [event] */
function setLine(room, event) {
  view(room).line = event;
  if (room === chat.room) log.querySelector(".line")?.remove();
}

/** @param {string} room */
function showRoom(room) {
  if (room !== chat.room) {
    view(chat.room).draft = box.value;
    if (!view(chat.room).unread) setLine(chat.room);
  }
  write(view(room).draft);
  chat.room = room;
  const { shown } = view(room);
  log.ariaBusy = "true";
  log.replaceChildren(...shown.flatMap((event, place) => rows(event, shown[place - 1])));
  byId("room", HTMLElement).textContent = `#${room}`;
  showTopic("");
  people = new Set();
  showPeople();
  byId("count", HTMLElement).textContent = "People";
  invite();
  showUnread();
  showOwnRoom();
  toBottom();
  const line = log.querySelector(".line");
  if (line instanceof HTMLElement) scroll.scrollTop = Math.min(scroll.scrollTop, line.offsetTop - scroll.offsetTop - 40);
  settle();
  if (state.dataset.state === "online") showEmpty(), void refresh(), void fill();
}

/** Screen readers are to speak again, but not of what was put in just now. */
function settle() {
  requestAnimationFrame(() => (log.ariaBusy = "false"));
}

function showEmpty() {
  byId("empty", HTMLElement).hidden = log.childElementCount > 0 || state.dataset.state !== "online";
  const begin = byId("begin", HTMLElement);
  begin.textContent = `This is where #${chat.room} begins.`;
  begin.hidden = !view(chat.room).all || !log.childElementCount;
}

/** Have more than the window shows. */
async function fill() {
  if (scroll.scrollTop < 1.5 * scroll.clientHeight) await loadEarlier();
}

/** The id of the earliest event that is shown. @param {View} view */
function firstOf({ shown }) {
  const first = shown.find(event => "room" in event);
  return first && "id" in first ? first.id : Number.MAX_SAFE_INTEGER;
}

/** Put earlier events before those that are shown; what one looks at stays where it is. */
async function loadEarlier() {
  const room = chat.room;
  const seen = view(room);
  if (seen.loading || seen.all) return;
  const first = firstOf(seen);
  seen.loading = true;
  const found = await chat.earlier(first, room, PAGE).catch(() => undefined);
  seen.loading = false;
  if (!found || firstOf(seen) > first) return;
  // Where there was nothing yet, some of it may have been told meanwhile.
  const events = found.filter(({ id }) => id < firstOf(seen));
  // A page may be shorter than was asked for: the server sends at most 256 KiB.
  seen.all = !found.length;
  const [oldest] = seen.shown;
  seen.shown.unshift(...events);
  if (room !== chat.room) return;
  log.ariaBusy = "true";
  // In fractions of a pixel, unlike `scrollHeight`.
  const end = () => pending.getBoundingClientRect().top;
  const before = end();
  if (oldest) dropFirst();
  log.prepend(...seen.shown.slice(0, events.length + 1).flatMap((event, place, all) => rows(event, all[place - 1])));
  showEmpty();
  if (stuck) toBottom();
  else scroll.scrollTop += end() - before;
  settle();
}

function showRooms() {
  const scrolled = byId("rooms", HTMLElement).scrollTop;
  byId("rooms", HTMLElement).replaceChildren(...chat.rooms.map(room => {
    const link = document.createElement("a");
    link.href = link.title = `#${room}`;
    link.append(make("bdi", "", `#${room}`));
    const { unread, called } = view(room);
    if (unread) {
      const badge = make("span", called ? "badge called" : "badge", `${unread}`);
      badge.append(make("span", "heard", " new"));
      link.append(badge);
    }
    if (room === chat.room) link.ariaCurrent = "page";
    return make("li", "", link);
  }));
  byId("rooms", HTMLElement).scrollTop = scrolled;
}

/** See which room one is in, however many there are. */
function showOwnRoom() {
  byId("rooms", HTMLElement).querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });
}

/** Unread counts, wherever they stand. */
function showUnread() {
  const total = chat.rooms.reduce((sum, room) => sum + view(room).unread, 0);
  const own = view(chat.room).unread;
  document.title = `${total ? `(${total}) ` : ""}#${chat.room}`;
  const elsewhere = byId("elsewhere", HTMLElement);
  elsewhere.textContent = `${total - own}`;
  elsewhere.classList.toggle("called", chat.rooms.some(room => room !== chat.room && view(room).called));
  elsewhere.hidden = total === own;
  newer.textContent = own ? `${own} new message${own === 1 ? "" : "s"} ↓` : "Latest messages ↓";
  showNewer();
  showRooms();
}

/** @param {string} text */
function showTopic(text) {
  const topic = byId("topic", HTMLElement);
  topic.replaceChildren(...linked(text));
  topic.title = text;
}

function showPeople() {
  byId("count", HTMLElement).textContent = people.size ? `${people.size} here` : "Nobody is here";
  const sorted = [...people].sort((a, b) => a.localeCompare(b));
  byId("people", HTMLElement).replaceChildren(...sorted.map(name => {
    if (name === chat.name) return make("li", "self", person(name));
    const button = make("button", "plain", person(name));
    button.title = `Write to ${name} privately`;
    // There may be hundreds, and keys have /msg.
    button.tabIndex = -1;
    button.addEventListener("click", () => writeTo(name));
    return make("li", "", button);
  }));
}

/** Say in the boxes what they are for, now and here. */
function invite() {
  box.placeholder = chat.name ? `Message #${chat.room} · /help` : "Choose a name, and write";
}

/** An event as rows of the log, the last of them its own. @param {ChatEvent | Remark} event @param {ChatEvent | Remark} [before] */
function rows(event, before) {
  const time = new Date(event.time);
  const day = time.toDateString();
  const found = [];
  if (day !== (before ? new Date(before.time) : new Date()).toDateString()) {
    found.push(make("p", "day", time.toLocaleDateString([], { dateStyle: "full" })));
  }
  if (event === view(chat.room).line) found.push(make("p", "line", "New"));
  const said = event.type === "message" || event.type === "private";
  const kinds = ["event", event.type, said ? "said" : "aside"];
  if ("from" in event && event.from === chat.name && (said || event.type === "action")) kinds.push("own");
  if (callsMe(event) && event.type !== "private") kinds.push("mention");
  if (!found.length && event.type === "message" && before?.type === "message" && before.from === event.from
    && +time - +new Date(before.time) < TOGETHER) kinds.push("more");
  const element = make("div", kinds.join(" "));
  if (said && !kinds.includes("more")) element.append(face(event.from));
  const clock = make("time", "", time.toLocaleTimeString([], { hour: "numeric", minute: "2-digit" }));
  clock.setAttribute("datetime", event.time);
  clock.title = time.toLocaleString();
  if (said) {
    const who = make("p", "who", person(event.from));
    if (event.type === "private") who.append(make("span", "quiet", "privately to"), person(event.to));
    who.append(clock);
    element.append(who, words(event.text));
    if (kinds.includes("more")) element.title = clock.title;
  } else if (event.type === "help") {
    element.append(make("dl", "", ...HELP.flatMap(([what, about]) => [make("dt", "", what), make("dd", "", about)])));
  } else {
    element.append(make("p", "text", ...deed(event)));
    if (event.type === "gap") element.append(again(event));
    else element.lastChild?.appendChild(clock);
    element.title = clock.title;
  }
  return [...found, element];
}

/** A way to what was missed, as far as the server has it: forget what stands above, and scroll up. @param {Remark} gap */
function again(gap) {
  const button = make("button", "plain", "Read it now");
  button.addEventListener("click", () => {
    const seen = view(chat.room);
    for (let last; last !== gap; dropFirst()) last = seen.shown.shift();
    seen.all = false;
    scroll.scrollTop = 0;
    void fill();
  });
  return button;
}

/** What happened, in words. @param {Exclude<ChatEvent | Remark, {type: "message" | "private" | "help"}>} event @returns {(Node | string)[]} */
function deed(event) {
  const text = make("bdi", "", ...("text" in event ? linked(event.text) : []));
  if (!("from" in event)) return [text];
  const who = person(event.from);
  switch (event.type) {
    case "action": return [who, " ", text];
    case "join": return [who, " joined"];
    case "leave": return event.text ? [who, " left: ", text] : [who, " left"];
    case "nick": return [who, " is now ", person(event.to)];
    case "topic": return event.text ? [who, " set the topic: ", text] : [who, " cleared the topic"];
  }
}

/** @param {"gap" | "help"} type @param {string} text @returns {Remark} */
function remark(type, text) {
  return { type, text, time: new Date().toISOString() };
}

/** The way down, from a good way up or if there is news. */
function showNewer() {
  newer.hidden = stuck || (!view(chat.room).unread && below() < scroll.clientHeight);
}

/** How much there is below the window. */
function below() {
  return scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight;
}

function toBottom() {
  scroll.scrollTop = scroll.scrollHeight;
  stuck = true;
  due = false;
  newer.hidden = true;
  if (!document.hidden) read(chat.room);
}

scroll.addEventListener("scroll", () => {
  stuck = below() < 40;
  if (stuck) read(chat.room);
  showNewer();
  void fill();
});
new ResizeObserver(() => stuck && toBottom()).observe(scroll);
newer.addEventListener("click", () => {
  toBottom();
  box.focus();
});
document.addEventListener("visibilitychange", () => {
  if (document.hidden) {
    if (!view(chat.room).unread) setLine(chat.room);
  } else if (stuck) read(chat.room);
  rememberDrafts();
});
addEventListener("pagehide", rememberDrafts);

// -- being told while looking elsewhere -----------------------------------------------------

const canNotify = "Notification" in window && Notification.permission !== "denied";
bell.hidden = !canNotify;
bell.ariaPressed = `${canNotify && Notification.permission === "granted" && recall("localStorage", "chatd.notify") === "yes"}`;
bell.addEventListener("click", async () => {
  const wanted = bell.ariaPressed !== "true" && (await Notification.requestPermission()) === "granted";
  bell.ariaPressed = `${wanted}`;
  store("localStorage", wanted ? "yes" : "no", "chatd.notify");
});

/** @param {string} room @param {Extract<ChatEvent, {from: string, text: string}>} event */
function tellAloud(room, event) {
  if (bell.ariaPressed !== "true" || !document.hidden) return;
  try {
    const note = new Notification(`${event.from} in #${room}`, { body: event.text.slice(0, 200), tag: room, icon: "icon.svg" });
    note.onclick = () => {
      window.focus();
      void visit(room);
    };
  } catch {
    // Some phones only let service workers do it.
  }
}

// -- going about -----------------------------------------------------------------------------

function roomOfHash() {
  try {
    return decodeURIComponent(location.hash.slice(1)) || "lobby";
  } catch {
    return "lobby";
  }
}

addEventListener("hashchange", () => {
  openSide(false);
  void visit(roomOfHash());
});
byId("join", HTMLFormElement).addEventListener("submit", event => {
  event.preventDefault();
  const input = byId("join-room", HTMLInputElement);
  const room = input.value.trim().replace(/^#/, "");
  input.value = "";
  openSide(false);
  if (room) void visit(room).then(() => box.focus());
});

/** On narrow screens, where it lies over the rest. @param {boolean} open */
function openSide(open) {
  if (open === side.classList.contains("open")) return;
  side.classList.toggle("open", open);
  menu.ariaExpanded = `${open}`;
  showOwnRoom();
  const own = side.querySelector("[aria-current]");
  if (open && own instanceof HTMLElement) own.focus();
  else if (side.contains(document.activeElement)) menu.focus();
}
menu.addEventListener("click", () => openSide(menu.ariaExpanded !== "true"));
// Whoever points or goes elsewhere is done with it.
for (const type of ["click", "focusin"]) {
  addEventListener(type, ({ target }) => {
    if (target instanceof Node && !side.contains(target) && !menu.contains(target)) openSide(false);
  });
}
addEventListener("keydown", event => {
  if (event.key === "Escape") openSide(false), complain("");
  const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
  if (!step || !event.altKey || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  const { rooms } = chat;
  const next = rooms.at((rooms.indexOf(chat.room) + step) % rooms.length);
  if (next) void visit(next);
});

/** Be in a room, and look at it. @param {string} room @param {boolean} [look] */
async function visit(room, look = true) {
  try {
    const name = chat.rooms.includes(room) ? room : await chat.join(room);
    // What was said before one came is no news.
    if (!tab.read?.[name]) setLine(name), read(name);
    remember({ rooms: chat.rooms });
    if (look && name !== chat.room) showRoom(name);
    showUnread();
  } catch (error) {
    complain(wordsOf(error));
  }
  history.replaceState(null, "", `#${encodeURIComponent(chat.room)}`);
}

async function leave() {
  const left = chat.room;
  const next = chat.rooms.find(room => room !== left);
  await chat.leave(left);
  views.delete(left);
  remember({ rooms: chat.rooms });
  if (next) await visit(next);
}

async function quit() {
  await chat.close();
  // Not even when the page goes is anything of it to be remembered.
  remember({ name: undefined, token: undefined, rooms: undefined, read: undefined, drafts: undefined });
  location.reload();
}

/** A browser may throw a tab away and load it anew, a phone above all. What was not said then stands in the box again. */
function rememberDrafts() {
  view(chat.room).draft = box.value;
  /** @type {Record<string, string>} */
  const drafts = {};
  for (const { room, text } of [...unsaid, ...[...views].map(([room, { draft }]) => ({ room, text: draft }))]) {
    if (text) drafts[room] = drafts[room] ? `${drafts[room]}\n${text}` : text;
  }
  remember({ drafts });
}

/** @param {typeof tab} more */
function remember(more) {
  store("sessionStorage", JSON.stringify(Object.assign(tab, more)));
}

/** What we left there, where the browser lets us. @param {"sessionStorage" | "localStorage"} place @param {string} [key] @returns {string | null} */
function recall(place, key = "chatd") {
  try {
    return window[place].getItem(key);
  } catch {
    return null;
  }
}

/** @param {"sessionStorage" | "localStorage"} place @param {string} text @param {string} [key] */
function store(place, text, key = "chatd") {
  try {
    window[place].setItem(key, text);
  } catch {
    // Then a reload begins anew.
  }
}

// -- what is typed ---------------------------------------------------------------------------

byId("form", HTMLFormElement).addEventListener("submit", event => {
  event.preventDefault();
  void submit();
});
box.addEventListener("keydown", event => {
  if (event.isComposing || event.altKey || hints.handled(event)) return;
  const pages = { PageUp: -1, PageDown: 1 }[event.key];
  if (pages) event.preventDefault(), scroll.scrollBy(0, pages * 0.9 * scroll.clientHeight);
  if (event.key !== "Enter" || event.shiftKey) return;
  event.preventDefault();
  void submit();
});
byId("form", HTMLFormElement).addEventListener("input", () => complain(""));
box.addEventListener("input", () => {
  fit();
  hints.update();
});
nameBox.addEventListener("change", () => void takeName());
nameBox.addEventListener("keydown", event => {
  if (event.key === "Escape") nameBox.value = chat.name;
});
addEventListener("beforeunload", event => {
  if (unsaid.size) event.preventDefault();
});

/** Begin to write to one person only. @param {string} name */
function writeTo(name) {
  openSide(false);
  write(`/msg ${name} ${box.value.replace(/^\/msg\s+\S+\s*/, "")}`);
  box.focus();
}

/** Have another text in the box: what was suggested for the one before is out of place. @param {string} text */
function write(text) {
  box.value = text;
  hints.hide();
  fit();
}

/** For browsers without `field-sizing`. */
function fit() {
  box.rows = Math.min(6, box.value.split("\n").length);
}

async function submit() {
  complain("");
  // What is typed while the name is being taken is another message.
  const text = box.value;
  const words = { room: chat.room, text };
  if (text.trim()) unsaid.add(words);
  write("");
  try {
    if (!(await (text.trim() ? post(text, takeName) : takeName()))) return giveBack(text);
    // Unless one went elsewhere meanwhile.
    if (!side.contains(document.activeElement)) box.focus();
    if (text.trim()) await carryOut(text);
  } catch (error) {
    giveBack(text);
    complain(wordsOf(error));
  } finally {
    unsaid.delete(words);
    if (tab.drafts) rememberDrafts();
  }
}

/** Put a text that could not be sent before what was typed since. @param {string} text */
function giveBack(text) {
  write(box.value && text ? `${text}\n${box.value}` : text || box.value);
}

/** Have the name in the box; one attempt at a time. @returns {Promise<boolean>} */
function takeName() {
  const name = nameBox.value.trim();
  if (name === chat.name || (!name && chat.name)) {
    nameBox.value = chat.name;
    if (!name) complain("Choose a name first."), nameBox.focus();
    return Promise.resolve(name !== "" || chat.name !== "");
  }
  if (naming?.name !== name) naming = { name, done: ask(name) };
  return naming.done;

  /** @param {string} name */
  async function ask(name) {
    try {
      const shown = await chat.nick(name);
      if (nameBox.value.trim() === name) nameBox.value = shown;
      return true;
    } catch (error) {
      if (!(error instanceof ChatError && error.code === "superseded")) complain(wordsOf(error)), nameBox.select();
      return false;
    } finally {
      naming = undefined;
    }
  }
}

/** @param {string} text */
async function carryOut(text) {
  const [, command, rest = ""] = /^\/(?!\/)(\S*)\s*([^]*)$/.exec(text) ?? [];
  switch (command?.toLowerCase()) {
    case undefined: return void (await post(text.replace(/^\/\//, "/"), text => chat.send(text)));
    case "me": return void (await post(rest, text => chat.act(text)));
    case "msg": {
      const [, to = "", words = ""] = /^(\S+)\s+([^]+)$/.exec(rest) ?? [];
      if (!to) throw new Error("Say whom and what: /msg NAME TEXT");
      return void (await post(words, text => chat.tell(to, text)));
    }
    case "nick": return void (await chat.nick(rest.trim()));
    case "topic": return void (await chat.topic(rest));
    case "join": return visit(rest.trim().replace(/^#/, ""));
    case "leave": return leave();
    case "quit": return quit();
    case "help": return keep(chat.room, remark("help", ""));
    default: throw new Error(`There is no command /${command}; /help lists them. To say it as it is, begin with //`);
  }
}

/**
 * Send, and while that takes its time show that it is waiting.
 * @template T @param {string} text @param {(text: string) => Promise<T>} send
 */
async function post(text, send) {
  const note = make("div", "event said own waiting", make("p", "who", clockFace(), "Not sent yet"), words(text));
  const timer = setTimeout(() => {
    pending.append(note);
    toBottom();
  }, 500);
  try {
    return await send(text);
  } finally {
    clearTimeout(timer);
    note.remove();
  }
}

/** @param {string} text */
function complain(text) {
  const problem = byId("problem", HTMLElement);
  problem.textContent = text;
  problem.hidden = !text;
}

/** @param {unknown} error */
function wordsOf(error) {
  const text = error instanceof Error ? error.message : `${error}`;
  return text.charAt(0).toUpperCase() + text.slice(1);
}
