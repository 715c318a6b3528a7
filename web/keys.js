/** Presses keys again that were held back: does what a browser does with a key that nobody else takes. */

/** @param {KeyboardEvent} event */
export function press({ key, shiftKey }) {
  const at = document.activeElement ?? document.body;
  if (!at.dispatchEvent(new KeyboardEvent("keydown", { key, shiftKey, bubbles: true, cancelable: true }))) return;
  if (at instanceof HTMLButtonElement && (key === "Enter" || key === " ")) at.click();
  else if (key === "Enter" && at instanceof HTMLInputElement) at.form?.requestSubmit();
  else if (key === "Enter" && at instanceof HTMLTextAreaElement) document.execCommand("insertText", false, "\n");
  else if (key === "Tab") step(at, shiftKey ? -1 : 1);
  else if (key === "Backspace") document.execCommand("delete");
  else if (key.length < 3) document.execCommand("insertText", false, key);
}

/** Focus a neighbour within a dialog. @param {Element} from @param {number} by */
function step(from, by) {
  const all = /** @type {HTMLElement[]} */ ([...(from.closest("dialog")?.querySelectorAll("input, select, button") ?? [])]);
  all.at((all.findIndex(one => one === from) + by) % all.length)?.focus();
}
