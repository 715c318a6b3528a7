"""Retention: the oldest events of all rooms are forgotten, and every node is told."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chatd.model.events import Said
from chatd.model.units import Redaction, Unit
from chatd.store.redis import retention
from chatd.store.retained import TIDY_SECONDS, Retention
from chatd.testing import result_of

from ...kit.redis import Node, RedisNodes, RedisServer
from ...kit.stores import saying, texts


@pytest.fixture
def nodes(monkeypatch: pytest.MonkeyPatch) -> Iterator[RedisNodes]:
    monkeypatch.setattr(retention, "SLICE", 3)
    with RedisNodes("a", "b") as nodes:
        yield nodes


def keep(nodes: RedisNodes, kept: Retention) -> None:
    """All nodes keep so much from now on."""
    for node in nodes.nodes:
        node.store._tidying.retention = kept
        ends = node.store._readings.rooms()
        nodes.settle()
        node.store._tidying._firsts = {name: end.first for name, end in result_of(ends).items()}


def kept(nodes: RedisNodes, node: Node, room: str) -> tuple[list[str], int]:
    """What is left of a room, and from which cursor on that is all."""
    reading = node.store.read(room, after=0, limit=1000)
    nodes.settle()
    page = result_of(reading)
    return texts(page.entries), page.floor


def test_the_oldest_of_all_rooms_are_forgotten_by_their_number(nodes: RedisNodes) -> None:
    """As many as there are too many; the floor says from where on all is there."""
    one, two = nodes.nodes
    for n in range(10):
        one.store.append([saying(str(n), "dev" if n % 2 else "lobby")])
    one.store.append([saying("x", "quiet")])
    nodes.settle()
    ids = one.ids
    keep(nodes, Retention(events=5))
    nodes.advance(TIDY_SECONDS + 1)
    assert kept(nodes, two, "lobby") == (["6", "8"], ids[4])
    assert kept(nodes, two, "dev") == (["7", "9"], ids[5])
    assert kept(nodes, two, "quiet")[0] == ["x"]
    for node in nodes.nodes:
        assert node.follower.firsts == {"lobby": ids[6], "dev": ids[7]}


def test_retention_that_begins_later_tells_of_rooms_that_came_meanwhile(nodes: RedisNodes) -> None:
    """Each follower is told which event is the oldest now."""
    one, two = nodes.nodes
    for n in range(6):
        one.store.append([saying(str(n), "dev")])
    nodes.settle()
    one.store.retention = Retention(events=2)
    nodes.advance(TIDY_SECONDS + 1)
    assert kept(nodes, two, "dev")[0] == ["4", "5"]
    assert one.follower.firsts == {"dev": one.ids[4]}


def test_the_oldest_are_forgotten_by_their_age(nodes: RedisNodes) -> None:
    """A room of which nothing is left is none any more."""
    one, two = nodes.nodes
    for n in range(4):
        one.store.append([saying(str(n)), saying(str(n), "dev")])
    nodes.settle()
    last = one.ids[-1]
    keep(nodes, Retention(days=0.0))
    nodes.advance(TIDY_SECONDS + 1)
    assert kept(nodes, one, "lobby")[0] == kept(nodes, one, "dev")[0] == []
    assert kept(nodes, one, "dev")[1] == last
    assert two.follower.firsts == {"lobby": None, "dev": None}
    keep(nodes, Retention(events=5))
    one.store.append([saying("new", "dev")])
    nodes.settle()
    assert kept(nodes, two, "dev") == (["new"], last)


def test_private_messages_leave_the_log_in_time(
    nodes: RedisNodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log is for nodes that catch up, and for minutes only."""
    monkeypatch.setattr(retention, "LOG_SECONDS", 0)
    one, _ = nodes.nodes
    for n in range(300):
        one.store.append([saying(str(n))])
    nodes.settle()
    nodes.advance(TIDY_SECONDS + 1)
    length = int(nodes.server.ask("ZCARD", nodes.key("log"))[1:])
    assert length <= 200


def test_redis_rewrites_its_log_of_writes_after_a_redaction() -> None:
    """Where the text still stands; but not again within some minutes."""
    server = RedisServer("--appendonly", "yes", "--appendfsync", "always").start()
    with RedisNodes("a", "b", server=server) as nodes:
        one, _ = nodes.nodes
        one.store.append([saying("xyzzy-plugh")])
        nodes.settle()
        (id_,) = one.ids
        redaction = Redaction(id_, Said("lobby", "ada", "", redacted=True))
        one.store.append([Unit(redacts=[redaction])])
        nodes.settle()
        assert server.holds("xyzzy-plugh")
        nodes.advance(TIDY_SECONDS + 1)
        server.await_rewriting()
        assert not server.holds("xyzzy-plugh")
        one.store.append([Unit(redacts=[redaction])])
        nodes.settle()
        nodes.advance(TIDY_SECONDS + 1)
        assert server.ask("HGET", nodes.key("meta"), "purged").endswith(b"1\r\n")
    server.remove()
