"""Private messages that came while an account was away, for clients without CHATHISTORY: they are
shown at sign-in.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure

from ...chat.letter_pages import MOST_MISSED, Missed
from ...codecs.irc.moments import date_and_time
from ...model.errors import ChatError
from ...model.text import counted
from ...stream.pages import newest
from .client import IrcClient
from .replay import as_notices

_log = Logger()


def show_missed(client: IrcClient, after: int, until: int) -> None:
    """Show the private messages that came for the client's account between two ids: as they were
    to a client with `server-time`, otherwise as notices.
    """
    person = client.person
    assert person is not None
    account = person.account
    assert account is not None

    def show(missed: Missed) -> Deferred[Any]:
        if client.reader is None or client.ended or not missed.number:
            return succeed(None)
        client.reader.check(person.inbox)  # the policy may have changed meanwhile
        client.write(_shown(client, missed))
        return client.service.correspondence.told(account)

    def unread(failure: Failure) -> None:
        failure.trap(ChatError)
        if client.reader is not None:
            client.notice("what came while you were away cannot be read now; sign in again later")

    missed = client.service.letters.missed(account, after, until).addCallbacks(show, unread)
    missed.addErrback(lambda failure: failure.trap(ChatError))  # they are shown next time
    missed.addErrback(lambda failure: _log.failure("missed messages were not shown", failure))


def _shown(client: IrcClient, missed: Missed) -> list[str]:
    reader = client.reader
    assert reader is not None
    heard = [entry for entry in missed.entries if reader.hears(entry)]
    number = missed.number - (len(missed.entries) - len(heard))
    if not number:
        return []
    entries = newest(heard, reader.codec).entries
    told = counted(number, "private message")
    if missed.number == MOST_MISSED:
        told = f"{MOST_MISSED} or more private messages"
    few = f"; the last {len(entries)} are" if len(entries) < number else ""
    lines = [client.noticed(f"{told} while you were away{few}:")]
    if client.may("server-time"):
        lines += [line for entry in entries for line in reader.codec.render(entry)]
        lines.append(client.noticed("end of those messages"))
    else:
        for entry in entries:
            lines += as_notices(client, entry, date_and_time(entry.id))
    return lines
