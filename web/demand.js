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
    // What was loaded and does not fit is of a newer server.
    if (error instanceof SyntaxError) complain(t("load.changed"), [t("load.reload"), reload]);
    else complain(t("load.failed"), [t("waiting.again"), () => (complain(""), void onDemand(load, use))]);
    return undefined;
  }
  return await use(script);
}
