"""Events as Server-Sent Events."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from chatd.codecs.sse import SSE
from chatd.model.errors import NotAllowed
from chatd.model.events import Said
from chatd.stream.eventlog import Entry


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=50))
def test_an_event_is_one_block_whatever_its_text(text: str) -> None:
    """With the id to resume from, the type, and the JSON on one line."""
    block = SSE.encode(Entry(7, Said("dev", "ada", text))).decode()
    id_, event, data, *rest = block.split("\n")
    assert (id_, event, rest) == ("id: 7", "event: message", ["", ""])
    assert json.loads(data.removeprefix("data: "))["text"] == text


def test_only_room_events_and_ready_have_an_id() -> None:
    """A browser resumes from the last id; that of `ready` is the reader's cursor."""
    error = NotAllowed("no")
    assert SSE.ready(7).startswith(b"id: 7\nevent: ready\n")
    for block in (SSE.gap, SSE.revoked(error), SSE.removed("dev", error), SSE.marked("dev", 7)):
        lines = block.split(b"\n")
        assert [line.partition(b":")[0] for line in lines] == [b"event", b"data", b"", b""]


def test_heartbeats_and_farewells_are_comments() -> None:
    """Careless clients would take a block without data for an event."""
    assert b"\n\n" not in SSE.heartbeat + SSE.farewell("x", "later", 2.5) + SSE.opening
    assert SSE.farewell("x", "later", 2.5) == b": later\nretry: 2500\n"
