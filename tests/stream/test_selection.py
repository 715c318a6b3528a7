"""Selections: the feeds of one reader, its place in each, and what it leaves out."""

from __future__ import annotations

import pytest

from chatd.stream.batch import Gap
from chatd.stream.selection import Selection

from ..kit.stream import BEGAN, ID_CODEC, FakeRooms


@pytest.fixture
def stream() -> FakeRooms:
    return FakeRooms(2)


def selection(stream: FakeRooms, *rooms: int, cursor: int = BEGAN) -> Selection:
    selection = Selection([stream.rooms[room].feed(ID_CODEC) for room in rooms])
    selection.find_single(cursor)
    return selection


def test_the_only_feed_with_entries_needs_no_merge(stream: FakeRooms) -> None:
    """The reader gets the shared batch of that feed."""
    stream.say(0)
    one = selection(stream, 0, 1)
    assert one.single is one.feeds[0]
    stream.say(1)
    one.find_single(BEGAN)
    assert one.single is None


def test_hidden_events_are_left_out_once(stream: FakeRooms) -> None:
    """After them the reader gets shared batches again."""
    stream.say(0, 0)
    one = selection(stream, 0)
    one.hide([BEGAN + 1], BEGAN)
    assert one.single is None
    batch = one.next(BEGAN, 10)
    assert batch is not None
    assert (batch.count, batch.cursor) == (1, BEGAN + 2)
    assert one.single is one.feeds[0]


def test_an_added_feed_begins_at_its_own_cursor(stream: FakeRooms) -> None:
    """Which is ahead of the reader's cursor if other feeds have unread entries."""
    stream.say(0, 1, 1)
    one = selection(stream, 0)
    feeds = [room.feed(ID_CODEC) for room in stream.rooms[:2]]
    assert one.change(feeds, BEGAN + 2, BEGAN) == BEGAN
    assert [place for _, place in one.places(BEGAN)] == [BEGAN, BEGAN + 2]
    batch = one.next(BEGAN, 10)
    assert batch is not None
    assert batch.count == 2


def test_pending_gaps_come_with_the_first_batch(stream: FakeRooms) -> None:
    """Or in a batch of their own, once."""
    owed = (Gap("room 0", None),)
    feed = stream.rooms[0].feed(ID_CODEC)
    one = Selection([feed], owed=owed)
    one.find_single(BEGAN)
    assert one.single is None
    paid = one.pay(None, BEGAN)
    assert (paid.gaps, paid.count, one.owed) == (owed, 0, ())
