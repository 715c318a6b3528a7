/** The dialogs to register and to sign in, and the links that begin with them: an invite to a room, the claim of a new server. */

import { ask } from "./dialog.js";
import { cookieOf } from "./server.js";
import * as memory from "./memory.js";
import { t } from "./words.js";

const SHORTEST = t("password.hint");

export class Signing {
  #chat;
  #done;

  /** @param {import("./chat.js").Chat} chat @param {() => void} done called when the page has to restart as another person */
  constructor(chat, done) {
    this.#chat = chat;
    this.#done = done;
  }

  /** @param {{name?: string, text?: string, invite?: string, claim?: string}} [given] */
  signIn({ name = "", text, invite, claim } = {}) {
    void ask({
      title: t("sign.in"),
      text: text ?? t("sign.text"),
      fields: [nameField(name), { ...passwordField("current-password"), label: t("password") }],
      send: t("sign.in"),
      act: async values => {
        await this.#chat.account.signIn(`${values.name}`.trim(), `${values.password}`, claim ? { claim } : {});
        this.#begin(invite);
      },
      others: [{ text: t("register.title"), act: () => this.register({ name, text, invite, claim }) }],
    });
  }

  /** @param {{name?: string, text?: string, invite?: string, claim?: string}} [given] */
  register({ name = "", text, invite, claim } = {}) {
    void ask({
      title: t("register.title"),
      text: text ?? t("register.text"),
      fields: [nameField(name || this.#chat.name), { ...passwordField("new-password"), label: t("password"), hint: SHORTEST }],
      send: t("register.send"),
      act: async values => {
        const given = /** @type {[string, string]} */ ([`${values.name}`.trim(), `${values.password}`]);
        try {
          await this.#chat.account.register(...given, claim ? { claim } : {});
        } catch (error) {
          // An invite is used up by this, so it is not shown where everybody may register.
          if (!invite || /** @type {{code?: string}} */ (error).code !== "not-allowed") throw error;
          await this.#chat.account.register(...given, { invite });
        }
        this.#begin(invite);
      },
      others: [{ text: t("register.other"), act: () => this.signIn({ name, text, invite, claim }) }],
    });
  }

  /** Store the account as the browser's user, and reload the page; an invite is used after that. @param {string} [invite] */
  #begin(invite) {
    const { name } = this.#chat;
    if (invite) memory.rememberInvite(invite);
    memory.remember(person => {
      person.names = [...person.names.filter(one => one !== name), name];
      Object.assign(person, { name, token: cookieOf(name), account: true, rooms: [] });
    });
    this.#done();
  }

  /** A link that the page was opened with. @param {{invite?: string, claim?: string}} link */
  opened({ invite, claim }) {
    if (claim) {
      this.register({ claim, text: t("register.claim") });
    } else if (invite) {
      this.register({ invite, text: t("register.invite") });
    }
  }
}

/** @param {string} value @returns {import("./dialog.js").Field} */
function nameField(value) {
  return { name: "name", label: t("name"), value, autocomplete: "username", must: true };
}

/** @param {string} autocomplete @returns {import("./dialog.js").Field} */
function passwordField(autocomplete) {
  return { name: "password", label: t("password"), type: "password", autocomplete, must: true };
}
