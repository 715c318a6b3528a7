"""Archives: readers that need the same page share one read of the store."""

from __future__ import annotations

from chatd.model.events import Said
from chatd.stream.archive import Archive, PageRead
from chatd.stream.eventlog import Entry, Page
from chatd.testing import FakeOutlet

from ..kit.stream import BEGAN, FakeArchive, FakeRooms, ids_in


def entries(*ids: int) -> list[Entry]:
    return [Entry(id_, Said("lobby", "ada", "hi")) for id_ in ids]


def test_readers_at_one_cursor_share_one_read_per_page() -> None:
    """A reconnect storm of a thousand readers costs one read and one encoding per page."""
    stream = FakeRooms(capacity=2, archives=1)
    stream.say(*[0] * 10)
    crowd = [stream.started() for _ in range(1000)]
    (kept,) = stream.archives
    for page in range(2):
        assert len(kept.asked) == 1
        kept.answer(most=4)
        while stream.turn.calls:
            stream.turn.end()
        first, *others = [outlet.batches[page].chunk for outlet in crowd]
        assert all(chunk is first for chunk in others)
    assert kept.asked == []
    assert all(ids_in(*outlet.batches) == stream.ids[0] for outlet in crowd)


def test_readers_of_a_page_are_woken_in_time_slices() -> None:
    """A page may be many bytes for each of a thousand readers."""
    stream = FakeRooms(capacity=2, archives=1)
    stream.say(*[0] * 10)
    crowd = [stream.started() for _ in range(5)]
    stream.ticks = iter(range(10**6))
    stream.archives[0].answer()
    for turn in range(1, 6):
        stream.turn.end()
        assert sum(bool(outlet.batches) for outlet in crowd) == turn


def test_another_cursor_or_limit_is_another_read() -> None:
    """Each reader gets exactly the page that it asked for."""
    stream = FakeRooms(capacity=2, archives=1)
    stream.say(*[0] * 10)
    stream.started()
    stream.started(cursor=BEGAN + 1)
    stream.reader(FakeOutlet(), limit=3).start()
    assert [(after, limit) for after, limit, _ in stream.archives[0].asked] == [
        (BEGAN, 500),
        (BEGAN + 1, 500),
        (BEGAN, 3),
    ]


def test_a_page_that_no_reader_waits_for_is_dropped() -> None:
    """No reader is woken, and the next reader starts a new read."""
    stream = FakeRooms(capacity=2, archives=1)
    stream.say(*[0] * 10)
    outlet = stream.started()
    assert outlet.subscriber
    outlet.subscriber.stop()
    stream.turn.end()
    stream.archives[0].answer()
    assert (stream.turn.calls, outlet.batches) == ([], [])
    stream.started()
    assert len(stream.archives[0].asked) == 1


def test_an_archive_may_answer_synchronously() -> None:
    """Then the reader does not wait at all."""
    stream = FakeRooms(capacity=2)
    kept = FakeArchive()
    stream.archives = [kept]
    stream.say(*[0] * 10)
    stream.rooms[0].archive = Archive(
        lambda after, limit, done: done(kept.page(after, min(limit, 3))), stream.notifier.wake_soon
    )
    outlet = stream.started()
    assert [batch.count for batch in outlet.batches] == [3, 3, 3, 1]
    assert ids_in(*outlet.batches) == stream.ids[0]


def test_a_page_covers_up_to_its_last_event_or_the_log_s_end() -> None:
    """The log's end is the one at the time of the request, whatever was appended since."""
    read = PageRead(10, 50)
    read.arrive(Page(entries(20, 30), 5, more=True))
    assert (read.until, read.covers(10), read.covers(29), read.covers(30)) == (
        30,
        True,
        True,
        False,
    )
    read = PageRead(10, 50)
    read.arrive(Page(entries(20, 30), 5, more=False))
    assert read.until == 50
    read = PageRead(10, 50)
    read.arrive(Page([], 40, more=True))
    assert read.until == 40


def test_an_empty_page_that_promises_more_counts_as_unreadable() -> None:
    """Otherwise the reader would request it again for ever."""
    read = PageRead(10, 50)
    read.arrive(Page([], 5, more=True))
    assert (read.arrived, read.reaches(100)) == (True, None)


def test_a_page_is_not_needed_if_retention_emptied_its_range() -> None:
    """No event is left before the log's floor, so the log can serve the reader."""
    read = PageRead(10, 50)
    read.arrive(Page(entries(45), 40, more=False))
    assert read.reaches(41)
    assert not read.reaches(40)
