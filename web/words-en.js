/** The words of the page in English: see `words.js`. */

export const WORDS = /** @type {const} */ ({
  // Everywhere
  "copy": "Copy",
  "copied": "Copied",
  "copy.impossible": "This browser lets pages copy nothing.",

  // Texts
  "code.label": "Code",
  "code.copy": "Copy the code",
});
