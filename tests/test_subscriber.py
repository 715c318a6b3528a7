"""Readers: exactly the suffix, in order, once; or told of the gap."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import count, cycle
from weakref import ref

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from chatd.eventlog import Entry, EventLog
from chatd.events import Said
from chatd.subscriber import (
    BATCH_BYTES,
    PUSH_LIMIT,
    SLICE_READERS,
    SLICE_SECONDS,
    Batch,
    Gap,
    Notifier,
    Source,
    Subscriber,
)
from chatd.testing import FakeOutlet

BEGAN = 100
"""The id after which the rooms of these tests remember."""


class Numbers:
    """A codec that shows an entry's id; `size` pads it."""

    name = "numbers"

    def __init__(self, size: int = 0) -> None:
        self.size = size

    def encode(self, entry: Entry) -> bytes:
        return b"%d " % entry.id + b"." * self.size

    def join(self, chunks: Sequence[bytes]) -> bytes:
        return b"".join(chunks)


NUMBERS = Numbers()


class Writing(FakeOutlet):
    """An outlet that is written what it would be delivered, if that is the shorter way."""

    written = 0

    def write(self, data: bytes) -> None:
        self.written += 1
        ids = [int(word) for word in data.replace(b".", b"").split()]
        self.deliver(Batch(data, len(ids), ids[-1]))


class Turn:
    """A turn of the reactor: what is to be called at its end."""

    def __init__(self) -> None:
        self.calls: list[Callable[[], None]] = []

    def end(self) -> None:
        for call in [self.calls.pop(0) for _ in self.calls[:]]:
            call()


class House:
    """Some rooms on one counter, and their notifier."""

    def __init__(self, rooms: int = 1, capacity: int = 1000) -> None:
        self.capacity = capacity
        self.turn = Turn()
        self.failures: list[Exception] = []
        self.ticks: Iterator[float] = count(step=0)
        self.notifier = Notifier(
            self.turn.calls.append, capacity, self.failures.append, lambda: next(self.ticks)
        )
        self.rooms = [Source(f"r{n}", EventLog(capacity, BEGAN)) for n in range(rooms)]
        self.ids: list[list[int]] = [[] for _ in self.rooms]
        self.last = BEGAN

    def say(self, *rooms: int) -> None:
        """One event in each of the rooms, in batches that a log can hold, as the service does."""
        for begin in range(0, len(rooms), self.capacity):
            batch = rooms[begin : begin + self.capacity]
            self.notifier.expect(len(batch))
            for room in batch:
                self.last += 1
                self.ids[room].append(self.last)
                entry = Entry(self.last, Said(f"r{room}", "ada", "hi"))
                self.rooms[room].append(entry, self.notifier)

    def after(self, rooms: Collection[int], cursor: int) -> list[int]:
        return sorted(id_ for room in rooms for id_ in self.ids[room] if id_ > cursor)

    def reader(
        self,
        outlet: FakeOutlet,
        *rooms: int,
        cursor: int = BEGAN,
        limit: int = PUSH_LIMIT,
        codec: Numbers = NUMBERS,
    ) -> Subscriber:
        feeds = [self.rooms[room].feed(codec) for room in rooms or (0,)]
        outlet.subscriber = Subscriber(outlet, feeds, cursor, limit)
        return outlet.subscriber

    def started(self, *rooms: int, cursor: int = BEGAN) -> Writing:
        outlet = Writing()
        self.reader(outlet, *rooms, cursor=cursor).start(outlet.write)
        return outlet


def numbers(*batches: Batch) -> list[int]:
    return [int(word) for batch in batches for word in batch.chunk.replace(b".", b"").split()]


class Reader:
    """A client as the tests' model sees it: what it was given, and what it is owed."""

    def __init__(self, house: House, rooms: frozenset[int], cursor: int, limit: int, polls: bool):
        self.house, self.rooms, self.limit, self.polls = house, rooms, limit, polls
        self.cursor = cursor
        self.unaware = cursor < BEGAN
        """Whether it comes from before the rooms' memory, and was not told so yet."""
        self.begins = dict.fromkeys(rooms, cursor)
        """Where it began to read each room."""
        self.missing: dict[int, list[int]] = {}
        self.counted: set[int] | None = None
        """While it is paused: the rooms of which it knew everything when it began to be."""
        self.patient = False
        """Whether it stood at the end once, and has always read at once since then."""
        self.poll()
        # While others are about to be woken it waits with them, and has not stood there yet.
        self.patient = not (polls or house.turn.calls)

    def poll(self) -> None:
        self.outlet = Writing(polls=self.polls)
        self.read = 0
        self.subscriber = self.house.reader(
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
        got = numbers(batch)
        owed = [id_ for id_ in self.owed() if id_ <= batch.cursor]
        assert got == [id_ for id_ in owed if id_ in got], "foreign, doubled, or out of order"
        assert batch.count == len(got) <= self.limit
        assert batch.cursor > self.cursor, "it came no further"
        for room in self.rooms:
            here = [id_ for id_ in owed if id_ in self.house.ids[room]]
            lost = [id_ for id_ in here if id_ not in got]
            assert here[len(lost) :] == [id_ for id_ in here if id_ in got], "a hole in the middle"
            self.missing[room] = self.missing.get(room, []) + lost
        for gap in batch.gaps:
            self.told(gap)
        self.cursor = batch.cursor

    def owed(self) -> list[int]:
        """What it has not read yet, of what came after it began to read."""
        return sorted(
            id_
            for room in self.rooms
            for id_ in self.house.after([room], max(self.cursor, self.begins[room]))
        )

    def told(self, gap: Gap) -> None:
        room = int(gap.source[1:])
        missed = self.missing.pop(room, [])
        assert missed or self.unaware, "a gap where nothing is missing"
        assert not self.patient, "a gap for one who was never slow"
        if self.counted and room in self.counted:
            assert gap.missed == len(missed), "the gap and what was given are not everything"
        else:
            assert gap.missed in (None, len(missed)), "measured what it cannot know"

    def settled(self) -> None:
        """Nothing waits any more: it stands at the end, and has been told of all that it misses."""
        assert self.owed() == []
        assert not any(self.missing.values()), "a silent gap"
        self.unaware = False


class Reading(RuleBasedStateMachine):
    """Readers of every kind over rooms of every size."""

    @initialize(rooms=st.integers(1, 3), capacity=st.integers(1, 5))
    def build(self, rooms: int, capacity: int) -> None:
        self.house = House(rooms, capacity)
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
        self.house.say(*(room % len(self.all) for room in where))

    @rule()
    def end_turn(self) -> None:
        self.house.turn.end()

    @precondition(lambda self: len(self.readers) < 4)
    @rule(
        rooms=st.integers(0, 7),
        back=st.integers(0, 12),
        limit=st.sampled_from([1, 2, 3, PUSH_LIMIT]),
        polls=st.booleans(),
    )
    def open(self, rooms: int, back: int, limit: int, polls: bool) -> None:
        cursor = self.house.last - back
        self.readers.append(Reader(self.house, self.rooms(rooms), cursor, limit, polls))

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
        feeds = [self.house.rooms[room].feed(NUMBERS) for room in new]
        reader.subscriber.change(feeds, self.house.last)
        reader.check()
        if not reader.subscriber.paused:
            reader.settled()
            reader.cursor = max(reader.cursor, self.house.last)
        reader.begins = {room: reader.begins.get(room, self.house.last) for room in new}
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
            if not reader.subscriber.paused:
                reader.counted = None
            elif reader.counted is None:
                reader.counted = {r for r in reader.rooms if not reader.missing.get(r)}
            if not (self.house.turn.calls or reader.subscriber.paused):
                reader.settled()


TestReading = Reading.TestCase
# Explaining a failure would take longer than a test may.
TestReading.settings = settings(
    max_examples=200, stateful_step_count=30, phases=set(Phase) - {Phase.explain}
)


# -- one by one ----------------------------------------------------------------------------------


@given(st.integers(1, 5), st.lists(st.integers(0, 2), max_size=40))
def test_who_never_pauses_never_has_a_gap(capacity: int, where: list[int]) -> None:
    """However large the burst, and however small the logs."""
    house = House(3, capacity)
    outlet = house.started(0, 1, 2)
    house.say(*where)
    house.turn.end()
    assert not any(batch.gaps for batch in outlet.batches)
    assert numbers(*outlet.batches) == house.after(range(3), BEGAN)


def test_a_burst_costs_each_reader_one_batch() -> None:
    """Readers are woken once a turn, not once an event."""
    house = House(2)
    outlets = [house.started(0), house.started(0), house.started(0, 1)]
    house.say(*[0] * 16)
    assert [outlet.batches for outlet in outlets] == [[], [], []]
    house.turn.end()
    assert [[batch.count for batch in outlet.batches] for outlet in outlets] == [[16]] * 3


def test_a_turn_is_cut_only_where_a_log_would_forget() -> None:
    """What earlier turns brought does not count."""
    house = House(capacity=10)
    outlet = house.started()
    house.say(*[0] * 6)
    house.turn.end()
    for _ in range(2):
        house.say(*[0] * 4)
    house.turn.end()
    assert [batch.count for batch in outlet.batches] == [6, 8]


def test_rooms_that_are_woken_by_turns_are_not_cut_while_nobody_lags() -> None:
    """Some round is always under way; what counts is what one who is asleep has not read."""
    house = House(rooms=2, capacity=20)
    for room in (0, 1):
        for _ in range(2 * SLICE_READERS):
            house.started(room)
    house.ticks = count()
    for _ in range(100):
        house.say(0, 1)
        house.turn.end()
        under_way = [len(asleep) for *_, asleep in house.notifier._rounds]
        assert sum(under_way) > 0, "everybody was woken at a stretch"


def test_a_crowd_is_woken_in_slices() -> None:
    """Between two of them the turn ends, and the reactor sees to everybody else."""
    house = House()
    crowd = [house.started() for _ in range(3 * SLICE_READERS)]
    house.ticks = count()  # a slice's time is over whenever the clock is looked at
    house.say(0)
    woken = []
    while house.turn.calls:
        house.turn.end()
        woken.append(sum(len(outlet.batches) for outlet in crowd))
    assert woken == [SLICE_READERS, 2 * SLICE_READERS, 3 * SLICE_READERS]


def test_one_who_may_stand_for_many_is_woken_while_there_is_time() -> None:
    """The clock is looked at behind each of those who are not pushed to."""
    house = House()
    crowds = [FakeOutlet(polls=True) for _ in range(SLICE_READERS)]
    for outlet in crowds:
        house.reader(outlet).start()
    house.ticks = count()
    house.say(0)
    for turn in range(1, SLICE_READERS + 1):
        house.turn.end()
        assert sum(len(outlet.batches) for outlet in crowds) == turn
    assert not house.turn.calls


def test_whoever_is_level_is_written_what_the_first_ones_were_delivered() -> None:
    """The same bytes, in the same turn; who comes from elsewhere, or has more to read, or hides
    something, is not."""
    house = House(2)
    level = [house.started() for _ in range(3 * SLICE_READERS)]
    behind, both, hiding = house.started(cursor=BEGAN - 1), house.started(0, 1), house.started()
    assert hiding.subscriber
    for _ in range(2):
        hiding.subscriber.hide(house.last + 1)
        house.say(0, 0, 1)
        house.turn.end()
    for outlet in level:
        assert numbers(*outlet.batches) == house.ids[0]
    assert sum(outlet.written == 2 for outlet in level) >= 2 * SLICE_READERS
    assert numbers(*behind.batches) == house.ids[0]
    assert numbers(*both.batches) == sorted(house.ids[0] + house.ids[1])
    assert numbers(*hiding.batches) == [house.ids[0][1], house.ids[0][3]]
    assert (both.written, hiding.written) == (0, 0)


def test_what_the_short_way_does_not_take_is_written() -> None:
    """All, nothing or a part of it may be sent; or it may be seen to already."""
    house = House()
    crowd = [house.started() for _ in range(SLICE_READERS)]
    sent: list[bytes] = []
    written: list[bytes] = []

    def raising(data: bytes) -> int:
        raise BlockingIOError

    def some(data: bytes) -> int:
        sent.append(data)
        return 2

    ways = [raising, some, len, lambda _: None]
    house.say(0)
    house.turn.end()
    for outlet, way in zip(crowd, cycle(ways), strict=False):
        assert outlet.subscriber
        outlet.subscriber.send = way
        outlet.subscriber.write = written.append
    house.say(0)
    house.turn.end()
    whole = b"%d " % house.last
    assert sorted(written, key=len) == [whole[2:]] * len(sent) + [whole] * (
        len(written) - len(sent)
    )
    assert len(sent) >= SLICE_READERS // 5
    assert len(written) >= 2 * (SLICE_READERS // 5)
    assert not house.failures


def test_whoever_is_no_more_level_is_asked() -> None:
    """One that has stopped or is full is written nothing; one that goes on is written to again."""
    house = House()
    crowd = [house.started() for _ in range(3 * SLICE_READERS)]
    for n in range(3):
        for outlet in crowd[::2]:
            assert outlet.subscriber
            (outlet.subscriber.pause if n == 1 else outlet.subscriber.resume)()
        house.say(0)
        house.turn.end()
    for outlet in crowd:
        assert numbers(*outlet.batches) == house.ids[0]
        assert outlet.subscriber
        outlet.subscriber.stop()
    house.say(0)
    house.turn.end()
    assert all(numbers(*outlet.batches) == house.ids[0][:3] for outlet in crowd)
    assert sum(outlet.written == 3 for outlet in crowd) >= SLICE_READERS // 2


def test_a_batch_with_a_gap_or_with_more_behind_it_is_delivered() -> None:
    """Only what is the same bytes for all, and all there is, is written past the outlets."""
    house = House(capacity=PUSH_LIMIT + 5)
    crowd = [house.started() for _ in range(3 * SLICE_READERS)]
    house.say(*[0] * (PUSH_LIMIT + 3))
    house.turn.end()
    for outlet in crowd:
        assert [batch.count for batch in outlet.batches] == [PUSH_LIMIT, 3]
    late = [house.started(cursor=BEGAN - 1) for _ in range(3 * SLICE_READERS)]
    assert all(outlet.batches[0].gaps and not outlet.written for outlet in late)


def test_another_room_does_not_wait_for_the_crowd() -> None:
    """Whatever is said there while a crowd is woken is read in the same turn, whichever of the two
    was said first."""
    house = House(rooms=3)
    crowd = [house.started(1) for _ in range(20 * SLICE_READERS)]
    others = [house.started(0), house.started(2)]
    house.ticks = (tick * SLICE_SECONDS / 4 for tick in count())
    house.say(0, 1, 2)
    for heard in (1, 2, 3):
        house.turn.end()
        assert [len(other.batches) for other in others] == [heard, heard]
        house.say(0, 2)
    assert any(not outlet.batches for outlet in crowd)
    while house.turn.calls:
        house.turn.end()
    assert all(numbers(*outlet.batches) == house.ids[1] for outlet in crowd)


def test_no_room_waits_for_ever() -> None:
    """Two crowds are woken by turns, however much is said to either of them."""
    house = House(rooms=2)
    crowds = [[house.started(room) for _ in range(6 * SLICE_READERS)] for room in (0, 1)]
    house.ticks = count()
    for _ in range(12):
        house.say(0, 1)
        house.turn.end()
    assert all(outlet.batches for crowd in crowds for outlet in crowd)


@given(
    steps=st.lists(st.lists(st.integers(0, 2), max_size=4), max_size=30),
    capacity=st.integers(1, 8),
)
def test_whatever_happens_between_slices_nobody_misses_anything(
    steps: list[list[int]], capacity: int
) -> None:
    """Not even from logs of a few entries.  A step is events in some rooms; nothing ends a turn."""
    house = House(rooms=3, capacity=capacity)
    crowds = [
        [house.started(room) for _ in range(size)]
        for room, size in enumerate((2 * SLICE_READERS + 1, SLICE_READERS, 3))
    ]
    house.ticks = count()
    for rooms in steps:
        if rooms:
            house.say(*rooms)
        else:
            house.turn.end()
    while house.turn.calls:
        house.turn.end()
    for ids, crowd in zip(house.ids, crowds, strict=True):
        for outlet in crowd:
            assert numbers(*outlet.batches) == ids
            assert not any(batch.gaps for batch in outlet.batches)


def test_who_comes_while_others_are_about_to_be_woken_is_woken_with_them() -> None:
    """Whoever asks again and again does not overtake those who wait, and gets more at a time."""
    house = House()
    waiting = house.started()
    house.say(0)
    newcomer = house.started()
    house.say(0)
    assert (waiting.batches, newcomer.batches) == ([], [])
    house.turn.end()
    assert [numbers(*outlet.batches) for outlet in (waiting, newcomer)] == [house.ids[0]] * 2
    late = house.started()
    assert numbers(*late.batches) == house.ids[0], "nobody waits any more: it is read at once"


def test_a_turn_without_events_calls_nobody() -> None:
    """An idle server does nothing, and one call wakes everybody."""
    house = House(2)
    house.started(0, 1)
    assert house.turn.calls == []
    house.say(0, 1, 0)
    assert len(house.turn.calls) == 1


def test_readers_at_one_cursor_share_the_batch() -> None:
    """Its bytes are made once for all of them."""
    house = House()
    readers = [house.started() for _ in range(3)]
    house.say(0)
    house.turn.end()
    first, *others = [outlet.batches[0].chunk for outlet in readers]
    assert all(chunk is first for chunk in others)
    house.say(0)
    house.turn.end()
    assert readers[0].batches[1].chunk is readers[1].batches[1].chunk is not first


def test_one_who_comes_from_elsewhere_has_a_batch_of_its_own() -> None:
    """A batch made for one cursor or limit is not given to another."""
    house = House()
    house.say(0, 0, 0)
    begin, middle, short = FakeOutlet(), FakeOutlet(), FakeOutlet(polls=True)
    house.reader(begin).start()
    house.reader(middle, cursor=BEGAN + 1).start()
    house.reader(short, limit=2).start()
    assert [numbers(*o.batches) for o in (begin, middle, short)] == [
        [BEGAN + 1, BEGAN + 2, BEGAN + 3],
        [BEGAN + 2, BEGAN + 3],
        [BEGAN + 1, BEGAN + 2],
    ]


def test_what_is_made_of_a_batch_is_made_once() -> None:
    """The bodies of a thousand polls are one."""
    batch = Batch(b"1 ", 1, 1)
    made: list[Batch] = []

    def make(batch: Batch) -> bytes:
        made.append(batch)
        return b"body"

    assert [batch.once("poll", make), batch.once("poll", make)] == [b"body"] * 2
    assert made == [batch]
    assert batch.once("frame", lambda batch: b"frame") == b"frame"


@pytest.mark.parametrize("rooms", [(0,), (0, 1)], ids=["one room", "merged"])
def test_a_long_suffix_comes_in_batches_of_the_limit(rooms: tuple[int, ...]) -> None:
    """Nobody is given everything in one write."""
    house = House(2, 3 * PUSH_LIMIT)
    house.say(*[0, 1][: len(rooms)] * (2 * PUSH_LIMIT // len(rooms)), 0, 0)
    outlet = house.started(*rooms)
    assert [batch.count for batch in outlet.batches] == [PUSH_LIMIT, PUSH_LIMIT, 2]
    assert numbers(*outlet.batches) == house.after(rooms, BEGAN)


@pytest.mark.parametrize("rooms", [(0,), (0, 1)], ids=["one room", "merged"])
def test_a_heavy_suffix_comes_in_batches_of_bounded_bytes(rooms: tuple[int, ...]) -> None:
    """Large messages make short batches, and none is left out."""
    weight = BATCH_BYTES // 4
    house = House(2)
    house.say(*[0, 1][: len(rooms)] * 6, 0)
    outlet = FakeOutlet()
    house.reader(outlet, *rooms, codec=Numbers(weight)).start()
    assert all(len(batch.chunk) <= BATCH_BYTES for batch in outlet.batches)
    assert all(batch.count == 3 for batch in outlet.batches[:-1])
    assert numbers(*outlet.batches) == house.after(rooms, BEGAN)


def test_a_message_that_alone_is_too_heavy_comes_alone() -> None:
    """A batch always gets on by one entry at least."""
    house = House()
    house.say(0, 0)
    outlet = FakeOutlet()
    house.reader(outlet, codec=Numbers(BATCH_BYTES + 1)).start()
    assert [batch.count for batch in outlet.batches] == [1, 1]


def test_a_poll_takes_one_batch_and_then_reads_no_more() -> None:
    """What comes later is for the next poll."""
    house = House()
    outlet = FakeOutlet(polls=True)
    house.reader(outlet, limit=2).start()
    house.say(0, 0, 0)
    house.turn.end()
    house.say(0)
    house.turn.end()
    assert numbers(*outlet.batches) == [BEGAN + 1, BEGAN + 2]
    assert house.rooms[0].readers == 0


def test_a_reader_that_has_stopped_holds_nothing() -> None:
    """It and its outlet hold each other until then; nothing else would let go of them before the
    next search for cycles."""
    house = House()
    outlet = Writing()
    gone = ref(outlet)
    reader = house.reader(outlet)
    reader.start(outlet.write)
    reader.stop()
    reader.pause()
    reader.resume()
    del outlet
    assert gone() is None


def test_a_paused_reader_costs_a_number() -> None:
    """Nothing is read for it until it goes on, and then all of it."""
    house = House()
    outlet = house.started()
    assert outlet.subscriber
    outlet.subscriber.pause()
    house.say(0, 0)
    house.turn.end()
    assert outlet.batches == []
    outlet.subscriber.resume()
    assert numbers(*outlet.batches) == [BEGAN + 1, BEGAN + 2]


def test_a_gap_and_what_was_given_are_everything() -> None:
    """A reader that was there before it paused is told how many it missed."""
    house = House(capacity=10)
    outlet = house.started()
    assert outlet.subscriber
    house.say(0, 0, 0)
    house.turn.end()
    outlet.subscriber.pause()
    house.say(*[0] * 25)
    house.turn.end()
    outlet.subscriber.resume()
    assert [batch.gaps for batch in outlet.batches] == [(), (Gap("r0", 15),)]
    assert len(numbers(*outlet.batches)) == 3 + 10


def test_a_gap_is_measured_also_by_one_who_pauses_again_before_hearing_of_it() -> None:
    """Room 1 lost an entry, but room 0 has older ones to tell, and those fill the outlet."""
    house = House(2, 2)
    outlet = FakeOutlet()
    reader = house.reader(outlet, 0, 1, limit=1)
    reader.start()
    reader.pause()
    house.say(0, 1, 1, 1)
    house.turn.end()
    outlet.takes = 1
    reader.resume()
    assert (numbers(*outlet.batches), reader.paused) == ([BEGAN + 1], True)
    outlet.takes = None
    reader.resume()
    gaps = [gap for batch in outlet.batches for gap in batch.gaps]
    assert (gaps, numbers(*outlet.batches)) == (
        [Gap("r1", 1)],
        [BEGAN + 1, BEGAN + 3, BEGAN + 4],
    )


def test_one_who_comes_too_late_is_told_of_a_gap_that_nobody_measured() -> None:
    """The server did not see it leave, so it does not pretend to know."""
    house = House(capacity=2)
    house.say(0, 0, 0)
    assert [batch.gaps for batch in house.started().batches] == [(Gap("r0", None),)]


def test_a_gap_is_told_also_where_nothing_is_left() -> None:
    """From before the server's memory, in a room where nothing has happened since."""
    (batch,) = House().started(cursor=BEGAN - 1).batches
    assert (batch.gaps, batch.count, batch.chunk) == ((Gap("r0", None),), 0, b"")
    assert batch.cursor == BEGAN


def test_only_the_room_that_forgot_has_a_gap() -> None:
    """The others are complete, and a reader of both is told which is which."""
    house = House(2, 2)
    house.say(0, 0, 0, 1, 1)
    outlet = house.started(0, 1)
    assert [gap for batch in outlet.batches for gap in batch.gaps] == [Gap("r0", None)]
    assert numbers(*outlet.batches) == house.after((0, 1), BEGAN)[1:]


def test_what_is_hidden_from_a_reader_is_left_out_and_passed_over() -> None:
    """Its own messages, with the echo off; everyone else's come as ever."""
    house = House(2)
    outlet = house.started(0, 1)
    house.say(0, 1, 0)
    assert outlet.subscriber
    outlet.subscriber.hide(BEGAN + 1)
    outlet.subscriber.hide(BEGAN + 3)
    house.turn.end()
    assert (numbers(*outlet.batches), outlet.subscriber.cursor) == ([BEGAN + 2], BEGAN + 3)
    house.say(0)
    house.turn.end()
    assert numbers(*outlet.batches) == [BEGAN + 2, BEGAN + 4]


def test_what_is_hidden_stays_hidden_batch_after_batch_and_room_after_room() -> None:
    """Until it is passed."""
    house = House(2)
    outlet = FakeOutlet()
    reader = house.reader(outlet, 0, limit=1)
    reader.start()
    for id_ in (BEGAN + 1, BEGAN + 3, BEGAN + 6):
        reader.hide(id_)
    house.say(0, 0, 0, 0)
    house.turn.end()
    reader.change([house.rooms[1].feed(NUMBERS)], house.last)
    house.say(1, 1, 1)
    house.turn.end()
    assert numbers(*outlet.batches) == [BEGAN + 2, BEGAN + 4, BEGAN + 5, BEGAN + 7]


def test_what_is_hidden_from_one_the_others_get() -> None:
    """A batch with holes is never shared."""
    house = House()
    quiet, other = house.started(), house.started()
    assert quiet.subscriber
    house.say(0, 0)
    quiet.subscriber.hide(BEGAN + 1)
    house.turn.end()
    assert numbers(*quiet.batches) == [BEGAN + 2]
    assert numbers(*other.batches) == [BEGAN + 1, BEGAN + 2]


def test_a_new_room_does_not_begin_with_its_past() -> None:
    """What the old ones still had is read before the change, once."""
    house = House(2)
    outlet = house.started(0)
    assert outlet.subscriber
    house.say(0, 1)
    outlet.subscriber.change([room.feed(NUMBERS) for room in house.rooms], house.last)
    house.turn.end()
    assert numbers(*outlet.batches) == [BEGAN + 1]
    house.say(1, 0)
    house.turn.end()
    assert numbers(*outlet.batches) == [BEGAN + 1, BEGAN + 3, BEGAN + 4]


def test_a_room_that_was_left_is_read_no_more() -> None:
    """And it is not woken for it either."""
    house = House(2)
    outlet = house.started(0, 1)
    assert outlet.subscriber
    outlet.subscriber.change([house.rooms[1].feed(NUMBERS)], house.last)
    house.say(0, 1)
    house.turn.end()
    assert numbers(*outlet.batches) == [BEGAN + 2]
    assert [room.readers for room in house.rooms] == [0, 1]


def test_a_room_joined_while_paused_does_not_begin_with_its_past_either() -> None:
    """Neither with what its log holds, nor with a gap for what it has forgotten."""
    house = House(2, 2)
    outlet = house.started(0)
    assert outlet.subscriber
    outlet.subscriber.pause()
    house.say(1, 1, 1)
    outlet.subscriber.change([room.feed(NUMBERS) for room in house.rooms], house.last)
    house.say(0)
    outlet.subscriber.resume()
    assert numbers(*outlet.batches) == [BEGAN + 4]
    assert [gap for batch in outlet.batches for gap in batch.gaps] == []


def test_what_came_while_a_room_was_left_is_not_counted_as_missed() -> None:
    """It was left and joined again while the outlet was full; only what came then was missed."""
    house = House(1, 2)
    outlet = house.started()
    assert outlet.subscriber
    outlet.subscriber.pause()
    outlet.subscriber.change([], house.last)
    house.say(0, 0, 0)
    outlet.subscriber.change([house.rooms[0].feed(NUMBERS)], house.last)
    house.say(0, 0, 0)
    outlet.subscriber.resume()
    assert numbers(*outlet.batches) == [BEGAN + 5, BEGAN + 6]
    ((gap,),) = [batch.gaps for batch in outlet.batches]
    assert gap.missed in (None, 1)


def test_a_paused_reader_keeps_its_cursor_when_its_rooms_change() -> None:
    """What it has not read of the room that stays is still to come."""
    house = House(2)
    outlet = house.started(0)
    assert outlet.subscriber
    outlet.subscriber.pause()
    house.say(0)
    outlet.subscriber.change([room.feed(NUMBERS) for room in house.rooms], house.last)
    house.turn.end()
    outlet.subscriber.resume()
    assert numbers(*outlet.batches) == [BEGAN + 1]


class Broken(FakeOutlet):
    """An outlet that fails, or does something, whenever it is given a batch."""

    def __init__(self, act: Callable[[], object] | None = None) -> None:
        super().__init__()
        self.act = act

    def deliver(self, batch: Batch) -> bool:
        super().deliver(batch)
        if self.act is None:
            raise ZeroDivisionError
        self.act()
        return True


def test_a_reader_that_fails_is_dropped_and_the_others_are_woken() -> None:
    """One bad client cannot silence a room."""
    house = House(2)
    before, broken, after = house.started(0), Broken(), house.started(0, 1)
    house.reader(broken, 0, 1).start()
    house.say(0, 1)
    house.turn.end()
    assert [type(failure) for failure in house.failures] == [ZeroDivisionError]
    house.say(0)
    house.turn.end()
    assert len(broken.batches) == 1
    assert numbers(*before.batches) == [BEGAN + 1, BEGAN + 3]
    assert numbers(*after.batches) == [BEGAN + 1, BEGAN + 2, BEGAN + 3]


def test_a_reader_may_be_stopped_while_others_are_woken() -> None:
    """Whoever was stopped gets nothing more, though the wake had begun."""
    house = House()
    outlets = [Broken(), Broken()]
    readers = [house.reader(outlet) for outlet in outlets]
    for outlet, reader, other in zip(outlets, readers, reversed(readers), strict=True):
        outlet.act = other.stop
        reader.start()
    house.say(0)
    house.turn.end()
    assert sorted(len(outlet.batches) for outlet in outlets) == [0, 1]


def test_an_outlet_may_stop_its_own_reader() -> None:
    """A batch that ends a connection is the last."""
    house = House()
    outlet = Broken()
    reader = house.reader(outlet, limit=1)
    outlet.act = reader.stop
    house.say(0, 0)
    reader.start()
    assert numbers(*outlet.batches) == [BEGAN + 1]


def test_an_outlet_may_fill_and_drain_while_it_takes_a_batch() -> None:
    """A transport that pauses and resumes from within changes neither order nor number."""
    house = House()
    outlet = Broken()
    reader = house.reader(outlet, limit=1)

    def full_and_empty_again() -> None:
        reader.pause()
        reader.resume()

    outlet.act = full_and_empty_again
    house.say(0, 0, 0)
    reader.start()
    assert numbers(*outlet.batches) == house.ids[0]


def test_what_a_reader_says_on_being_woken_is_for_the_next_turn() -> None:
    """And neither lost nor given twice."""
    house = House()
    listener, talker = house.started(), Broken()
    house.reader(talker).start()
    talker.act = lambda: house.say(0) if house.last < BEGAN + 3 else None
    house.say(0)
    for _ in range(4):
        house.turn.end()
    assert numbers(*listener.batches) == numbers(*talker.batches) == house.ids[0]
    assert len(house.ids[0]) == 3
