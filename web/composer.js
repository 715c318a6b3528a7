/** The message box, with the box for a name if the user has none yet, and the error below it. */

import { ChatError } from "./chat.js";
import { wordsOf } from "./advice.js";
import { goesElsewhere } from "./commands.js";
import { Hints } from "./hints.js";
import { Measure } from "./measure.js";
import { byId, make } from "./nodes.js";
import { Recall } from "./recall.js";
import { Waiting } from "./waiting.js";
import { t } from "./words.js";

/**
 * `place`: where one is. `name`: who one is, or empty. `take`: another name; resolves with it as the server spells it. `carryOut`:
 * a text that was written in a place. `waysOn`: see `suggestions.js`; `typed`: the text has changed; `up`: to the messages, whether
 * there are any; `wayOut`: of what went wrong, as a button.
 * @typedef {{
 *   place: () => string, name: () => string, take: (name: string) => Promise<string>,
 *   carryOut: (text: string, place: string) => Promise<void>, turn: (pages: number) => void, shown: () => void,
 *   waysOn: (before: string, after: string, asked: boolean) => import("./suggestions.js").Hint[] | Promise<import("./suggestions.js").Hint[]>, typed: (text: string) => void,
 *   up: () => boolean, wayOut: (error: unknown) => [string, () => void] | undefined,
 * }} Deeds
 */

/** Rows of the box, at most, in browsers without `field-sizing`. */
const ROWS = 6;

export class Composer {
  /** @type {Set<{place: string, text: string}>} what was sent off and is not said yet */
  unsaid = new Set();
  #box = byId("message", HTMLTextAreaElement);
  #nameBox = byId("name", HTMLInputElement);
  #rename = byId("rename", HTMLButtonElement);
  #problem = byId("problem", HTMLElement);
  #hints;
  #measure;
  #recall = new Recall();
  #waiting;
  #deeds;
  /** By place, texts that could not be sent while one looked elsewhere. @type {(place: string, text: string) => void} */
  #giveBackThere;
  /** @type {{name: string, done: Promise<boolean>} | undefined} */
  #naming;
  /** The command under way that goes from this place to another. @type {{from: string, done: Promise<boolean>} | undefined} */
  #going;
  #touch = matchMedia("(pointer: coarse)");

  /** @param {Deeds} deeds @param {(place: string, text: string) => void} giveBackThere put a text before the draft of a place elsewhere */
  constructor(deeds, giveBackThere) {
    this.#deeds = deeds;
    this.#giveBackThere = giveBackThere;
    this.#measure = new Measure(this.#box, text => this.write(text));
    this.#waiting = new Waiting({
      place: deeds.place, shown: deeds.shown,
      again: ({ text, place }) => void this.#send(text, place),
      edit: ({ text, place }) => {
        this.#giveBack(text, place);
        this.focus();
      },
    });
    this.#hints = new Hints(this.#box, byId("hints", HTMLElement), deeds.waysOn, text => this.write(text));
    const form = byId("form", HTMLFormElement);
    form.addEventListener("submit", event => {
      event.preventDefault();
      void this.submit();
    });
    form.addEventListener("input", () => this.complain(""));
    this.#box.addEventListener("keydown", event => this.#key(event));
    this.#box.addEventListener("input", () => {
      this.#fit();
      this.#measure.update();
      this.#hints.update();
      deeds.typed(this.#box.value);
    });
    this.#box.addEventListener("paste", event => this.#refuseFiles(event, event.clipboardData));
    for (const type of /** @type {const} */ (["dragover", "drop"])) {
      addEventListener(type, event => this.#refuseFiles(event, event.dataTransfer));
    }
    this.#nameBox.addEventListener("input", () => this.#showRename());
    this.#nameBox.addEventListener("keydown", event => this.#nameKey(event));
    // The name box keeps the focus.
    this.#rename.addEventListener("pointerdown", event => event.preventDefault());
    this.#rename.addEventListener("click", () => void this.#enterName());
    const hint = () => this.#box.setAttribute("enterkeyhint", this.#touch.matches ? "enter" : "send");
    this.#touch.addEventListener("change", hint);
    hint();
  }

  get text() {
    return this.#box.value;
  }

  focus() {
    this.#box.focus();
  }

  /** @param {boolean} [all] whether to select what is there */
  focusName(all = false) {
    this.#nameBox.focus();
    if (all) this.#nameBox.select();
  }

  /** What was typed has other suggestions now. */
  suggest() {
    if (document.activeElement === this.#box) this.#hints.update();
  }

  /** Have another text in the box: what was suggested for the one before is out of place. @param {string} text */
  write(text) {
    this.#box.value = text;
    this.#hints.hide();
    this.#measure.update();
    this.#fit();
  }

  /** Put a text before the draft, and place the cursor behind it. @param {string} text */
  quote(text) {
    this.write(`${text}\n${this.#box.value}`);
    this.focus();
    this.#box.selectionStart = this.#box.selectionEnd = this.#box.value.length;
  }

  /** How long a text may be. @param {{bytes: number, breaks: number}} limits */
  bound(limits) {
    this.#measure.limits = limits;
  }

  /** Texts that are not said, on their way or refused. @returns {{place: string, text: string}[]} */
  get open() {
    return [...this.unsaid, ...this.#waiting.failed];
  }

  /** Say in the boxes what they are for. @param {string} text @param {boolean} isPrivate */
  invite(text, isPrivate) {
    this.#box.placeholder = text;
    byId("form", HTMLFormElement).classList.toggle("private", isPrivate);
  }

  /** One has this name now. What was typed into the box meanwhile stays. @param {string} name @param {string} before */
  showName(name, before) {
    // With a name, it stands in the head.
    const focused = document.activeElement === this.#nameBox;
    const named = this.#deeds.name() !== "";
    byId("who", HTMLElement).hidden = named;
    if (named && focused) this.focus();
    const typed = this.#nameBox.value.trim();
    if (!typed || typed === before || document.activeElement !== this.#nameBox) this.#nameBox.value = name;
    this.#showRename();
  }

  /** One looks at another place: what waits there is shown. */
  showWaiting() {
    this.#waiting.show();
  }

  /** @param {string} text @param {[string, () => void]} [way] out of it, as a button */
  complain(text, way) {
    this.#problem.textContent = text;
    if (way) {
      const button = make("button", "plain", way[0]);
      button.setAttribute("type", "button");
      button.addEventListener("click", way[1]);
      this.#problem.append(" ", button);
    }
    this.#problem.hidden = !text;
  }

  /** Send the draft; a user without a name first takes the name in the other box. */
  async submit() {
    const text = this.#box.value;
    // What is typed while the name is being taken is another message.
    this.write("");
    const place = this.#deeds.place();
    if (this.#going?.from === place && !(await this.#arrives(text, place))) return;
    const sent = this.#send(text, this.#deeds.place());
    if (!goesElsewhere(text)) return void (await sent);
    const going = this.#going = { from: this.#deeds.place(), done: sent.finally(() => this.#going === going && (this.#going = undefined)) };
    await going.done;
  }

  /**
   * Wait for the command that goes to another place: a text typed behind `/msg` is private, and the room must not get it.
   * @param {string} text given back if the command fails @param {string} place @returns {Promise<boolean>} whether we got there
   */
  async #arrives(text, place) {
    const words = { place, text };
    this.unsaid.add(words);
    try {
      while (this.#going?.from === place) {
        if (await this.#going.done) continue;
        this.#giveBack(text, place, true);
        return false;
      }
      return true;
    } finally {
      this.unsaid.delete(words);
    }
  }

  /** Send, and while that takes its time show that it is waiting. @template T @param {string} text @param {string} place @param {() => Promise<T>} send */
  post(text, place, send) {
    return this.#waiting.post(text, place, send);
  }

  /** @param {string} text @param {string} place @returns {Promise<boolean>} whether it was done */
  async #send(text, place) {
    this.complain("");
    const words = { place, text };
    if (text.trim()) this.unsaid.add(words);
    try {
      if (!this.#deeds.name()) {
        const named = text.trim() ? await this.post(text, place, () => this.#takeName()) : await this.#takeName();
        if (!named) {
          this.#giveBack(text, place);
          return false;
        }
      }
      // Unless one went elsewhere meanwhile.
      if (!byId("side", HTMLElement).contains(document.activeElement)) this.focus();
      if (text.trim()) await this.#deeds.carryOut(text, place), this.#recall.add(place, text);
      return true;
    } catch (error) {
      if (!this.#waiting.keep(words, error)) this.#giveBack(text, place);
      this.complain(wordsOf(error), this.#deeds.wayOut(error));
      return false;
    } finally {
      this.unsaid.delete(words);
      this.#deeds.shown();
    }
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (composing(event) || event.altKey || this.#hints.handled(event)) return;
    const pages = event.key === "PageUp" ? -1 : event.key === "PageDown" ? 1 : 0;
    if (pages) event.preventDefault(), this.#deeds.turn(pages);
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (step && !event.ctrlKey && !event.metaKey) this.#step(event, step);
    if (event.key !== "Enter" || event.shiftKey) return;
    // A keyboard on the screen has no Shift+Enter.
    if (this.#touch.matches && !event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    void this.submit();
  }

  /** ↑ in the empty box: what was not sent, or was sent last; with Shift, the messages. @param {KeyboardEvent} event @param {number} step */
  #step(event, step) {
    if (event.shiftKey) return void (step < 0 && !this.text && this.#deeds.up() && event.preventDefault());
    const failed = step < 0 && !this.text ? this.#waiting.takeBack()?.text : undefined;
    const text = failed ?? this.#recall.step(this.#deeds.place(), this.text, step);
    if (text === undefined) return;
    event.preventDefault();
    this.write(text);
    this.#deeds.shown();
  }

  /** @param {KeyboardEvent} event */
  #nameKey(event) {
    if (event.key === "Escape") {
      this.#nameBox.value = this.#deeds.name();
      this.#showRename();
    }
    if (event.key !== "Enter") return;
    event.preventDefault();
    if (!composing(event)) void this.#enterName();
  }

  /** One wants the name in the box. Who had none, and has written something, wants to say it too. */
  async #enterName() {
    if (!this.#deeds.name()) return this.submit();
    this.complain("");
    if (await this.#takeName()) this.focus();
  }

  /** A name is taken with Enter or the button only. */
  #showRename() {
    const name = this.#nameBox.value.trim();
    this.#rename.hidden = !name || name === this.#deeds.name();
  }

  /** Have the name in the box; one attempt at a time. @returns {Promise<boolean>} */
  async #takeName() {
    const name = this.#nameBox.value.trim();
    const own = this.#deeds.name();
    if (!name || name === own) {
      this.#nameBox.value = own;
      this.#showRename();
      if (!name) this.complain(t("name.first")), this.#nameBox.focus();
      return name !== "";
    }
    if (this.#naming?.name !== name) this.#naming = { name, done: this.#ask(name) };
    return this.#naming.done;
  }

  /** @param {string} name */
  async #ask(name) {
    try {
      const shown = await this.#deeds.take(name);
      if (this.#nameBox.value.trim() === name) this.#nameBox.value = shown;
      return true;
    } catch (error) {
      if (!(error instanceof ChatError && error.code === "superseded")) this.complain(wordsOf(error), this.#deeds.wayOut(error)), this.#nameBox.select();
      return false;
    } finally {
      this.#naming = undefined;
      this.#showRename();
    }
  }

  /**
   * Put a text that could not be sent into the box of its own place.
   * @param {string} text @param {string} place @param {boolean} [behind] what is there, and not before it
   */
  #giveBack(text, place, behind = false) {
    if (!text) return;
    if (place !== this.#deeds.place()) return this.#giveBackThere(place, text);
    const typed = this.#box.value ? [this.#box.value] : [];
    this.write((behind ? [...typed, text] : [text, ...typed]).join("\n"));
  }

  /** @param {Event} event @param {DataTransfer | null} data */
  #refuseFiles(event, data) {
    if (!data?.types.includes("Files") || data.types.includes("text/plain")) return;
    event.preventDefault();
    if (event.type !== "dragover") this.complain(t("files.refused"));
  }

  /** For browsers without `field-sizing`. */
  #fit() {
    this.#box.rows = Math.min(ROWS, this.#box.value.split("\n").length);
  }
}

/** Whether a key belongs to an input method: Safari says so only with the code 229. @param {KeyboardEvent} event */
function composing(event) {
  return event.isComposing || event.keyCode === 229;
}
