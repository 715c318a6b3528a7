/** The menu of a room: invites, members, bans, settings; and making a private room. */

import { ask, showList } from "./dialog.js";
import { changes, moment } from "./happened.js";
import { byId } from "./nodes.js";
import { rankOf } from "./personmenu.js";
import { openMenu } from "./popup.js";
import { t } from "./words.js";
import { roomName } from "./values.js";

/** @typedef {import("./popup.js").Item} Item */
/** @typedef {import("./moderation.js").Settings} Settings */

/** How often an invite can be used, as a choice. @type {[string, string][]} */
const USES = [["1", "one person"], ["10", "10 people"], ["100", "100 people"]];
/** Days that an invite can be used, as a choice. @type {[string, string][]} */
const LIVES = [["1", "a day"], ["7", "a week"], ["30", "30 days"]];
const DAY = 86_400;
/** @type {[string, string][]} */
const POSTING = [["everyone", "Everybody"], ["accounts", "Whoever is signed in"], ["voices", "Voices, ops and owners"]];

export class RoomMenu {
  #button = byId("room-menu", HTMLButtonElement);
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
    this.#button.addEventListener("click", () => openMenu(this.#button, "This place", this.#items()));
    byId("new-room", HTMLButtonElement).addEventListener("click", () => this.create());
  }

  /** @returns {Item[]} */
  #items() {
    const leave = () => void this.#deeds.leave().catch(this.#deeds.complain);
    const talk = this.#deeds.talk();
    const found = [
      { text: t("menu.search"), act: this.#deeds.search },
      { text: t("menu.day"), act: this.#deeds.day },
      { text: t("menu.levels"), act: this.#deeds.levels },
    ];
    if (talk) return [...found.slice(1), ...this.#deeds.withPerson(talk).slice(1), { text: "Close this conversation", act: leave }];
    const { room } = this.#chat;
    const { settings } = this.#roster;
    const rank = rankOf(this.#roster.role);
    /** @type {Item[]} */
    const items = [...found];
    const closed = settings?.access === "members";
    if (!closed || rank >= 2) items.push({ text: "Invite people…", act: () => (closed ? this.#showInvites(room) : this.#share(room, rank)) });
    if (rank >= 2 && closed) items.push({ text: "Members…", act: () => this.#showMembers(room) });
    if (this.#chat.name && (rank >= 2 || settings?.topic !== "ops")) items.push({ text: "Set the topic…", act: () => this.#setTopic(room) });
    if (rank >= 2) {
      items.push({ text: "Banned and muted people…", act: () => this.#showBans(room) });
      items.push({ text: "Settings of the room…", act: () => this.#configure(room, rank === 3) });
    } else if (settings) {
      items.push({ text: "About this room…", act: () => this.#about(room, settings) });
    }
    return [...items, { text: "Leave the room", act: leave }];
  }

  /** @param {string} room @param {number} rank */
  async #share(room, rank) {
    const { share } = await import("./sharing.js");
    await share(this.#chat, room, { more: rank >= 2 ? [{ text: t("share.links"), act: () => this.#showInvites(room) }] : [] });
  }

  /** @param {string} room @param {Settings} settings */
  #about(room, settings) {
    const roles = [...this.#roster.roles];
    showList({
      title: `About #${room}`,
      text: `${changes(settings).join("; ")}.`.replace(/^./u, first => first.toUpperCase()),
      empty: "Nobody has a role here. An administrator of the server can name an owner.",
      load: async () => roles.map(([name, role]) => ({ title: name, about: `${role}` })),
    });
  }

  /** @param {string} room */
  #setTopic(room) {
    void ask({
      title: `Topic of #${room}`,
      fields: [{ name: "text", label: "Topic", value: this.#roster.topic, hint: "Empty: no topic." }],
      send: "Set the topic",
      act: ({ text = "" }) => this.#chat.topic(text.trim(), room),
    });
  }

  /** Make a room for members only. */
  create() {
    const guest = !this.#chat.account.signedIn;
    let made = "";
    void ask({
      title: "New private room",
      text: guest
        ? "Only those whom you let in see it. As a guest you have it only while you are in it: sign in to keep it."
        : "Only those whom you invite see it. It is yours, and stays when you leave.",
      fields: [
        { name: "room", label: "Name of the room", hint: "Letters, digits, - _ and . without spaces", must: true },
        { name: "topic", label: "Topic" },
      ],
      send: "Make the room",
      act: async ({ room = "", topic = "" }) => {
        made = await this.#make(roomName(room.trim()), topic.trim());
      },
      others: guest ? [{ text: "Sign in", act: this.#deeds.signIn }] : [],
    }).then(done => {
      if (done) this.#showInvites(made);
    });
  }

  /** @param {string} wanted @param {string} topic */
  async #make(wanted, topic) {
    if (/\s/u.test(wanted)) throw new Error("A room is one word; use - instead of spaces");
    if (!this.#chat.name) throw new Error("Choose a name first, or sign in");
    const taken = new Error(`There is a room #${wanted} already: choose another name`);
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
      title: `Invite people to #${room}`,
      text: "Whoever has a link comes in by it, with an account.",
      empty: "There is no link yet.",
      load: async () => (await moderation.invites(room)).map(({ id, by, until, uses }) => ({
        title: `for ${uses === 1 ? "one more person" : `${uses} more people`}`,
        about: `by ${by}${until ? `, until ${moment(until)}` : ""}`,
        deed: "Take back",
        act: () => moderation.takeBack(room, id),
      })),
      more: [{ text: "New link…", act: () => this.#invite(room) }, { text: "By name…", act: () => this.#addMember(room) }],
    });
  }

  /** @param {string} room */
  async #invite(room) {
    let url = "";
    await ask({
      title: "New link",
      fields: [
        { name: "uses", label: "It lets in", choices: USES },
        { name: "days", label: "It can be used for", choices: LIVES, value: "7" },
      ],
      send: "Make the link",
      act: async ({ uses, days }) => {
        ({ url } = await this.#chat.moderation.invite(room, { seconds: Number(days) * DAY, uses: Number(uses) }));
      },
    });
    if (!url) return;
    const { share } = await import("./sharing.js");
    await share(this.#chat, room, { url });
  }

  /** @param {string} room */
  async #addMember(room) {
    await ask({
      title: `Let somebody into #${room}`,
      fields: [{ name: "name", label: "Name", hint: "Of somebody with an account, or of a guest who is here now.", must: true }],
      send: "Let in",
      act: ({ name = "" }) => this.#chat.moderation.addMember(room, name.trim()),
    });
  }

  /** @param {string} room */
  #showMembers(room) {
    const { moderation } = this.#chat;
    showList({
      title: `Members of #${room}`,
      empty: "There are none.",
      load: async () => (await moderation.members(room)).map(name => ({
        title: name,
        about: this.#roster.roleOf(name) ?? "",
        ...(name !== this.#chat.name && { deed: "Remove", act: () => moderation.removeMember(room, name) }),
      })),
      more: [{ text: "Add by name…", act: () => this.#addMember(room) }],
    });
  }

  /** @param {string} room */
  #showBans(room) {
    const { moderation } = this.#chat;
    /** @param {import("./moderation.js").Restriction} one */
    const about = ({ by, text, until }) => `by ${by}, ${until ? `until ${moment(until)}` : "for ever"}${text ? `: ${text}` : ""}`;
    showList({
      title: `Banned and muted in #${room}`,
      empty: "Nobody is.",
      load: async () => [
        ...(await moderation.bans(room)).map(one => ({
          title: one.who, about: `banned ${about(one)}`, deed: "Lift the ban", act: () => moderation.unban(room, one.id),
        })),
        ...(await moderation.mutes(room)).map(one => ({
          title: one.who, about: `muted ${about(one)}`, deed: "Let speak", act: () => moderation.unmute(room, one.who),
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
      { name: "access", label: "Who may come in and read", value: settings.access, choices: [["open", "Everybody"], ["members", "Members only"]] },
      { name: "posting", label: "Who may speak", value: settings.posting, choices: POSTING },
      { name: "listed", label: "Lists of rooms show it", value: yes(settings.listed), yes: true },
      { name: "outside", label: "People who are not in it may speak here", value: yes(settings.outside), yes: true },
    ];
    void ask({
      title: `Settings of #${room}`,
      fields: [
        ...(owner ? owners.slice(0, 2) : []),
        { name: "topic", label: "Who may set the topic", value: settings.topic, choices: [["everyone", "Everybody"], ["ops", "Ops and owners"]] },
        {
          name: "slow", label: "Seconds between two messages of one person", value: `${settings.slow}`, type: "number",
          hint: "0: as many as they like. Ops and voices may always speak.",
        },
        ...(owner ? owners.slice(2) : []),
      ],
      send: "Save",
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
