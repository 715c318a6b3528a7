"""Request keys: remembered for as long as repeats are recognized, over restarts too."""

from __future__ import annotations

import pytest

from chatd.model.events import Told
from chatd.model.units import REMEMBERED_SECONDS
from chatd.store import requests, writer
from chatd.store.requests import RequestKeys
from chatd.testing.clock import StrictClock

from ..kit.desk import YEAR, Desk, queried
from ..kit.stores import said


@pytest.fixture
def clock() -> StrictClock:
    return StrictClock()


@pytest.fixture
def keys(clock: StrictClock) -> RequestKeys:
    return RequestKeys(clock.seconds)


def test_a_request_key_expires_after_remembered_seconds(
    keys: RequestKeys, clock: StrictClock
) -> None:
    """Whether or not other keys were added meanwhile."""
    keys.add({b"one": 1})
    clock.advance(REMEMBERED_SECONDS - 1)
    keys.add({b"two": 2})
    assert (keys.get(b"one"), keys.get(b"two"), keys.get(b"three")) == (1, 2, None)
    clock.advance(1)
    assert (keys.get(b"one"), keys.get(b"two")) == (None, 2)
    assert (keys.answers(), len(keys)) == ({b"two": 2}, 1)


def test_adding_a_request_key_again_renews_it(keys: RequestKeys, clock: StrictClock) -> None:
    """With its later answer."""
    keys.add({b"one": 1})
    clock.advance(REMEMBERED_SECONDS - 1)
    keys.add({b"one": 2})
    clock.advance(REMEMBERED_SECONDS - 1)
    assert keys.get(b"one") == 2


def test_beyond_most_keys_the_oldest_request_keys_are_evicted(
    keys: RequestKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the order in which they were last added."""
    monkeypatch.setattr(requests, "MOST_KEYS", 3)
    keys.add({b"one": 1, b"two": 2, b"three": 3})
    keys.add({b"one": 4})
    keys.add({b"four": 5})
    assert keys.answers() == {b"three": 3, b"one": 4, b"four": 5}


# -- in a file -------------------------------------------------------------------------------------


def test_request_keys_survive_a_restart_until_they_expire(desk: Desk) -> None:
    """Then they are deleted from the file."""
    (id_,) = desk.store(said("hi"), request_key=b"first")
    desk.wall += REMEMBERED_SECONDS - 1
    (later,) = desk.store(Told("ada", "bob", "psst"), request_key=b"second")
    desk.again()
    assert desk.opened.request_keys == {b"first": id_, b"second": later}
    desk.wall += 1.1
    desk.again()
    assert desk.opened.request_keys == {b"second": later}
    desk.writer.tidy()
    assert queried(desk.path, "SELECT mark FROM marks") == [(b"second",)]


def test_an_expired_request_key_can_be_stored_again(desk: Desk) -> None:
    """The file then holds its later answer."""
    desk.store(said("hi"), request_key=b"key")
    desk.wall += REMEMBERED_SECONDS
    (second,) = desk.store(said("hi"), request_key=b"key")
    desk.again()
    assert desk.opened.request_keys == {b"key": second}


def test_request_keys_are_bounded_when_the_clock_is_set_back(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By their age they would stay for a year."""
    monkeypatch.setattr(writer, "MOST_KEYS", 3)
    desk.store(said("hi"))
    desk.wall -= YEAR
    for n in range(5):
        desk.store(said("hi"), request_key=b"%d" % n)
    desk.writer.tidy()
    assert queried(desk.path, "SELECT mark FROM marks ORDER BY id") == [(b"2",), (b"3",), (b"4",)]
