"""History: from memory where that has it, else from the store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from twisted.internet.defer import fail

from chatd.chat.room import Room
from chatd.codecs.lines import CURRENT
from chatd.doors import history
from chatd.model.commands import Say, SetTopic
from chatd.model.errors import Unavailable
from chatd.model.identity import Stranger
from chatd.stream.batch import Batch
from chatd.stream.eventlog import Entry
from chatd.testing import result_of

from ..kit.file_chat import FileChat

MEMORY = 10
"""Events of a room that are in memory."""


@pytest.fixture
def chat(tmp_path: Path) -> Iterator[FileChat]:
    """A chat in whose room #dev thirty messages were said, the tenth before a topic was set."""
    chat = FileChat(tmp_path / "chat.db", history=MEMORY)
    ada = chat.enter("ada")
    for number in range(30):
        chat.perform(ada, Say("dev", f"{number}"))
        if number == 10:
            chat.perform(ada, SetTopic("dev", "tea"))
    yield chat
    chat.stop()


@pytest.fixture
def dev(chat: FileChat) -> Room:
    return chat.room("dev")


def texts(entries: Sequence[Entry]) -> list[str]:
    return [getattr(entry.event, "text", "") for entry in entries]


def numbers(*ends: int) -> list[str]:
    return [f"{number}" for number in range(*ends)]


def test_clients_with_one_cursor_share_the_batch_after_it(chat: FileChat, dev: Room) -> None:
    """Unless there is none, memory has not all of it, or the client has missed events."""

    def shared(cursor: int) -> Batch | None:
        return history.shared(chat.service, Stranger(), dev, CURRENT, cursor)

    cursor = dev.log.latest(3)[0].id
    read = dev.feed(CURRENT)  # by another client
    batch = shared(cursor)
    assert batch is not None
    assert (batch.chunk, batch.cursor) == (b"<ada> 28\r\n<ada> 29\r\n", dev.log.last)
    assert shared(cursor) is batch is read.batch
    for other in (dev.log.last, dev.log.floor - 1, 2 * cursor):
        assert shared(other) is None


def test_what_memory_has_is_answered_at_once(chat: FileChat, dev: Room) -> None:
    """The store is not asked, and there is more."""
    page = result_of(history.newest(chat.service, dev, 5))
    assert (texts(page.entries), page.more) == (numbers(25, 30), True)
    found = result_of(history.since(chat.service, dev, dev.log.latest(3)[0].id))
    assert (texts(found.entries), found.gap, found.more) == (["28", "29"], False, False)
    assert texts(result_of(history.replay(chat.service, dev, dev.log.last, 4)).entries) == numbers(
        26, 30
    )


def test_what_memory_does_not_have_comes_from_the_store(chat: FileChat, dev: Room) -> None:
    """As far back as it is kept, with the topic in its place."""
    reading = history.newest(chat.service, dev, 100)
    chat.settle()
    page = result_of(reading)
    assert texts(page.entries)[-30:] == [*numbers(11), "tea", *numbers(11, 30)][-30:]
    assert not page.more


def test_everything_after_a_cursor_behind_memory_is_found(chat: FileChat, dev: Room) -> None:
    """Without a gap; from cursor 0 on, from the oldest."""
    reading = history.since(chat.service, dev, 0)
    chat.settle()
    found = result_of(reading)
    assert texts(found.entries)[-20:] == ["tea", *numbers(11, 30)][-20:]
    assert (found.gap, found.more, found.cursor) == (False, False, dev.log.last)


def test_a_replay_has_messages_only_and_none_after_its_cursor(chat: FileChat, dev: Room) -> None:
    """The client's reader gets those live."""
    cursor = dev.log.latest(5)[0].id
    reading = history.replay(chat.service, dev, cursor, 20)
    chat.settle()
    replayed = result_of(reading)
    assert texts(replayed.entries) == numbers(6, 26)
    assert not replayed.unread


def test_a_replay_that_cannot_be_completed_says_so(
    chat: FileChat, dev: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What memory has is shown nevertheless."""
    monkeypatch.setattr(chat.service, "page", lambda *_: fail(Unavailable("not now")))
    replayed = result_of(history.replay(chat.service, dev, dev.log.last, 20))
    assert (texts(replayed.entries), replayed.unread) == (numbers(20, 30), True)
