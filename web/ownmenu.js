/** The button with the user's name, and its menu: signing in, the name, devices, tokens, the password. */

import { ask, showList, showOnce } from "./dialog.js";
import { byId, face, make } from "./nodes.js";
import { openMenu } from "./popup.js";

/** @typedef {import("./popup.js").Item} Item */

/** What tokens may do, as a choice. @type {[string, string][]} */
const SCOPES = [
  ["write", "Read and write: messages, rooms, private messages"],
  ["read", "Read only: rooms, no private messages"],
  ["all", "Everything but password, devices and tokens"],
];
/** Days that a token lasts, as a choice. @type {[string, string][]} */
const LIVES = [["30", "30 days"], ["365", "a year"], ["", "until it is revoked"]];
const DAY = 86_400;
/** By what a browser calls itself: the first that fits. @type {[RegExp, string][]} */
const SYSTEMS = [
  [/iPhone|iPad/u, "iOS"], [/Android/u, "Android"], [/Windows/u, "Windows"], [/Mac OS/u, "macOS"], [/CrOS/u, "ChromeOS"], [/Linux|X11/u, "Linux"],
];
/** @type {[RegExp, string][]} */
const BROWSERS = [[/Edg/u, "Edge"], [/Firefox/u, "Firefox"], [/Chrom/u, "Chrome"], [/Safari/u, "Safari"]];

export class OwnMenu {
  #button = byId("account", HTMLButtonElement);
  #chat;
  #signing;
  #deeds;

  /**
   * @param {import("./chat.js").Chat} chat @param {import("./signing.js").Signing} signing
   * @param {{quit: () => Promise<void>, ignored: () => string[], hear: (name: string) => Promise<void>, forgotten: () => void}} deeds
   *   `quit`: sign out and leave; `ignored`: the names that the user ignores; `hear`: stop ignoring a name; `forgotten`: the account is deleted
   */
  constructor(chat, signing, deeds) {
    this.#chat = chat;
    this.#signing = signing;
    this.#deeds = deeds;
    this.#button.addEventListener("click", () => openMenu(this.#button, "You", this.#items()));
    this.show();
  }

  /** Update the button after the name or the sign-in has changed. */
  show() {
    const { name } = this.#chat;
    this.#button.replaceChildren(...(name ? [face(name), make("bdi", "", name)] : [make("span", "", "Sign in")]));
    this.#button.title = name ? (this.#chat.account.signedIn ? `${name}: your account` : `${name}: you are a guest`) : "Sign in, or make an account";
  }

  /** @returns {Item[]} */
  #items() {
    const { name, account } = this.#chat;
    const signing = [
      { text: "Sign in…", act: () => this.#signing.signIn() },
      { text: name ? `Make an account of ${name}…` : "Make an account…", act: () => this.#signing.register() },
    ];
    const ignoring = this.#deeds.ignored().length ? [{ text: "People whom you ignore…", act: () => this.#showIgnored() }] : [];
    if (!name) return signing;
    if (!account.signedIn) {
      const leave = { text: "Leave the chat", act: () => void this.#deeds.quit() };
      return [...signing, { text: "Change your name…", act: () => this.rename() }, ...ignoring, leave];
    }
    return [
      { text: "Where you are signed in…", act: () => this.#showDevices() },
      { text: "Tokens for programs…", act: () => this.#showTokens() },
      ...ignoring,
      { text: "Change the password…", act: () => this.#changePassword() },
      { text: "Sign out", act: () => void this.#deeds.quit() },
      { text: "Delete the account…", act: () => this.#delete(), bad: true },
    ];
  }

  rename() {
    void ask({
      title: "Change your name",
      fields: [{ name: "name", label: "Name", value: this.#chat.name, autocomplete: "nickname", must: true }],
      send: "Rename",
      act: ({ name = "" }) => this.#chat.nick(name.trim()),
    });
  }

  #showDevices() {
    const { account } = this.#chat;
    showList({
      title: "Where you are signed in",
      empty: "Nowhere.",
      load: async () => (await account.devices()).map(device => ({
        title: clientOf(device.label),
        about: [device.address, device.current ? "this one" : device.present ? "here now" : `last used ${when(device.used)}`].filter(Boolean).join(" · "),
        ...(!device.current && { deed: "Sign out", act: () => account.endDevice(device.id) }),
      })),
    });
  }

  #showTokens() {
    const { account } = this.#chat;
    showList({
      title: "Tokens for programs",
      text: "A program that has a token acts as you, without your password: Authorization: Bearer TOKEN.",
      empty: "You have none.",
      load: async () => (await account.tokens()).map(token => ({
        title: token.label || "a token without a name",
        about: `${token.scope} · ${token.expires ? `until ${when(token.expires)}` : "until it is revoked"}`,
        deed: "Revoke",
        act: () => account.removeToken(token.id),
      })),
      more: [{ text: "New token…", act: () => this.#makeToken() }],
    });
  }

  async #makeToken() {
    let made = "";
    await ask({
      title: "New token",
      fields: [
        { name: "label", label: "What is it for?", must: true },
        { name: "scope", label: "It may", choices: SCOPES },
        { name: "days", label: "It lasts", choices: LIVES },
      ],
      send: "Make the token",
      act: async ({ label = "", scope, days }) => {
        const { token } = await this.#chat.account.makeToken(label.trim(), /** @type {import("./account.js").Scope} */ (scope), Number(days) * DAY);
        made = token;
      },
    });
    if (made) await showOnce("Your new token", "Copy it now: it is not shown again.", made);
  }

  #changePassword() {
    void ask({
      title: "Change the password",
      text: "All your other devices are signed out by that.",
      fields: [
        { name: "current", label: "Password until now", type: "password", autocomplete: "current-password", must: true },
        { name: "password", label: "New password", type: "password", autocomplete: "new-password", hint: "8 characters or more.", must: true },
      ],
      send: "Change the password",
      act: ({ current = "", password = "" }) => this.#chat.account.changePassword(current, password),
    });
  }

  #delete() {
    void ask({
      title: "Delete the account",
      text: "What you said stays. Nobody can take your name again, and you cannot either.",
      fields: [{ name: "password", label: "Password", type: "password", autocomplete: "current-password", must: true }],
      send: "Delete the account",
      bad: true,
      act: async ({ password = "" }) => {
        await this.#chat.account.delete(password);
        this.#deeds.forgotten();
      },
    });
  }

  #showIgnored() {
    showList({
      title: "People whom you ignore",
      empty: "You ignore nobody.",
      load: async () => this.#deeds.ignored().map(name => ({ title: name, deed: "Hear again", act: () => this.#deeds.hear(name) })),
    });
  }
}

/** @param {number} stamp microseconds since 1970 */
function when(stamp) {
  return new Date(stamp / 1000).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
}

/** What a client calls itself, of a browser in few words. @param {string} label */
function clientOf(label) {
  if (!label.startsWith("Mozilla/")) return label || "A client without a name";
  const find = (/** @type {[RegExp, string][]} */ known, /** @type {string} */ other) => known.find(([pattern]) => pattern.test(label))?.[1] ?? other;
  const system = find(SYSTEMS, "");
  const browser = find(BROWSERS, "A browser");
  return system ? `${browser} on ${system}` : browser;
}
