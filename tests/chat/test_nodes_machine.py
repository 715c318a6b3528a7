"""Two nodes on one Redis agree, whatever commands are given and however the way there fails."""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import rule

from ..kit.redis import Wire
from ..kit.redis_chat import ChatNode, RedisChats
from .test_journal_nodes import TwoNodes


class Way:
    """The way of a node to its engine, as a store that can be slow."""

    refusing = False
    doubting = None

    def __init__(self, node: ChatNode) -> None:
        self._node = node.node

    def hold(self, what: str) -> None:
        """Let nothing through: what is asked, or what is published."""
        wires = [wire for wire in self._node.dialler.wires if wire.link]
        for wire in wires[:1] if what != "shown" else wires[1:]:
            wire.mute = True

    def release(self) -> None:
        """Let everything through that was held on connections that are still there."""
        for wire in self._node.dialler.wires:
            if wire.mute and wire.link:
                wire.mute = False
                held, wire.held = wire.held, []
                for data in held:
                    wire.write(data)

    def late(self) -> list[Wire]:
        """Connections that are gone, of which something may come to the engine all the same."""
        return [
            wire for wire in self._node.dialler.wires if wire.mute and wire.held and not wire.link
        ]


class Chat:
    """A node's chat, as `InMemoryChat` has it."""

    def __init__(self, chats: RedisChats, node: ChatNode) -> None:
        self._chats = chats
        self.node = node
        self.service = node.service
        self.store = Way(node)
        self.clock = chats.nodes.clock
        self.settle = chats.nodes.settle
        self.advance = chats.nodes.advance
        self.room = node.room

    def entries(self, room: str) -> list[Any]:
        """What a room's log holds."""
        return list(self.room(room).log.since(0).entries)


class TwoNodesOnRedis(TwoNodes):
    """The same over real connections, which are cut, go mute, and time out."""

    def make(self) -> list[Any]:
        """Two nodes."""
        self.chats = RedisChats("a", "b")
        return [Chat(self.chats, node) for node in self.chats.chats]

    @rule(node=st.integers(0, 1))
    def cut(self, node: int) -> None:
        """Its connections are lost."""
        self.nodes[node].node.node.cut()

    @rule(seconds=st.sampled_from([0.1, 1.5, 4.0]))
    def wait(self, seconds: float) -> None:
        """What has to be answered by then is told."""
        self.nodes[0].advance(seconds)

    @rule(node=st.integers(0, 1))
    def arrive_late(self, node: int) -> None:
        """What was sent on a connection that was given up reaches the engine."""
        for wire in self.nodes[node].store.late():
            wire.arrive_late()

    @rule()
    def turn(self) -> None:
        """Whatever is on its way arrives."""
        self.nodes[0].settle()

    def teardown(self) -> None:
        """Nothing stands in the way any more."""
        for chat in self.nodes:
            chat.store.release()
        self.nodes[0].advance(3)
        for chat in self.nodes:
            for wire in chat.store.late():
                wire.arrive_late()
        super().teardown()
        self.chats.__exit__()


TestTwoNodesOnRedis = TwoNodesOnRedis.TestCase
TestTwoNodesOnRedis.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
del TwoNodes
