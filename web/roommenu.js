/** The menu of a room: invites, members, bans, settings; and making a private room. */

import { ask, showList } from "./dialog.js";
import { opening } from "./demand.js";
import { changes } from "./happened.js";
import { rankOf, roleName } from "./roster.js";
import { moment, t } from "./words.js";
import { roomName } from "./values.js";

/** @typedef {import("./popup.js").Item} Item */
/** @typedef {import("./moderation.js").Settings} Settings */

/** How often an invite can be used, as a choice. @type {[string, string][]} */
const USES = [1, 10, 100].map(n => [`${n}`, t("invite.uses", { n })]);
/** Days that an invite can be used, as a choice. @type {[string, string][]} */
const LIVES = [1, 7, 30].map(n => [`${n}`, t("days", { n })]);
const DAY = 86_400;
/** @type {[string, string][]} */
const POSTING = [["everyone", t("settings.everybody")], ["accounts", t("settings.accounts")], ["voices", t("settings.voices")]];

export class RoomMenu {
  #chat;
  #roster;
  #deeds;

  /**
   * @param {import("./chat.js").Chat} chat @param {import("./roster.js").Roster} roster
   * @param {{
   *   talk: () => string, visit: (room: string) => Promise<void>, leave: () => Promise<void>, signIn: () => void,
   *   withPerson: (name: string) => Item[], complain: (error: unknown) => void, search: () => void, day: () => void, levels: () => void,
   * }} deeds `talk`: the partner of the private conversation that is shown, or empty; `leave`: leave the current place
   */
  constructor(chat, roster, deeds) {
    this.#chat = chat;
    this.#roster = roster;
    this.#deeds = deeds;
  }

  /** @returns {Item[]} */
  items() {
    const leave = () => void this.#deeds.leave().catch(this.#deeds.complain);
    const talk = this.#deeds.talk();
    const found = [
      { text: t("menu.search"), act: this.#deeds.search },
      { text: t("menu.day"), act: this.#deeds.day },
      { text: t("menu.levels"), act: this.#deeds.levels },
    ];
    if (talk) return [...found.slice(1), ...this.#deeds.withPerson(talk).slice(1), { text: t("menu.close"), act: leave }];
    const { room } = this.#chat;
    const { settings } = this.#roster;
    const rank = rankOf(this.#roster.role);
    /** @type {Item[]} */
    const items = [...found];
    const closed = settings?.access === "members";
    if (!closed || rank >= 2) items.push({ text: t("menu.invite"), act: () => (closed ? this.#showInvites(room) : this.#share(room, rank)) });
    if (rank >= 2 && closed) items.push({ text: t("menu.members"), act: () => this.#showMembers(room) });
    if (this.#chat.name && (rank >= 2 || settings?.topic !== "ops")) items.push({ text: t("menu.topic"), act: () => this.#setTopic(room) });
    if (rank >= 2) {
      items.push({ text: t("menu.bans"), act: () => this.#showBans(room) });
      items.push({ text: t("menu.settings"), act: () => this.#configure(room, rank === 3) });
    } else if (settings) {
      items.push({ text: t("menu.about"), act: () => this.#about(room, settings) });
    }
    return [...items, { text: t("menu.leave"), act: leave }];
  }

  /** @param {string} room @param {number} rank */
  async #share(room, rank) {
    const more = rank >= 2 ? [{ text: t("share.links"), act: () => this.#showInvites(room) }] : [];
    await opening(() => import("./sharing.js"), ({ share }) => share(this.#chat, room, { more }));
  }

  /** @param {string} room @param {Settings} settings */
  #about(room, settings) {
    const roles = [...this.#roster.roles];
    showList({
      title: t("about.title", { room }),
      text: t("about.text", { changes: changes(settings).join(t("list.semicolon")) }).replace(/^./u, first => first.toUpperCase()),
      empty: t("about.nobody"),
      load: async () => roles.map(([name, role]) => ({ title: name, about: role ? t(`role.${role}`) : "" })),
    });
  }

  /** @param {string} room */
  #setTopic(room) {
    void ask({
      title: t("topic.title", { room }),
      fields: [{ name: "text", label: t("topic.label"), value: this.#roster.topic, hint: t("topic.hint") }],
      send: t("topic.send"),
      act: ({ text = "" }) => this.#chat.topic(text.trim(), room),
    });
  }

  /** Make a room for members only. */
  create() {
    const guest = !this.#chat.account.signedIn;
    let made = "";
    void ask({
      title: t("new.title"),
      text: guest
        ? t("new.guest")
        : t("new.account"),
      fields: [
        { name: "room", label: t("new.name"), hint: t("new.hint"), must: true },
        { name: "topic", label: t("topic.label") },
      ],
      send: t("new.send"),
      act: async ({ room = "", topic = "" }) => {
        made = await this.#make(roomName(room.trim()), topic.trim());
      },
      others: guest ? [{ text: t("sign.in"), act: this.#deeds.signIn }] : [],
    }).then(done => {
      if (done) this.#showInvites(made);
    });
  }

  /** @param {string} wanted @param {string} topic */
  async #make(wanted, topic) {
    if (/\s/u.test(wanted)) throw new Error(t("new.word"));
    if (!this.#chat.name) throw new Error(t("new.nameless"));
    const taken = new Error(t("new.taken", { room: wanted }));
    const there = await this.#chat.look(wanted).catch(error => {
      throw error.status === 404 ? taken : error;
    });
    if (there.last !== null || there.here.length) throw taken;
    const room = await this.#chat.join(wanted);
    await this.#chat.moderation.configure(room, { access: "members", listed: false });
    if (topic) await this.#chat.topic(topic, room);
    await this.#deeds.visit(room);
    return room;
  }

  /** @param {string} room */
  #showInvites(room) {
    const { moderation } = this.#chat;
    showList({
      title: t("share.title", { room }),
      text: t("invites.text"),
      empty: t("invites.none"),
      load: async () => (await moderation.invites(room)).map(({ id, by, until, uses }) => ({
        title: t("invites.left", { n: uses }),
        about: t(until ? "by.until" : "by", { by, time: until ? moment(until) : "" }),
        deed: t("invites.revoke"),
        act: () => moderation.takeBack(room, id),
      })),
      more: [{ text: t("invites.new"), act: () => this.#invite(room) }, { text: t("invites.name"), act: () => this.#addMember(room) }],
    });
  }

  /** @param {string} room */
  async #invite(room) {
    let url = "";
    await ask({
      title: t("invite.title"),
      fields: [
        { name: "uses", label: t("invite.lets"), choices: USES },
        { name: "days", label: t("invite.lasts"), choices: LIVES, value: "7" },
      ],
      send: t("invite.send"),
      act: async ({ uses, days }) => {
        ({ url } = await this.#chat.moderation.invite(room, { seconds: Number(days) * DAY, uses: Number(uses) }));
      },
    });
    if (!url) return;
    await opening(() => import("./sharing.js"), ({ share }) => share(this.#chat, room, { url }));
  }

  /** @param {string} room */
  async #addMember(room) {
    await ask({
      title: t("member.title", { room }),
      fields: [{ name: "name", label: t("name"), hint: t("member.hint"), must: true }],
      send: t("member.send"),
      act: ({ name = "" }) => this.#chat.moderation.addMember(room, name.trim()),
    });
  }

  /** @param {string} room */
  #showMembers(room) {
    const { moderation } = this.#chat;
    showList({
      title: t("members.title", { room }),
      empty: t("members.none"),
      load: async () => (await moderation.members(room)).map(name => ({
        title: name,
        about: roleName(this.#roster.roleOf(name)),
        ...(name !== this.#chat.name && { deed: t("members.remove"), act: () => moderation.removeMember(room, name) }),
      })),
      more: [{ text: t("members.add"), act: () => this.#addMember(room) }],
    });
  }

  /** @param {string} room */
  #showBans(room) {
    const { moderation } = this.#chat;
    /** @param {import("./moderation.js").Restriction} one */
    const about = ({ by, text, until }) => `${t(until ? "by.until" : "by.ever", { by, time: until ? moment(until) : "" })}${text ? t("told.why") + text : ""}`;
    showList({
      title: t("bans.title", { room }),
      empty: t("bans.none"),
      load: async () => [
        ...(await moderation.bans(room)).map(one => ({
          title: one.who, about: t("bans.banned", { about: about(one) }), deed: t("bans.lift"), act: () => moderation.unban(room, one.id),
        })),
        ...(await moderation.mutes(room)).map(one => ({
          title: one.who, about: t("bans.muted", { about: about(one) }), deed: t("bans.unmute"), act: () => moderation.unmute(room, one.who),
        })),
      ],
    });
  }

  /** @param {string} room @param {boolean} owner ops change less */
  #configure(room, owner) {
    const { settings } = this.#roster;
    if (!settings) return;
    const yes = (/** @type {boolean} */ is) => (is ? "yes" : "");
    /** @type {import("./dialog.js").Field[]} */
    const owners = [
      { name: "access", label: t("settings.access"), value: settings.access, choices: [["open", t("settings.everybody")], ["members", t("settings.members")]] },
      { name: "posting", label: t("settings.posting"), value: settings.posting, choices: POSTING },
      { name: "listed", label: t("settings.listed"), value: yes(settings.listed), yes: true },
      { name: "outside", label: t("settings.outside"), value: yes(settings.outside), yes: true },
    ];
    void ask({
      title: t("settings.title", { room }),
      fields: [
        ...(owner ? owners.slice(0, 2) : []),
        { name: "topic", label: t("settings.topic"), value: settings.topic, choices: [["everyone", t("settings.everybody")], ["ops", t("settings.ops")]] },
        {
          name: "slow", label: t("settings.slow"), value: `${settings.slow}`, type: "number",
          hint: t("settings.slow.hint"),
        },
        ...(owner ? owners.slice(2) : []),
      ],
      send: t("save"),
      act: async values => {
        const wanted = /** @type {Partial<Settings>} */ ({
          topic: values.topic, slow: Math.round(Number(values.slow)),
          ...(owner && { access: values.access, posting: values.posting, listed: values.listed === "yes", outside: values.outside === "yes" }),
        });
        const changed = Object.entries(wanted).filter(([key, value]) => settings[/** @type {keyof Settings} */ (key)] !== value);
        if (changed.length) await this.#chat.moderation.configure(room, Object.fromEntries(changed));
      },
    });
  }
}
