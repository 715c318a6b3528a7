"""Rounds: whatever goes wrong with a connection, nothing is lost, doubled or reordered.

Each node here has real connections to a real server; its clock stands still until it is told to go
on, so that what takes seconds takes none.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from chatd.model.errors import InDoubt, Unavailable
from chatd.model.units import NAMES, Stale
from chatd.store.redis import scripts
from chatd.store.redis.appending import TELL_SECONDS
from chatd.store.redis.link import Link
from chatd.store.redis.rounds import PATIENCE_SECONDS
from chatd.store.redis.scripts import Script
from chatd.store.redis.times import Times
from chatd.testing import START, result_of

from ...kit.redis import RedisNodes, RedisServer
from ...kit.stores import claim, kept_texts, saying, texts

pytestmark = pytest.mark.usefixtures("logged_warnings")


@pytest.fixture
def nodes() -> Iterator[RedisNodes]:
    with RedisNodes("a", "b") as nodes:
        yield nodes


@pytest.fixture
def server() -> Iterator[RedisServer]:
    """A server of the test's own, which keeps a log of writes."""
    server = RedisServer("--appendonly", "yes", "--appendfsync", "always").start()
    yield server
    server.remove()


def changed(script: Script, old: str, new: str) -> Script:
    """A script with something else in it."""
    text = script.text.decode()
    assert old in text
    return scripts.script(text.replace(old, new).encode())


# -- several nodes ---------------------------------------------------------------------------------


def test_every_node_is_shown_everything_in_one_order(nodes: RedisNodes) -> None:
    """Whoever appends, and though both do so at once."""
    one, two = nodes.nodes
    for n in range(20):
        one.store.append([saying(f"a{n}")])
        two.store.append([saying(f"b{n}")])
    nodes.settle()
    assert len(one.ids) == 40
    assert one.ids == two.ids == sorted(one.ids)
    assert texts(one.follower.entries) == texts(two.follower.entries) == kept_texts(nodes, one)


def test_of_two_nodes_that_claim_a_name_one_gets_it(nodes: RedisNodes) -> None:
    """The other one is stale, and both folds are equal."""
    for n in range(50):
        both = [node.store.append([claim(NAMES, f"n{n}", b"x", 0)]) for node in nodes.nodes]
        nodes.settle()
        answers = [result_of(answer)[0] for answer in both]
        assert [isinstance(answer, Stale) for answer in answers].count(True) == 1
    one, two = nodes.nodes
    assert one.follower.cells == two.follower.cells


def test_without_versions_two_get_one_name(
    monkeypatch: pytest.MonkeyPatch, nodes: RedisNodes
) -> None:
    """The control: it is the versions that decide."""
    blind = changed(scripts.APPEND_WHEN_FULL, "if version ~= e[3] then", "if false then")
    monkeypatch.setattr(scripts, "APPEND_WHEN_FULL", blind)
    nodes.server.ask("SCRIPT", "LOAD", blind.text.decode())
    both = [node.store.append([claim(NAMES, "ada", b"x", 0)]) for node in nodes.nodes]
    nodes.settle()
    assert not any(isinstance(result_of(answer)[0], Stale) for answer in both)


# -- connections that are lost ---------------------------------------------------------------------


def test_connections_that_are_killed_again_and_again_lose_nothing(nodes: RedisNodes) -> None:
    """Each time the next round begins at once."""
    answers = []
    for n in range(20):
        for place, node in enumerate(nodes.nodes):
            answers.append(node.store.append([saying(f"{place}.{n}")]))
        if n % 3 == 0:
            nodes.nodes[0].cut()
        if n % 3 == 1:
            nodes.server.ask("CLIENT", "KILL", "TYPE", "pubsub")
        nodes.advance(0.2)
    ids = sorted(result_of(answer)[0] for answer in answers)
    one, two = nodes.nodes
    assert one.ids == two.ids == ids
    assert len(set(kept_texts(nodes, one))) == 40


def test_what_another_node_said_meanwhile_is_caught_up_with(nodes: RedisNodes) -> None:
    """In order, before anything that comes then."""
    one, two = nodes.nodes
    one.cut()
    for n in range(500):
        two.store.append([saying(str(n))])
    nodes.settle()
    nodes.advance(0.2)
    assert one.ids == two.ids
    assert len(one.ids) == 500
    assert one.follower.happened == []


def sent_before_the_server_went_mute(nodes: RedisNodes) -> Deferred[list[int | Stale]]:
    """An append of the first node that does not come through, though its node sends it again."""
    one, _ = nodes.nodes
    wires = one.go_mute()
    answer = one.store.append([saying("once")])
    nodes.advance(PATIENCE_SECONDS + 0.3)
    assert result_of(answer)
    wires[0].arrive_late()
    nodes.settle()
    return answer


def test_what_comes_late_on_an_old_connection_is_not_stored_twice(nodes: RedisNodes) -> None:
    """The fence has risen since it was sent."""
    sent_before_the_server_went_mute(nodes)
    one, two = nodes.nodes
    assert kept_texts(nodes, one) == texts(two.follower.entries) == ["once"]


def test_without_the_fence_it_is_stored_twice(
    monkeypatch: pytest.MonkeyPatch, nodes: RedisNodes
) -> None:
    """The control: it is the fence that decides."""
    careless = changed(
        scripts.APPEND, "if not held or match(held, '^%S+') ~= ARGV[2] then", "if false then"
    )
    monkeypatch.setattr(scripts, "APPEND", careless)
    nodes.server.ask("SCRIPT", "LOAD", careless.text.decode())
    sent_before_the_server_went_mute(nodes)
    assert kept_texts(nodes, nodes.nodes[0]) == ["once", "once"]


# -- a server that hangs ---------------------------------------------------------------------------


def test_a_stopped_server_is_told_within_two_seconds(server: RedisServer) -> None:
    """What was sent is in doubt, what was not is refused; both are known when it goes on."""
    with RedisNodes("a", "b", server=server) as nodes:
        one, two = nodes.nodes
        one.store.append([saying("before")])
        nodes.settle()
        server.signal(signal.SIGSTOP)
        for node in nodes.nodes:
            node.dialler.stopped = True
        sent = one.store.append([saying("sent", request_key=b"1")])
        nodes.advance(1.9)
        with pytest.raises(InDoubt):
            result_of(sent)
        nodes.advance(3)
        refused = one.store.append([saying("refused", request_key=b"2")])
        nodes.advance(1.9)
        with pytest.raises(Unavailable):
            result_of(refused)
        health = one.store.probe()
        with pytest.raises(Unavailable, match="away"):
            result_of(health)
        server.signal(signal.SIGCONT)
        for node in nodes.nodes:
            node.dialler.stopped = False
        nodes.advance(3)
        again = one.store.append([saying("sent", request_key=b"1")])
        two.store.append([saying("after")])
        nodes.settle()
        (id_,) = result_of(again)
        assert texts(one.follower.entries) == ["before", "sent", "after"]
        assert one.follower.entries[1].id == id_
        assert one.ids == two.ids


def test_reading_fails_while_the_server_hangs_and_then_goes_on(server: RedisServer) -> None:
    """Within two seconds; a reading that waits for a short time only is answered."""
    with RedisNodes("a", server=server) as nodes:
        (one,) = nodes.nodes
        one.store.append([saying("before")])
        nodes.settle()
        server.signal(signal.SIGSTOP)
        one.dialler.stopped = True
        reading = one.store.read("lobby", limit=1)
        nodes.advance(TELL_SECONDS + 0.5)
        with pytest.raises(Unavailable):
            result_of(reading)
        server.signal(signal.SIGCONT)
        one.dialler.stopped = False
        nodes.advance(3)
        one.cut()
        reading = one.store.read("lobby", limit=1)
        nodes.advance(0.2)
        assert texts(result_of(reading).entries) == ["before"]


# -- a server that is restarted --------------------------------------------------------------------


@pytest.mark.parametrize("how", ["killed", "stopped"])
@pytest.mark.parametrize("fsync", ["always", "everysec"])
def test_a_server_that_is_restarted_has_everything(
    server: RedisServer, fsync: str, how: str
) -> None:
    """With its log of writes; what was carried out and not answered is found again.  When that is
    written to the disk matters to a loss of power only.
    """
    server.ask("CONFIG", "SET", "appendfsync", fsync)
    with RedisNodes("a", "b", server=server) as nodes:
        one, two = nodes.nodes
        answers = [one.store.append([saying(str(n))]) for n in range(10)]
        if how == "killed":
            nodes.settle()
            server.kill()
        else:
            server.ask("SHUTDOWN")
            server.kill()
        nodes.advance(0.3)
        answers.append(two.store.append([saying("meanwhile")]))
        server.start()
        nodes.advance(1.5)
        ids = [id_ for answer in answers for id_ in result_of(answer)]
        assert sorted(ids) == one.ids == two.ids
        assert sorted(kept_texts(nodes, one)) == sorted([*map(str, range(10)), "meanwhile"])
        assert one.follower.happened == two.follower.happened == []
        assert [one.store.kept(id_) for id_ in one.ids] == one.ids


def test_a_server_that_has_lost_everything_is_told(logged_errors: list[str]) -> None:
    """Each node is; no id comes twice, and what is said then is kept."""
    server = RedisServer().start()
    with RedisNodes("a", "b", server=server) as nodes:
        one, two = nodes.nodes
        first = one.store.append([saying("lost")])
        nodes.settle()
        before = one.store.id
        server.kill()
        nodes.advance(0.3)
        server.start()
        nodes.advance(2)
        assert one.follower.happened == two.follower.happened == [("missed", 0)]
        assert one.store.id == two.store.id != before
        second = two.store.append([saying("new")])
        nodes.settle()
        assert result_of(second)[0] > result_of(first)[0]  # type: ignore[operator]
        assert kept_texts(nodes, one) == ["new"]
        assert texts(one.follower.entries) == texts(two.follower.entries) == ["lost", "new"]
    server.remove()
    assert all("lost the whole history" in error for error in logged_errors)
    logged_errors.clear()


# -- a replica takes its place ---------------------------------------------------------------------


def fail_over(nodes: RedisNodes, old: RedisServer) -> RedisServer:
    """A copy that misses the last writes takes the server's place."""
    one, _ = nodes.nodes
    one.store.append([saying("kept")])
    nodes.settle()
    new = old.copy()
    for node in nodes.nodes:
        node.store.append([saying("lost")])
    nodes.settle()
    old.kill()
    for node in nodes.nodes:
        node.dialler.server = new
    nodes.advance(2)
    return new


def test_a_copy_that_misses_acknowledged_writes_is_told(logged_errors: list[str]) -> None:
    """From the last batch on that both have; ids never fall."""
    old = RedisServer().start()
    with RedisNodes("a", "b", server=old) as nodes:
        new = fail_over(nodes, old)
        one, two = nodes.nodes
        common = one.ids[0]
        assert one.follower.happened == two.follower.happened == [("missed", common)]
        lost = one.ids[-1]
        answer = one.store.append([saying("new")])
        nodes.settle()
        assert result_of(answer)[0] > lost  # type: ignore[operator]
        assert kept_texts(nodes, two) == ["kept", "new"]
        assert one.ids == two.ids
    new.remove()
    old.remove()
    assert all("lost what it had acknowledged" in error for error in logged_errors)
    logged_errors.clear()


@pytest.mark.parametrize("left", [0, 1])
def test_what_the_log_has_forgotten_is_not_taken_for_lost(
    logged_errors: list[str], left: int
) -> None:
    """Old batches leave the log, perhaps all of them; what a failover has lost is later."""
    old = RedisServer().start()
    with RedisNodes("a", "b", server=old) as nodes:
        one, two = nodes.nodes
        for n in range(10):
            one.store.append([saying(str(n))])
            nodes.settle()
        common = one.ids[-1]
        old.ask("ZREMRANGEBYRANK", nodes.key("log"), "0", str(-1 - left))
        new = old.copy()
        for n in range(5):
            one.store.append([saying(f"lost {n}")])
            nodes.settle()
        old.kill()
        for node in nodes.nodes:
            node.dialler.server = new
        nodes.advance(2)
        assert one.follower.happened == two.follower.happened == [("missed", common)]
    new.remove()
    old.remove()
    logged_errors.clear()


@pytest.mark.parametrize("handed_in", [True, False])
def test_no_id_is_given_twice_though_the_copy_s_clock_is_behind(
    monkeypatch: pytest.MonkeyPatch, logged_errors: list[str], handed_in: bool
) -> None:
    """A node hands in the highest id that it has seen; the control does not."""
    if not handed_in:
        deaf = changed(
            scripts.HELLO,
            "seen = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])",
            "seen = ARGV[2], tonumber(ARGV[3]), 0",
        )
        monkeypatch.setattr(scripts, "HELLO", deaf)
        monkeypatch.setattr(scripts, "ALL", (*scripts.ALL, deaf))
    now = [START]
    old = RedisServer().start()
    with RedisNodes("a", server=old, times=Times(lambda: now[0])) as nodes:
        (one,) = nodes.nodes
        one.store.append([saying("kept")])
        nodes.settle()
        new = old.copy()
        now[0] += 10
        one.store.append([saying("lost")])
        nodes.settle()
        lost = one.ids[-1]
        now[0] -= 10
        one.dialler.server = new
        old.kill()
        nodes.advance(2)
        answer = one.store.append([saying("new")])
        nodes.settle()
        assert (result_of(answer)[0] > lost) == handed_in  # type: ignore[operator]
    new.remove()
    old.remove()
    logged_errors.clear()


# -- a node that is behind -------------------------------------------------------------------------


def test_a_node_that_was_behind_for_too_long_is_told(
    nodes: RedisNodes, logged_errors: list[str]
) -> None:
    """Its place is not in the log any more; it goes on from the present."""
    one, two = nodes.nodes
    two.store.append([saying("first")])
    nodes.settle()
    wires = one.go_mute()
    for n in range(10):
        two.store.append([saying(str(n))])
    nodes.settle()
    nodes.server.ask("ZREMRANGEBYRANK", nodes.key("log"), "0", "-4")
    before = one.ids[-1]
    for wire in wires:
        wire.lose()
    nodes.advance(0.5)
    assert one.follower.happened == [("missed", before)]
    two.store.append([saying("last")])
    nodes.settle()
    assert texts(one.follower.entries) == ["first", "last"]
    assert "behind for too long" in logged_errors[0]
    logged_errors.clear()


def test_a_log_that_begins_right_behind_a_node_has_missed_nothing(nodes: RedisNodes) -> None:
    """Whatever the log has forgotten before."""
    one, two = nodes.nodes
    two.store.append([saying("first")])
    nodes.settle()
    wires = one.go_mute()
    two.store.append([saying("second")])
    nodes.settle()
    nodes.server.ask("ZREMRANGEBYRANK", nodes.key("log"), "0", "-2")
    for wire in wires:
        wire.lose()
    nodes.advance(0.5)
    assert (one.follower.happened, texts(one.follower.entries)) == ([], ["first", "second"])


# -- beginning -------------------------------------------------------------------------------------


def test_a_round_begins_after_few_answers(
    nodes: RedisNodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So a node is soon back where each answer takes its time: what needs no answer to something
    else does not wait for it.
    """
    waits, ask = [], Link.ask

    def counted(link: Link, *words: str | bytes | int) -> Deferred[Any]:
        if not link.owed:
            waits.append(words[0])
        return ask(link, *words)

    monkeypatch.setattr(Link, "ask", counted)
    one, _ = nodes.nodes
    one.cut()
    while not one.store._rounds.current:
        nodes.advance(0.1)
    assert len(waits) < 10


def test_scripts_that_the_server_has_forgotten_are_loaded_again(nodes: RedisNodes) -> None:
    """An administrator may flush them."""
    one, _ = nodes.nodes
    nodes.server.ask("SCRIPT", "FLUSH")
    answer = one.store.append([saying("one")])
    nodes.advance(0.2)
    assert result_of(answer) == one.ids
