/** The menu of the user: signing in, the name, devices, tokens, the password. */

import { ask, showList, showOnce } from "./dialog.js";
import * as memory from "./memory.js";
import { LANGUAGES, language, moment, t } from "./words.js";

/** @typedef {import("./popup.js").Item} Item */

/** What tokens may do, as a choice. @type {[string, string][]} */
const SCOPES = [
  ["write", t("scope.write")],
  ["read", t("scope.read")],
  ["all", t("scope.all")],
];
/** Days that a token lasts, as a choice. @type {[string, string][]} */
const LIVES = [["30", t("days", { n: 30 })], ["365", t("days", { n: 365 })], ["", t("token.ever")]];
const DAY = 86_400;
/** By what a browser calls itself: the first that fits. @type {[RegExp, string][]} */
const SYSTEMS = [
  [/iPhone|iPad/u, "iOS"], [/Android/u, "Android"], [/Windows/u, "Windows"], [/Mac OS/u, "macOS"], [/CrOS/u, "ChromeOS"], [/Linux|X11/u, "Linux"],
];
/** @type {[RegExp, string][]} */
const BROWSERS = [[/Edg/u, "Edge"], [/Firefox/u, "Firefox"], [/Chrom/u, "Chrome"], [/Safari/u, "Safari"]];

export class OwnMenu {
  #chat;
  #signing;
  #deeds;

  /**
   * @param {import("./chat.js").Chat} chat @param {import("./signing.js").Signing} signing
   * @param {{quit: () => Promise<void>, push: () => import("./push.js").Push | undefined, ignored: () => string[], hear: (name: string) => Promise<void>, forgotten: () => void, reload: () => void}} deeds
   *   `quit`: sign out and leave; `ignored`: the names that the user ignores; `hear`: stop ignoring a name; `forgotten`: the account is deleted
   */
  constructor(chat, signing, deeds) {
    this.#chat = chat;
    this.#signing = signing;
    this.#deeds = deeds;
  }

  /** @returns {Item[]} */
  items() {
    const { name, account } = this.#chat;
    const signing = [
      { text: t("own.sign-in"), act: () => this.#signing.signIn() },
      { text: name ? t("own.register-name", { name }) : t("own.register"), act: () => this.#signing.register() },
    ];
    const ignoring = this.#deeds.ignored().length ? [{ text: t("own.ignored"), act: () => this.#showIgnored() }] : [];
    const language = { text: t("own.language"), act: () => this.#chooseLanguage() };
    if (!name) return [...signing, language];
    if (!account.signedIn) {
      const leave = { text: t("own.leave"), act: () => void this.#deeds.quit() };
      return [...signing, { text: t("own.rename"), act: () => this.rename() }, ...ignoring, language, leave];
    }
    const push = this.#deeds.push();
    return [
      ...(push?.offered ? [{ text: `${t("push.title")}…`, act: () => this.#notify(push) }] : []),
      { text: t("own.devices"), act: () => this.#showDevices() },
      { text: t("own.tokens"), act: () => this.#showTokens() },
      ...ignoring,
      language,
      { text: t("own.password"), act: () => this.#changePassword() },
      { text: t("own.sign-out"), act: () => void this.#deeds.quit() },
      { text: t("own.delete"), act: () => this.#delete(), bad: true },
    ];
  }

  rename() {
    void ask({
      title: t("rename.title"),
      fields: [{ name: "name", label: t("name"), value: this.#chat.name, autocomplete: "nickname", must: true }],
      send: t("rename.send"),
      act: ({ name = "" }) => this.#chat.nick(name.trim()),
    });
  }

  /** @param {import("./push.js").Push} push */
  #notify(push) {
    const { hindered, on } = push;
    void ask({
      title: t("push.title"),
      text: hindered || t("push.text"),
      send: hindered ? t("close") : on ? t("push.off") : t("push.on"),
      act: () => hindered || (on ? push.turnOff() : push.turnOn()),
    });
  }

  #chooseLanguage() {
    void ask({
      title: t("language.title"),
      fields: [{ name: "code", label: t("language.label"), choices: [...LANGUAGES], value: language }],
      send: t("save"),
      act: ({ code = "" }) => {
        if (code === language) return;
        memory.rememberLanguage(code);
        this.#deeds.reload();
      },
    });
  }

  #showDevices() {
    const { account } = this.#chat;
    showList({
      title: t("devices.title"),
      empty: t("devices.none"),
      load: async () => (await account.devices()).map(device => ({
        title: clientOf(device.label),
        about: [device.address, device.current ? t("devices.this") : device.present ? t("devices.now") : t("devices.used", { time: when(device.used) })].filter(Boolean).join(" · "),
        ...(!device.current && { deed: t("own.sign-out"), act: () => account.endDevice(device.id) }),
      })),
    });
  }

  #showTokens() {
    const { account } = this.#chat;
    showList({
      title: t("tokens.title"),
      text: t("tokens.text"),
      empty: t("tokens.none"),
      load: async () => (await account.tokens()).map(token => ({
        title: token.label || t("tokens.nameless"),
        about: `${token.scope} · ${token.expires ? t("until", { time: when(token.expires) }) : t("token.ever")}`,
        deed: t("tokens.revoke"),
        act: () => account.removeToken(token.id),
      })),
      more: [{ text: t("tokens.new"), act: () => this.#makeToken() }],
    });
  }

  async #makeToken() {
    let made = "";
    await ask({
      title: t("token.title"),
      fields: [
        { name: "label", label: t("token.label"), must: true },
        { name: "scope", label: t("token.scope"), choices: SCOPES },
        { name: "days", label: t("token.lasts"), choices: LIVES },
      ],
      send: t("token.send"),
      act: async ({ label = "", scope, days }) => {
        const { token } = await this.#chat.account.makeToken(label.trim(), /** @type {import("./account.js").Scope} */ (scope), Number(days) * DAY);
        made = token;
      },
    });
    if (made) await showOnce(t("token.made"), t("token.copy"), made);
  }

  #changePassword() {
    void ask({
      title: t("password.title"),
      text: t("password.text"),
      fields: [
        { name: "current", label: t("password.current"), type: "password", autocomplete: "current-password", must: true },
        { name: "password", label: t("password.new"), type: "password", autocomplete: "new-password", hint: t("password.hint"), must: true },
      ],
      send: t("password.title"),
      act: ({ current = "", password = "" }) => this.#chat.account.changePassword(current, password),
    });
  }

  #delete() {
    void ask({
      title: t("goodbye.title"),
      text: t("goodbye.text"),
      fields: [{ name: "password", label: t("password"), type: "password", autocomplete: "current-password", must: true }],
      send: t("goodbye.title"),
      bad: true,
      act: async ({ password = "" }) => {
        await this.#chat.account.delete(password);
        this.#deeds.forgotten();
      },
    });
  }

  #showIgnored() {
    showList({
      title: t("ignored.title"),
      empty: t("ignored.none"),
      load: async () => this.#deeds.ignored().map(name => ({ title: name, deed: t("ignored.hear"), act: () => this.#deeds.hear(name) })),
    });
  }
}

/** @param {number} stamp microseconds since 1970 */
function when(stamp) {
  return moment(stamp / 1000);
}

/** What a client calls itself, of a browser in few words. @param {string} label */
function clientOf(label) {
  if (!label.startsWith("Mozilla/")) return label || t("device.nameless");
  const find = (/** @type {[RegExp, string][]} */ known, /** @type {string} */ other) => known.find(([pattern]) => pattern.test(label))?.[1] ?? other;
  const system = find(SYSTEMS, "");
  const browser = find(BROWSERS, t("device.browser"));
  return system ? t("device.on", { browser, system }) : browser;
}
