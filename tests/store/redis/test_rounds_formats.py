"""Rounds on data whose version the node does not know: nothing of it is changed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chatd.model.errors import Unavailable
from chatd.store.redis.server import FORMAT
from chatd.testing import result_of

from ...kit.redis import RedisNodes
from ...kit.stores import kept_texts, saying

pytestmark = pytest.mark.usefixtures("logged_warnings")


@pytest.fixture
def nodes() -> Iterator[RedisNodes]:
    with RedisNodes("a") as nodes:
        yield nodes


def mark(nodes: RedisNodes, format: str) -> None:
    """Somebody else gives the data a version; empty: none, as at first."""
    command = ("HSET", "format", format) if format else ("HDEL", "format")
    nodes.server.ask(command[0], nodes.key("meta"), *command[1:])


def marked(nodes: RedisNodes) -> str:
    """The version of the data."""
    return nodes.server.ask("HGET", nodes.key("meta"), "format").split(b"\r\n")[1].decode()


def data(nodes: RedisNodes) -> list[bytes]:
    """What a round that begins would change."""
    return [nodes.server.ask("HGETALL", nodes.key(name)) for name in ("meta", "nodes", "forks")]


def test_a_new_chat_has_this_version(nodes: RedisNodes) -> None:
    """From its first round on."""
    assert marked(nodes) == str(FORMAT)


def test_data_without_a_version_is_of_the_first_one(nodes: RedisNodes) -> None:
    """It is marked by the first node that knows versions; the others go on beside it."""
    (one,) = nodes.nodes
    one.store.append([saying("before")])
    nodes.settle()
    mark(nodes, "")
    two = nodes.join("b")
    assert marked(nodes) == "1"
    for node in (one, two):
        node.store.append([saying("after")])
        nodes.settle()
    assert kept_texts(nodes, one) == kept_texts(nodes, two) == ["before", "after", "after"]


@pytest.mark.parametrize(
    ("format", "reason"),
    [
        (str(FORMAT + 1), f"a later chatd wrote .* version {FORMAT + 1}; this one knows version"),
        ("0", "is in version '0', and this chatd knows version"),
        ("x", "is in version 'x', and this chatd knows version"),
    ],
)
def test_a_node_does_not_start_on_data_of_another_version(
    nodes: RedisNodes, format: str, reason: str
) -> None:
    """It says which version that is, and leaves everything as it is."""
    mark(nodes, format)
    before = data(nodes)
    node = nodes.make("b")
    opening = node.store.open(node.follower)
    nodes.settle()
    with pytest.raises(Unavailable, match=f"the store cannot be used: .*{reason}"):
        result_of(opening)
    assert data(nodes) == before
    nodes.nodes.remove(node)


def test_a_node_that_meets_another_version_while_it_runs_stores_nothing(
    nodes: RedisNodes, logged_errors: list[str]
) -> None:
    """The log says so once, and the health check every time; a restored copy ends it."""
    (one,) = nodes.nodes
    mark(nodes, str(FORMAT + 1))
    before = data(nodes)
    one.cut()
    nodes.advance(5)
    answer = one.store.append([saying("no")])
    health = one.store.probe()
    nodes.settle()
    with pytest.raises(Unavailable, match="cannot store anything"):
        result_of(answer)
    with pytest.raises(Unavailable, match="a later chatd wrote"):
        result_of(health)
    assert data(nodes) == before
    assert logged_errors == ["the store cannot be used: {why}"]
    mark(nodes, str(FORMAT))
    nodes.advance(2)
    one.store.append([saying("yes")])
    nodes.settle()
    assert kept_texts(nodes, one) == ["yes"]
    logged_errors.clear()
