"""Plain polls: polls that are learned without being parsed by twisted.web.

A poll of a client without a session, as most programs send it, is a few numbers in a plain request
(`chatd.http.plain`).  So its template is made from them, and answers it like a known poll
(`chatd.doors.polls.templates`).

1. A poll is plain if it reads one room by its cursor, from which it takes at most `limit` events
   within `wait` seconds, and asks for JSON.  The room has to be in memory, and the host known.
2. Nothing is skipped but the parsing: the gate asks the policy about the client's address when it
   registers the template, and the room is counted as read.
3. A poll that is not plain, or that is refused, gets no template.  So it is parsed, and twisted.web
   and the resource tree answer or refuse it.
"""

from __future__ import annotations

from functools import lru_cache

from twisted.web.http_headers import Headers

from ...chat.service import ChatService
from ...http.hosts import Hosts
from ...http.media import preferred
from ...http.plain import plain
from ...http.resource import live_headers
from ...model.errors import ChatError
from ...model.identity import Stranger
from ...stream.places import Place
from ..reading import MAX_LIMIT, ReadQuery, limit_in
from ..request_bytes import room_in, shared_head
from .longpoll import STYLES, PollRequest, json_format_of, wait_in

_PARAMETERS = frozenset({b"since", b"limit", b"wait"})
_HEAD = shared_head(Headers({k: [v] for k, v in live_headers(b"application/json")}))
"""The head of every answer to a plain poll."""


class PlainPolls:
    """The plain polls of one HTTP door."""

    head = _HEAD

    def __init__(self, service: ChatService, hosts: Hosts) -> None:
        self._service = service
        self._hosts = hosts

    def read(self, packet: bytes, stranger: Stranger) -> PollRequest | None:
        """The packet as a poll of that stranger; None: it has to be parsed.

        Whether the stranger may read the room is not asked here.
        """
        # Most streams are turned away here: they are looked for next, and the rest takes longer.
        if b"event-stream" in packet or b"pgrade" in packet:
            return None
        request = plain(packet)
        if request is None or not request.parameters.keys() <= _PARAMETERS:
            return None
        name, get = room_in(request.path, b"events"), request.parameters.get
        if name is None or not _wants_json(request.accept):
            return None
        service = self._service
        room = service.rooms.loaded(name)
        if room is None or not self._hosts.knows(request.host.decode()):
            return None
        try:
            limit, wait = _limit_and_wait(get(b"limit"), get(b"wait"))
        except ChatError:
            return None
        query = ReadQuery(service, (room,), False, _ANY_PLACE, limit, stranger)
        return PollRequest(query, json_format_of(name), wait, None)


_ANY_PLACE = Place(0)
"""A template finds the place of each of its polls anew."""


@lru_cache(maxsize=200)
def _limit_and_wait(limit: bytes | None, wait: bytes | None) -> tuple[int, float]:
    """What these parameters say; None: they are not given.  Raises `Malformed`."""
    most = limit_in(None if limit is None else limit.decode()) or MAX_LIMIT
    return most, wait_in(None if wait is None else wait.decode())


@lru_cache(maxsize=200)
def _wants_json(accept: bytes) -> bool:
    """Whether a request with this `Accept` is answered with JSON."""
    return preferred(accept.decode(), STYLES) == STYLES[0]
