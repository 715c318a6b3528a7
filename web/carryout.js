/** Executes what was typed: a message or a command. */

import { parse } from "./commands.js";
import { onDemand } from "./demand.js";
import { isTalk, remark } from "./places.js";
import { t } from "./words.js";

/**
 * `keep`: show something in a place.
 * @typedef {{
 *   chat: import("./chat.js").Chat, places: import("./places.js").Places, composer: import("./composer.js").Composer,
 *   keep: (place: string, shown: import("./places.js").Shown) => void, going: import("./going.js").Going,
 *   menus: <R>(use: (menus: import("./menus.js").Menus) => R) => Promise<unknown>, ignore: (name: string, yes: boolean) => Promise<void>,
 * }} Page
 */

/** Carry out a typed command, or say a text, in a place. Throws an error about it. @param {Page} page @param {string} text @param {string} place */
export async function carryOut({ chat, places, composer, keep, going, ...page }, text, place) {
  const deed = parse(text);
  const talk = isTalk(place) ? places.view(place).title : "";
  if (talk && ["act", "topic"].includes(deed.do)) throw new Error(t("rooms.only"));
  /** @param {string} text */
  const say = async text => void (await composer.post(text, place, () => (talk ? chat.tell(talk, text) : chat.send(text, place))));
  switch (deed.do) {
    case "say": return say(deed.text);
    case "act": return void (await composer.post(deed.text, place, () => chat.act(deed.text, place)));
    case "tell":
      if (deed.text.trim()) await composer.post(deed.text, place, () => chat.tell(deed.to, deed.text));
      return going.writeTo(deed.to);
    case "nick": return void (await chat.nick(deed.name));
    case "topic": {
      if (deed.text !== undefined) return void (await chat.topic(deed.text, place));
      const { topic } = await chat.look(place);
      return keep(place, remark("remark", topic ? t("topic.is", { topic }) : t("topic.none")));
    }
    case "ignore": return page.ignore(deed.name, !places.ignores(deed.name));
    case "search": return void (await page.menus(menus => menus.goTo.search(deed.text)));
    case "join": return going.visit(deed.room);
    case "leave": return going.leave(deed.room === undefined ? place : deed.room.toLowerCase());
    case "quit": return going.quit();
    case "more": return onDemand(() => import("./morecommands.js"), ({ carryOut }) => carryOut({ chat, places, keep, say, ...page }, deed, place));
    case "help": return onDemand(() => import("./help.js"), ({ HELP }) => keep(place, remark("help", HELP)));
  }
}
