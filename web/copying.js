/** Copying from the conversation: the texts as they were written, with their marks, which the page does not show. */

import { t } from "./words.js";

/** Milliseconds for which a button says that it has copied. */
const TOLD = 2000;

/** @param {HTMLElement} conversation @param {(error: string) => void} complain */
export function watchCopying(conversation, complain) {
  conversation.addEventListener("copy", event => {
    const selection = getSelection();
    if (!selection?.rangeCount || !event.clipboardData) return;
    const found = selection.getRangeAt(0).cloneContents();
    // The browser knows what is in plain texts.
    if (!found.querySelector(".mark, .emoji")) return;
    event.clipboardData.setData("text/plain", written(found));
    event.preventDefault();
  });
  conversation.addEventListener("click", ({ target }) => {
    const button = target instanceof Element && target.closest("button.copy");
    if (button instanceof HTMLElement) void copy(button, complain);
  });
}

/** @param {string} text @returns {Promise<boolean>} whether it could be copied */
export async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

/** @param {HTMLElement} button @param {(error: string) => void} complain */
async function copy(button, complain) {
  if (!(await copied(button.dataset.copy ?? ""))) return complain(t("copy.impossible"));
  button.dataset.word = t("copied");
  setTimeout(() => (button.dataset.word = t("copy")), TOLD);
}

/** What was selected, as it was written. @param {DocumentFragment} selected */
function written(selected) {
  const rows = [...selected.querySelectorAll(".day, .line, .event")];
  if (!rows.length) return selected.textContent ?? "";
  return rows.map(row => {
    if (!row.matches(".said")) return row.textContent ?? "";
    const [name, time] = row.matches(".more") ? [] : [row.querySelector(".who bdi"), row.querySelector(".who time")];
    const head = [name, time].map(one => one?.textContent).filter(Boolean).join(" ");
    return `${head ? `${head}\n` : ""}${row.querySelector(".text")?.textContent ?? ""}`;
  }).join("\n");
}
