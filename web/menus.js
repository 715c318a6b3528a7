/** All menus and dialogs. The page loads them when one is first wanted: see `demand.js`. */

import { byId } from "./nodes.js";
import { GoTo } from "./goto.js";
import { MessageMenu } from "./messagemenu.js";
import { OwnMenu } from "./ownmenu.js";
import { PersonMenu } from "./personmenu.js";
import { isTalk } from "./places.js";
import { openMenu } from "./popup.js";
import { RoomMenu } from "./roommenu.js";
import { Signing } from "./signing.js";
import { standDown } from "./standby.js";
import { t } from "./words.js";

/**
 * @typedef {{
 *   chat: import("./chat.js").Chat, places: import("./places.js").Places, roster: import("./roster.js").Roster,
 *   composer: import("./composer.js").Composer, keeping: import("./keeping.js").Keeping, going: import("./going.js").Going,
 *   ignoring: import("./ignoring.js").Ignoring, levels: import("./levels.js").Levels, bell: import("./bell.js").Bell, here: () => string,
 *   push: () => import("./push.js").Push | undefined, ignore: (name: string, yes: boolean) => Promise<void>,
 *   complain: (error: unknown) => void,
 * }} Page
 */

export class Menus {
  /** @type {GoTo} */
  goTo;
  signing;
  #person;
  #message;
  #room;
  #own;

  /** @param {Page} page */
  constructor(page) {
    const { chat, places, roster, composer, keeping, ignoring, levels, bell, here, going, ignore, complain } = page;
    this.signing = new Signing(chat, () => keeping.reload());
    const person = new PersonMenu(chat, roster, { write: name => going.writeTo(name), ignores: name => places.ignores(name), ignore, complain });
    this.#person = person;
    this.#message = new MessageMenu(chat, roster, {
      withPerson: (name, room) => person.items(name, room), quote: text => composer.quote(text), complain,
    });
    this.#room = new RoomMenu(chat, roster, {
      talk: () => (isTalk(here()) ? places.view(here()).title : ""), visit: room => going.visit(room), leave: () => going.leave(here()), signIn: () => this.signing.signIn(),
      withPerson: name => person.items(name), complain, search: () => void this.goTo.search(), day: () => this.goTo.day(),
      levels: () => this.goTo.level(levels, () => void bell.want(), () => void page.push()?.renew().catch(complain)),
    });
    this.goTo = new GoTo({ ...page, create: () => this.#room.create() });
    this.#own = new OwnMenu(chat, this.signing, {
      quit: () => going.quit(), push: page.push, ignored: () => [...ignoring.names], hear: name => ignore(name, false), forgotten: () => {
        keeping.forget();
        void standDown().catch(() => {}).then(() => location.reload());
      }, reload: () => keeping.reload(),
    });
  }

  /** Make a private room. */
  create() {
    this.#room.create();
  }

  /** @param {HTMLElement} button where the menu opens @param {string} name */
  ofPerson(button, name) {
    openMenu(button, name, this.#person.items(name));
  }

  /** @param {HTMLElement} button where the menu opens @param {import("./messagemenu.js").Said} event */
  ofMessage(button, event) {
    openMenu(button, t("message.of", { name: event.from }), this.#message.items(event));
  }

  /** Choose an item of the user's menu, or of that of the place that is shown. @param {string} text @returns {boolean} whether there is such an item */
  choose(text) {
    const item = [...this.#room.items(), ...this.#own.items()].find(one => one.text === text);
    item?.act();
    return item !== undefined;
  }

  /** The menu of the place that is shown. */
  ofPlace() {
    openMenu(byId("room-menu", HTMLButtonElement), t("menu.title"), this.#room.items());
  }

  /** The menu of the user. */
  ofUser() {
    openMenu(byId("account", HTMLButtonElement), t("own.title"), this.#own.items());
  }
}
