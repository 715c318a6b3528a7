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
  "line.new": "New",
  "line.visit": "New since your last visit",
  "title.private": "{name} (private)",
  "newer.count": { one: "{n} new message ↓", other: "{n} new messages ↓" },
  "newer.latest": "Latest messages ↓",

  // The menu of a room
  "menu.search": "Search…",
  "menu.day": "Go to a day…",
  "menu.levels": "Notify me of…",
  "levels.title": "Notifications of {title}",
  "levels.label": "Notify me of",
  "levels.all": "Every message",
  "levels.mentions": "What is said to me",
  "levels.none": "Nothing",
  "day.title": "Go to a day",
  "day.label": "Day",
  "day.send": "Go there",
  "day.wrong": "That is no day",
  "save": "Save",

  // Coming into a room
  "share.title": "Invite people to #{room}",
  "share.text": "#{room} is open: whoever knows one of these ways may come in.",
  "share.once": "Send it to those who are to come into #{room}. It is not shown again.",
  "share.code": "QR code of the link",
  "share.links": "Links for private access…",
  "ways.page": "In a browser",
  "ways.line": "In a terminal",
  "ways.irc": "By IRC",
  "ways.read": "Read by curl",
  "ways.say": "Speak by curl",
  "ways.hello": "hello",
  "ways.name": "NAME",
  "copy.what": "Copy: {what}",

  // All rooms
  "rooms.all": "All rooms",
  "rooms.filter": "Search by name or topic",
  "rooms.count": { one: "{n} room", other: "{n} rooms" },
  "rooms.some": "{n} rooms, of which {shown} are shown",
  "rooms.people": { one: "{n} person", other: "{n} people" },
  "rooms.last": "last message {time}",
  "rooms.silent": "no messages yet",
  "rooms.joined": "joined",
  "rooms.join": "Join",
  "rooms.open": "Open",
  "rooms.leave": "Leave",
  "rooms.new": "New private room…",

  // Ctrl+K
  "switch.title": "Go to",
  "switch.label": "Name of a room or a person",
  "switch.new": "a new room",
  "switch.join": "join",
  "switch.person": "person",
  "switch.unread": { one: "{n} new", other: "{n} new" },

  // Search
  "search.title": "Search",
  "search.words": "Words, or “a phrase” in quotes",
  "search.where": "Where",
  "search.here": "in #{room}",
  "search.everywhere": "in all my rooms",
  "search.send": "Search",
  "search.more": "Search further back",
  "search.running": "Searching…",
  "search.none": "Nothing was found.",
  "search.further": "Nothing was found so far.",
  "search.count": { one: "{n} message", other: "{n} messages" },

  // An empty room
  "empty.private": "Nothing has been said between you and {name} yet.",
  "empty.room": "Nothing has been said here yet.",
  "empty.what": "#{room} is a room of the chat at {host}. Browsers, terminals, IRC clients and scripts meet in it, and all see the same.",
  "empty.read": "To read, you need no name. Write something below to begin: you are asked for a name then.",
  "empty.begin": "Write something below, or invite others:",

  // Jumps
  "gap.read": "Read it now",
  "jump.break": "Later messages are left out here.",
  "jump.more": "Show what follows",

  // Texts
  "code.label": "Code",
  "code.copy": "Copy the code",
});
