"""Polls behind the memory window: they wait for a page of the store, and are answered with it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from chatd.stream.archive import Archive
from chatd.stream.eventlog import Entry, Page

from ...kit.http import HttpClient
from ...kit.server import MemoryServer

EVENTS = "/rooms/lobby/events"


class Behind:
    """A server that keeps two of five messages of its lobby in memory, and an archive with all of
    them.
    """

    def __init__(self) -> None:
        self.server = MemoryServer(history=2)
        self.asked: list[tuple[int, int, Callable[[Page | None], None]]] = []
        service = self.server.chat.service
        self.room = self.server.chat.room("lobby")
        self.room.archive = Archive(
            lambda *asked: self.asked.append(asked), service.rooms._loader._notifier.wake_soon
        )
        self.place = self.server.say("before")
        self.entries: list[Entry] = []
        for text in ("one", "two", "three", "four", "five"):
            self.server.say(text)
            self.entries.append(self.room.log.since(0).entries[-1])

    def poll(self, options: str = "", http: HttpClient | None = None) -> HttpClient:
        """Poll from before the first of the messages; the answer is yet to come."""
        http = http or self.server.http()
        http.send("GET", f"{EVENTS}?since={self.place}{options}")
        self.server.chat.settle()
        return http

    def answer(self, *, fail: bool = False, empty: bool = False) -> None:
        """Answer, as the store, the one read that is under way."""
        ((after, limit, done),) = self.asked
        self.asked.clear()
        found = [] if empty else [entry for entry in self.entries if entry.id > after]
        done(None if fail else Page(found[:limit], self.place, len(found) > limit))
        self.server.chat.settle()


@pytest.fixture
def behind() -> Behind:
    return Behind()


@pytest.mark.parametrize("options", ["", "&wait=0", "&limit=3"])
def test_poll_behind_the_window_is_answered_with_a_page(behind: Behind, options: str) -> None:
    """Even with `wait=0`: the client gets the page as soon as it is read."""
    http = behind.poll(options)
    assert http.wire.value() == b""
    behind.answer()
    answer = http.response()
    limit = 3 if "limit" in options else 5
    assert answer.texts == ["one", "two", "three", "four", "five"][:limit]
    assert (answer.json["gap"], answer.json["next"]) == (False, behind.entries[limit - 1].id)
    assert behind.room.readers == 0


@pytest.mark.parametrize("options", ["", "&wait=0"])
def test_learned_polls_behind_the_window_share_one_page(behind: Behind, options: str) -> None:
    """The store is read once, and each poll is answered once."""
    polls = [behind.poll(options) for _ in range(30)]
    behind.answer()
    assert [len(http.response().texts) for http in polls] == [5] * 30
    for http in polls:
        http.send("GET", f"{EVENTS}?since={behind.place}{options}")
    behind.server.chat.settle()
    behind.answer()
    assert [http.response().texts[0] for http in polls] == ["one"] * 30
    assert behind.room.readers == 0


def test_poll_with_a_wait_of_zero_is_answered_empty_after_an_empty_page(behind: Behind) -> None:
    """An empty page means that it has caught up."""
    behind.room.log.append(behind.entries[-1])
    place, behind.place = behind.place, behind.entries[-1].id - 1
    behind.room.log.floor = behind.room.log.last = behind.entries[-1].id
    behind.room.log._entries.clear()  # type: ignore[union-attr]
    http = behind.poll("&wait=0")
    behind.place = place
    behind.answer(empty=True)
    answer = http.response()
    assert (answer.texts, answer.json["gap"]) == ([], False)


def test_poll_behind_the_window_gets_a_gap_if_the_page_is_unreadable(
    behind: Behind,
) -> None:
    """The events in memory follow the gap."""
    http = behind.poll("&wait=0")
    behind.answer(fail=True)
    answer = http.response()
    assert (answer.texts, answer.json["gap"]) == (["four", "five"], True)


def test_poll_whose_wait_ends_before_its_page_is_read_is_answered_empty(behind: Behind) -> None:
    """Its cursor stays the same, so no event is lost."""
    http = behind.poll("&wait=5")
    behind.server.chat.advance(6)
    answer = http.response()
    assert (answer.texts, answer.json["next"]) == ([], behind.place)
    behind.answer()
    assert http.wire.value() == b""
