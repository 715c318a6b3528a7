"""An in-memory network between treq and a real HTTP door, with faults."""

from __future__ import annotations

from collections.abc import Awaitable
from io import BytesIO
from typing import Any, TypeVar

from treq.client import HTTPClient
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, ensureDeferred, fail, succeed
from twisted.internet.error import ConnectionLost, ConnectionRefusedError
from twisted.internet.interfaces import IProtocolFactory, IStreamClientEndpoint
from twisted.internet.task import Cooperator
from twisted.python.failure import Failure
from twisted.test.iosim import FakeTransport
from twisted.web.client import Agent, FileBodyProducer, HTTPConnectionPool
from twisted.web.iweb import IAgentEndpointFactory
from zope.interface import implementer

from chatd.chat.limits import Limits
from chatd.chat.service import ChatService
from chatd.client import ChatClient, Event, Events
from chatd.doors.api.tree import web_site
from chatd.http.hosts import Hosts
from chatd.model.commands import Say
from chatd.testing import START, InMemoryChat, result_of
from chatd.testing.clock import StrictClock
from chatd.testing.stores import RefusingStore

T = TypeVar("T")

URL = "http://chat.example:8080"


@implementer(IAgentEndpointFactory, IStreamClientEndpoint)
class Network:
    """One server, and the connections between it and its clients."""

    def __init__(self, **options: Any) -> None:
        self.chat = InMemoryChat(**options)
        self.clock = StrictClock()
        """The clock of the clients; the server has its own."""
        self.clock.advance(START)
        self.site: Any = web_site(self.chat.service, hosts=Hosts(self.chat.clock, ["chat.example"]))
        self.up = True
        """Whether new connections are accepted."""
        self.refused = 0
        """The number of connections that were refused."""
        self.losing = 0
        """How many of the next responses are lost, with their connections."""
        self.holding = False
        """Whether responses are held back, without an error."""
        self.requests: list[str] = []
        """The first line of each request that reached the server."""
        self.links: list[Link] = []

    def client(self, name: str = "", **options: Any) -> ChatClient:
        """A client on this network."""
        pool = HTTPConnectionPool(self.clock)
        pool.retryAutomatically = False
        http = HTTPClient(
            Agent.usingEndpointFactory(self.clock, self, pool), data_to_body_producer=self._body
        )
        client = ChatClient(URL, name, reactor=self.clock, http=http, **options)
        client._pool = pool  # closed with the client
        return client

    def _body(self, data: bytes) -> FileBodyProducer:
        """The body of a request, produced on this network's clock instead of the reactor."""
        cooperator = Cooperator(scheduler=lambda go_on: self.clock.callLater(0, go_on))
        return FileBodyProducer(BytesIO(data), cooperator)

    def endpointForURI(self, uri: object) -> Network:
        return self

    def connect(self, factory: IProtocolFactory) -> Deferred[Any]:
        """Connect a client, or refuse it."""
        if not self.up:
            self.refused += 1
            return fail(ConnectionRefusedError())
        link = Link(self, factory)
        self.links.append(link)
        return succeed(link.client.protocol)

    def settle(self) -> None:
        """Carry bytes and run due calls until nothing is left to do, without time passing."""
        idle = 0
        while idle < 6:
            carried = sum(link.carry() for link in self.open_links)
            self.clock.advance(0)
            self.chat.clock.advance(0)
            idle = 0 if carried else idle + 1

    def advance(self, seconds: float, step: float = 0.25) -> None:
        """Let time pass, and settle at each step."""
        end = self.clock.seconds() + seconds
        self.settle()
        while (left := end - self.clock.seconds()) > 0:
            self.chat.clock.advance(min(step, left))
            self.clock.advance(min(step, left))
            self.settle()

    def result(self, waiting: Deferred[T] | Awaitable[T]) -> T:
        """The result of an operation that takes no time."""
        waiting = start(waiting)
        self.settle()
        return result_of(waiting)

    def next(self, events: Events, count: int = 1) -> list[Event]:
        """The next `count` events of an iteration."""
        return [self.result(events.__anext__()) for _ in range(count)]

    def assert_nothing_left(self) -> None:
        """Check that no connection and no timer of the clients is left."""
        assert self.open_links == []
        assert self.clock.getDelayedCalls() == []

    @property
    def open_links(self) -> list[Link]:
        """The connections that are not lost."""
        return [link for link in self.links if not link.lost]

    def cut(self) -> None:
        """Lose every connection, with all bytes in flight."""
        for link in self.open_links:
            link.cut()

    def until(self, request: str) -> None:
        """Run until the server has received a request, and the client not yet its response."""
        before = len(self.requests)
        while request not in self.requests[before:]:
            idle = not sum(link.carry() for link in self.open_links)
            for clock in (self.clock, self.chat.clock):
                clock.advance(0.01 if idle else 0)

    @property
    def busy(self) -> list[Link]:
        """The connections with a pending request, oldest first."""
        return [link for link in self.open_links if link.busy]

    def restart(self, down: float = 0) -> None:
        """Kill the server, and start another one with an empty store `down` seconds later.

        At least one second passes, because ids come from the clock.
        """
        self.up = False
        self.cut()
        self.advance(max(down, 1), step=5)
        clock = self.chat.clock
        self.chat.store = RefusingStore(clock, clock.seconds, 1000)
        self.chat.service = ChatService(clock, self.chat.store, limits=Limits(message_rate=0))
        opened = self.chat.service.open()
        self.chat.settle()
        result_of(opened)
        self.site = web_site(self.chat.service, hosts=Hosts(self.chat.clock, ["chat.example"]))
        self.up = True

    @property
    def texts(self) -> list[str]:
        """The texts of the messages in the lobby."""
        return self.chat.texts("lobby")

    @property
    def people(self) -> list[str]:
        """The names of the people in the lobby."""
        return self.chat.room("lobby").names

    def say(self, text: str, name: str = "eve", room: str = "lobby") -> None:
        """Send a message as another person."""
        visitor = self.chat.service.visitor(name)
        self.chat.service.perform(visitor, Say(room, text))
        self.settle()


class Link:
    """One connection between a client and the server."""

    def __init__(self, network: Network, factory: IProtocolFactory) -> None:
        here, there = IPv4Address("TCP", "127.0.0.1", 9), IPv4Address("TCP", "127.0.0.1", 8080)
        self._network = network
        self.lost = False
        self.holding = False
        """Whether responses on this connection are held back."""
        self.client = FakeTransport(factory.buildProtocol(there), False, here, there)
        self._server = FakeTransport(network.site.buildProtocol(here), True, there, here)
        self.client.protocol.makeConnection(self.client)
        self._server.protocol.makeConnection(self._server)

    @property
    def busy(self) -> bool:
        """Whether a request is pending."""
        return bool(self.client.protocol.state != "QUIESCENT")

    def carry(self) -> bool:
        """Carry written bytes both ways; return whether there were any."""
        network = self._network
        asked = self.client.getOutBuffer()
        if asked:
            line = asked.partition(b"\r\n")[0].decode()
            network.requests += [line[:-9]] if line.endswith(" HTTP/1.1") else []
            self._server.bufferReceived(asked)
        if self.client.disconnecting:
            self.cut()
        if network.holding or self.holding:
            return bool(asked)
        answered = self._server.getOutBuffer()
        if answered and network.losing:
            network.losing -= 1
            self.cut()
        elif answered:
            self.client.bufferReceived(answered)
        elif self._server.disconnecting:
            self.cut()
        return bool(asked or answered)

    def cut(self) -> None:
        """Lose the connection."""
        if not self.lost:
            self.lost = True
            for end in (self.client, self._server):
                end.disconnecting = True
                end.protocol.connectionLost(Failure(ConnectionLost()))


def start(waiting: Deferred[T] | Awaitable[T]) -> Deferred[T]:
    """Start an awaitable."""
    return ensureDeferred(waiting)  # type: ignore[arg-type]
