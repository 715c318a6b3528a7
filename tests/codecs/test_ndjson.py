"""Events as newline-delimited JSON."""

from __future__ import annotations

import json

from chatd.codecs.ndjson import NDJSON
from chatd.model.errors import NotAllowed
from chatd.model.events import Said
from chatd.stream.eventlog import Entry


def test_each_event_and_notice_is_one_object_on_one_line() -> None:
    """The field `type` tells them apart."""
    error = NotAllowed("no")
    events = [NDJSON.encode(Entry(7, Said("dev", "ada", "one\ntwo")))]
    lines = [
        NDJSON.join(events),
        NDJSON.gap,
        NDJSON.ready(7),
        NDJSON.farewell("unavailable", "later", 2.5),
        NDJSON.revoked(error),
        NDJSON.removed("dev", error),
        NDJSON.marked("dev", 7),
    ]
    assert [line.count(b"\n") for line in lines] == [1] * len(lines)
    assert [json.loads(line)["type"] for line in lines] == [
        "message", "gap", "ready", "error", "error", "removed", "marker",
    ]  # fmt: skip
    assert json.loads(lines[3])["retry"] == 2500


def test_a_heartbeat_is_a_blank_line() -> None:
    """Programs that read line by line skip it."""
    assert NDJSON.heartbeat == b"\n"
