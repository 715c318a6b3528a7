"""Reading on from the store: page by page, and over into live reading without a hole."""

from __future__ import annotations

import pytest

from chatd.model.errors import NotAllowed
from chatd.stream.backlog import LEAST_SHARE
from chatd.stream.batch import BATCH_BYTES, PUSH_LIMIT, Gap
from chatd.testing import FakeOutlet

from ..kit.stream import BEGAN, FakeRooms, IdCodec, ids_in


def behind(stream: FakeRooms, *rooms: int) -> FakeRooms:
    """The same, with events in the rooms that their logs have evicted."""
    stream.say(*rooms)
    stream.turn.end()
    return stream


@pytest.fixture
def stream() -> FakeRooms:
    """One room, whose log holds the last two of ten events."""
    return behind(FakeRooms(capacity=2, archives=1), *[0] * 10)


def test_a_reader_behind_the_window_waits_for_a_page(stream: FakeRooms) -> None:
    """Page after page, and then from the log; no gap is told."""
    outlet = stream.started()
    assert outlet.subscriber
    pages = 0
    while outlet.subscriber.waiting:
        stream.archives[0].answer(most=3)
        stream.turn.end()
        pages += 1
    assert pages == 3
    stream.say(0)
    stream.turn.end()
    assert ids_in(*outlet.batches) == stream.ids[0]
    assert not any(batch.gaps for batch in outlet.batches)


def test_a_reader_that_has_met_the_log_is_on_the_fast_path(stream: FakeRooms) -> None:
    """Nothing distinguishes it from a reader that was there all along."""
    outlet, other = stream.started(), stream.started(cursor=stream.last)
    stream.archives[0].answer()
    stream.turn.end()
    for _ in range(2):
        stream.say(0)
        stream.turn.end()
    assert outlet.subscriber
    assert other.subscriber
    assert outlet.subscriber.fast_path is other.subscriber.fast_path is not None
    assert outlet.written + other.written >= 2


def test_events_that_come_while_a_page_is_under_way_are_read_once(stream: FakeRooms) -> None:
    """Also if the log has evicted them when the page arrives."""
    outlet = stream.started()
    stream.say(*[0] * 5)
    stream.turn.end()
    stream.archives[0].answer(most=4)
    stream.say(*[0] * 5)
    while stream.turn.calls or stream.archives[0].asked:
        stream.turn.end()
        if stream.archives[0].asked:
            stream.archives[0].answer(most=7)
    assert ids_in(*outlet.batches) == stream.ids[0]


def test_a_gap_is_told_for_events_that_are_kept_nowhere(stream: FakeRooms) -> None:
    """Once, before the first event that is kept."""
    stream.archives[0].forget(4)
    outlet = stream.started()
    for _ in range(4):
        if stream.archives[0].asked:
            stream.archives[0].answer(most=2)
        stream.turn.end()
    assert [batch.gaps for batch in outlet.batches] == [(Gap("r0", None),), (), ()]
    assert ids_in(*outlet.batches) == stream.ids[0][4:]


def test_a_page_that_cannot_be_read_is_a_gap_up_to_the_log(stream: FakeRooms) -> None:
    """As for a log without an archive; the reader goes on live."""
    outlet = stream.started()
    stream.archives[0].answer(fail=True)
    stream.turn.end()
    stream.say(0)
    stream.turn.end()
    assert [batch.gaps for batch in outlet.batches] == [(Gap("r0", None),), ()]
    assert ids_in(*outlet.batches) == stream.ids[0][8:]


def test_the_gap_of_an_unreadable_page_is_told_before_another_room_passes_it() -> None:
    """The next page may be read, and begins behind the missing events."""
    stream = behind(FakeRooms(rooms=2, capacity=4, archives=1), *[0] * 3, *[1] * 2, *[0] * 5)
    poll = FakeOutlet(polls=True)
    stream.reader(poll, 0, 1, cursor=BEGAN + 2, limit=2).start()
    stream.archives[0].answer(fail=True)
    stream.turn.end()
    (batch,) = poll.batches
    assert (ids_in(batch), batch.gaps) == (stream.ids[1], (Gap("r0", None),))


def test_the_gap_of_an_unreadable_page_is_told_once() -> None:
    """The reader asks for no other page before it has passed the gap."""
    stream = behind(FakeRooms(rooms=2, capacity=4, archives=1), *[0] * 3, *[1] * 2, *[0] * 5)
    outlet = FakeOutlet()
    stream.reader(outlet, 0, 1, limit=1).start()
    stream.archives[0].answer(fail=True)
    stream.turn.end()
    assert stream.archives[0].asked == []
    assert ids_in(*outlet.batches) == [*stream.ids[1], *stream.ids[0][4:]]
    assert [batch.gaps for batch in outlet.batches if batch.gaps] == [(Gap("r0", None),)]


def test_the_gap_of_a_failed_page_is_counted_for_a_reader_that_was_there(stream: FakeRooms) -> None:
    """It paused within the log's window, so the server knows what it has missed."""
    outlet = stream.started(cursor=stream.last)
    assert outlet.subscriber
    outlet.subscriber.pause()
    stream.say(*[0] * 7)
    stream.turn.end()
    outlet.subscriber.resume()
    stream.archives[0].answer(fail=True)
    stream.turn.end()
    assert [batch.gaps for batch in outlet.batches] == [(Gap("r0", 5),)]


def test_a_gap_behind_a_page_is_not_counted(stream: FakeRooms) -> None:
    """The archive does not say how many events it has forgotten."""
    outlet = stream.started(cursor=stream.last)
    assert outlet.subscriber
    outlet.subscriber.pause()
    stream.say(*[0] * 9)
    stream.turn.end()
    outlet.subscriber.resume()
    stream.archives[0].answer(most=1)
    stream.turn.end()
    stream.archives[0].answer(fail=True)
    stream.turn.end()
    assert [batch.gaps for batch in outlet.batches] == [(), (Gap("r0", None),)]
    assert ids_in(*outlet.batches) == [stream.ids[0][10], *stream.ids[0][17:]]


def test_pages_of_several_rooms_are_merged_in_the_order_of_the_ids() -> None:
    """Nothing is delivered before each room has its page, nor beyond the end of the shortest."""
    stream = behind(FakeRooms(rooms=3, capacity=2, archives=2), *[0, 1, 2] * 6)
    outlet = stream.started(0, 1, 2, cursor=BEGAN + 3)
    one, other = stream.archives
    one.answer(most=1)
    stream.turn.end()
    assert outlet.batches == []
    other.answer(most=2)
    stream.turn.end()
    assert ids_in(*outlet.batches) == [BEGAN + 4]
    while one.asked or other.asked or stream.turn.calls:
        for kept in (one, other):
            if kept.asked:
                kept.answer(most=1)
        stream.turn.end()
    kept_nowhere = stream.ids[2][1:4]
    owed = [id_ for id_ in stream.after([0, 1, 2], BEGAN + 3) if id_ not in kept_nowhere]
    assert ids_in(*outlet.batches) == owed
    told = [batch for batch in outlet.batches if batch.gaps]
    assert [batch.gaps for batch in told] == [(Gap("r2", None),)]
    assert told[0].cursor >= kept_nowhere[-1]


def test_the_pages_of_one_reader_hold_its_limit_together() -> None:
    """A reader of many rooms does not take many pages' memory; but rooms that take turns are not
    read one event at a time.
    """
    stream = behind(FakeRooms(rooms=10, capacity=1, archives=10), *[*range(10)] * 3)
    stream.started(*range(10))
    assert [limit for kept in stream.archives for _, limit, _ in kept.asked] == [50] * 10
    for limit, share in ((3, 3), (50, LEAST_SHARE)):
        stream.reader(FakeOutlet(), *range(10), limit=limit).start()
        assert [kept.asked[-1][1] for kept in stream.archives] == [share] * 10


def test_a_page_is_delivered_in_batches_of_bounded_bytes(stream: FakeRooms) -> None:
    """The same page serves them; it is not read again."""
    outlet = FakeOutlet()
    stream.reader(outlet, codec=IdCodec(BATCH_BYTES // 3)).start()
    stream.archives[0].answer()
    stream.turn.end()
    assert stream.archives[0].asked == []
    assert [batch.count for batch in outlet.batches] == [2, 2, 2, 2, 2]
    assert ids_in(*outlet.batches) == stream.ids[0]


def test_a_poll_is_answered_with_its_page_once(stream: FakeRooms) -> None:
    """Also if it is woken for a new event in the same turn."""
    outlet = FakeOutlet(polls=True)
    reader = stream.reader(outlet, limit=3)
    reader.start()
    stream.say(0)
    stream.archives[0].answer()
    stream.turn.end()
    assert [batch.count for batch in outlet.batches] == [3]
    assert (reader.reading, reader.waiting, stream.rooms[0].readers) == (False, False, 0)


def test_a_poll_is_not_answered_by_an_empty_page() -> None:
    """Nothing lies between its cursor and the log: it goes on waiting for an event."""
    stream = FakeRooms(rooms=2, capacity=2, archives=1)
    stream.rooms[0].log.floor = stream.rooms[0].log.last = BEGAN + 1
    outlet = FakeOutlet(polls=True)
    stream.reader(outlet).start()
    stream.archives[0].answer()
    stream.turn.end()
    assert outlet.batches == []
    stream.last += 1
    stream.say(0)
    stream.turn.end()
    assert ids_in(*outlet.batches) == stream.ids[0]


def test_a_reader_that_stops_forgets_its_page(stream: FakeRooms) -> None:
    """It is delivered nothing more."""
    outlet = stream.started()
    assert outlet.subscriber
    stream.archives[0].answer()
    outlet.subscriber.stop()
    stream.turn.end()
    assert (outlet.batches, outlet.subscriber.waiting) == ([], False)


def test_a_reader_may_pause_while_it_waits(stream: FakeRooms) -> None:
    """The page is dropped; a reader that resumes in time gets the one that is under way."""
    outlet = stream.started()
    reader = outlet.subscriber
    assert reader
    reader.pause()
    assert not reader.waiting
    reader.resume()
    assert (reader.waiting, len(stream.archives[0].asked)) == (True, 1)
    reader.pause()
    stream.archives[0].answer()
    stream.turn.end()
    assert outlet.batches == []
    reader.resume()
    stream.archives[0].answer()
    stream.turn.end()
    assert ids_in(*outlet.batches) == stream.ids[0]


def test_a_room_joined_while_waiting_is_read_from_there_on() -> None:
    """And the rest of the old one comes."""
    stream = behind(FakeRooms(rooms=2, capacity=2, archives=1), *[0] * 10, 1)
    outlet = stream.started(0)
    assert outlet.subscriber
    feeds = [room.feed(outlet.subscriber.feeds[0].codec) for room in stream.rooms]
    outlet.subscriber.change(feeds, stream.last)
    stream.say(1, 0)
    stream.archives[0].answer()
    stream.turn.end()
    assert ids_in(*outlet.batches) == sorted([*stream.ids[0], stream.ids[1][-1]])


def test_a_room_left_while_waiting_is_read_no_more() -> None:
    """Its page is not waited for longer than until it arrives."""
    stream = behind(FakeRooms(rooms=2, capacity=2, archives=1), *[0] * 10, 1)
    outlet = stream.started(0)
    assert outlet.subscriber
    codec = outlet.subscriber.feeds[0].codec
    outlet.subscriber.change([stream.rooms[1].feed(codec)], stream.last)
    stream.say(1)
    stream.turn.end()
    stream.archives[0].answer()
    stream.turn.end()
    assert ids_in(*outlet.batches) == [stream.last]
    assert not outlet.subscriber.waiting


def test_hidden_events_are_left_out_of_a_page_too(stream: FakeRooms) -> None:
    """A page for one reader alone is not shared."""
    quiet, other = stream.started(), stream.started()
    assert quiet.subscriber
    quiet.subscriber.hide(BEGAN + 2, BEGAN + 10)
    stream.archives[0].answer()
    stream.turn.end()
    assert ids_in(*quiet.batches) == [*stream.ids[0][:1], *stream.ids[0][2:9]]
    assert ids_in(*other.batches) == stream.ids[0]


def test_a_reader_is_told_once_that_it_has_caught_up(stream: FakeRooms) -> None:
    """When it was delivered what the logs held: not while it waits or is paused."""
    outlet, told = stream.started(), list[int]()
    reader = outlet.subscriber
    assert reader
    reader.when_caught_up(lambda: told.append(len(ids_in(*outlet.batches))))
    stream.archives[0].answer(most=5)
    stream.turn.end()
    assert told == []
    reader.pause()
    reader.resume()
    stream.archives[0].answer()
    stream.turn.end()
    stream.say(0)
    stream.turn.end()
    assert told == [10]


def test_a_reader_without_a_backlog_has_caught_up_at_once() -> None:
    """Also in a room where nothing has happened."""
    stream, told = FakeRooms(), list[bool]()
    outlet = stream.started()
    assert outlet.subscriber
    outlet.subscriber.when_caught_up(lambda: told.append(True))
    assert told == [True]


def test_a_reader_has_an_owner_and_its_outlet_learns_the_reason_of_its_end(
    stream: FakeRooms,
) -> None:
    """What the gate needs: whose reader it is, and a way to tell the client."""
    outlet, session = FakeOutlet(), object()
    reader = stream.reader(outlet)
    assert reader.owner is None
    feeds, limit = reader.feeds, PUSH_LIMIT
    assert type(reader)(outlet, feeds, BEGAN, limit, owner=session).owner is session
    outlet.revoked(error := NotAllowed("you are banned from #lobby"))
    assert outlet.revocations == [error]
