/** Error messages for users of this page; the server's own are for programs and the line door, too. */

import { ChatError } from "./chat.js";
import { has, language, t } from "./words.js";

/** @param {unknown} error @returns {string} */
export function wordsOf(error) {
  const key = error instanceof ChatError ? `error.${error.code}` : "";
  // The server speaks English, and says more than its code does.
  const own = key && has(key) ? t(key) : "";
  if (own) return own;
  const unknown = error instanceof ChatError && error.status && language !== "en" ? `${t("error.other")} ` : "";
  const text = error instanceof Error ? error.message : `${error}`;
  return unknown + text.charAt(0).toUpperCase() + text.slice(1);
}
