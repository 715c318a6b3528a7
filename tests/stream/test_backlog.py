"""Reading on from the store: page by page, and over into live reading without a hole."""

from __future__ import annotations

import pytest

from chatd.model.errors import NotAllowed
from chatd.stream.backlog import LEAST_SHARE
from chatd.stream.batch import BATCH_BYTES, PUSH_LIMIT, Gap
from chatd.testing import FakeOutlet

from .house import BEGAN, House, Numbers, numbers


def behind(house: House, *rooms: int) -> House:
    """The same, with events in the rooms that their logs have evicted."""
    house.say(*rooms)
    house.turn.end()
    return house


@pytest.fixture
def house() -> House:
    """One room, whose log holds the last two of ten events."""
    return behind(House(capacity=2, archives=1), *[0] * 10)


def test_a_reader_behind_the_window_waits_for_a_page(house: House) -> None:
    """Page after page, and then from the log; no gap is told."""
    outlet = house.started()
    assert outlet.subscriber
    pages = 0
    while outlet.subscriber.waiting:
        house.archives[0].answer(most=3)
        house.turn.end()
        pages += 1
    assert pages == 3
    house.say(0)
    house.turn.end()
    assert numbers(*outlet.batches) == house.ids[0]
    assert not any(batch.gaps for batch in outlet.batches)


def test_a_reader_that_has_met_the_log_is_on_the_fast_path(house: House) -> None:
    """Nothing distinguishes it from a reader that was there all along."""
    outlet, other = house.started(), house.started(cursor=house.last)
    house.archives[0].answer()
    house.turn.end()
    for _ in range(2):
        house.say(0)
        house.turn.end()
    assert outlet.subscriber
    assert other.subscriber
    assert outlet.subscriber.fast_path is other.subscriber.fast_path is not None
    assert outlet.written + other.written >= 2


def test_events_that_come_while_a_page_is_under_way_are_read_once(house: House) -> None:
    """Also if the log has evicted them when the page arrives."""
    outlet = house.started()
    house.say(*[0] * 5)
    house.turn.end()
    house.archives[0].answer(most=4)
    house.say(*[0] * 5)
    while house.turn.calls or house.archives[0].asked:
        house.turn.end()
        if house.archives[0].asked:
            house.archives[0].answer(most=7)
    assert numbers(*outlet.batches) == house.ids[0]


def test_a_gap_is_told_for_events_that_are_kept_nowhere(house: House) -> None:
    """Once, before the first event that is kept."""
    house.archives[0].forget(4)
    outlet = house.started()
    for _ in range(4):
        if house.archives[0].asked:
            house.archives[0].answer(most=2)
        house.turn.end()
    assert [batch.gaps for batch in outlet.batches] == [(Gap("r0", None),), (), ()]
    assert numbers(*outlet.batches) == house.ids[0][4:]


def test_a_page_that_cannot_be_read_is_a_gap_up_to_the_log(house: House) -> None:
    """As for a log without an archive; the reader goes on live."""
    outlet = house.started()
    house.archives[0].answer(fail=True)
    house.turn.end()
    house.say(0)
    house.turn.end()
    assert [batch.gaps for batch in outlet.batches] == [(Gap("r0", None),), ()]
    assert numbers(*outlet.batches) == house.ids[0][8:]


def test_the_gap_of_an_unreadable_page_is_told_before_another_room_passes_it() -> None:
    """The next page may be read, and begins behind the missing events."""
    house = behind(House(rooms=2, capacity=4, archives=1), *[0] * 3, *[1] * 2, *[0] * 5)
    poll = FakeOutlet(polls=True)
    house.reader(poll, 0, 1, cursor=BEGAN + 2, limit=2).start()
    house.archives[0].answer(fail=True)
    house.turn.end()
    (batch,) = poll.batches
    assert (numbers(batch), batch.gaps) == (house.ids[1], (Gap("r0", None),))


def test_the_gap_of_an_unreadable_page_is_told_once() -> None:
    """The reader asks for no other page before it has passed the gap."""
    house = behind(House(rooms=2, capacity=4, archives=1), *[0] * 3, *[1] * 2, *[0] * 5)
    outlet = FakeOutlet()
    house.reader(outlet, 0, 1, limit=1).start()
    house.archives[0].answer(fail=True)
    house.turn.end()
    assert house.archives[0].asked == []
    assert numbers(*outlet.batches) == [*house.ids[1], *house.ids[0][4:]]
    assert [batch.gaps for batch in outlet.batches if batch.gaps] == [(Gap("r0", None),)]


def test_the_gap_of_a_failed_page_is_counted_for_a_reader_that_was_there(house: House) -> None:
    """It paused within the log's window, so the server knows what it has missed."""
    outlet = house.started(cursor=house.last)
    assert outlet.subscriber
    outlet.subscriber.pause()
    house.say(*[0] * 7)
    house.turn.end()
    outlet.subscriber.resume()
    house.archives[0].answer(fail=True)
    house.turn.end()
    assert [batch.gaps for batch in outlet.batches] == [(Gap("r0", 5),)]


def test_a_gap_behind_a_page_is_not_counted(house: House) -> None:
    """The archive does not say how many events it has forgotten."""
    outlet = house.started(cursor=house.last)
    assert outlet.subscriber
    outlet.subscriber.pause()
    house.say(*[0] * 9)
    house.turn.end()
    outlet.subscriber.resume()
    house.archives[0].answer(most=1)
    house.turn.end()
    house.archives[0].answer(fail=True)
    house.turn.end()
    assert [batch.gaps for batch in outlet.batches] == [(), (Gap("r0", None),)]
    assert numbers(*outlet.batches) == [house.ids[0][10], *house.ids[0][17:]]


def test_pages_of_several_rooms_are_merged_in_the_order_of_the_ids() -> None:
    """Nothing is delivered before each room has its page, nor beyond the end of the shortest."""
    house = behind(House(rooms=3, capacity=2, archives=2), *[0, 1, 2] * 6)
    outlet = house.started(0, 1, 2, cursor=BEGAN + 3)
    one, other = house.archives
    one.answer(most=1)
    house.turn.end()
    assert outlet.batches == []
    other.answer(most=2)
    house.turn.end()
    assert numbers(*outlet.batches) == [BEGAN + 4]
    while one.asked or other.asked or house.turn.calls:
        for kept in (one, other):
            if kept.asked:
                kept.answer(most=1)
        house.turn.end()
    kept_nowhere = house.ids[2][1:4]
    owed = [id_ for id_ in house.after([0, 1, 2], BEGAN + 3) if id_ not in kept_nowhere]
    assert numbers(*outlet.batches) == owed
    told = [batch for batch in outlet.batches if batch.gaps]
    assert [batch.gaps for batch in told] == [(Gap("r2", None),)]
    assert told[0].cursor >= kept_nowhere[-1]


def test_the_pages_of_one_reader_hold_its_limit_together() -> None:
    """A reader of many rooms does not take many pages' memory; but rooms that take turns are not
    read one event at a time.
    """
    house = behind(House(rooms=10, capacity=1, archives=10), *[*range(10)] * 3)
    house.started(*range(10))
    assert [limit for kept in house.archives for _, limit, _ in kept.asked] == [50] * 10
    for limit, share in ((3, 3), (50, LEAST_SHARE)):
        house.reader(FakeOutlet(), *range(10), limit=limit).start()
        assert [kept.asked[-1][1] for kept in house.archives] == [share] * 10


def test_a_page_is_delivered_in_batches_of_bounded_bytes(house: House) -> None:
    """The same page serves them; it is not read again."""
    outlet = FakeOutlet()
    house.reader(outlet, codec=Numbers(BATCH_BYTES // 3)).start()
    house.archives[0].answer()
    house.turn.end()
    assert house.archives[0].asked == []
    assert [batch.count for batch in outlet.batches] == [2, 2, 2, 2, 2]
    assert numbers(*outlet.batches) == house.ids[0]


def test_a_poll_is_answered_with_its_page_once(house: House) -> None:
    """Also if it is woken for a new event in the same turn."""
    outlet = FakeOutlet(polls=True)
    reader = house.reader(outlet, limit=3)
    reader.start()
    house.say(0)
    house.archives[0].answer()
    house.turn.end()
    assert [batch.count for batch in outlet.batches] == [3]
    assert (reader.reading, reader.waiting, house.rooms[0].readers) == (False, False, 0)


def test_a_poll_is_not_answered_by_an_empty_page() -> None:
    """Nothing lies between its cursor and the log: it goes on waiting for an event."""
    house = House(rooms=2, capacity=2, archives=1)
    house.rooms[0].log.floor = house.rooms[0].log.last = BEGAN + 1
    outlet = FakeOutlet(polls=True)
    house.reader(outlet).start()
    house.archives[0].answer()
    house.turn.end()
    assert outlet.batches == []
    house.last += 1
    house.say(0)
    house.turn.end()
    assert numbers(*outlet.batches) == house.ids[0]


def test_a_reader_that_stops_forgets_its_page(house: House) -> None:
    """It is delivered nothing more."""
    outlet = house.started()
    assert outlet.subscriber
    house.archives[0].answer()
    outlet.subscriber.stop()
    house.turn.end()
    assert (outlet.batches, outlet.subscriber.waiting) == ([], False)


def test_a_reader_may_pause_while_it_waits(house: House) -> None:
    """The page is dropped; a reader that resumes in time gets the one that is under way."""
    outlet = house.started()
    reader = outlet.subscriber
    assert reader
    reader.pause()
    assert not reader.waiting
    reader.resume()
    assert (reader.waiting, len(house.archives[0].asked)) == (True, 1)
    reader.pause()
    house.archives[0].answer()
    house.turn.end()
    assert outlet.batches == []
    reader.resume()
    house.archives[0].answer()
    house.turn.end()
    assert numbers(*outlet.batches) == house.ids[0]


def test_a_room_joined_while_waiting_is_read_from_there_on() -> None:
    """And the rest of the old one comes."""
    house = behind(House(rooms=2, capacity=2, archives=1), *[0] * 10, 1)
    outlet = house.started(0)
    assert outlet.subscriber
    feeds = [room.feed(outlet.subscriber.feeds[0].codec) for room in house.rooms]
    outlet.subscriber.change(feeds, house.last)
    house.say(1, 0)
    house.archives[0].answer()
    house.turn.end()
    assert numbers(*outlet.batches) == sorted([*house.ids[0], house.ids[1][-1]])


def test_a_room_left_while_waiting_is_read_no_more() -> None:
    """Its page is not waited for longer than until it arrives."""
    house = behind(House(rooms=2, capacity=2, archives=1), *[0] * 10, 1)
    outlet = house.started(0)
    assert outlet.subscriber
    codec = outlet.subscriber.feeds[0].codec
    outlet.subscriber.change([house.rooms[1].feed(codec)], house.last)
    house.say(1)
    house.turn.end()
    house.archives[0].answer()
    house.turn.end()
    assert numbers(*outlet.batches) == [house.last]
    assert not outlet.subscriber.waiting


def test_hidden_events_are_left_out_of_a_page_too(house: House) -> None:
    """A page for one reader alone is not shared."""
    quiet, other = house.started(), house.started()
    assert quiet.subscriber
    quiet.subscriber.hide(BEGAN + 2, BEGAN + 10)
    house.archives[0].answer()
    house.turn.end()
    assert numbers(*quiet.batches) == [*house.ids[0][:1], *house.ids[0][2:9]]
    assert numbers(*other.batches) == house.ids[0]


def test_a_reader_is_told_once_that_it_has_caught_up(house: House) -> None:
    """When it was delivered what the logs held: not while it waits or is paused."""
    outlet, told = house.started(), list[int]()
    reader = outlet.subscriber
    assert reader
    reader.when_caught_up(lambda: told.append(len(numbers(*outlet.batches))))
    house.archives[0].answer(most=5)
    house.turn.end()
    assert told == []
    reader.pause()
    reader.resume()
    house.archives[0].answer()
    house.turn.end()
    house.say(0)
    house.turn.end()
    assert told == [10]


def test_a_reader_without_a_backlog_has_caught_up_at_once() -> None:
    """Also in a room where nothing has happened."""
    house, told = House(), list[bool]()
    outlet = house.started()
    assert outlet.subscriber
    outlet.subscriber.when_caught_up(lambda: told.append(True))
    assert told == [True]


def test_a_reader_has_an_owner_and_its_outlet_learns_the_reason_of_its_end(house: House) -> None:
    """What the gate needs: whose reader it is, and a way to tell the client."""
    outlet, session = FakeOutlet(), object()
    reader = house.reader(outlet)
    assert reader.owner is None
    feeds, limit = reader.feeds, PUSH_LIMIT
    assert type(reader)(outlet, feeds, BEGAN, limit, owner=session).owner is session
    outlet.revoked(error := NotAllowed("you are banned from #lobby"))
    assert outlet.revocations == [error]
