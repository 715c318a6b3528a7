/** The menu items of a message. */

import { copied } from "./copying.js";
import { ask } from "./dialog.js";
import { rankOf } from "./roster.js";
import { t } from "./words.js";

/** @typedef {import("./popup.js").Item} Item */
/** @typedef {Extract<import("./chat.js").ChatEvent, {type: "message" | "action" | "private"}>} Said */

/** Characters of a text that a dialog shows, and lines of one that a reply quotes. */
const SHOWN = 200;
const QUOTED = 4;
/** Ops to whom a report goes, at most. */
const TOLD = 5;

export class MessageMenu {
  #chat;
  #roster;
  #deeds;

  /**
   * @param {import("./chat.js").Chat} chat @param {import("./roster.js").Roster} roster
   * @param {{withPerson: (name: string, room: string) => Item[], quote: (text: string) => void, complain: (error: unknown) => void}} deeds
   *   `withPerson`: what can be done with a person; `quote`: answer in the message box
   */
  constructor(chat, roster, deeds) {
    this.#chat = chat;
    this.#roster = roster;
    this.#deeds = deeds;
  }

  /** @param {Said} event @returns {Item[]} */
  items(event) {
    const isPrivate = event.type === "private";
    const own = event.from.toLowerCase() === this.#chat.name.toLowerCase();
    const rank = rankOf(this.#roster.role);
    const { text } = event;
    /** @type {Item[]} */
    const items = [];
    if (text && this.#chat.name) items.push({ text: t("message.reply"), act: () => this.#deeds.quote(quoteOf(event)) });
    if (text) items.push({ text: t("message.copy"), act: () => void this.#copy(text) });
    if (event.type !== "private") items.push({ text: t("message.link"), act: () => void this.#copy(linkOf(event.room, event.id)) });
    const mayDelete = isPrivate ? own && event.account : this.#chat.name && (own || rank >= 2);
    if (text && mayDelete) items.push({ text: t("message.delete"), act: () => this.#redact(event), bad: true });
    if (event.type === "private") return items;
    if (text && !own && rank < 2 && this.#chat.name && this.#ops(event.from).length) {
      items.push({ text: t("message.report"), act: () => this.#report(event, event.room) });
    }
    return [...items, ...this.#deeds.withPerson(event.from, event.room)];
  }

  /** @param {string} text */
  async #copy(text) {
    if (!(await copied(text))) this.#deeds.complain(t("copy.impossible"));
  }

  /** The ops to whom a message can be reported. @param {string} sender */
  #ops(sender) {
    const others = [sender, this.#chat.name].map(name => name.toLowerCase());
    return [...this.#roster.roles].filter(([name, role]) => rankOf(role) >= 2 && !others.includes(name.toLowerCase())).map(([name]) => name);
  }

  /** @param {Said} event @param {string} room */
  #report(event, room) {
    const ops = this.#ops(event.from).slice(0, TOLD);
    void ask({
      title: t("report.title", { name: event.from }),
      text: t("report.text", { names: ops.join(", ") }),
      fields: [{ name: "text", label: t("report.why") }],
      send: t("report.send"),
      act: async ({ text = "" }) => {
        const said = `${t("report.said", { name: event.from, link: linkOf(room, event.id) })}${text.trim() ? ` ${text.trim()}` : ""}\n${quoteOf(event)}`;
        const sent = await Promise.allSettled(ops.map(name => this.#chat.tell(name, said)));
        const failed = sent.find(one => one.status === "rejected");
        if (failed && sent.every(one => one.status === "rejected")) throw /** @type {PromiseRejectedResult} */ (failed).reason;
      },
    });
  }

  /** @param {Said} event */
  #redact(event) {
    const { id, from, text } = event;
    const shown = text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
    void ask({
      title: t("delete.title", { name: from }),
      text: t("delete.text", { text: shown }),
      send: t("delete.send"),
      bad: true,
      act: () => event.type === "private" ? this.#chat.unsay(event.to, id) : this.#chat.moderation.redact(event.room, id),
    });
  }
}

/** The address that shows a message. @param {string} room @param {number} id */
export function linkOf(room, id) {
  return new URL(`rooms/${encodeURIComponent(room)}/messages/${id}`, new URL(".", location.href)).href;
}

/** A message as the beginning of an answer to it. @param {Said} event */
function quoteOf({ from, text }) {
  const lines = `${from}: ${text}`.split("\n");
  const shown = lines.length > QUOTED ? [...lines.slice(0, QUOTED - 1), "…"] : lines;
  return shown.map(line => `> ${line}`).join("\n");
}
