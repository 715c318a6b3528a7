/** The people in the current room, its topic, and the list of rooms. */

/** @typedef {import("./chat.js").ChatEvent} ChatEvent */
/** @typedef {import("./chat.js").Room} Room */

/** Milliseconds between two requests for the people, and for the list of rooms. */
const FRESH = 60_000;
/** Rooms that are suggested, at most. */
const SUGGESTED = 300;

export class Roster {
  /** @type {Set<string>} */
  people = new Set();
  /** Rooms there are, as far as they can be suggested. @type {string[]} */
  rooms = [];
  topic = "";
  #chat;
  #deeds;
  /** The id up to which `people` and the topic are known. */
  #known = 0;
  #listedAt = -FRESH;

  /**
   * @param {import("./chat.js").Chat} chat
   * @param {{changed: () => void, looked: (room: Room) => Iterable<import("./places.js").Shown>}} deeds `changed`: people or topic
   *   have changed; `looked`: the server has described a room; returns the events of the room so far
   */
  constructor(chat, deeds) {
    this.#chat = chat;
    this.#deeds = deeds;
    setInterval(() => void this.refresh(), FRESH);
  }

  /** Another room is current, of which nothing is known yet. */
  clear() {
    this.people = new Set();
    this.topic = "";
    this.#known = 0;
    this.#deeds.changed();
  }

  /** Keep people and topic up to date. @param {ChatEvent} event in the current room */
  follow(event) {
    if (event.id <= this.#known) return;
    if (event.type === "notice") return void this.refresh();
    if (event.type === "join") this.people.add(event.from);
    else if (event.type === "leave") this.people.delete(event.from);
    else if (event.type === "nick") this.people.delete(event.from), this.people.add(event.to);
    else if (event.type === "topic") this.topic = event.text;
    else return;
    this.#deeds.changed();
  }

  async refresh() {
    const asked = this.#chat.room;
    const room = await this.#chat.look(asked).catch(() => undefined);
    if (!room || asked !== this.#chat.room) return;
    this.people = new Set(room.here);
    this.topic = room.topic;
    this.#known = room.last ?? 0;
    // Events that came in before the answer.
    for (const event of this.#deeds.looked(room)) if ("room" in event && event.type !== "notice") this.follow(event);
    this.#deeds.changed();
  }

  /** Load the list of rooms, unless that was done lately. @returns {Promise<boolean>} whether it was loaded */
  async list() {
    if (performance.now() - this.#listedAt < FRESH) return false;
    this.#listedAt = performance.now();
    this.rooms = (await this.#chat.list(SUGGESTED).catch(() => [])).map(({ room }) => room);
    return true;
  }

  /** The rooms that the user may join. */
  get others() {
    const { rooms } = this.#chat;
    return this.rooms.filter(room => !rooms.includes(room));
  }
}
