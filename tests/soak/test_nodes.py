"""The soak's checker over several nodes: with the fence, the versions or the highest id handed in
taken out of the scripts, it finds what is wrong; as they are, it finds nothing.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from twisted.internet.defer import Deferred

from chatd.codecs.json import JSON
from chatd.model.units import NAMES, Stale
from chatd.store.redis import scripts
from chatd.store.redis.rounds import PATIENCE_SECONDS
from chatd.store.redis.scripts import Script
from chatd.store.redis.times import Times
from chatd.stream.eventlog import Entry
from chatd.testing import START, result_of
from chatd.testing.stores import FakeFollower
from soak.checker import EVER, GAP, Contents, Event, Saying, Trail, judge

from ..kit.redis import Node, RedisNodes, RedisServer
from ..kit.stores import claim, saying

pytestmark = pytest.mark.usefixtures("logged_warnings")


class ReadingFollower(FakeFollower):
    """Keeps a trail, as a reader of the lobby on its node would."""

    def __init__(self, reader: str) -> None:
        super().__init__()
        self.trail = Trail(reader, frozenset({"lobby"}), items=array("q"))

    def shown(self, batch: Any) -> None:
        """See `chatd.store.Follower.shown`."""
        super().shown(batch)
        self.trail.items.extend(entry.id for unit in batch for entry in unit.entries)

    def missed(self, since: int, survey: Callable[[], Deferred[Any]]) -> None:
        """See `chatd.store.Follower.missed`."""
        self.trail.items.append(GAP)


class Case:
    """Nodes, what was said on them, and what the checker makes of it."""

    def __init__(self, nodes: RedisNodes, *names: str) -> None:
        self.nodes = nodes
        self.sayings: list[Saying] = []
        self._answers: list[Deferred[list[int | Stale]]] = []
        self.grants: dict[str, int] = {}
        for name in names:
            node = nodes.make(name)
            node.follower = ReadingFollower(name)
            opening = node.store.open(node.follower)
            nodes.settle()
            result_of(opening)

    def say(self, node: Node) -> None:
        """Something is said on a node."""
        serial = len(self.sayings) + 1
        text = f"m{serial}"
        self.sayings.append(Saying(serial, f"voice {serial}", "lobby", text))
        self._answers.append(node.store.append([saying(text)]))

    def findings(self) -> str:
        """What the checker finds, a line each."""
        for said, answer in zip(self.sayings, self._answers, strict=True):
            told = result_of(answer)
            said.stored, said.id = True, int(told[0])  # type: ignore[arg-type]
        reading = self.nodes.nodes[0].store.read("lobby", limit=1000)
        self.nodes.settle()
        history = [_event(entry) for entry in result_of(reading).entries]
        trails = [node.follower.trail for node in self.nodes.nodes]  # type: ignore[attr-defined]
        contents = Contents()
        for node in self.nodes.nodes:
            for entry in node.follower.entries:
                contents.saw(_event(entry))
        verdict = judge({"lobby": history}, self.sayings, trails, contents, self.grants, [EVER])
        return "\n".join(verdict.findings)


def _event(entry: Entry) -> Event:
    return msgspec.json.decode(JSON.encode(entry), type=Event)


def without(monkeypatch: pytest.MonkeyPatch, name: str, old: str, new: str) -> Script:
    """Replace something in the script of that name."""
    text = getattr(scripts, name).text.decode()
    assert old in text
    changed = scripts.script(text.replace(old, new).encode())
    monkeypatch.setattr(scripts, name, changed)
    monkeypatch.setattr(scripts, "ALL", (*scripts.ALL, changed))
    return changed


intact = pytest.mark.parametrize("intact", [True, False])


@intact
def test_a_message_that_comes_late_is_found_without_the_fence(
    monkeypatch: pytest.MonkeyPatch, intact: bool
) -> None:
    """It is there twice."""
    if not intact:
        held = "if not held or match(held, '^%S+') ~= ARGV[2] then"
        without(monkeypatch, "APPEND", held, "if false then")
    with RedisNodes() as nodes:
        case = Case(nodes, "a", "b")
        one, _ = nodes.nodes
        wires = one.go_mute()
        case.say(one)
        nodes.advance(PATIENCE_SECONDS + 0.3)
        wires[0].arrive_late()
        nodes.settle()
        assert case.findings() == "" if intact else "is there 2 times" in case.findings()


@intact
def test_a_name_that_two_nodes_grant_is_found_without_the_versions(
    monkeypatch: pytest.MonkeyPatch, intact: bool
) -> None:
    """Both nodes had judged by the state before."""
    if not intact:
        without(monkeypatch, "APPEND_WHEN_FULL", "if version ~= e[3] then", "if false then")
    with RedisNodes() as nodes:
        case = Case(nodes, "a", "b")
        both = [node.store.append([claim(NAMES, "ada", b"x", 0)]) for node in nodes.nodes]
        nodes.settle()
        outcomes = [result_of(answer)[0] for answer in both]
        case.grants["ada"] = sum(not isinstance(outcome, Stale) for outcome in outcomes)
        assert case.findings() == "" if intact else "granted 2 times" in case.findings()


@intact
def test_an_id_that_falls_is_found_without_the_highest_id_handed_in(
    monkeypatch: pytest.MonkeyPatch, logged_errors: list[str], intact: bool
) -> None:
    """A copy that misses writes takes the engine's place, and its clock is behind."""
    if not intact:
        seen = "seen = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])"
        without(monkeypatch, "HELLO", seen, seen.replace("tonumber(ARGV[4])", "0"))
    now = [START]
    old = RedisServer().start()
    with RedisNodes(server=old, times=Times(lambda: now[0])) as nodes:
        case = Case(nodes, "a")
        (one,) = nodes.nodes
        case.say(one)
        nodes.settle()
        new = old.copy()
        now[0] += 10
        case.say(one)
        nodes.settle()
        now[0] -= 10
        one.dialler.server = new
        old.kill()
        nodes.advance(2)
        case.say(one)
        nodes.settle()
        assert case.findings() == "" if intact else "out of order" in case.findings()
    new.remove()
    old.remove()
    logged_errors.clear()
