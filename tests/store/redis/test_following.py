"""Following: every batch is met once, in the one order."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest
from twisted.internet.defer import Deferred

from chatd.model.units import NAMES, Cell, Change, Stale, Unit
from chatd.store.redis.following import Broken, Following, Own
from chatd.store.redis.wire import pack
from chatd.testing.stores import FakeFollower

from ...kit.stores import saying, texts


class Sent:
    """An append of this node."""

    def __init__(self, *units: Unit) -> None:
        self.units: Sequence[Unit] = units
        self.erased: Sequence[str] = ()
        self.stored: Deferred[list[int | Stale]] = Deferred()


class Scene:
    """A node that follows, and the batches that it meets."""

    def __init__(self) -> None:
        self.own: dict[tuple[str, int], Own] = {}
        self.following = Following(lambda lease, sequence: self.own.pop((lease, sequence), None))
        self.follower = self.following.follower = FakeFollower()
        self.following.moved(10, 10)

    def batch(self, last: int, previous: int, *units: Unit, erased: tuple[str, ...] = ()) -> bytes:
        """A batch of another node, of one id for each unit."""
        first = last - len(units) + 1
        header = msgspec.msgpack.encode(["other", 1, first, last, previous, [], []])
        return len(header).to_bytes(4) + header + pack(units, erased).data


@pytest.fixture
def scene() -> Scene:
    """A node at the id 10."""
    return Scene()


def test_a_batch_that_comes_twice_is_met_once(scene: Scene) -> None:
    """It is published, and read from the log."""
    message = scene.batch(11, 10, saying("one"))
    scene.following.take(message)
    scene.following.take(message)
    assert texts(scene.follower.entries) == ["one"]
    assert (scene.following.cursor, scene.following.shown) == (11, 11)


def test_a_batch_that_does_not_follow_the_last_one_is_not_met(scene: Scene) -> None:
    """One between them was missed, and must be read first."""
    with pytest.raises(Broken):
        scene.following.take(scene.batch(13, 12, saying("three")))
    assert scene.follower.units == []


def test_a_message_that_is_no_batch_is_refused(scene: Scene) -> None:
    """And changes nothing."""
    with pytest.raises(msgspec.DecodeError):
        scene.following.take(b"\0\0\0\1\xc1")
    assert scene.following.cursor == 10


def test_an_own_append_is_answered_after_it_was_shown(scene: Scene) -> None:
    """In the same turn; the units are those that were appended, not decoded again."""
    sent = Sent(saying("one"))
    order: list[str] = []
    scene.following.follower = FakeFollower(lambda _: order.append("shown"))

    def answered(answers: list[int | Stale]) -> None:
        order.append("answered")
        assert answers == [11]

    sent.stored.addCallback(answered)
    scene.own["other", 1] = sent
    scene.following.take(scene.batch(11, 10, saying("one")))
    assert order == ["shown", "answered"]


def test_the_follower_is_told_of_erased_rooms(scene: Scene) -> None:
    """All their events are gone."""
    scene.following.take(scene.batch(11, 10, saying("one"), erased=("dev",)))
    assert scene.follower.firsts == {"dev": None}


def test_a_wait_ends_when_its_batch_was_met(scene: Scene) -> None:
    """One for an older batch does not wait."""
    assert scene.following.until(10).called
    waiting = scene.following.until(12)
    scene.following.take(scene.batch(11, 10, saying("one")))
    assert not waiting.called
    scene.following.take(scene.batch(12, 11, saying("two")))
    assert waiting.called


def test_a_recording_has_the_cells_as_they_were_when_it_began(scene: Scene) -> None:
    """The first value of each changed cell, also if it changed twice; absent ones are None."""
    recording = scene.following.record(NAMES)
    header = msgspec.msgpack.encode(["other", 1, 11, 11, 10, [], [[1, 1, 6]]])
    unit = Unit((), (Change(NAMES, "ada", b"new"), Change(NAMES, "bob", b"new")))
    scene.following.take(len(header).to_bytes(4) + header + b"7:n:ad" + pack([unit]).data)
    again = Unit((), (Change(NAMES, "ada", b"newer"), Change("rooms", "dev", b"x")))
    scene.following.take(scene.batch(12, 11, again))
    scene.following.stop(recording)
    scene.following.take(scene.batch(13, 12, Unit((), (Change(NAMES, "eve", b"x"),))))
    assert recording.before == {"ada": Cell(7, b"ad"), "bob": None}
