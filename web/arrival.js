/** Runs once, after the first connection: uses the link that the page was opened with, and lists the kept private conversations. */

import { wordsOf } from "./advice.js";
import { isTalk, talkWith } from "./places.js";
import * as memory from "./memory.js";
import { t } from "./words.js";

/** The dialogs with which the page may open. @typedef {{signIn: (given?: {name?: string, text?: string}) => void, opened: (link: Link) => void}} Opening */
/** A link that the page was opened with. @typedef {{invite?: string, claim?: string}} Link */

/** The code of a link, if the address holds one. @param {string} hash @returns {Link | undefined} */
export function linkOf(hash) {
  const [, kind, code] = /^#(invite|claim)=([\w.~-]+)$/u.exec(hash) ?? [];
  return kind && code ? { [kind]: code } : undefined;
}

export class Arrival {
  #chat;
  #places;
  #signing;
  #link;
  #deeds;
  #begun = false;
  #demanded = false;

  /**
   * @param {import("./chat.js").Chat} chat @param {import("./places.js").Places} places @param {Opening} signing
   * @param {Link | undefined} link
   * @param {{wanted: string, here: () => string, visit: (room: string) => Promise<void>, talks: () => void, complain: (text: string) => void}} deeds
   *   `wanted`: the place that the page's address says, or empty; `talks`: private conversations were found
   */
  constructor(chat, places, signing, link, deeds) {
    this.#chat = chat;
    this.#places = places;
    this.#signing = signing;
    this.#link = link;
    this.#deeds = deeds;
  }

  async come() {
    if (this.#begun) return;
    this.#begun = true;
    const invite = this.#link?.invite ?? memory.invite();
    if (!this.#chat.account.signedIn) {
      if (this.#link) this.#signing.opened(this.#link);
      return;
    }
    const { wanted, here, visit, complain } = this.#deeds;
    try {
      if (wanted && !isTalk(wanted)) await visit(wanted);
    } catch (error) {
      complain(wordsOf(error));
    }
    const { rooms } = this.#chat;
    if (!isTalk(here()) && !rooms.includes(here()) && rooms[0]) await visit(rooms[0]).catch(() => {});
    if (this.#link?.claim) this.#signing.opened(this.#link);
    await this.#listTalks();
    if (!invite) return;
    try {
      await visit(await this.#chat.accept(invite));
    } catch {
      complain(t("invite.spent"));
    }
  }

  /** The server has no guests: open the sign-in dialog, once. */
  demandAccount() {
    if (!this.#demanded) this.#signing.signIn({ text: t("sign.needed") });
    this.#demanded = true;
  }

  async #listTalks() {
    const talks = await this.#chat.talks().catch(() => []);
    for (const { name, last, marker } of talks) {
      const place = talkWith(name);
      if (marker) this.#places.markRead(place, marker);
      this.#places.view(place, name).all = false;
      if (this.#places.wasRead(place) && last > this.#places.lastRead(place)) this.#places.countedElsewhere(place, 1);
    }
    if (talks.length) this.#deeds.talks();
  }
}
