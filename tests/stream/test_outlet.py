"""Outlets: a reader that has stopped has one that drops everything."""

from __future__ import annotations

from chatd.model.errors import NotAllowed
from chatd.stream.batch import Batch
from chatd.stream.outlet import NOWHERE, TellsMarkers

from ..kit.stream import FakeRooms


def test_a_stopped_reader_releases_its_outlet() -> None:
    """So both are freed; later batches are dropped."""
    stream = FakeRooms()
    reader = stream.reader(stream.started())
    reader.start()
    reader.stop()
    assert reader.outlet is NOWHERE
    assert not NOWHERE.deliver(Batch(b"x", 1, 1))
    NOWHERE.revoked(NotAllowed("no"))
    NOWHERE.removed("dev", NotAllowed("no"))
    assert NOWHERE.send(b"x") is None  # type: ignore[func-returns-value]


def test_an_outlet_may_ignore_markers() -> None:
    """The gate checks before it sends one."""
    assert not isinstance(NOWHERE, TellsMarkers)
