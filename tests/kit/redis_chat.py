"""Chats on one Redis: several nodes with people on them."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from chatd.chat.limits import Limits
from chatd.chat.passwords import Passwords
from chatd.chat.person import Person
from chatd.chat.room import Room
from chatd.chat.service import ChatService
from chatd.codecs.json import JSON
from chatd.model.commands import Command, Say
from chatd.model.events import Event, Left
from chatd.model.identity import Stranger
from chatd.testing import CHEAP, FakeOutlet, SoonPool, result_of

from .redis import RedisNodes, RedisServer


class ChatNode:
    """One node's chat."""

    def __init__(self, chats: RedisChats, name: str, history: int) -> None:
        self._chats = chats
        self.node = chats.nodes.make(name)
        self.service = ChatService(
            chats.nodes.clock,
            self.node.store,
            history=history,
            limits=Limits(message_rate=0, address_rate=0),
            node=name,
            passwords=Passwords(SoonPool(chats.nodes.clock), CHEAP),
        )
        chats.answered(self.service.open())

    def enter(self, name: str = "") -> Person:
        """A person who has come in."""
        person: Person = self._chats.answered(self.service.enter(name))
        return person

    def perform(self, person: Person, command: Command) -> int | None:
        """Carry a command out.  Raises the `ChatError` if it is refused."""
        id_: int | None = self._chats.answered(self.service.perform(person, command))
        return id_

    def say(self, text: str, room: str = "lobby") -> int:
        """A visitor says something; its id."""
        id_ = self.perform(self.service.visitor("ci"), Say(room, text))
        assert id_ is not None
        return id_

    def room(self, name: str = "lobby") -> Room:
        """A room, loaded."""
        room: Room = self._chats.answered(self.service.rooms.load(name))
        return room

    def read(self, cursor: int | None = None, room: str = "lobby") -> FakeOutlet:
        """The outlet of a stranger who reads a room: from now on, or from a cursor."""
        outlet = FakeOutlet()
        source = self.room(room)
        service = self.service
        place = service.place([source], service.horizon if cursor is None else cursor)
        outlet.subscriber = service.readers.open(
            Stranger(), [(source, JSON)], outlet, place.cursor, places=place.logs, gaps=place.gaps
        )
        outlet.subscriber.start()
        self._chats.nodes.settle()
        return outlet

    def events(self, room: str = "lobby") -> list[Event]:
        """The events in a room's log."""
        return [entry.event for entry in self.room(room).log.since(0).entries]


class RedisChats:
    """Nodes of one chat, and the turns of their one reactor."""

    def __init__(self, *names: str, server: RedisServer | None = None, history: int = 1000) -> None:
        self.nodes = RedisNodes(server=server, history=history)
        self.chats = [ChatNode(self, name, history) for name in names]

    def answered(self, asked: Deferred[Any]) -> Any:
        """What is answered to something."""
        self.nodes.settle()
        return result_of(asked)

    def __enter__(self) -> RedisChats:
        return self

    def __exit__(self, *_: object) -> None:
        for chat in self.chats:
            chat.service._journal.drain()
        self.nodes.__exit__()
        for call in self.nodes.clock.getDelayedCalls():
            call.cancel()


def leaves(chat: ChatNode) -> list[str]:
    """The names of those whose leaving the lobby's history has."""
    return [event.sender for event in chat.events() if isinstance(event, Left)]


def holders(chat: ChatNode) -> dict[str, str]:
    """The names that are held as far as a node knows, by key."""
    return {key: held.name for key, held in chat.service.people.held.items()}
