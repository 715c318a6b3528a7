"""Fan-out: readers are woken once a turn, in time slices, without loss."""

from __future__ import annotations

from functools import partial
from itertools import count, cycle

from hypothesis import given
from hypothesis import strategies as st

from chatd.stream.batch import PUSH_LIMIT
from chatd.stream.notifier import SLICE_READERS, SLICE_SECONDS
from chatd.testing import FakeOutlet

from ..kit.stream import BEGAN, ActingOutlet, FailingOutlet, FakeRooms, ids_in


@given(st.integers(1, 5), st.lists(st.integers(0, 2), max_size=40))
def test_eviction_causes_no_gap_for_a_reader_that_keeps_up(capacity: int, where: list[int]) -> None:
    """However large the burst, and however small the logs."""
    stream = FakeRooms(3, capacity)
    outlet = stream.started(0, 1, 2)
    stream.say(*where)
    stream.turn.end()
    assert not any(batch.gaps for batch in outlet.batches)
    assert ids_in(*outlet.batches) == stream.after(range(3), BEGAN)


def test_a_burst_costs_each_reader_one_batch() -> None:
    """Readers are woken once a turn, not once an event."""
    stream = FakeRooms(2)
    outlets = [stream.started(0), stream.started(0), stream.started(0, 1)]
    stream.say(*[0] * 16)
    assert [outlet.batches for outlet in outlets] == [[], [], []]
    stream.turn.end()
    assert [[batch.count for batch in outlet.batches] for outlet in outlets] == [[16]] * 3


def test_pending_readers_are_counted() -> None:
    """Those that have not been woken since the last event in one of their feeds."""
    stream = FakeRooms(2)
    for _ in range(3):
        stream.started(0)
    stream.started(1)
    assert stream.notifier.pending == 0
    stream.say(0, 0)
    assert stream.notifier.pending == 3
    stream.say(1)
    assert stream.notifier.pending == 4
    stream.turn.end()
    assert stream.notifier.pending == 0


def test_readers_are_woken_mid_turn_only_before_an_eviction() -> None:
    """A full log does not matter while its oldest entry was already delivered."""
    stream = FakeRooms(capacity=10)
    outlet = stream.started()
    stream.say(*[0] * 6)
    stream.turn.end()
    stream.say(*[0] * 10)
    assert [batch.count for batch in outlet.batches] == [6]
    stream.say(0)
    assert [batch.count for batch in outlet.batches] == [6, 10]
    stream.turn.end()
    assert [batch.count for batch in outlet.batches] == [6, 10, 1]


def test_entries_stored_together_are_delivered_together() -> None:
    """Before an eviction, readers are woken before the batch's first entry, not in its middle."""
    stream = FakeRooms(capacity=10)
    outlet = stream.started()
    stream.say(*[0] * 6)
    stream.say(*[0] * 4)
    assert outlet.batches == []
    stream.say(*[0] * 10)
    assert [batch.count for batch in outlet.batches] == [10]
    stream.turn.end()
    assert [batch.count for batch in outlet.batches] == [10, 10]


def test_a_reader_of_two_logs_is_not_woken_between_their_appends() -> None:
    """Otherwise its cursor would pass the entries that the second log is about to get."""
    stream = FakeRooms(rooms=2, capacity=10)
    outlet = stream.started(0, 1)
    stream.say(*[0] * 10, 1)
    stream.say(1, 0, 1, 0)
    assert [batch.count for batch in outlet.batches] == [11]
    stream.turn.end()
    assert [batch.count for batch in outlet.batches] == [11, 4]


def test_more_entries_than_a_log_s_capacity_are_appended_in_steps() -> None:
    """A reader that keeps up gets all of them, in id order."""
    stream = FakeRooms(rooms=2, capacity=10)
    outlet = stream.started(0, 1)
    stream.say(*[0, 0, 1] * 20)
    stream.turn.end()
    assert ids_in(*outlet.batches) == sorted(stream.ids[0] + stream.ids[1])


def test_only_readers_of_the_evicting_log_are_woken_early() -> None:
    """The readers of other rooms are woken in time slices as usual."""
    stream = FakeRooms(rooms=2, capacity=10)
    evicting, other = stream.started(0), stream.started(1)
    stream.say(1, *[0] * 11)
    assert [batch.count for batch in evicting.batches] == [10]
    assert other.batches == []
    stream.turn.end()
    assert ids_in(*other.batches) == stream.ids[1]


def test_readers_at_different_cursors_lose_nothing_to_eviction() -> None:
    """Readers behind the others are considered too; one at the far end is woken at once."""
    stream = FakeRooms(capacity=10)
    stream.say(*[0] * 10)
    pending = stream.started(cursor=stream.last)
    stream.say(0)
    near, far = stream.started(cursor=stream.last - 3), stream.started(cursor=stream.last - 10)
    assert (len(near.batches), len(far.batches)) == (0, 1)
    stream.say(*[0] * 20)
    stream.turn.end()
    for outlet, begin in ((pending, 10), (near, 8), (far, 1)):
        assert ids_in(*outlet.batches) == stream.ids[0][begin:]
        assert not any(batch.gaps for batch in outlet.batches)


def test_rounds_stay_time_sliced_while_no_log_has_to_evict() -> None:
    """Only the eviction of an unread entry ends the slicing, although a round is always
    under way.
    """
    stream = FakeRooms(rooms=2, capacity=20)
    for room in (0, 1):
        for _ in range(2 * SLICE_READERS):
            stream.started(room)
    stream.ticks = count()
    for _ in range(100):
        stream.say(0, 1)
        stream.turn.end()
        under_way = [len(round_.asleep) for round_ in stream.notifier._rounds]
        assert sum(under_way) > 0, "all readers were woken at a stretch"


def test_fan_out_is_time_sliced() -> None:
    """Between two slices the turn ends, so the reactor serves everything else."""
    stream = FakeRooms()
    crowd = [stream.started() for _ in range(3 * SLICE_READERS)]
    stream.ticks = count()  # a slice's time is over whenever the clock is looked at
    stream.say(0)
    woken = []
    while stream.turn.calls:
        stream.turn.end()
        woken.append(sum(len(outlet.batches) for outlet in crowd))
    assert woken == [SLICE_READERS, 2 * SLICE_READERS, 3 * SLICE_READERS]


def test_the_slice_s_clock_is_read_after_each_poll_group() -> None:
    """A poll group stands for many polls, so one may use up a slice."""
    stream = FakeRooms()
    crowds = [FakeOutlet(polls=True) for _ in range(SLICE_READERS)]
    for outlet in crowds:
        stream.reader(outlet).start()
    stream.ticks = count()
    stream.say(0)
    for turn in range(1, SLICE_READERS + 1):
        stream.turn.end()
        assert sum(len(outlet.batches) for outlet in crowds) == turn
    assert not stream.turn.calls


def test_readers_on_the_fast_path_get_one_reader_s_bytes() -> None:
    """In the same turn; readers at other cursors, of several rooms, or with hidden events are woken
    instead.
    """
    stream = FakeRooms(2)
    level = [stream.started() for _ in range(3 * SLICE_READERS)]
    behind, both, hiding = stream.started(cursor=BEGAN - 1), stream.started(0, 1), stream.started()
    assert hiding.subscriber
    for _ in range(2):
        hiding.subscriber.hide(stream.last + 1)
        stream.say(0, 0, 1)
        stream.turn.end()
    for outlet in level:
        assert ids_in(*outlet.batches) == stream.ids[0]
    assert sum(outlet.written == 2 for outlet in level) >= 2 * SLICE_READERS
    assert ids_in(*behind.batches) == stream.ids[0]
    assert ids_in(*both.batches) == sorted(stream.ids[0] + stream.ids[1])
    assert ids_in(*hiding.batches) == [stream.ids[0][1], stream.ids[0][3]]
    assert (both.written, hiding.written) == (0, 0)


def test_bytes_that_send_does_not_take_are_written() -> None:
    """`send` may take all, none or some bytes, or return None if it buffered the rest itself."""
    stream = FakeRooms()
    crowd = [stream.started() for _ in range(SLICE_READERS)]
    sent: list[bytes] = []
    written: list[bytes] = []

    def raising(data: bytes) -> int:
        raise BlockingIOError

    def some(data: bytes) -> int:
        sent.append(data)
        return 2

    ways = [raising, some, len, lambda _: None]
    stream.say(0)
    stream.turn.end()
    for outlet, way in zip(crowd, cycle(ways), strict=False):
        assert outlet.subscriber
        outlet.subscriber.send = way
        outlet.subscriber.write = written.append
    stream.say(0)
    stream.turn.end()
    whole = b"%d " % stream.last
    assert sorted(written, key=len) == [whole[2:]] * len(sent) + [whole] * (
        len(written) - len(sent)
    )
    assert len(sent) >= SLICE_READERS // 5
    assert len(written) >= 2 * (SLICE_READERS // 5)
    assert not stream.failures


def test_stopped_and_paused_readers_are_not_on_the_fast_path() -> None:
    """Nothing is written to them; a reader that resumes is written to again."""
    stream = FakeRooms()
    crowd = [stream.started() for _ in range(3 * SLICE_READERS)]
    for n in range(3):
        for outlet in crowd[::2]:
            assert outlet.subscriber
            (outlet.subscriber.pause if n == 1 else outlet.subscriber.resume)()
        stream.say(0)
        stream.turn.end()
    for outlet in crowd:
        assert ids_in(*outlet.batches) == stream.ids[0]
        assert outlet.subscriber
        outlet.subscriber.stop()
    stream.say(0)
    stream.turn.end()
    assert all(ids_in(*outlet.batches) == stream.ids[0][:3] for outlet in crowd)
    assert sum(outlet.written == 3 for outlet in crowd) >= SLICE_READERS // 2


def test_a_batch_with_a_gap_or_more_to_come_bypasses_the_fast_path() -> None:
    """Only a batch that is the same for all readers and reaches the log's end is written
    directly.
    """
    stream = FakeRooms(capacity=PUSH_LIMIT + 5)
    crowd = [stream.started() for _ in range(3 * SLICE_READERS)]
    stream.say(*[0] * (PUSH_LIMIT + 3))
    stream.turn.end()
    for outlet in crowd:
        assert [batch.count for batch in outlet.batches] == [PUSH_LIMIT, 3]
    late = [stream.started(cursor=BEGAN - 1) for _ in range(3 * SLICE_READERS)]
    assert all(outlet.batches[0].gaps and not outlet.written for outlet in late)


def test_small_rooms_are_woken_while_a_large_room_s_fan_out_runs() -> None:
    """In the same turn, in whichever order the rooms got their events."""
    stream = FakeRooms(rooms=3)
    crowd = [stream.started(1) for _ in range(20 * SLICE_READERS)]
    others = [stream.started(0), stream.started(2)]
    stream.ticks = (tick * SLICE_SECONDS / 4 for tick in count())
    stream.say(0, 1, 2)
    for heard in (1, 2, 3):
        stream.turn.end()
        assert [len(other.batches) for other in others] == [heard, heard]
        stream.say(0, 2)
    assert any(not outlet.batches for outlet in crowd)
    while stream.turn.calls:
        stream.turn.end()
    assert all(ids_in(*outlet.batches) == stream.ids[1] for outlet in crowd)


def test_rooms_take_turns_round_robin() -> None:
    """Two large rooms are woken alternately, however many events either gets."""
    stream = FakeRooms(rooms=2)
    crowds = [[stream.started(room) for _ in range(6 * SLICE_READERS)] for room in (0, 1)]
    stream.ticks = count()
    for _ in range(12):
        stream.say(0, 1)
        stream.turn.end()
    assert all(outlet.batches for crowd in crowds for outlet in crowd)


@given(
    steps=st.lists(st.lists(st.integers(0, 2), max_size=4), max_size=30),
    capacity=st.integers(1, 8),
)
def test_no_reader_misses_events_between_slices(steps: list[list[int]], capacity: int) -> None:
    """With logs of a few entries too; a step is events in some rooms, or the end of the turn."""
    stream = FakeRooms(rooms=3, capacity=capacity)
    crowds = [
        [stream.started(room) for _ in range(size)]
        for room, size in enumerate((2 * SLICE_READERS + 1, SLICE_READERS, 3))
    ]
    stream.ticks = count()
    for rooms in steps:
        if rooms:
            stream.say(*rooms)
        else:
            stream.turn.end()
    while stream.turn.calls:
        stream.turn.end()
    for ids, crowd in zip(stream.ids, crowds, strict=True):
        for outlet in crowd:
            assert ids_in(*outlet.batches) == ids
            assert not any(batch.gaps for batch in outlet.batches)


def test_a_new_reader_waits_for_the_pending_fan_out() -> None:
    """A poll that is repeated at once does not overtake others, and gets more events at a time."""
    stream = FakeRooms()
    waiting = stream.started()
    stream.say(0)
    newcomer = stream.started()
    stream.say(0)
    assert (waiting.batches, newcomer.batches) == ([], [])
    stream.turn.end()
    assert [ids_in(*outlet.batches) for outlet in (waiting, newcomer)] == [stream.ids[0]] * 2
    late = stream.started()
    assert ids_in(*late.batches) == stream.ids[0], (
        "no reader is pending, so a new one reads at once"
    )


def test_an_idle_notifier_schedules_nothing() -> None:
    """One scheduled call wakes all readers."""
    stream = FakeRooms(2)
    stream.started(0, 1)
    assert stream.turn.calls == []
    stream.say(0, 1, 0)
    assert len(stream.turn.calls) == 1


def test_a_reader_that_raises_is_stopped_and_the_others_are_woken() -> None:
    """One broken connection cannot silence a room."""
    stream = FakeRooms(2)
    before, broken, after = stream.started(0), FailingOutlet(), stream.started(0, 1)
    stream.reader(broken, 0, 1).start()
    stream.say(0, 1)
    stream.turn.end()
    assert [type(failure) for failure in stream.failures] == [ZeroDivisionError]
    stream.say(0)
    stream.turn.end()
    assert len(broken.batches) == 1
    assert ids_in(*before.batches) == [BEGAN + 1, BEGAN + 3]
    assert ids_in(*after.batches) == [BEGAN + 1, BEGAN + 2, BEGAN + 3]


def test_a_reader_may_be_stopped_during_a_fan_out() -> None:
    """A stopped reader gets nothing more, even if the fan-out had begun."""
    stream = FakeRooms()
    outlets = [ActingOutlet(), ActingOutlet()]
    readers = [stream.reader(outlet) for outlet in outlets]
    for outlet, reader, other in zip(outlets, readers, reversed(readers), strict=True):
        outlet.act = other.stop
        reader.start()
    stream.say(0)
    stream.turn.end()
    assert sorted(len(outlet.batches) for outlet in outlets) == [0, 1]


def test_an_event_caused_by_a_delivery_is_delivered_in_the_next_turn() -> None:
    """Once, to all readers."""
    stream = FakeRooms()
    listener, talker = stream.started(), ActingOutlet()
    stream.reader(talker).start()
    talker.act = lambda: stream.say(0) if stream.last < BEGAN + 3 else None
    stream.say(0)
    for _ in range(4):
        stream.turn.end()
    assert ids_in(*listener.batches) == ids_in(*talker.batches) == stream.ids[0]
    assert len(stream.ids[0]) == 3


def test_what_waits_for_all_readers_is_called_when_all_are_written_to() -> None:
    """However many turns that takes; at once if no reader is pending."""
    stream = FakeRooms()
    outlet = stream.started()
    called: list[int] = []
    stream.notifier.when_idle(lambda: called.append(0))
    assert called == [0]
    stream.say(0)
    stream.notifier.when_idle(lambda: called.append(len(outlet.batches)))
    assert called == [0]
    stream.turn.end()
    assert called == [0, 1]


def test_readers_are_woken_in_the_order_in_which_they_began() -> None:
    """Over all slices, whatever their number."""
    stream = FakeRooms()
    order: list[int] = []
    crowd = [
        stream.reader(ActingOutlet(partial(order.append, number)))
        for number in range(2 * SLICE_READERS + 3)
    ]
    for reader in crowd:
        reader.start()
    stream.say(0)
    while stream.turn.calls:
        stream.turn.end()
    assert order == list(range(len(crowd)))
