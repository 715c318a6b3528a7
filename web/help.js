/** What `/help` shows: the commands and the keys. */

import { COMMANDS } from "./morecommands.js";
import { t } from "./words.js";

const TEXT = t("form.text");
/** A line for each: what is typed, a tab, and what it does. */
export const HELP = [
  ...[...COMMANDS].map(([name, [what, about]]) => /** @type {[string, string]} */ ([`/${name} ${what}`, about])),
  [`//${TEXT}`, t("help.slash")],
  [t("key.enter"), t("help.enter")],
  [t("key.tab"), t("help.tab")],
  [t("key.page"), t("help.page")],
  ["↑", t("help.up")],
  [t("key.shift-up"), t("help.shift-up")],
  ["Alt+↑ ↓", t("help.alt")],
  ["Ctrl+K", t("help.k")],
].map(entry => entry.join("\t")).join("\n");
