"""Feeds: each event is encoded once, in batches of bounded size."""

from __future__ import annotations

import pytest

from chatd.stream.batch import BATCH_BYTES, PUSH_LIMIT, Gap
from chatd.testing import FakeOutlet

from ..kit.stream import BEGAN, FakeRooms, IdCodec, ids_in


def test_readers_at_one_cursor_share_a_batch() -> None:
    """Its bytes are made once for all of them."""
    stream = FakeRooms()
    readers = [stream.started() for _ in range(3)]
    stream.say(0)
    stream.turn.end()
    first, *others = [outlet.batches[0].chunk for outlet in readers]
    assert all(chunk is first for chunk in others)
    stream.say(0)
    stream.turn.end()
    assert readers[0].batches[1].chunk is readers[1].batches[1].chunk is not first


def test_another_cursor_or_limit_needs_another_batch() -> None:
    """A batch is shared only by readers that need exactly these entries."""
    stream = FakeRooms()
    stream.say(0, 0, 0)
    begin, middle, short = FakeOutlet(), FakeOutlet(), FakeOutlet(polls=True)
    stream.reader(begin).start()
    stream.reader(middle, cursor=BEGAN + 1).start()
    stream.reader(short, limit=2).start()
    assert [ids_in(*o.batches) for o in (begin, middle, short)] == [
        [BEGAN + 1, BEGAN + 2, BEGAN + 3],
        [BEGAN + 2, BEGAN + 3],
        [BEGAN + 1, BEGAN + 2],
    ]


@pytest.mark.parametrize("rooms", [(0,), (0, 1)], ids=["one room", "merged"])
def test_a_long_suffix_is_split_at_the_batch_limit(rooms: tuple[int, ...]) -> None:
    """No reader gets its whole backlog in one write."""
    stream = FakeRooms(2, 3 * PUSH_LIMIT)
    stream.say(*[0, 1][: len(rooms)] * (2 * PUSH_LIMIT // len(rooms)), 0, 0)
    outlet = stream.started(*rooms)
    assert [batch.count for batch in outlet.batches] == [PUSH_LIMIT, PUSH_LIMIT, 2]
    assert ids_in(*outlet.batches) == stream.after(rooms, BEGAN)


@pytest.mark.parametrize("rooms", [(0,), (0, 1)], ids=["one room", "merged"])
def test_a_suffix_of_large_messages_is_split_by_bytes(rooms: tuple[int, ...]) -> None:
    """Batches of large messages hold fewer entries, and no entry is left out."""
    weight = BATCH_BYTES // 4
    stream = FakeRooms(2)
    stream.say(*[0, 1][: len(rooms)] * 6, 0)
    outlet = FakeOutlet()
    stream.reader(outlet, *rooms, codec=IdCodec(weight)).start()
    assert all(len(batch.chunk) <= BATCH_BYTES for batch in outlet.batches)
    assert all(batch.count == 3 for batch in outlet.batches[:-1])
    assert ids_in(*outlet.batches) == stream.after(rooms, BEGAN)


def test_an_entry_above_the_byte_limit_is_a_batch_of_its_own() -> None:
    """A batch always has at least one entry."""
    stream = FakeRooms()
    stream.say(0, 0)
    outlet = FakeOutlet()
    stream.reader(outlet, codec=IdCodec(BATCH_BYTES + 1)).start()
    assert [batch.count for batch in outlet.batches] == [1, 1]


def test_a_gap_names_its_room() -> None:
    """The other room's log is complete."""
    stream = FakeRooms(2, 2)
    stream.say(0, 0, 0, 1, 1)
    outlet = stream.started(0, 1)
    assert [gap for batch in outlet.batches for gap in batch.gaps] == [Gap("r0", None)]
    assert ids_in(*outlet.batches) == stream.after((0, 1), BEGAN)[1:]
