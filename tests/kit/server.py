"""Every door of one chat, in memory, on a clock that stands still."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.interfaces import IAddress

from chatd.doors.api.tree import admin_site, web_site
from chatd.doors.classic import classic_site
from chatd.doors.irc.connection import IrcFactory
from chatd.doors.irc.door import IrcDoor, Told
from chatd.doors.irc.websocket import IrcWebSocketResource
from chatd.doors.line.factory import LineFactory
from chatd.http.bounds import USUAL, Bounds, most_body
from chatd.http.hosts import Hosts, hosts_of
from chatd.http.origin import Origins
from chatd.http.proxies import NO_PROXIES, Proxies
from chatd.http.site import ChatSite
from chatd.http.stricttransport import StrictTransport
from chatd.model.commands import Say
from chatd.net.connections import Connections
from chatd.net.peers import Peers
from chatd.server import drain
from chatd.server.doors import DoorContext
from chatd.server.lag import LoopLag
from chatd.server.metrics import ServerMetrics
from chatd.server.settings import Settings
from chatd.testing import FakeConnection, InMemoryChat, result_of

from .chat import looked_up, restarted
from .http import HttpClient

HOST = "192.0.2.1"
"""The default address of clients."""
NAMES = ("chat.example", "chat", "a", "x")
"""The host names of the doors."""


class MemoryServer:
    """A chat in memory, on a clock that stands still, and every door to it."""

    def __init__(
        self,
        origins: Sequence[str] = (),
        proxies: Proxies = NO_PROXIES,
        *,
        names: Sequence[str] = NAMES,
        chat: InMemoryChat | None = None,
        **options: Any,
    ) -> None:
        """Pages of `origins` may use it, `names` are its host names, and it serves `chat`, or a new
        chat with these `options`.
        """
        self.chat = chat or InMemoryChat(**options)
        self.lobby = self.chat.room("lobby")
        """This reference keeps it in memory, as a client in it would."""
        self._open_doors(origins, proxies, names)

    def _open_doors(self, origins: Sequence[str], proxies: Proxies, names: Sequence[str]) -> None:
        self.peers = Peers(self.chat.clock)
        self.line_door = LineFactory(self.chat.service, self.peers)
        self.irc = IrcDoor(self.chat.service, self.peers, Told("irc.example", "test"))
        self.irc_door = IrcFactory(self.irc)
        self.hosts = Hosts(self.chat.clock, [*names, *hosts_of(origins)], proxies)
        self.origins, self.strict = Origins(origins), StrictTransport()
        self.http_door = web_site(
            self.chat.service,
            self.origins,
            Bounds(most_body(None, self.chat.service.max_text)),
            proxies=proxies,
            peers=self.peers,
            hosts=self.hosts,
            others={b"irc": IrcWebSocketResource(self.irc, proxies)},
            strict=self.strict,
        )

    def line(self, host: str = HOST) -> FakeConnection:
        """A client's connection to the line door, from that address; its person has entered."""
        wire = self.chat.connect(self.line_door, peer(host))
        self.chat.settle()
        return wire

    def http(self, host: str = HOST) -> HttpClient:
        """A client's connection to the HTTP door, from that address."""
        return HttpClient(self.chat, self.http_door, peer(host))

    @cached_property
    def classic_door(self) -> ChatSite:
        """The classic door, which is made when a test needs it."""
        return classic_site(self.chat.service, peers=self.peers, hosts=self.hosts)

    def classic(self, host: str = HOST) -> HttpClient:
        """A client's connection to the classic door, from that address."""
        return HttpClient(self.chat, self.classic_door, peer(host))

    @cached_property
    def admin_door(self) -> ChatSite:
        """The administrators' door, which is closed unless it is asked for."""
        return admin_site(
            self.chat.service,
            self.metrics.collect,
            peers=self.peers,
            hosts=self.hosts,
            strict=self.strict,
        )

    @cached_property
    def metrics(self) -> ServerMetrics:
        """The metrics; connections in memory are not counted."""
        clock = self.chat.clock
        connections = Connections(clock)
        return ServerMetrics(self.chat.service, connections, self.peers, LoopLag(clock))

    def admin(self, host: str = "127.0.0.1") -> HttpClient:
        """A client's connection to the administrators' door, from that address."""
        return HttpClient(self.chat, self.admin_door, peer(host))

    def restarted(self) -> MemoryServer:
        """Every door of the same chat after a restart."""
        return MemoryServer(chat=restarted(self.chat))

    def say(self, *texts: str, room: str = "lobby", name: str = "bob") -> int:
        """Have a visitor send messages; returns the id of the last one."""
        service = self.chat.service
        visitor = service.visitor(name)
        said = [service.perform(visitor, Say(room, text)) for text in texts]
        self.chat.settle()
        return result_of(said[-1]) or 0

    def stored(self, *texts: str) -> list[int]:
        """Have a visitor send messages, one after another; returns their ids."""
        return [self.say(text) for text in texts]

    def have_accepted(self, text: str) -> None:
        """Have a visitor send a message that is accepted, and not stored in this turn."""
        looked_up(self.chat, "bob")
        visitor = self.chat.service.visitor("bob")
        self.chat.service.perform(visitor, Say("lobby", text))

    def hold_appends(self) -> None:
        """Hold back the units that are accepted from here on, before the store takes them."""
        self.chat.store.hold("appends")

    def release_appends(self) -> None:
        """Store the units that were held back."""
        self.chat.store.release("appends")
        self.chat.settle()

    def context(self, settings: Settings | None = None) -> DoorContext:
        """The context from which the table of doors makes the doors of this chat."""
        return DoorContext(
            settings=settings or Settings(),
            chat=self.chat.service,
            peers=self.peers,
            hosts=self.hosts,
            origins=self.origins,
            strict=self.strict,
            proxies=NO_PROXIES,
            bounds=USUAL,
            irc=self.irc,
            metrics=self.metrics.collect,
        )

    def going_down(self) -> drain.ChatServer:
        """The service that a shutdown stops."""
        return drain.ChatServer(self.chat.clock, self.chat.service, self.peers)

    @property
    def here(self) -> list[str]:
        """The people in the lobby."""
        return self.lobby.names

    def kinds(self, room: str = "lobby") -> list[str]:
        """The types of the events in a room's log, oldest first."""
        return [type(entry.event).__name__ for entry in self.chat.entries(room)]


def peer(host: str) -> IAddress:
    """The address of a connection from a host; "unix" stands for a UNIX socket."""
    if host == "unix":
        return UNIXAddress(b"")
    return IPv6Address("TCP", host, 5000) if ":" in host else IPv4Address("TCP", host, 5000)
