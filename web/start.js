/** Begins the page, as soon as its words are there. */

import { language } from "./memory.js";
import { languageFor, speak } from "./words.js";

const code = languageFor(language());
try {
  const { WORDS } = await import(`./words-${code}.js`);
  speak(code, WORDS);
  await import("./page.js");
} catch (error) {
  // The page says by itself that it has not begun.
  console.error(error);
}
