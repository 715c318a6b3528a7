/** Errors between a client and the server. */

/** A refusal of the server, or (status 0) a failed request. `code` is for programs, `message` for people. */
export class ChatError extends Error {
  /** @param {number} status @param {string} code @param {string} message @param {number} [retryAfter] in seconds */
  constructor(status, code, message, retryAfter = 0) {
    super(message);
    this.status = status;
    this.code = code;
    this.retryAfter = retryAfter;
  }

  /** Whether the same request may succeed later. */
  get passing() {
    return [0, 408, 429].includes(this.status) || this.status >= 500;
  }
}

export function unreachable() {
  return new ChatError(0, "unreachable", "the server cannot be reached");
}

/** An answer that is not chatd's: a proxy, a single sign-on or a captive portal asks the user to sign in. */
export function signIn() {
  return new ChatError(0, "sign-in", "something in front of the server wants you to sign in: reload the page");
}

/** @param {unknown} error */
export function toChatError(error) {
  return error instanceof ChatError ? error : unreachable();
}
