"""The text of the protocol of 2011."""

from __future__ import annotations

from chatd.codecs.classic import CLASSIC, told
from chatd.model.events import Acted, Joined, Said
from chatd.stream.batch import Batch, Gap
from chatd.stream.eventlog import Entry


def test_messages_and_actions_are_lines_of_sender_and_text() -> None:
    """Each line of a text has its sender; an action's prefix cannot be a name."""
    assert CLASSIC.encode(Entry(1, Said("lobby", "ada", "one\ntwo"))) == b"ada : one\nada : two\n"
    assert CLASSIC.encode(Entry(1, Acted("lobby", "ada", "waves"))) == b"* ada : waves\n"


def test_other_events_have_no_bytes() -> None:
    """So they do not answer a poll."""
    assert CLASSIC.encode(Entry(1, Joined("lobby", "ada"))) == b""


def test_gaps_come_before_the_messages() -> None:
    """With the number of missed events if it is known."""
    chunk = CLASSIC.join([b"ada : hi\n", b"bob : hi\n"])
    batch = Batch(chunk, 2, 9, (Gap("lobby", 40), Gap("lobby", None)))
    assert told(batch) == (
        b">> : 40 events were missed here\n>> : events were missed here\nada : hi\nbob : hi\n"
    )
