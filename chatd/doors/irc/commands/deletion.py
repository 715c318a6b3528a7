"""REDACT: deleting messages, in channels and of private conversations."""

from __future__ import annotations

from ....codecs.irc.isupport import KICK_TEXT
from ....codecs.irc.message import cut
from ....model.errors import ChatError
from ....model.moderation import Redact, RedactPrivately
from ..request import Request
from .channels import own_event
from .rooms import channel
from .row import Kind, command

CODES = {
    "not-allowed": "REDACT_FORBIDDEN",
    "no-such-person": "INVALID_TARGET",
    "bad-name": "INVALID_TARGET",
}
"""The codes of refusals; all others are `UNKNOWN_MSGID`."""


@command("REDACT", "target msgid [:text]", "delete a message", least=2, kind=Kind.CHANGE)
def redact(request: Request) -> None:
    """One's own; in a channel also as an operator, and everywhere as an administrator after OPER.

    See https://ircv3.net/specs/extensions/message-redaction.
    """
    target, word = request.param(0), request.param(1)
    name = ""
    if target.startswith("#"):
        try:
            name = channel(target)
        except ChatError as error:
            request.fail("INVALID_TARGET", target, text=error.message)
            return
        if name not in request.person.rooms:
            request.fail("INVALID_TARGET", target, text="you are not in that channel")
            return
    if not (word.isascii() and word.isdigit() and len(word) < 18):
        request.fail("UNKNOWN_MSGID", target, word, text="there is no such message")
        return

    def refused(error: ChatError) -> None:
        code = CODES.get(error.code, "UNKNOWN_MSGID")
        context = (target,) if code == "INVALID_TARGET" else (target, word)
        request.fail(code, *context, text=error.message)

    id_, why = int(word), cut(request.param(2), KICK_TEXT)
    request.perform(
        request.client.moderator,
        lambda: Redact(name, id_, why) if name else RedactPrivately(target, id_, why),
        lambda shown: own_event(request, name, shown),
        refused,
    )
