/** Dialogs: a form that is filled in and sent, or a list with something to do to each entry. Modal; Escape closes them. */

import { wordsOf } from "./advice.js";
import { copied } from "./copying.js";
import { make } from "./nodes.js";
import { t } from "./words.js";

/**
 * One box. `choices`: to choose among, as value and text; `yes`: a box to tick. Of a box to tick the value is "yes" or "".
 * @typedef {{
 *   name: string, label: string, value?: string, type?: "text" | "password" | "number" | "date", autocomplete?: string, hint?: string,
 *   choices?: [string, string][], yes?: boolean, must?: boolean,
 * }} Field
 */
/**
 * `send`: the text of the button; `bad`: the button must not be pressed by mistake. `act` is called with the values of the boxes,
 * and throws an error about them. `others`: other buttons, which close the dialog.
 * @typedef {{
 *   title: string, text?: string, fields?: Field[], send: string, bad?: boolean, act: (values: Record<string, string>) => unknown,
 *   others?: {text: string, act: () => void}[],
 * }} Form
 */
/** An entry of a list. @typedef {{title: string, about?: string, deed?: string, act?: () => Promise<unknown>}} Entry */

let count = 0;

/** Show a form until it was sent with success, or was closed. @param {Form} form @returns {Promise<boolean>} whether it was sent */
export function ask({ title, text, fields = [], send, bad, act, others = [] }) {
  return new Promise(resolve => {
    let sent = false;
    const { dialog, body, problem } = frame(title, () => resolve(sent));
    const form = make("form", "");
    form.setAttribute("novalidate", "");
    const boxes = fields.map(field => boxOf(field));
    const button = make("button", bad ? "bad" : "", send);
    const cancel = plain(t("cancel"), () => dialog.close());
    form.append(...(text ? [make("p", "about", text)] : []), ...boxes.map(({ row }) => row), problem,
      make("p", "ways", button, cancel, ...others.map(other => plain(other.text, () => {
        dialog.close();
        other.act();
      }))));
    form.addEventListener("submit", event => {
      event.preventDefault();
      void submit();
    });
    async function submit() {
      const missing = boxes.find(({ field, value }) => field.must && !value().trim());
      if (missing) {
        problem.textContent = t("missing", { label: missing.field.label });
        return missing.focus();
      }
      problem.textContent = "";
      button.setAttribute("disabled", "");
      try {
        await act(Object.fromEntries(boxes.map(({ field, value }) => [field.name, value()])));
        sent = true;
        dialog.close();
      } catch (error) {
        problem.textContent = wordsOf(error);
        button.removeAttribute("disabled");
        boxes[0]?.focus();
      }
    }
    body.append(form);
    dialog.showModal();
    const first = boxes.find(({ value, field }) => !value() && !field.yes) ?? boxes[0];
    if (first) first.focus();
    else button.focus();
  });
}

/**
 * Show a list. It is loaded again after each action.
 * @param {{title: string, text?: string, empty: string, load: () => Promise<Entry[]>, more?: {text: string, act: () => unknown}[]}} list
 *   `more`: further actions, after which the list is also loaded again
 */
export function showList({ title, text, empty, load, more = [] }) {
  const { dialog, body, problem } = frame(title);
  const list = make("ul", "entries");
  const ways = more.map(({ text: words, act }) => plain(words, () => void perform(async () => act())));
  body.append(...(text ? [make("p", "about", text)] : []), list, problem, make("p", "ways", plain(t("close"), () => dialog.close()), ...ways));
  dialog.showModal();
  void perform(async () => {});
  /** @param {() => Promise<unknown>} deed */
  async function perform(deed) {
    problem.textContent = "";
    try {
      await deed();
      const entries = await load();
      list.replaceChildren(...entries.map(rowOf));
      if (!entries.length) list.append(make("li", "quiet", empty));
    } catch (error) {
      problem.textContent = wordsOf(error);
    }
    if (!dialog.contains(document.activeElement) && dialog.open) dialog.querySelector("button")?.focus();
  }
  /** @param {Entry} entry */
  function rowOf({ title: name, about, deed, act }) {
    const row = make("li", "", make("span", "", make("bdi", "", name), ...(about ? [make("span", "quiet", about)] : [])));
    if (deed && act) {
      const button = plain(deed, () => void perform(act));
      button.setAttribute("aria-label", t("deed.of", { deed, name }));
      row.append(button);
    }
    return row;
  }
}

/**
 * Show a secret that the server sends only once, with a button that copies it.
 * @param {string} title @param {string} text @param {string} secret @returns {Promise<void>}
 */
export function showOnce(title, text, secret) {
  return new Promise(resolve => {
    const { dialog, body, problem } = frame(title, resolve);
    const box = document.createElement("input");
    box.readOnly = true;
    box.value = secret;
    box.setAttribute("aria-label", title);
    box.addEventListener("focus", () => box.select());
    const copy = make("button", "", t("copy"));
    copy.addEventListener("click", () => void copied(secret).then(done => {
      if (done) copy.textContent = t("copied");
      else box.focus(), problem.textContent = t("copy.by-hand");
    }));
    copy.setAttribute("type", "button");
    body.append(make("p", "about", text), make("p", "field", box), problem, make("p", "ways", copy, plain(t("close"), () => dialog.close())));
    dialog.showModal();
    copy.focus();
  });
}

/**
 * Show something, with a button that closes it. @param {string} title @param {Node[]} nodes
 * @param {{text: string, act: () => void}[]} [others] other ways out, which close it
 */
export function panel(title, nodes, others = []) {
  const { dialog, body, problem } = frame(title);
  body.append(...nodes, problem, make("p", "ways", plain(t("close"), () => dialog.close()), ...others.map(({ text, act }) => plain(text, () => {
    dialog.close();
    act();
  }))));
  dialog.showModal();
  return { dialog, problem };
}

/** @param {string} title @param {() => void} [closed] */
function frame(title, closed) {
  const dialog = document.createElement("dialog");
  const heading = make("h2", "", title);
  heading.id = `dialog-${++count}`;
  dialog.setAttribute("aria-labelledby", heading.id);
  const problem = make("p", "problem");
  problem.setAttribute("role", "alert");
  const body = make("div", "");
  dialog.append(heading, body);
  const before = document.activeElement;
  dialog.addEventListener("close", () => {
    dialog.remove();
    // This event comes a little after the dialog has closed: the user may have moved the focus by then.
    const elsewhere = document.activeElement !== null && document.activeElement !== document.body;
    if (before instanceof HTMLElement && before.isConnected && !elsewhere) before.focus();
    closed?.();
  });
  // Keys in it are not the page's.
  dialog.addEventListener("keydown", event => event.stopPropagation());
  document.body.append(dialog);
  return { dialog, body, problem };
}

/** @param {string} text @param {() => void} act */
function plain(text, act) {
  const button = make("button", "plain", text);
  button.setAttribute("type", "button");
  button.addEventListener("click", act);
  return button;
}

/** @param {Field} field */
function boxOf(field) {
  const id = `field-${++count}`;
  const box = document.createElement(field.choices ? "select" : "input");
  box.id = id;
  box.name = field.name;
  const label = make("label", "", field.label);
  label.setAttribute("for", id);
  if (box instanceof HTMLSelectElement) {
    box.append(...(field.choices ?? []).map(([value, text]) => new Option(text, value)));
  } else {
    box.type = field.yes ? "checkbox" : field.type ?? "text";
    if (field.type === "number") box.min = "0";
    box.setAttribute("autocomplete", field.autocomplete ?? "off");
    box.setAttribute("autocapitalize", "off");
    box.spellcheck = false;
  }
  if (box instanceof HTMLInputElement && field.yes) box.checked = field.value === "yes";
  else if (field.value !== undefined) box.value = field.value;
  const row = make("p", field.yes ? "tick" : "field", ...(field.yes ? [box, label] : [label, box]));
  if (field.hint) {
    const hint = make("span", "quiet", field.hint);
    hint.id = `${id}-hint`;
    box.setAttribute("aria-describedby", hint.id);
    row.append(hint);
  }
  const value = () => (box instanceof HTMLInputElement && field.yes ? (box.checked ? "yes" : "") : box.value);
  return { field, row, value, focus: () => box.focus() };
}
