/** Shows changes of the user's own session: name and account, rooms that were lost, and errors. */

import { wordsOf } from "./advice.js";
import * as memory from "./memory.js";
import { remark } from "./places.js";
import { t } from "./words.js";

/**
 * `ownNames`: the user's present and former names. `counted`: called with the server's unread counts.
 * @typedef {{
 *   chat: import("./chat.js").Chat, places: import("./places.js").Places, composer: import("./composer.js").Composer,
 *   keeping: import("./keeping.js").Keeping, roster: import("./roster.js").Roster,
 *   ignoring: import("./ignoring.js").Ignoring, wording: import("./wording.js").Wording, signing: import("./arrival.js").Opening,
 *   arrival: import("./arrival.js").Arrival, bell: import("./bell.js").Bell, here: () => string, ownNames: Set<string>,
 *   incoming: import("./incoming.js").Incoming, going: import("./going.js").Going, unread: import("./unread.js").Unread,
 *   counted: (unread: Record<string, number>) => void,
 * }} Page
 */

/** @param {Page} page */
export function followStanding({ chat, places, composer, keeping, roster, ignoring, wording, signing, arrival, bell, here, ...page }) {
  const { ownNames, incoming, going, counted } = page;
  const complain = composer.complain.bind(composer);
  chat.on("session", ({ name, token, account, admin, markers = {}, unread = {}, ignores = [] }) => {
    const former = memory.person();
    if (token !== former.token) complain("");
    composer.showName(name || former.name, former.name);
    if (name) ownNames.add(name);
    memory.remember(person => {
      if (name) person.names = [...person.names.filter(one => one !== name), name];
      Object.assign(person, { name: name || person.name, token, account, rooms: account ? chat.rooms : [...new Set([...person.rooms, ...chat.rooms])] });
    });
    roster.admin = admin;
    counted(unread);
    for (const [room, id] of Object.entries(markers)) keeping.knows(room, id), places.markRead(room, id);
    if (account) ignoring.set(ignores);
    wording.self();
    wording.people();
    wording.invite();
  });
  chat.on("removed", ({ room, why }) => {
    const words = why.code === "not-found" ? t("out.members", { room }) : wordsOf(why);
    memory.remember(person => void (person.rooms = person.rooms.filter(one => one !== room)));
    places.view(room).out = words;
    incoming.keep(room, remark("out", words));
    if (chat.room === room) chat.room = chat.rooms[0] ?? "lobby";
    if (room === here()) {
      complain(words, why.code === "kicked" ? [t("out.back"), () => going.go(room)] : undefined);
      roster.clear();
      void roster.refresh();
    }
    bell.ring(t("box.out", { title: `#${room}` }), words, room, () => {});
    page.unread.show();
    wording.invite();
  });
  chat.on("error", error => {
    if (error.code === "sign-in") return complain(wordsOf(error), [t("sign.again"), () => keeping.reload()]);
    if (error.code === "signed-out") return complain(wordsOf(error), [t("sign.in"), () => signing.signIn({ name: memory.person().name })]);
    if (error.code === "no-session" && !chat.name) return arrival.demandAccount();
    if (error.code !== "name-in-use") return complain(wordsOf(error));
    complain(`${wordsOf(error)} ${t("name.wait")}`);
    composer.focusName();
  });
}
