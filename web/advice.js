/** Error messages for users of this page; the server's own are for programs and the line door, too. */

import { ChatError } from "./chat.js";

const PROXY = "A proxy in front of chatd changes the Host header, so chatd takes this page for another site's. Have the proxy pass it on"
  + " (nginx: proxy_set_header Host $http_host), or start chatd with --allow-origin and this page's address.";

/** @type {Map<string, string>} */
const WORDS = new Map([
  ["no-such-person", "Nobody of that name is here; the list of people shows who is."],
  ["foreign-origin", PROXY],
  ["wrong-host", PROXY],
  ["sign-in", "Something in front of chatd (a proxy, or the network that you are in) wants you to sign in again."],
  ["no-session", "Choose a name first."],
  ["name-registered", "That name belongs to an account. If it is yours, sign in; else choose another name."],
  ["bad-credentials", "Name and password do not belong together."],
  ["signed-out", "You are signed out, here or on another device. Sign in again to go on."],
  ["not-found", "There is nothing of that name here, or it is not for you."],
  ["bad-token", "Your session is over; another one is being opened."],
]);

/** @param {unknown} error @returns {string} */
export function wordsOf(error) {
  const own = error instanceof ChatError && WORDS.get(error.code);
  if (own) return own;
  const text = error instanceof Error ? error.message : `${error}`;
  return text.charAt(0).toUpperCase() + text.slice(1);
}
