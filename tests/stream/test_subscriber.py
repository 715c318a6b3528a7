"""Readers: exactly the suffix, in order, once; or told the gap."""

from __future__ import annotations

from weakref import ref

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from chatd.stream.batch import PUSH_LIMIT, Batch, Gap
from chatd.testing import FakeOutlet

from ..kit.stream import BEGAN, ID_CODEC, ActingOutlet, DirectOutlet, FakeRooms, ids_in


class Reader:
    """A client as the tests' model sees it: what it was given, and what it is owed."""

    def __init__(
        self, stream: FakeRooms, rooms: frozenset[int], cursor: int, limit: int, polls: bool
    ):
        self.stream, self.rooms, self.limit, self.polls = stream, rooms, limit, polls
        self.cursor = cursor
        self.unaware = cursor < BEGAN
        """Whether it comes from before the rooms' memory, and was not told so yet."""
        self.begins = dict.fromkeys(rooms, cursor)
        """Where it began to read each room."""
        self.missing: dict[int, list[int]] = {}
        self.told_ahead: dict[int, int] = {}
        """Where pages could not be read: the cursors up to which a gap was told."""
        self.counted: set[int] | None = None
        """While it is paused: the rooms of which it knew everything when it began to be."""
        self.patient = False
        """Whether it stood at the end once, and has always read at once since then."""
        self.poll()
        # While others are about to be woken it waits with them, and has not stood there yet.
        self.patient = not (polls or stream.turn.calls or self.subscriber.waiting)

    def poll(self) -> None:
        self.outlet = DirectOutlet(polls=self.polls)
        self.read = 0
        self.subscriber = self.stream.reader(
            self.outlet, *sorted(self.rooms), cursor=self.cursor, limit=self.limit
        )
        self.subscriber.start(None if self.polls else self.outlet.write)
        self.check()

    def check(self) -> None:
        """Hold everything new against what there was to read."""
        for batch in self.outlet.batches[self.read :]:
            self.take(batch)
            self.read += 1

    def take(self, batch: Batch) -> None:
        got = ids_in(batch)
        owed = [id_ for id_ in self.owed() if id_ <= batch.cursor]
        assert got == [id_ for id_ in owed if id_ in got], "foreign, doubled, or out of order"
        assert batch.count == len(got) <= self.limit
        assert batch.cursor > self.cursor, "it came no further"
        for gap in batch.gaps:
            room = int(gap.source[1:])
            if room < len(self.stream.archives) and self.stream.archives[room].failed:
                self.told_ahead[room] = self.stream.rooms[room].log.floor
        for room in self.rooms:
            here = [id_ for id_ in owed if id_ in self.stream.ids[room]]
            lost = [id_ for id_ in here if id_ not in got]
            assert all(self.stream.kept_nowhere(room, id_) for id_ in lost), "kept, and not given"
            assert here[len(lost) :] == [id_ for id_ in here if id_ in got], "a hole in the middle"
            told_ahead = self.told_ahead.get(room, 0)
            silent = [id_ for id_ in lost if id_ > told_ahead]
            self.missing[room] = self.missing.get(room, []) + silent
        for gap in batch.gaps:
            self.told(gap)
        self.cursor = batch.cursor

    def owed(self) -> list[int]:
        """What it has not read yet, of what came after it began to read."""
        return sorted(
            id_
            for room in self.rooms
            for id_ in self.stream.after([room], max(self.cursor, self.begins[room]))
        )

    def told(self, gap: Gap) -> None:
        room = int(gap.source[1:])
        missed = self.missing.pop(room, [])
        assert missed or self.unaware or room in self.told_ahead, "a gap where nothing is missing"
        assert not self.patient, "a gap for one who was never slow"
        if self.counted and room in self.counted and not self.stream.archives:
            assert gap.missed == len(missed), "the gap and what was given are not everything"
        elif room not in self.told_ahead:
            assert gap.missed in (None, len(missed)), "measured what it cannot know"

    def settled(self) -> None:
        """Nothing is under way: it stands at the end, and has been told of all that it misses."""
        assert self.owed() == []
        assert not any(self.missing.values()), "a silent gap"
        self.unaware = False


class Reading(RuleBasedStateMachine):
    """Readers of every kind over rooms of every size."""

    @initialize(
        rooms=st.integers(1, 3),
        capacity=st.integers(1, 5),
        archives=st.integers(0, 3),
        past=st.lists(st.integers(0, 2), max_size=20),
    )
    def build(self, rooms: int, capacity: int, archives: int, past: list[int]) -> None:
        self.stream = FakeRooms(rooms, capacity, min(archives, rooms))
        self.stream.say(*(room % rooms for room in past))
        self.all = range(rooms)
        self.readers: list[Reader] = []

    def some(self, choice: int, readers: list[Reader]) -> Reader:
        return readers[choice % len(readers)]

    def rooms(self, choice: int) -> frozenset[int]:
        """The rooms that the bits of `choice` name, or all."""
        return frozenset(n for n in self.all if choice >> n & 1) or frozenset(self.all)

    @property
    def paused(self) -> list[Reader]:
        return [reader for reader in self.readers if reader.subscriber.paused]

    @property
    def pushed(self) -> list[Reader]:
        """Those who are given what comes, and have not begun to be slow."""
        return [r for r in self.readers if not (r.polls or r.outlet.takes or r.subscriber.paused)]

    @rule(where=st.lists(st.integers(0, 2), min_size=1, max_size=12))
    def say(self, where: list[int]) -> None:
        self.stream.say(*(room % len(self.all) for room in where))

    @rule()
    def end_turn(self) -> None:
        self.stream.turn.end()

    @precondition(lambda self: any(kept.asked for kept in self.stream.archives))
    @rule(
        room=st.integers(0, 2),
        choice=st.integers(0, 5),
        most=st.integers(1, 4),
        fail=st.sampled_from([False, False, False, True]),
    )
    def answer(self, room: int, choice: int, most: int, fail: bool) -> None:
        """A page arrives, of those under way any one; or it could not be read."""
        asked = [kept for kept in self.stream.archives if kept.asked]
        asked[room % len(asked)].answer(choice, most, fail=fail)

    @precondition(lambda self: any(kept.asked for kept in self.stream.archives))
    @rule(most=st.integers(1, 10))
    def answer_all(self, most: int) -> None:
        """The archive is quick for a while."""
        for _ in range(20):
            for kept in self.stream.archives:
                while kept.asked:
                    kept.answer(0, most)
            self.stream.turn.end()

    @precondition(lambda self: self.stream.archives)
    @rule(room=st.integers(0, 2), count=st.integers(1, 3))
    def forget(self, room: int, count: int) -> None:
        """Retention removes events, be they still in memory."""
        self.stream.archives[room % len(self.stream.archives)].forget(count)

    @precondition(lambda self: len(self.readers) < 4)
    @rule(
        rooms=st.integers(0, 7),
        back=st.integers(0, 20),
        limit=st.sampled_from([1, 2, 3, PUSH_LIMIT]),
        polls=st.booleans(),
    )
    def open(self, rooms: int, back: int, limit: int, polls: bool) -> None:
        cursor = self.stream.last - back
        self.readers.append(Reader(self.stream, self.rooms(rooms), cursor, limit, polls))

    @precondition(lambda self: self.pushed)
    @rule(choice=st.integers(0, 3), takes=st.integers(0, 2))
    def pause(self, choice: int, takes: int) -> None:
        """At once, or when it has taken some batches more."""
        reader = self.some(choice, self.pushed)
        reader.patient = False
        if takes:
            reader.outlet.takes = takes
        else:
            reader.subscriber.pause()

    @precondition(lambda self: self.paused)
    @rule(choice=st.integers(0, 3), takes=st.sampled_from([1, 2, None]))
    def resume(self, choice: int, takes: int | None) -> None:
        """For good, or for some batches only."""
        reader = self.some(choice, self.paused)
        reader.outlet.takes = takes
        reader.subscriber.resume()

    @precondition(lambda self: self.pushed or self.paused)
    @rule(choice=st.integers(0, 7), rooms=st.integers(0, 7))
    def change(self, choice: int, rooms: int) -> None:
        """What the old rooms still had comes first; of the new ones only what comes from now on."""
        reader, new = self.some(choice, self.pushed + self.paused), self.rooms(rooms)
        unread = reader.subscriber.paused or reader.subscriber.waiting
        feeds = [self.stream.rooms[room].feed(ID_CODEC) for room in new]
        reader.subscriber.change(feeds, self.stream.last)
        reader.check()
        if not (unread or reader.subscriber.paused or reader.subscriber.waiting):
            reader.settled()
        reader.begins = {room: reader.begins.get(room, self.stream.last) for room in new}
        reader.missing = {room: reader.missing.get(room, []) for room in new}
        reader.counted = reader.counted and reader.counted & new
        reader.rooms = new

    @precondition(lambda self: self.readers)
    @rule(choice=st.integers(0, 3))
    def stop(self, choice: int) -> None:
        reader = self.some(choice, self.readers)
        reader.subscriber.stop()
        self.readers.remove(reader)

    @invariant()
    def everyone_has_what_is_theirs(self) -> None:
        for reader in self.readers:
            reader.check()
            while not reader.subscriber.reading:
                reader.poll()
            assert not (reader.patient and reader.subscriber.waiting), "it kept up, and fell behind"
            if not reader.subscriber.paused:
                reader.counted = None
            elif reader.counted is None:
                reader.counted = {r for r in reader.rooms if not reader.missing.get(r)}
            unread = reader.subscriber.paused or reader.subscriber.waiting
            if not (self.stream.turn.calls or unread):
                reader.settled()
            if reader.subscriber.waiting:
                assert any(kept.asked for kept in self.stream.archives) or self.stream.turn.calls


TestReading = Reading.TestCase
# Explaining a failure would take longer than a test may.
TestReading.settings = settings(
    max_examples=300, stateful_step_count=40, phases=set(Phase) - {Phase.explain}
)


# -- one by one ---------------------------------------------------------------------------------


def test_a_poll_takes_one_batch_and_then_reads_no_more() -> None:
    """What comes later is for the next poll."""
    stream = FakeRooms()
    outlet = FakeOutlet(polls=True)
    stream.reader(outlet, limit=2).start()
    stream.say(0, 0, 0)
    stream.turn.end()
    stream.say(0)
    stream.turn.end()
    assert ids_in(*outlet.batches) == [BEGAN + 1, BEGAN + 2]
    assert stream.rooms[0].readers == 0


def test_a_stopped_reader_and_its_outlet_are_freed_at_once() -> None:
    """They refer to each other until then; only the garbage collector would free them otherwise."""
    stream = FakeRooms()
    outlet = DirectOutlet()
    gone = ref(outlet)
    reader = stream.reader(outlet)
    reader.start(outlet.write)
    reader.stop()
    reader.pause()
    reader.resume()
    del outlet
    assert gone() is None


def test_nothing_is_read_for_a_paused_reader() -> None:
    """Until it resumes; then everything is."""
    stream = FakeRooms()
    outlet = stream.started()
    assert outlet.subscriber
    outlet.subscriber.pause()
    stream.say(0, 0)
    stream.turn.end()
    assert outlet.batches == []
    outlet.subscriber.resume()
    assert ids_in(*outlet.batches) == [BEGAN + 1, BEGAN + 2]


def test_a_gap_counts_what_was_missed_while_paused() -> None:
    """The delivered events and the gap are everything."""
    stream = FakeRooms(capacity=10)
    outlet = stream.started()
    assert outlet.subscriber
    stream.say(0, 0, 0)
    stream.turn.end()
    outlet.subscriber.pause()
    stream.say(*[0] * 25)
    stream.turn.end()
    outlet.subscriber.resume()
    assert [batch.gaps for batch in outlet.batches] == [(), (Gap("r0", 15),)]
    assert len(ids_in(*outlet.batches)) == 3 + 10


def test_a_gap_is_counted_also_if_the_reader_pauses_again_before_it_is_told() -> None:
    """Room 1 lost an entry, but room 0 has older ones to tell, and those fill the outlet."""
    stream = FakeRooms(2, 2)
    outlet = FakeOutlet()
    reader = stream.reader(outlet, 0, 1, limit=1)
    reader.start()
    reader.pause()
    stream.say(0, 1, 1, 1)
    stream.turn.end()
    outlet.takes = 1
    reader.resume()
    assert (ids_in(*outlet.batches), reader.paused) == ([BEGAN + 1], True)
    outlet.takes = None
    reader.resume()
    gaps = [gap for batch in outlet.batches for gap in batch.gaps]
    assert (gaps, ids_in(*outlet.batches)) == (
        [Gap("r1", 1)],
        [BEGAN + 1, BEGAN + 3, BEGAN + 4],
    )


def test_a_gap_before_the_reader_came_is_not_counted() -> None:
    """The server did not see it leave, so it does not pretend to know."""
    stream = FakeRooms(capacity=2)
    stream.say(0, 0, 0)
    assert [batch.gaps for batch in stream.started().batches] == [(Gap("r0", None),)]


def test_a_gap_is_told_also_if_no_event_is_left() -> None:
    """A cursor before the server's memory, in a room where nothing has happened since."""
    (batch,) = FakeRooms().started(cursor=BEGAN - 1).batches
    assert (batch.gaps, batch.count, batch.chunk) == ((Gap("r0", None),), 0, b"")
    assert batch.cursor == BEGAN


def test_hidden_events_are_left_out_and_passed() -> None:
    """A client's own messages, with the echo off; all others come."""
    stream = FakeRooms(2)
    outlet = stream.started(0, 1)
    stream.say(0, 1, 0)
    assert outlet.subscriber
    outlet.subscriber.hide(BEGAN + 1)
    outlet.subscriber.hide(BEGAN + 3)
    stream.turn.end()
    assert (ids_in(*outlet.batches), outlet.subscriber.cursor) == ([BEGAN + 2], BEGAN + 3)
    stream.say(0)
    stream.turn.end()
    assert ids_in(*outlet.batches) == [BEGAN + 2, BEGAN + 4]


def test_events_stay_hidden_until_the_cursor_has_passed_them() -> None:
    """Over several batches and a change of rooms."""
    stream = FakeRooms(2)
    outlet = FakeOutlet()
    reader = stream.reader(outlet, 0, limit=1)
    reader.start()
    for id_ in (BEGAN + 1, BEGAN + 3, BEGAN + 6):
        reader.hide(id_)
    stream.say(0, 0, 0, 0)
    stream.turn.end()
    reader.change([stream.rooms[1].feed(ID_CODEC)], stream.last)
    stream.say(1, 1, 1)
    stream.turn.end()
    assert ids_in(*outlet.batches) == [BEGAN + 2, BEGAN + 4, BEGAN + 5, BEGAN + 7]


def test_events_are_hidden_from_one_reader_only() -> None:
    """A batch with holes is never shared."""
    stream = FakeRooms()
    quiet, other = stream.started(), stream.started()
    assert quiet.subscriber
    stream.say(0, 0)
    quiet.subscriber.hide(BEGAN + 1)
    stream.turn.end()
    assert ids_in(*quiet.batches) == [BEGAN + 2]
    assert ids_in(*other.batches) == [BEGAN + 1, BEGAN + 2]


def test_a_joined_room_is_read_from_there_on() -> None:
    """What the old ones still had is read before the change, once."""
    stream = FakeRooms(2)
    outlet = stream.started(0)
    assert outlet.subscriber
    stream.say(0, 1)
    outlet.subscriber.change([room.feed(ID_CODEC) for room in stream.rooms], stream.last)
    stream.turn.end()
    assert ids_in(*outlet.batches) == [BEGAN + 1]
    stream.say(1, 0)
    stream.turn.end()
    assert ids_in(*outlet.batches) == [BEGAN + 1, BEGAN + 3, BEGAN + 4]


@pytest.mark.parametrize("full", [False, True], ids=["reading", "paused"])
def test_a_room_may_be_read_from_further_back_than_the_others(full: bool) -> None:
    """From right before the own coming, though the others were read beyond it: nothing comes twice
    there, and nothing is missing here.
    """
    stream = FakeRooms(2)
    outlet = stream.started(0)
    assert outlet.subscriber
    stream.say(0, 1, 1, 0)
    stream.turn.end()
    assert ids_in(*outlet.batches) == [BEGAN + 1, BEGAN + 4]
    if full:
        outlet.subscriber.pause()
    outlet.subscriber.change([room.feed(ID_CODEC) for room in stream.rooms], BEGAN + 2)
    if full:
        outlet.subscriber.resume()
    outlet.subscriber.wake()
    assert ids_in(*outlet.batches)[2:] == [BEGAN + 3]
    stream.say(0, 1)
    stream.turn.end()
    assert ids_in(*outlet.batches)[3:] == [BEGAN + 5, BEGAN + 6]
    assert [gap for batch in outlet.batches for gap in batch.gaps] == []


def test_a_room_that_was_left_is_read_no_more() -> None:
    """Its events do not wake the reader either."""
    stream = FakeRooms(2)
    outlet = stream.started(0, 1)
    assert outlet.subscriber
    outlet.subscriber.change([stream.rooms[1].feed(ID_CODEC)], stream.last)
    stream.say(0, 1)
    stream.turn.end()
    assert ids_in(*outlet.batches) == [BEGAN + 2]
    assert [room.readers for room in stream.rooms] == [0, 1]


def test_a_room_joined_while_paused_is_read_from_there_on() -> None:
    """Neither its earlier events come, nor a gap for those it has evicted."""
    stream = FakeRooms(2, 2)
    outlet = stream.started(0)
    assert outlet.subscriber
    outlet.subscriber.pause()
    stream.say(1, 1, 1)
    outlet.subscriber.change([room.feed(ID_CODEC) for room in stream.rooms], stream.last)
    stream.say(0)
    outlet.subscriber.resume()
    assert ids_in(*outlet.batches) == [BEGAN + 4]
    assert [gap for batch in outlet.batches for gap in batch.gaps] == []


def test_events_between_leaving_and_joining_again_are_not_counted_as_missed() -> None:
    """It was left and joined again while the outlet was full; only what came then was missed."""
    stream = FakeRooms(1, 2)
    outlet = stream.started()
    assert outlet.subscriber
    outlet.subscriber.pause()
    outlet.subscriber.change([], stream.last)
    stream.say(0, 0, 0)
    outlet.subscriber.change([stream.rooms[0].feed(ID_CODEC)], stream.last)
    stream.say(0, 0, 0)
    outlet.subscriber.resume()
    assert ids_in(*outlet.batches) == [BEGAN + 5, BEGAN + 6]
    ((gap,),) = [batch.gaps for batch in outlet.batches]
    assert gap.missed in (None, 1)


def test_a_paused_reader_keeps_its_cursor_when_its_rooms_change() -> None:
    """What it has not read of the room that stays is still to come."""
    stream = FakeRooms(2)
    outlet = stream.started(0)
    assert outlet.subscriber
    outlet.subscriber.pause()
    stream.say(0)
    outlet.subscriber.change([room.feed(ID_CODEC) for room in stream.rooms], stream.last)
    stream.turn.end()
    outlet.subscriber.resume()
    assert ids_in(*outlet.batches) == [BEGAN + 1]


def test_an_outlet_may_stop_its_own_reader() -> None:
    """A batch that ends a connection is the last."""
    stream = FakeRooms()
    outlet = ActingOutlet()
    reader = stream.reader(outlet, limit=1)
    outlet.act = reader.stop
    stream.say(0, 0)
    reader.start()
    assert ids_in(*outlet.batches) == [BEGAN + 1]


def test_an_outlet_may_fill_and_drain_while_it_takes_a_batch() -> None:
    """A transport that pauses and resumes from within changes neither order nor number."""
    stream = FakeRooms()
    outlet = ActingOutlet()
    reader = stream.reader(outlet, limit=1)

    def full_and_empty_again() -> None:
        reader.pause()
        reader.resume()

    outlet.act = full_and_empty_again
    stream.say(0, 0, 0)
    reader.start()
    assert ids_in(*outlet.batches) == stream.ids[0]
