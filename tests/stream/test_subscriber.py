"""Readers: each gets exactly the suffix after its cursor, in order, once, or is told the gap."""

from __future__ import annotations

from weakref import ref

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from chatd.stream.batch import PUSH_LIMIT, Batch, Gap
from chatd.testing import FakeOutlet

from ..kit.stream import BEGAN, ID_CODEC, ActingOutlet, DirectOutlet, FakeRooms, ids_in


class ModelReader:
    """A reader with the test's model of it: what it was delivered, and what it is owed."""

    def __init__(
        self, stream: FakeRooms, rooms: frozenset[int], cursor: int, limit: int, polls: bool
    ):
        self.stream, self.rooms, self.limit, self.polls = stream, rooms, limit, polls
        self.cursor = cursor
        self.unaware = cursor < BEGAN
        """Whether its cursor is before the rooms' logs, and no gap was reported for that yet."""
        self.begins = dict.fromkeys(rooms, cursor)
        """The cursor at which it began to read each room."""
        self.missing: dict[int, list[int]] = {}
        self.told_ahead: dict[int, int] = {}
        """For rooms with an unreadable page: the cursor up to which a gap was reported."""
        self.counted: set[int] | None = None
        """While it is paused: the rooms of which it had missed nothing when it paused."""
        self.patient = False
        """Whether it has caught up once, and has never paused since."""
        self.poll()
        # During a fan-out it waits with the pending readers, and has not caught up yet.
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
        """Compare each new batch with the events that it should hold."""
        for batch in self.outlet.batches[self.read :]:
            self.take(batch)
            self.read += 1

    def take(self, batch: Batch) -> None:
        got = ids_in(batch)
        owed = [id_ for id_ in self.owed() if id_ <= batch.cursor]
        assert got == [id_ for id_ in owed if id_ in got], "foreign, duplicate, or out of order"
        assert batch.count == len(got) <= self.limit
        assert batch.cursor > self.cursor, "the cursor did not advance"
        for gap in batch.gaps:
            room = int(gap.source[1:])
            if room < len(self.stream.archives) and self.stream.archives[room].failed:
                self.told_ahead[room] = self.stream.rooms[room].log.floor
        for room in self.rooms:
            here = [id_ for id_ in owed if id_ in self.stream.ids[room]]
            lost = [id_ for id_ in here if id_ not in got]
            assert all(self.stream.kept_nowhere(room, id_) for id_ in lost), (
                "a kept event was not delivered"
            )
            assert here[len(lost) :] == [id_ for id_ in here if id_ in got], "a hole in the middle"
            told_ahead = self.told_ahead.get(room, 0)
            silent = [id_ for id_ in lost if id_ > told_ahead]
            self.missing[room] = self.missing.get(room, []) + silent
        for gap in batch.gaps:
            self.told(gap)
        self.cursor = batch.cursor

    def owed(self) -> list[int]:
        """The ids after the cursor that the reader has not been delivered yet."""
        return sorted(
            id_
            for room in self.rooms
            for id_ in self.stream.after([room], max(self.cursor, self.begins[room]))
        )

    def told(self, gap: Gap) -> None:
        room = int(gap.source[1:])
        missed = self.missing.pop(room, [])
        assert missed or self.unaware or room in self.told_ahead, "a gap where nothing is missing"
        assert not self.patient, "a gap for a reader that kept up"
        if self.counted and room in self.counted and not self.stream.archives:
            assert gap.missed == len(missed), "the gap's count is wrong"
        elif room not in self.told_ahead:
            assert gap.missed in (None, len(missed)), "a count that the server cannot know"

    def settled(self) -> None:
        """Check a reader with nothing under way: it has caught up, and each loss was reported."""
        assert self.owed() == []
        assert not any(self.missing.values()), "a silent gap"
        self.unaware = False


class ReadersMachine(RuleBasedStateMachine):
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
        self.readers: list[ModelReader] = []

    def some(self, choice: int, readers: list[ModelReader]) -> ModelReader:
        return readers[choice % len(readers)]

    def rooms(self, choice: int) -> frozenset[int]:
        """The rooms that the bits of `choice` name, or all."""
        return frozenset(n for n in self.all if choice >> n & 1) or frozenset(self.all)

    @property
    def paused(self) -> list[ModelReader]:
        return [reader for reader in self.readers if reader.subscriber.paused]

    @property
    def pushed(self) -> list[ModelReader]:
        """The pushed readers that are not paused, nor about to be."""
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
        """Answer one of the pending page reads, or let it fail."""
        asked = [kept for kept in self.stream.archives if kept.asked]
        asked[room % len(asked)].answer(choice, most, fail=fail)

    @precondition(lambda self: any(kept.asked for kept in self.stream.archives))
    @rule(most=st.integers(1, 10))
    def answer_all(self, most: int) -> None:
        """Answer all pending page reads for a while."""
        for _ in range(20):
            for kept in self.stream.archives:
                while kept.asked:
                    kept.answer(0, most)
            self.stream.turn.end()

    @precondition(lambda self: self.stream.archives)
    @rule(room=st.integers(0, 2), count=st.integers(1, 3))
    def forget(self, room: int, count: int) -> None:
        """Retention deletes events from the store, even if they are still in a log."""
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
        self.readers.append(ModelReader(self.stream, self.rooms(rooms), cursor, limit, polls))

    @precondition(lambda self: self.pushed)
    @rule(choice=st.integers(0, 3), takes=st.integers(0, 2))
    def pause(self, choice: int, takes: int) -> None:
        """Pause at once, or after the reader has taken some more batches."""
        reader = self.some(choice, self.pushed)
        reader.patient = False
        if takes:
            reader.outlet.takes = takes
        else:
            reader.subscriber.pause()

    @precondition(lambda self: self.paused)
    @rule(choice=st.integers(0, 3), takes=st.sampled_from([1, 2, None]))
    def resume(self, choice: int, takes: int | None) -> None:
        """Resume for good, or for some batches only."""
        reader = self.some(choice, self.paused)
        reader.outlet.takes = takes
        reader.subscriber.resume()

    @precondition(lambda self: self.pushed or self.paused)
    @rule(choice=st.integers(0, 7), rooms=st.integers(0, 7))
    def change(self, choice: int, rooms: int) -> None:
        """Pending events of the old rooms come first; new rooms are read from now on."""
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
    def every_reader_has_its_events(self) -> None:
        for reader in self.readers:
            reader.check()
            while not reader.subscriber.reading:
                reader.poll()
            assert not (reader.patient and reader.subscriber.waiting), (
                "a reader that kept up has fallen behind"
            )
            if not reader.subscriber.paused:
                reader.counted = None
            elif reader.counted is None:
                reader.counted = {r for r in reader.rooms if not reader.missing.get(r)}
            unread = reader.subscriber.paused or reader.subscriber.waiting
            if not (self.stream.turn.calls or unread):
                reader.settled()
            if reader.subscriber.waiting:
                assert any(kept.asked for kept in self.stream.archives) or self.stream.turn.calls


TestReaders = ReadersMachine.TestCase
# Hypothesis's explain phase takes longer than the timeout of a test.
TestReaders.settings = settings(
    max_examples=300, stateful_step_count=40, phases=set(Phase) - {Phase.explain}
)


# -- examples --------------------------------------------------------------------------------------


def test_a_poll_takes_one_batch_and_stops() -> None:
    """Later events are for the next poll."""
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
    """Their reference cycle is broken, so they do not wait for the garbage collector."""
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


def test_a_paused_reader_gets_nothing_until_it_resumes() -> None:
    """Then it gets everything."""
    stream = FakeRooms()
    outlet = stream.started()
    assert outlet.subscriber
    outlet.subscriber.pause()
    stream.say(0, 0)
    stream.turn.end()
    assert outlet.batches == []
    outlet.subscriber.resume()
    assert ids_in(*outlet.batches) == [BEGAN + 1, BEGAN + 2]


def test_a_gap_counts_the_events_missed_while_paused() -> None:
    """The delivered events and the gap's count add up to all events."""
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


def test_a_gap_is_counted_if_the_reader_pauses_again_before_the_gap() -> None:
    """Room 1 lost an entry, but older events of room 0 fill the outlet first."""
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


def test_a_gap_before_the_reader_connected_has_no_count() -> None:
    """The server did not see the client leave, so it cannot know."""
    stream = FakeRooms(capacity=2)
    stream.say(0, 0, 0)
    assert [batch.gaps for batch in stream.started().batches] == [(Gap("r0", None),)]


def test_a_gap_is_reported_even_if_no_event_is_left() -> None:
    """A cursor older than the log, in a room without events since."""
    (batch,) = FakeRooms().started(cursor=BEGAN - 1).batches
    assert (batch.gaps, batch.count, batch.chunk) == ((Gap("r0", None),), 0, b"")
    assert batch.cursor == BEGAN


def test_hidden_events_are_skipped() -> None:
    """A client's own messages when its echo is off; all other events come."""
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
    """A batch without its hidden events is never shared."""
    stream = FakeRooms()
    quiet, other = stream.started(), stream.started()
    assert quiet.subscriber
    stream.say(0, 0)
    quiet.subscriber.hide(BEGAN + 1)
    stream.turn.end()
    assert ids_in(*quiet.batches) == [BEGAN + 2]
    assert ids_in(*other.batches) == [BEGAN + 1, BEGAN + 2]


def test_a_joined_room_is_read_from_the_join_on() -> None:
    """Pending events of the old rooms are delivered before the change, once."""
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
def test_a_joined_room_may_be_read_from_before_the_current_cursor(full: bool) -> None:
    """From just before the own join: no event of the other rooms comes twice, and none of the
    joined room is missing.
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


def test_a_left_room_is_not_delivered() -> None:
    """Its events do not wake the reader either."""
    stream = FakeRooms(2)
    outlet = stream.started(0, 1)
    assert outlet.subscriber
    outlet.subscriber.change([stream.rooms[1].feed(ID_CODEC)], stream.last)
    stream.say(0, 1)
    stream.turn.end()
    assert ids_in(*outlet.batches) == [BEGAN + 2]
    assert [room.readers for room in stream.rooms] == [0, 1]


def test_a_room_joined_while_paused_is_read_from_the_join_on() -> None:
    """Neither its earlier events are delivered, nor a gap for those that its log has evicted."""
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


def test_events_between_leave_and_rejoin_are_not_counted_as_missed() -> None:
    """The reader was paused; only events after the second join count."""
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
    """The pending events of the room that stays are still delivered."""
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


def test_an_outlet_may_pause_and_resume_during_a_delivery() -> None:
    """No event is lost, duplicated or reordered."""
    stream = FakeRooms()
    outlet = ActingOutlet()
    reader = stream.reader(outlet, limit=1)

    def pause_and_resume() -> None:
        reader.pause()
        reader.resume()

    outlet.act = pause_and_resume
    stream.say(0, 0, 0)
    reader.start()
    assert ids_in(*outlet.batches) == stream.ids[0]
