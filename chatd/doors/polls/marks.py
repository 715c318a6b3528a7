"""Read markers for polls: the answer to a poll says how far its account has read meanwhile.

1. The answer to a poll of `/events` in an account's session contains, in the member `markers`, each
   marker that was set since the last poll of the same reader.  The parameter `reader` distinguishes
   the readers of one session.
2. When a marker is set, held polls are answered, and their templates are invalidated, because
   requests on the fast path, which are not parsed, would get no markers.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from weakref import WeakKeyDictionary

from ...chat.service import ChatService
from ...chat.sessions import Session
from ...codecs.json import marker

MOST_READERS = 20
"""Maximum readers per session; beyond that, those that polled first are forgotten."""


class Marks:
    """The markers that the answers to polls have not contained yet."""

    def __init__(self, service: ChatService, answer: Callable[[Session], object]) -> None:
        """`answer` answers the polls of `/events` that a session holds."""
        self._sessions = service.sessions
        self._answer = answer
        self._due: WeakKeyDictionary[Session, OrderedDict[str, dict[str, int]]] = (
            WeakKeyDictionary()
        )
        service.readers.when_marked.append(self._marked)

    def due(self, session: Session, reader: str) -> dict[str, int]:
        """The markers that a reader has not received yet, by room; the caller clears them after
        sending them.
        """
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
