/** All tabs of a browser are one person: what another tab has changed happens in this one. */

import * as memory from "./memory.js";

/**
 * @param {{
 *   chat: import("./chat.js").Chat, places: import("./places.js").Places, keeping: import("./keeping.js").Keeping,
 *   going: import("./going.js").Going, unread: import("./unread.js").Unread,
 * }} page
 */
export function followOtherTabs({ chat, places, keeping, going, unread }) {
  memory.onChange(({ name, token, account, rooms, read }) => {
    if (keeping.gone) return;
    // The user signed in or out in another tab.
    if ((!token && chat.name) || account !== chat.account.signedIn) return void chat.close({ quiet: true }).then(() => keeping.reload());
    if (token && !chat.name) void chat.nick(name).catch(() => {});
    const others = rooms.length !== chat.rooms.length || rooms.some(room => !chat.rooms.includes(room));
    if (account && others) void chat.sync().catch(() => {});
    for (const room of account ? [] : rooms) if (!chat.rooms.includes(room)) void going.visit(room, false).catch(() => {});
    for (const room of rooms.length && !account ? chat.rooms : []) if (!rooms.includes(room)) void going.leave(room).catch(() => {});
    let news = false;
    for (const [place, id] of read) if (places.markRead(place, id)) news = true;
    if (news) unread.show();
  });
}
