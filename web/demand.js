/** Scripts that are loaded when they are first wanted. If one cannot be loaded, the user is told so in words, and may try again. */

import { wordsOf } from "./advice.js";
import { t } from "./words.js";

/** @type {(text: string, way?: [string, () => void]) => void} */
let complain = () => {};
/** Begin the page anew, and lose nothing that was typed. */
let reload = () => location.reload();

/** @param {typeof complain} show shows what is wrong, with a way out as a button @param {() => void} anew begins the page anew */
export function demandsBy(show, anew) {
  complain = show;
  reload = anew;
}

/** The dialogs and menus that the user waits for: one for each load. @type {Set<object>} */
const awaited = new Set();
/**
 * Keys that were pressed meanwhile: they are for what is opened then. Those of an input method are not among them: nobody can press them
 * again, and a browser lets nobody stop them, so they go to where the focus is.
 * @type {KeyboardEvent[]}
 */
const held = [];
const HELD = /^(.|Enter|Tab|Backspace|Home|End|Arrow\w+)$/u;

addEventListener("keydown", event => {
  if (!awaited.size || !event.isTrusted || event.isComposing) return;
  // Escape also does what it does else.
  if (event.key === "Escape") return dropAll();
  const shortcut = (event.ctrlKey || event.metaKey || event.altKey) && !event.getModifierState("AltGraph");
  if (shortcut || event.keyCode === 229 || !HELD.test(event.key)) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  held.push(event);
}, true);

/** The user does not wait any longer: nothing opens. */
function dropAll() {
  awaited.clear();
  held.length = 0;
}

/** What was typed for something that does not open is put where the focus is. It is not sent, and what follows an Enter or Tab is dropped. */
function giveBack() {
  const end = held.findIndex(({ key }) => key === "Enter" || key === "Tab");
  const text = held.splice(0).slice(0, end < 0 ? undefined : end).reduce((typed, { key }) => (
    key === "Backspace" ? [...typed].slice(0, -1).join("") : key.length < 3 ? typed + key : typed
  ), "");
  if (text) document.execCommand("insertText", false, text);
}

/** Load a style sheet, once. @param {string} name @returns {Promise<void>} */
export function styled(name) {
  if (document.querySelector(`link[href="${name}"]`)) return Promise.resolve();
  const link = document.createElement("link");
  Object.assign(link, { rel: "stylesheet", href: name });
  return new Promise((resolve, reject) => {
    link.addEventListener("load", () => resolve());
    link.addEventListener("error", () => {
      link.remove();
      reject(new Error(name));
    });
    document.head.append(link);
  });
}

/**
 * Load a script that nobody waits for, and use it. If that fails, nobody is told.
 * @template T @template R @param {() => Promise<T>} load @param {(script: T) => R} use @returns {Promise<Awaited<R> | undefined>}
 */
export async function quietly(load, use) {
  try {
    return await use(await load());
  } catch {
    return undefined;
  }
}

/**
 * Load a script and use it.
 * @template T @template R @param {() => Promise<T>} load @param {(script: T) => R} use
 * @returns {Promise<Awaited<R> | undefined>} what `use` returns; undefined: the script could not be loaded, and the user knows
 */
export async function onDemand(load, use) {
  let script;
  try {
    script = await load();
  } catch (error) {
    tell(error, () => onDemand(load, use));
    return undefined;
  }
  return await use(script);
}

/**
 * Load a script that opens a dialog or a menu, and use it. Keys that are pressed until then are pressed again when it was used; Escape
 * cancels it.
 * @template T @template R @param {() => Promise<T>} load @param {(script: T) => R} use
 * @returns {Promise<Awaited<R> | undefined>} what `use` returns; undefined: it was not used
 */
export async function opening(load, use) {
  const wait = {};
  let script;
  /** @type {typeof import("./keys.js")} */
  let keys;
  awaited.add(wait);
  try {
    [script, keys] = await Promise.all([load(), import("./keys.js")]);
  } catch (error) {
    if (!awaited.delete(wait)) return undefined;
    if (!awaited.size) giveBack();
    tell(error, () => opening(load, use));
    return undefined;
  }
  if (!awaited.has(wait)) return undefined;
  setTimeout(() => {
    awaited.delete(wait);
    // One of them may open what is to be loaded first.
    for (let next; !awaited.size && (next = held.shift()); ) keys.press(next);
  });
  return await use(script);
}

/** @param {unknown} error @param {() => unknown} again */
function tell(error, again) {
  // What was loaded and does not fit is of a newer server.
  if (error instanceof SyntaxError) complain(t("load.changed"), [t("load.reload"), reload]);
  else complain(t("load.failed"), [t("waiting.again"), async () => {
    complain("");
    try {
      await again();
    } catch (error) {
      complain(wordsOf(error));
    }
  }]);
}
