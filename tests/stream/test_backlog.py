"""Backlogs: readers behind the log read pages from the store, then continue live without a hole."""

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


def test_a_reader_behind_the_log_reads_pages_then_the_log(stream: FakeRooms) -> None:
    """No event is missing, and no gap is reported."""
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


def test_a_reader_that_has_caught_up_joins_the_fast_path(stream: FakeRooms) -> None:
    """It is then treated like a reader that was live all along."""
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


def test_events_appended_during_a_page_read_are_delivered_once(stream: FakeRooms) -> None:
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


def test_events_deleted_by_retention_are_reported_as_a_gap(stream: FakeRooms) -> None:
    """Once, before the first event that is kept."""
    stream.archives[0].forget(4)
    outlet = stream.started()
    for _ in range(4):
        if stream.archives[0].asked:
            stream.archives[0].answer(most=2)
        stream.turn.end()
    assert [batch.gaps for batch in outlet.batches] == [(Gap("r0", None),), (), ()]
    assert ids_in(*outlet.batches) == stream.ids[0][4:]


def test_an_unreadable_page_is_a_gap_up_to_the_log(stream: FakeRooms) -> None:
    """As for a log without an archive; the reader continues live."""
    outlet = stream.started()
    stream.archives[0].answer(fail=True)
    stream.turn.end()
    stream.say(0)
    stream.turn.end()
    assert [batch.gaps for batch in outlet.batches] == [(Gap("r0", None),), ()]
    assert ids_in(*outlet.batches) == stream.ids[0][8:]


def test_the_gap_of_an_unreadable_page_comes_before_later_events_of_other_rooms() -> None:
    """The next page may be readable, and would begin after the missing events."""
    stream = behind(FakeRooms(rooms=2, capacity=4, archives=1), *[0] * 3, *[1] * 2, *[0] * 5)
    poll = FakeOutlet(polls=True)
    stream.reader(poll, 0, 1, cursor=BEGAN + 2, limit=2).start()
    stream.archives[0].answer(fail=True)
    stream.turn.end()
    (batch,) = poll.batches
    assert (ids_in(batch), batch.gaps) == (stream.ids[1], (Gap("r0", None),))


def test_the_gap_of_an_unreadable_page_is_reported_once() -> None:
    """The reader requests no other page before it has passed the gap."""
    stream = behind(FakeRooms(rooms=2, capacity=4, archives=1), *[0] * 3, *[1] * 2, *[0] * 5)
    outlet = FakeOutlet()
    stream.reader(outlet, 0, 1, limit=1).start()
    stream.archives[0].answer(fail=True)
    stream.turn.end()
    assert stream.archives[0].asked == []
    assert ids_in(*outlet.batches) == [*stream.ids[1], *stream.ids[0][4:]]
    assert [batch.gaps for batch in outlet.batches if batch.gaps] == [(Gap("r0", None),)]


def test_the_gap_of_an_unreadable_page_is_counted_for_a_reader_that_paused(
    stream: FakeRooms,
) -> None:
    """The reader paused within the log's window, so the server knows how many events it missed."""
    outlet = stream.started(cursor=stream.last)
    assert outlet.subscriber
    outlet.subscriber.pause()
    stream.say(*[0] * 7)
    stream.turn.end()
    outlet.subscriber.resume()
    stream.archives[0].answer(fail=True)
    stream.turn.end()
    assert [batch.gaps for batch in outlet.batches] == [(Gap("r0", 5),)]


def test_a_gap_after_a_page_has_no_count(stream: FakeRooms) -> None:
    """The archive does not say how many events it has deleted."""
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


def test_pages_of_several_rooms_are_merged_in_id_order() -> None:
    """Events are delivered when each room's page is there, and only up to the end of the shortest
    page.
    """
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


def test_a_reader_s_limit_is_shared_by_the_pages_of_its_rooms() -> None:
    """A reader of many rooms does not hold many full pages, but each page has at least
    `LEAST_SHARE` events.
    """
    stream = behind(FakeRooms(rooms=10, capacity=1, archives=10), *[*range(10)] * 3)
    stream.started(*range(10))
    assert [limit for kept in stream.archives for _, limit, _ in kept.asked] == [50] * 10
    for limit, share in ((3, 3), (50, LEAST_SHARE)):
        stream.reader(FakeOutlet(), *range(10), limit=limit).start()
        assert [kept.asked[-1][1] for kept in stream.archives] == [share] * 10


def test_a_page_is_delivered_in_batches_of_bounded_bytes(stream: FakeRooms) -> None:
    """All batches come from one read of the page."""
    outlet = FakeOutlet()
    stream.reader(outlet, codec=IdCodec(BATCH_BYTES // 3)).start()
    stream.archives[0].answer()
    stream.turn.end()
    assert stream.archives[0].asked == []
    assert [batch.count for batch in outlet.batches] == [2, 2, 2, 2, 2]
    assert ids_in(*outlet.batches) == stream.ids[0]


def test_a_poll_is_answered_with_its_page_exactly_once(stream: FakeRooms) -> None:
    """Also if a new event wakes the poll in the same turn."""
    outlet = FakeOutlet(polls=True)
    reader = stream.reader(outlet, limit=3)
    reader.start()
    stream.say(0)
    stream.archives[0].answer()
    stream.turn.end()
    assert [batch.count for batch in outlet.batches] == [3]
    assert (reader.reading, reader.waiting, stream.rooms[0].readers) == (False, False, 0)


def test_an_empty_page_does_not_answer_a_poll() -> None:
    """No event lies between the poll's cursor and the log, so the poll stays held until the next
    event.
    """
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


def test_a_stopped_reader_drops_its_page(stream: FakeRooms) -> None:
    """Nothing more is delivered to it."""
    outlet = stream.started()
    assert outlet.subscriber
    stream.archives[0].answer()
    outlet.subscriber.stop()
    stream.turn.end()
    assert (outlet.batches, outlet.subscriber.waiting) == ([], False)


def test_a_reader_may_pause_while_a_page_is_being_read(stream: FakeRooms) -> None:
    """Its page is dropped; a reader that resumes in time gets the page that is still being read."""
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


def test_a_room_joined_during_a_page_read_is_read_from_the_join_on() -> None:
    """The rest of the old room's backlog is delivered too."""
    stream = behind(FakeRooms(rooms=2, capacity=2, archives=1), *[0] * 10, 1)
    outlet = stream.started(0)
    assert outlet.subscriber
    feeds = [room.feed(outlet.subscriber.feeds[0].codec) for room in stream.rooms]
    outlet.subscriber.change(feeds, stream.last)
    stream.say(1, 0)
    stream.archives[0].answer()
    stream.turn.end()
    assert ids_in(*outlet.batches) == sorted([*stream.ids[0], stream.ids[1][-1]])


def test_a_room_left_during_a_page_read_is_not_delivered() -> None:
    """The reader waits for that page at most until it arrives."""
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


def test_hidden_events_are_left_out_of_a_page(stream: FakeRooms) -> None:
    """Other readers of the page still get them."""
    quiet, other = stream.started(), stream.started()
    assert quiet.subscriber
    quiet.subscriber.hide(BEGAN + 2, BEGAN + 10)
    stream.archives[0].answer()
    stream.turn.end()
    assert ids_in(*quiet.batches) == [*stream.ids[0][:1], *stream.ids[0][2:9]]
    assert ids_in(*other.batches) == stream.ids[0]


def test_when_caught_up_is_called_once(stream: FakeRooms) -> None:
    """After the reader got what the logs held, and not while it waits for a page or is paused."""
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


def test_when_caught_up_is_called_at_once_without_a_backlog() -> None:
    """Also in a room without events."""
    stream, told = FakeRooms(), list[bool]()
    outlet = stream.started()
    assert outlet.subscriber
    outlet.subscriber.when_caught_up(lambda: told.append(True))
    assert told == [True]


def test_a_reader_has_an_owner_and_its_outlet_gets_the_revocation(
    stream: FakeRooms,
) -> None:
    """The gate needs the owner to find a person's readers, and the outlet to report the reason."""
    outlet, session = FakeOutlet(), object()
    reader = stream.reader(outlet)
    assert reader.owner is None
    feeds, limit = reader.feeds, PUSH_LIMIT
    assert type(reader)(outlet, feeds, BEGAN, limit, owner=session).owner is session
    outlet.revoked(error := NotAllowed("you are banned from #lobby"))
    assert outlet.revocations == [error]
