"""Rounds on a server that refuses writes: it is full, has too few replicas, or was cut off."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from chatd.model.errors import Unavailable
from chatd.model.events import Told
from chatd.model.units import NAMES, Change, Unit
from chatd.store.redis.lease import BEAT_SECONDS
from chatd.store.retained import TIDY_SECONDS
from chatd.testing import result_of

from ...kit.redis import RedisNodes, RedisServer
from ...kit.stores import claim, kept_texts, saying, texts

pytestmark = pytest.mark.usefixtures("logged_warnings")


@pytest.fixture
def nodes() -> Iterator[RedisNodes]:
    with RedisNodes("a", "b") as nodes:
        yield nodes


@pytest.fixture
def server() -> Iterator[RedisServer]:
    """A server of the test's own."""
    server = RedisServer().start()
    yield server
    server.remove()


def test_a_full_server_refuses_and_recovers(server: RedisServer, logged_errors: list[str]) -> None:
    """Nothing of a refused append is stored; leases go on."""
    with RedisNodes("a", "b", server=server) as nodes:
        one, two = nodes.nodes
        server.ask("CONFIG", "SET", "maxmemory", "1")
        refused = [
            one.store.append([saying("no"), Unit([], claim(NAMES, "ada", b"", 0).changes)]),
            two.store.append([saying("no", request_key=b"1")]),
        ]
        nodes.settle()
        for answer in refused:
            with pytest.raises(Unavailable):
                result_of(answer)
        health = one.store.probe()
        nodes.settle()
        with pytest.raises(Unavailable, match="OOM"):
            result_of(health)
        nodes.advance(30)
        server.ask("CONFIG", "SET", "maxmemory", "0")
        again = two.store.append([saying("yes", request_key=b"1")])
        nodes.settle()
        result_of(again)
        assert kept_texts(nodes, one) == texts(one.follower.entries) == ["yes"]
        assert one.follower.cells == {}
        assert one.follower.happened == two.follower.happened == []
    assert all("cannot store" in error for error in logged_errors)
    logged_errors.clear()


def test_people_come_and_go_while_the_server_is_full(
    server: RedisServer, logged_errors: list[str]
) -> None:
    """Presence takes little memory; messages of every kind and other cells are refused, which the
    log says once.
    """
    with RedisNodes("a", "b", server=server) as nodes:
        one, two = nodes.nodes
        server.ask("CONFIG", "SET", "maxmemory", "1")
        came = one.store.append([Unit([], claim(NAMES, "ada", b"", 0).changes)])
        joined = one.store.append([saying("no"), Unit([], claim(NAMES, "eve", b"", 0).changes)])
        nodes.settle()
        result_of(came)
        with pytest.raises(Unavailable):
            result_of(joined)
        assert two.follower.cells.keys() == {(NAMES, "ada")}
        one.store.append([Unit([], [Change(NAMES, "ada", None)])])
        nodes.settle()
        assert two.follower.cells == {}
        told = one.store.append([Unit([Told("ada", "bob", "no text passes")])])
        nodes.settle()
        with pytest.raises(Unavailable):
            result_of(told)
        assert two.follower.entries == []
    assert logged_errors == ["the store cannot store: {problem}"]
    logged_errors.clear()


def test_a_server_that_takes_no_writes_can_be_read(
    server: RedisServer, logged_errors: list[str]
) -> None:
    """It has too few replicas, or cannot write to its disk; no node is given up meanwhile."""
    with RedisNodes("a", "b", server=server) as nodes:
        one, two = nodes.nodes
        one.store.append([saying("one")])
        nodes.settle()
        server.ask("CONFIG", "SET", "min-replicas-to-write", "1")
        nodes.advance(60)
        assert kept_texts(nodes, two) == ["one"]
        refused: list[Deferred[Any]] = [one.store.append([saying("no")]), two.store.probe()]
        nodes.settle()
        for answer in refused:
            with pytest.raises(Unavailable):
                result_of(answer)
        server.ask("CONFIG", "SET", "min-replicas-to-write", "0")
        said = one.store.append([saying("two")])
        nodes.advance(60)
        result_of(said)
        assert texts(two.follower.entries) == ["one", "two"]
        assert one.follower.happened == two.follower.happened == []
    assert logged_errors == ["the store cannot store: {problem}"]
    logged_errors.clear()


def test_a_node_leaves_a_master_that_was_cut_off(logged_errors: list[str]) -> None:
    """The old one takes no writes, and answers reads; the sentinels name another one."""
    old = RedisServer().start()
    with RedisNodes("a", "b", server=old) as nodes:
        one, two = nodes.nodes
        one.store.append([saying("before")])
        nodes.settle()
        new = old.copy()
        old.ask("CONFIG", "SET", "min-replicas-to-write", "1")
        two.dialler.server = new
        two.cut()
        nodes.advance(1)
        said = two.store.append([saying("at the new one")])
        nodes.settle()
        result_of(said)
        nodes.advance(2 * BEAT_SECONDS)
        assert texts(one.follower.entries) == ["before"], "the sentinels still name the old one"
        one.dialler.server = new
        nodes.advance(BEAT_SECONDS + 1)
        assert texts(one.follower.entries) == ["before", "at the new one"]
        assert one.follower.happened == two.follower.happened == []
        said = one.store.append([saying("here too")])
        nodes.settle()
        result_of(said)
    new.remove()
    old.remove()
    logged_errors.clear()


def test_what_a_server_refuses_is_logged_once_each(
    server: RedisServer, logged_errors: list[str]
) -> None:
    """Notes and retention too, however often they are tried."""
    with RedisNodes("a", server=server) as nodes:
        (one,) = nodes.nodes
        server.ask("CONFIG", "SET", "min-replicas-to-write", "1")
        for _ in range(5):
            noted = one.store.note("markers:ada", "lobby", b"1")
            nodes.advance(TIDY_SECONDS)
            with pytest.raises(Unavailable):
                result_of(noted)
        server.ask("CONFIG", "SET", "min-replicas-to-write", "0")
    assert logged_errors == ["the store cannot {what}: {problem}"] * 2
    logged_errors.clear()


def test_a_key_of_another_kind_stores_nothing(nodes: RedisNodes, logged_errors: list[str]) -> None:
    """Somebody has meddled: units that are told together are refused together, and all of them."""
    one, two = nodes.nodes
    nodes.server.ask("SET", nodes.key("r:dev"), "x")
    answer = one.store.append([saying("one"), saying("two", "dev")])
    nodes.settle()
    with pytest.raises(Unavailable):
        result_of(answer)
    assert kept_texts(nodes, one) == []
    assert two.ids == []
    assert "cannot store" in logged_errors[0]
    logged_errors.clear()
    nodes.server.ask("DEL", nodes.key("r:dev"))
