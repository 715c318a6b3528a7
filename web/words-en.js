/** The words of the page in English: see `words.js`. */

export const WORDS = /** @type {const} */ ({
  // Everywhere
  "copy": "Copy",
  "copied": "Copied",
  "copy.impossible": "This browser lets pages copy nothing.",

  // The message box
  "waiting": "Not sent yet",
  "waiting.failed": "Not sent:",
  "waiting.again": "Try again",
  "waiting.edit": "Edit",
  "waiting.discard": "Discard",
  "left.letters": { one: "{n} character left", other: "{n} characters left" },
  "left.letters.over": { one: "{n} character too many", other: "{n} characters too many" },
  "left.lines": { one: "{n} line left", other: "{n} lines left" },
  "left.lines.over": { one: "{n} line too many", other: "{n} lines too many" },
  "paste.long": { one: "You pasted {n} line.", other: "You pasted {n} lines." },
  "paste.block": "Send it as a block of code",

  // The menu of a message
  "message.reply": "Reply",
  "message.copy": "Copy the text",
  "message.link": "Copy the link",
  "message.delete": "Delete the message…",
  "message.report": "Report to the ops…",
  "report.title": "Report a message of {name}",
  "report.text": "A private message goes to those who look after the room: {names}.",
  "report.why": "What is wrong with it?",
  "report.send": "Report",
  "report.said": "I report a message of {name}: {link}",
  "delete.title": "Delete a message of {name}",
  "delete.text": "“{text}” Its text is removed for everybody, and cannot be brought back.",
  "delete.send": "Delete",

  // Unread messages
  "title.private": "{name} (private)",
  "newer.count": { one: "{n} new message ↓", other: "{n} new messages ↓" },
  "newer.latest": "Latest messages ↓",

  // Jumps
  "gap.read": "Read it now",
  "jump.break": "Later messages are left out here.",
  "jump.more": "Show what follows",

  // Texts
  "code.label": "Code",
  "code.copy": "Copy the code",
});
