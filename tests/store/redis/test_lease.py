"""Leases: what a node held is released once when it is gone, and not before."""

from __future__ import annotations

import signal
from collections.abc import Collection, Iterator

import pytest
from twisted.internet.defer import Deferred

from chatd.model.errors import InDoubt, Unavailable
from chatd.model.units import MEMBERS, NAMES, Change, Unit, room_table
from chatd.store.redis import rounds
from chatd.store.redis.lease import BEAT_SECONDS, MOST_BEATS
from chatd.store.redis.server import NotNow, examine
from chatd.testing import result_of
from chatd.testing.stores import FakeFollower

from ...kit.redis import Node, RedisNodes, RedisServer
from ...kit.stores import change, saying, texts

pytestmark = pytest.mark.usefixtures("logged_warnings")
LOBBY = room_table(MEMBERS, "lobby")
A_WHILE = BEAT_SECONDS * (MOST_BEATS + 3)
"""Seconds after which a node that gives no sign of life is given up."""


@pytest.fixture
def nodes() -> Iterator[RedisNodes]:
    with RedisNodes("a", "b", "c") as nodes:
        yield nodes


def enter(nodes: RedisNodes, node: Node, name: str) -> None:
    """A person takes a name at a node, and comes into the lobby."""
    node.store.append([Unit([], [Change(NAMES, name, b"1"), Change(LOBBY, name, b"1")])])
    nodes.settle()


def told(node: Node, what: str) -> list[object]:
    """What a node was told of that kind."""
    return [event for event in node.follower.happened if event[0] == what]  # type: ignore[index]


@pytest.mark.parametrize("how", ["killed", "closed"])
def test_what_a_node_held_is_released_once_by_one_of_the_others(
    nodes: RedisNodes, how: str
) -> None:
    """Of a node that was killed that is announced, of one that went down in order it is not; what
    others hold stays.
    """
    one, two, three = nodes.nodes
    enter(nodes, one, "ada")
    enter(nodes, two, "bob")
    if how == "killed":
        one.die()
        nodes.advance(BEAT_SECONDS * (MOST_BEATS - 1))
        assert two.follower.table(NAMES).keys() == {"ada", "bob"}
        nodes.advance(BEAT_SECONDS * 4)
    else:
        one.store.close()
        nodes.advance(BEAT_SECONDS * 2)
    gone = [*told(two, "gone"), *told(three, "gone")]
    assert gone == [("gone", sorted([(NAMES, "ada"), (LOBBY, "ada")]), how == "killed")]
    for node in (two, three):
        assert set(node.follower.cells) == {(NAMES, "bob"), (LOBBY, "bob")}
    assert nodes.server.ask("HLEN", nodes.key("nodes")) == b":2\r\n"


def test_what_another_node_removes_is_not_held_any_more(nodes: RedisNodes) -> None:
    """Else the list of what a node holds would grow for as long as it runs."""
    one, two, _ = nodes.nodes
    enter(nodes, one, "ada")
    own = nodes.key(f"own:{one.store._rounds.lease}")
    assert nodes.server.ask("SCARD", own) == b":2\r\n"
    two.store.append([Unit([], [Change(NAMES, "ada", b"2"), Change(LOBBY, "ada", None)])])
    nodes.settle()
    assert nodes.server.ask("SMEMBERS", own) == b"*1\r\n$9\r\nnames\0ada\r\n"
    two.store.append([Unit([], [Change(NAMES, "ada", None)])])
    nodes.settle()
    assert nodes.server.ask("KEYS", nodes.key("own:*")) == b"*0\r\n"


def test_if_who_clears_up_dies_another_one_goes_on(nodes: RedisNodes) -> None:
    """Nothing is left in the end."""
    one, two, three = nodes.nodes
    enter(nodes, one, "ada")

    class Stuck(FakeFollower):
        def gone(
            self, held: Collection[tuple[str, str]], announced: bool
        ) -> Deferred[Collection[tuple[str, str]]]:
            super().gone(held, announced)
            return Deferred()

    for node in (two, three):
        node.store._follower = Stuck()
    one.die()
    nodes.advance(A_WHILE)
    clearing = [node for node in (two, three) if node.store._follower.happened]  # type: ignore[union-attr]
    assert len(clearing) == 1
    (other,) = {two, three} - set(clearing)
    other.store._follower = other.follower
    clearing[0].die()
    nodes.advance(2 * A_WHILE)
    assert told(other, "gone") == [("gone", sorted([(NAMES, "ada"), (LOBBY, "ada")]), True)]
    assert other.follower.cells == {}


def test_a_node_that_comes_back_too_late_stores_nothing_by_its_old_lease(
    nodes: RedisNodes, logged_errors: list[str]
) -> None:
    """It is told that it is over, and goes on as another node."""
    one, two, _ = nodes.nodes
    enter(nodes, one, "ada")
    dialler, one.store._rounds._dial = one.store._rounds._dial, lambda: Deferred()
    wires = one.go_mute()
    late = one.store.append([saying("late")])
    nodes.advance(A_WHILE)
    assert two.follower.cells == {}
    with pytest.raises((InDoubt, Unavailable)):
        result_of(late)
    assert b"FENCED" in wires[0].arrive_late()
    one.store._rounds._dial = dialler
    one.store._rounds._next.end("it is over")  # type: ignore[union-attr]
    nodes.advance(2)
    assert one.follower.happened[0] == "over"
    assert one.follower.cells == {}, "it has met what the others stored"
    enter(nodes, one, "eve")
    assert two.follower.table(NAMES).keys() == {"eve"}
    assert texts(two.follower.entries) == []


def test_a_node_whose_lease_an_older_copy_does_not_have_goes_on(logged_errors: list[str]) -> None:
    """It is not taken for one that was given up, though another node was back before it."""
    old = RedisServer().start()
    with RedisNodes("a", server=old) as nodes:
        (one,) = nodes.nodes
        new = old.copy()
        two = nodes.join("b")
        enter(nodes, two, "bob")
        old.kill()
        for node in (one, two):
            node.dialler.server = new
            node.cut()
            nodes.advance(1)
        assert len(told(two, "missed")) == len(two.follower.happened) == 1
        said = two.store.append([saying("still here")])
        nodes.settle()
        result_of(said)
        assert texts(one.follower.entries) == ["still here"]
    new.remove()
    old.remove()
    logged_errors.clear()


def test_an_outage_gives_nobody_up() -> None:
    """However long: nobody beats meanwhile."""
    server = RedisServer("--appendonly", "yes").start()
    with RedisNodes("a", "b", server=server) as nodes:
        one, two = nodes.nodes
        enter(nodes, one, "ada")
        server.signal(signal.SIGSTOP)
        for node in nodes.nodes:
            node.dialler.stopped = True
        nodes.advance(60)
        server.signal(signal.SIGCONT)
        for node in nodes.nodes:
            node.dialler.stopped = False
        nodes.advance(A_WHILE)
        assert one.follower.happened == two.follower.happened == []
        assert two.follower.table(NAMES).keys() == {"ada"}
    server.remove()


def test_a_node_of_the_same_name_takes_the_place_of_the_first() -> None:
    """A restart need not wait for the lease of the process before."""
    with RedisNodes("a", "b") as nodes:
        one, two = nodes.nodes
        enter(nodes, one, "ada")
        one.die()
        nodes.join("a")
        nodes.advance(BEAT_SECONDS * 2)
        assert two.follower.cells == {}


def test_of_two_nodes_of_one_name_the_first_gives_way_once(logged_errors: list[str]) -> None:
    """Both go on, and the log of the first says what to do."""
    with RedisNodes("a", "b") as nodes:
        one, two = nodes.nodes
        again = nodes.join("a")
        nodes.advance(2 * A_WHILE)
        assert one.follower.happened.count("over") == 1
        assert again.follower.happened == []
        for name, node in (("ada", one), ("eve", again)):
            enter(nodes, node, name)
        nodes.advance(2 * A_WHILE)
        assert two.follower.table(NAMES).keys() == {"ada", "eve"}
    assert ["give each a --node of its own" in error for error in logged_errors] == [True]
    logged_errors.clear()


def test_a_restart_that_waits_for_the_engine_takes_its_place_at_once_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As when a machine starts, and Redis still loads its data when the node asks for it first."""
    with RedisNodes("a", "b") as nodes:
        one, two = nodes.nodes
        enter(nodes, one, "ada")
        one.die()
        problems = [NotNow("Redis is loading its data")]

        def look(info: bytes) -> str:
            if problems:
                raise problems.pop()
            return examine(info)

        monkeypatch.setattr(rounds, "examine", look)
        again = nodes.make("a")
        opening = again.store.open(again.follower)
        nodes.advance(BEAT_SECONDS * 2)
        result_of(opening)
        assert two.follower.cells == {}


def test_a_node_that_starts_alone_finds_nobody_connected() -> None:
    """What the last one held is gone, without a word to anybody."""
    with RedisNodes("a", "b") as nodes:
        one, two = nodes.nodes
        enter(nodes, one, "ada")
        enter(nodes, two, "bob")
        one.store.close()
        two.store.close()
        nodes.settle()
        three = nodes.join("c")
        reading = three.store.table(NAMES)
        nodes.settle()
        assert result_of(reading) == {}
        assert three.ids == []


def test_a_subscription_that_is_dead_is_noticed(nodes: RedisNodes) -> None:
    """It looks healthy: nothing arrives, and nothing is wrong."""
    one, two, _ = nodes.nodes
    one.store._rounds.current.feed.pushed = lambda message: None  # type: ignore[union-attr]
    two.store.append([change(NAMES, "bob", b"1")])
    nodes.settle()
    assert one.ids == []
    nodes.advance(BEAT_SECONDS * 2)
    assert one.ids == two.ids
