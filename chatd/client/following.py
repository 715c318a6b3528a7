"""`Following`: an endless iteration of a room's events, each as the JSON that the server wrote."""

from __future__ import annotations

from collections import deque
from math import inf

import msgspec

from ..codecs.json import encode
from .answers import Event, Page
from .chat import HOLD_SECONDS, ChatClient

NOW = "now"
"""The cursor behind the newest event."""


class Following:
    """An asynchronous iterator over a room's events: their JSON, and the decoded `Event`.

    The iterator keeps its cursor over lost connections and restarts of the server.  For events that
    are kept nowhere any more it returns an event of the type `gap`.
    """

    def __init__(
        self, client: ChatClient, room: str, since: int | None, latest: int, patience: float
    ) -> None:
        """Begins after the event `since`; if that is None, with the `latest` past events, or with
        the next event if `latest` is 0.  The first step fails if no server answers within
        `patience` seconds.
        """
        self._client = client
        self._room = room
        self._cursor = since
        self._latest = latest
        self._patience = patience
        self._fresh: deque[tuple[bytes, Event]] = deque()

    def __aiter__(self) -> Following:
        return self

    async def __anext__(self) -> tuple[bytes, Event]:
        while not self._fresh:
            await self._read_on()
        return self._fresh.popleft()

    async def _read_on(self) -> None:
        query: dict[str, object]
        if self._cursor is not None:
            query = {"since": self._cursor, "wait": HOLD_SECONDS}
        elif self._latest:
            query = {"limit": self._latest, "wait": 0}
        else:
            query = {"since": NOW, "wait": 0}
        connection = self._client._connection
        path = ("rooms", self._room, "events")
        page: Page = await connection.ask(self._patience, "GET", *path, query=query, kind=Page)
        if page.gap and self._cursor is not None:
            gap = {"type": "gap", "room": self._room, "since": self._cursor}
            self._fresh.append((encode(gap), Event(self._cursor, "gap", self._room)))
        for raw in page.events:
            self._fresh.append((bytes(raw), msgspec.json.decode(raw, type=Event)))
        self._cursor = page.next
        self._patience = inf  # after the first success, try for ever
