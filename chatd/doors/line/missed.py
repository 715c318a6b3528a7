"""Shows a client that signs in the private messages that came while its account was away."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.python.failure import Failure

from ...chat.letter_pages import MOST_MISSED, Missed
from ...codecs.timed import Days
from ...model.errors import ChatError, Unavailable
from ...model.events import Told
from ...model.text import counted
from ...stream.pages import newest
from .client import LineClient


def tell_missed(client: LineClient, after: int, until: int) -> Deferred[Any]:
    """Show the private messages that came for the client's account between two ids, and how many
    they are; fires when it is known which.
    """
    account = client.person.account
    if account is None:  # the connection was lost meanwhile
        return succeed(None)

    def tell(missed: Missed) -> Deferred[Any]:
        if not missed.number:
            return succeed(None)
        entries, chunk, _ = newest(missed.entries, client.reader.dated)
        number = counted(missed.number, "private message")
        if missed.number == MOST_MISSED:
            number = f"{MOST_MISSED} or more private messages"
        few = f"; the last {len(entries)} are" if len(entries) < missed.number else ""
        client.answer(f"{number} while you were away{few}")
        client.write(Days(0).dated(chunk))
        client.correspondent = next(
            (one.event.sender for one in reversed(entries) if isinstance(one.event, Told)), ""
        )
        telling = client.service.correspondence.told(account)
        return telling.addErrback(lambda failure: failure.trap(ChatError))

    def unread(failure: Failure) -> None:
        failure.trap(ChatError)
        client.wire.refuse(
            Unavailable("what came while you were away cannot be read now; sign in again later")
        )

    return client.service.letters.missed(account, after, until).addCallbacks(tell, unread)
