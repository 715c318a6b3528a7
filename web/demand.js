/** Scripts that are loaded when they are first wanted. If one cannot be loaded, the user is told so in words, and may try again. */

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

/** How many scripts the user waits for. */
let awaited = 0;
/** Keys that were pressed meanwhile: they are for what is opened then. @type {KeyboardEvent[]} */
const held = [];
const HELD = /^(.|Enter|Tab|Backspace|Escape|Home|End|Arrow\w+)$/u;

addEventListener("keydown", event => {
  const shortcut = (event.ctrlKey || event.metaKey || event.altKey) && !event.getModifierState("AltGraph");
  if (!awaited || !event.isTrusted || event.isComposing || shortcut || !HELD.test(event.key)) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  held.push(event);
}, true);

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
 * Load a script and use it. Keys that are pressed until then are pressed again when it was used; if it cannot be loaded, they are lost.
 * @template T @template R @param {() => Promise<T>} load @param {(script: T) => R} use
 * @returns {Promise<Awaited<R> | undefined>} what `use` returns; undefined: the script could not be loaded, and the user knows
 */
export async function onDemand(load, use) {
  let script;
  /** @type {typeof import("./keys.js")} */
  let keys;
  awaited++;
  try {
    [script, keys] = await Promise.all([load(), import("./keys.js")]);
  } catch (error) {
    awaited--;
    held.length = 0;
    // What was loaded and does not fit is of a newer server.
    if (error instanceof SyntaxError) complain(t("load.changed"), [t("load.reload"), reload]);
    else complain(t("load.failed"), [t("waiting.again"), () => (complain(""), void onDemand(load, use))]);
    return undefined;
  }
  setTimeout(() => {
    awaited--;
    // One of them may open what is to be loaded first.
    for (let next; !awaited && (next = held.shift()); ) keys.press(next);
  });
  return await use(script);
}
