/** Notifications of messages to a user who looks at another window. */

import { quietly } from "./demand.js";
import { rememberNotice, wantsNotice } from "./memory.js";
import { byId } from "./nodes.js";
import { t } from "./words.js";

/** Characters of a text that a notification shows. */
const SHOWN = 200;

/** Whether the user looks at this page, and not at another window. */
export function attending() {
  return !document.hidden && document.hasFocus();
}

export class Bell {
  /** Whether the service worker is notified too, so that it has to know what the page has shown. */
  byWorker = false;
  #button = byId("notify", HTMLButtonElement);
  #complain;
  #on = false;

  /** @param {(text: string) => void} complain */
  constructor(complain) {
    this.#complain = complain;
    const can = "Notification" in window && Notification.permission !== "denied";
    this.#button.hidden = !can;
    this.#show(can && Notification.permission === "granted" && wantsNotice());
    this.#button.addEventListener("click", () => void this.#toggle());
  }

  /**
   * @param {string} title @param {string} text @param {string} tag of which only the latest is shown @param {() => void} open
   * @param {number} [id] of the event that is shown
   */
  ring(title, text, tag, open, id) {
    if (!this.#on || attending()) return;
    const shown = { body: text.slice(0, SHOWN), tag, icon: "icon.svg", data: { place: tag, id } };
    if (this.byWorker) return void this.#ringByWorker(title, shown);
    try {
      const note = new Notification(title, shown);
      note.onclick = () => {
        window.focus();
        open();
      };
    } catch {
      // Browsers of phones allow this to service workers only.
      void this.#ringByWorker(title, shown);
    }
  }

  /** @param {string} title @param {NotificationOptions} shown */
  async #ringByWorker(title, shown) {
    const rung = await quietly(() => import("./standby.js"), async ({ standBy }) => {
      const worker = await standBy();
      await worker?.showNotification(title, shown);
      return worker !== undefined;
    });
    if (!rung) {
      this.#show(false);
      this.#button.hidden = true;
      rememberNotice(false);
      this.#complain(t("bell.impossible"));
    }
  }

  /** Turn notifications on, if the user lets us. */
  async want() {
    if (!this.#on && !this.#button.hidden) await this.#toggle();
  }

  async #toggle() {
    const wanted = !this.#on && (await Notification.requestPermission()) === "granted";
    this.#show(wanted);
    rememberNotice(wanted);
  }

  /** @param {boolean} on */
  #show(on) {
    this.#on = on;
    this.#button.setAttribute("aria-pressed", `${on}`);
  }
}
