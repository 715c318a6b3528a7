/** The size of what is typed: how much may still follow, and long pasted texts, which are offered as a block of code. */

import { byId, make } from "./nodes.js";
import { t } from "./words.js";

/** The share of a text's limit from which the rest is shown. */
const NEAR = 0.8;
/** Lines from which a pasted text is offered as a block. */
const LONG = 4;
const encoder = new TextEncoder();

export class Measure {
  #box;
  #count = byId("left", HTMLElement);
  #offer = byId("offer", HTMLElement);
  #write;
  /** As the server says it; until then as it usually is. */
  limits = { bytes: 4096, breaks: 50 };

  /** @param {HTMLTextAreaElement} box @param {(text: string) => void} write puts another text into the box */
  constructor(box, write) {
    this.#box = box;
    this.#write = write;
    box.addEventListener("paste", event => this.#pasted(event.clipboardData?.getData("text/plain") ?? ""));
  }

  /** The text is another one. */
  update() {
    const { value } = this.#box;
    if (!value.includes("\n")) this.#offer.hidden = true;
    const bytes = this.limits.bytes - (value.length * 3 < this.limits.bytes * NEAR ? 0 : encoder.encode(value).length);
    const breaks = this.limits.breaks - (value.trimEnd().match(/\n/gu)?.length ?? 0);
    const near = bytes < this.limits.bytes * (1 - NEAR) || breaks < this.limits.breaks * (1 - NEAR);
    this.#count.hidden = !near;
    if (!near) return;
    const over = bytes < 0 || breaks < 0;
    this.#count.classList.toggle("bad", over);
    // The limit is in bytes, of which a character has one to four.
    const share = encoder.encode(value).length / [...value].length;
    const letters = bytes < 0 ? Math.floor(bytes / share) : Math.floor(bytes / Math.max(share, 1));
    const lines = breaks < 0 || (bytes >= 0 && breaks * 20 < letters);
    const left = lines ? breaks : letters;
    this.#count.textContent = lines
      ? t(over ? "left.lines.over" : "left.lines", { n: Math.abs(left) })
      : t(over ? "left.letters.over" : "left.letters", { n: Math.abs(left) });
  }

  /** @param {string} text */
  #pasted(text) {
    const lines = text.replace(/\s+$/u, "").split("\n");
    if (lines.length < LONG || lines.some(line => line.startsWith("```"))) return;
    // Once it is in the box.
    setTimeout(() => {
      const { value, selectionStart } = this.#box;
      const pasted = text.replace(/\r\n?/gu, "\n");
      const at = value.lastIndexOf(pasted, selectionStart);
      if (at < 0) return;
      const button = make("button", "plain", t("paste.block"));
      button.setAttribute("type", "button");
      button.addEventListener("click", () => {
        const before = value.slice(0, at);
        const after = value.slice(at + pasted.length);
        const block = `\`\`\`\n${pasted.replace(/\n+$/u, "")}\n\`\`\``;
        this.#offer.hidden = true;
        this.#write(`${before}${before && !before.endsWith("\n") ? "\n" : ""}${block}${after && !after.startsWith("\n") ? "\n" : ""}${after}`);
        this.#box.focus();
      });
      this.#offer.replaceChildren(t("paste.long", { n: lines.length }), " ", button);
      this.#offer.hidden = false;
    });
  }
}
