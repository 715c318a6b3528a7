"""`/rooms/{room}/events` and `/events`: one URL, read in the style that the client asks for."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.web.server import Request

from ..errors import Malformed
from ..eventlog import Entry
from ..room import Room
from ..subscriber import Batch, Source
from .access import Access
from .longpoll import DEFAULT_WAIT, MAX_WAIT, Style, json_style, plain_style
from .resource import ApiResource, one, whole_number

MAX_LIMIT = 500
"""Events in one answer."""
DEFAULT_LATEST = 50
"""Events that a poll without a cursor gets."""
MAX_ROOMS = 50
"""Rooms on one cursor."""

_SECONDS = re.compile(r"-?\d{1,9}(\.\d{1,9})?")


class EventsResource(ApiResource):
    """What happened in some rooms, and what happens next."""

    isLeaf = True

    def __init__(self, access: Access, rooms: Sequence[str] | None) -> None:
        """Of one room, or, with None, of those that the query names."""
        super().__init__()
        self._access = access
        self._rooms = rooms

    def render_GET(self, request: Request) -> Any:
        """Read on from a cursor, or back from an id."""
        service = self._access.service
        lease = self._access.lease(request)
        several = self._rooms is None
        names = _room_names(request) if self._rooms is None else self._rooms
        rooms = list(dict.fromkeys(service.room(name) for name in names))
        before = whole_number(request, "before")
        limit = whole_number(request, "limit")
        if limit == 0:
            raise Malformed(f"limit has to be from 1 to {MAX_LIMIT}")
        limit = min(limit or MAX_LIMIT, MAX_LIMIT)
        style = _style(request)(rooms, several=several)
        if before is not None:
            return self._page(request, rooms, before, limit, style)
        since = whole_number(request, "since")
        wait = _wait(request)
        sources: list[Source] = [*rooms]
        if several and lease:
            sources.append(lease.session.inbox)
        if since is None:
            limit = limit if one(request, "limit") else DEFAULT_LATEST
            cursor = _latest(sources, limit)
        else:
            cursor = service.resume(since)
        return self._access.polls.hold(request, style, sources, cursor, limit, wait, lease)

    def _page(
        self, request: Request, rooms: Sequence[Room], before: int, limit: int, style: Style
    ) -> Deferred[bytes]:
        """The last `limit` events before an id, at once, as far back as the store goes."""
        if len(rooms) != 1:
            raise Malformed(
                "before pages back through one room at a time; use /rooms/{room}/events"
            )
        request.setHeader(b"content-type", style.content_type)
        request.setHeader(b"cache-control", b"no-store")

        def told(entries: list[Entry]) -> bytes:
            chunk = style.codec.join([entry.encoded(style.codec) for entry in entries])
            last = entries[-1].id if entries else max(before - 1, 0)
            return style.body(Batch(chunk, len(entries), last))

        return self._access.service.page(rooms[0], before, limit).addCallback(told)


def _room_names(request: Request) -> list[str]:
    names = [name for name in (one(request, "rooms") or "").split(",") if name]
    if not 1 <= len(names) <= MAX_ROOMS:
        raise Malformed(f"name 1 to {MAX_ROOMS} rooms: /events?rooms=lobby,dev")
    return names


def _wait(request: Request) -> float:
    text = one(request, "wait")
    if text is None:
        return 0.0 if request.method == b"HEAD" else DEFAULT_WAIT
    if not _SECONDS.fullmatch(text):
        raise Malformed(f"wait has to be a number of seconds, 0 to {MAX_WAIT:g}")
    return 0.0 if request.method == b"HEAD" else min(max(float(text), 0.0), MAX_WAIT)


def _latest(sources: Sequence[Source], limit: int) -> int:
    """The cursor before the latest `limit` events; none of them is from before a log's floor."""
    ids = sorted(entry.id for source in sources for entry in source.log.latest(limit))
    floor = max(source.log.floor for source in sources)
    if not ids:
        return floor
    return max(ids[-limit:][0] - 1, floor)


def _style(request: Request) -> Callable[..., Style]:
    """By the Accept header (RFC 9110, section 12.5.1): JSON unless text is preferred."""
    accept = request.getHeader("accept") or ""
    quality = {"application/json": 0.0, "text/plain": 0.0}
    for part in accept.split(","):
        media, *parameters = (word.strip() for word in part.split(";"))
        q = next((p[2:] for p in parameters if p.startswith("q=")), "1")
        if media.lower() in quality:
            quality[media.lower()] = float(q) if re.fullmatch(r"[01](\.\d{0,3})?", q) else 0.0
    return plain_style if quality["text/plain"] > quality["application/json"] else json_style
