"""Read markers for polls: a poll that is answered tells how far its account has read meanwhile.

1. A poll of `/events` in an account's session is told each marker that was set since its reader's
   last poll, in the member `markers` of the answer.  Polls with different words `reader` are
   different readers.
2. A poll that is held is answered when a marker is set.  Templates of such polls are void then,
   because what skips the parsing skips this too.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from weakref import WeakKeyDictionary

from ...chat.service import ChatService
from ...chat.sessions import Session
from ...codecs.json import marker

MOST_READERS = 20
"""Readers of one session that are told; beyond that, those that polled first are forgotten."""


class Marks:
    """The markers that readers of polls are still to be told."""

    def __init__(self, service: ChatService, answer: Callable[[Session], object]) -> None:
        """`answer` answers the polls of `/events` that a session holds."""
        self._sessions = service.sessions
        self._answer = answer
        self._due: WeakKeyDictionary[Session, OrderedDict[str, dict[str, int]]] = (
            WeakKeyDictionary()
        )
        service.readers.when_marked.append(self._marked)

    def due(self, session: Session, reader: str) -> dict[str, int]:
        """The markers that a reader is to be told, by room; who tells them clears them."""
        readers = self._due.setdefault(session, OrderedDict())
        due = readers.setdefault(reader, {})
        if len(readers) > MOST_READERS:
            readers.popitem(last=False)
        return due

    def _marked(self, account: str, room: str, id_: int) -> None:
        for session in list(self._sessions.of(account)):
            readers = self._due.get(session)
            if readers:
                for due in readers.values():
                    due[room] = id_
                self._answer(session)


def with_marks(body: bytes, due: Mapping[str, int]) -> bytes:
    """A poll's answer, a JSON object, with markers."""
    told = b",".join(marker(room, id_) for room, id_ in due.items())
    return b'%b,"markers":[%b]}' % (body[:-1], told)
