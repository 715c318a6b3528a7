"""Dialling: a connection to the server that a URL names, within its time."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import deferLater

from chatd.model.errors import Unavailable
from chatd.store.redis import dialling
from chatd.store.redis.dialling import Dialler
from chatd.store.redis.url import RedisUrl, parse

from ...kit.redis import RedisServer, free_port


@pytest.fixture
def server() -> Iterator[RedisServer]:
    server = RedisServer("--requirepass", "s@cret", tcp=True)
    server.start(password="s@cret")
    yield server
    server.remove()


Running = Generator[Deferred[Any], Any, None]


def a_turn() -> Deferred[None]:
    """What ends a connection takes a turn of the reactor."""
    return deferLater(reactor, 0.01, lambda: None)


def dial(url: RedisUrl) -> Deferred[Any]:
    return Dialler(reactor, url)()


@pytest_twisted.inlineCallbacks
def test_a_connection_is_logged_in_and_in_its_database(server: RedisServer) -> Running:
    """Ready for commands; names are resolved."""
    for host in ("127.0.0.1", "localhost"):
        link = yield dial(parse(f"redis://:s%40cret@{host}:{server.port}/3"))
        assert (yield link.ask("SET", host, "x")) == b"OK"
        assert (yield link.ask("DBSIZE")) >= 1
        assert b"db=3" in (yield link.ask("CLIENT", "INFO"))
        gone: Deferred[str] = Deferred()
        link.lost = gone.callback
        link.abort()
        yield gone


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("redis://:wrong@127.0.0.1:{port}", "WRONGPASS"),
        ("redis://:s%40cret@127.0.0.1:{port}/99", "out of range"),
        ("redis://127.0.0.1:{free}", "refused"),
        ("redis+sentinel://127.0.0.1:{free}/main", "refused"),
        ("redis+sentinel://127.0.0.1:{port}/main", "NOAUTH|unknown command"),
    ],
)
@pytest_twisted.inlineCallbacks
def test_why_there_is_no_connection_is_told(server: RedisServer, url: str, reason: str) -> Running:
    """In words, without the password."""
    with pytest.raises(Unavailable, match=reason) as refusal:
        yield dial(parse(url.format(port=server.port, free=free_port())))
    yield a_turn()
    assert "wrong" not in refusal.value.message.replace("WRONG", "")


class Silent(Protocol):
    """Accepts, and says nothing."""


class Sentinel(Protocol):
    """Knows where one service is."""

    port = 0

    def dataReceived(self, data: bytes) -> None:
        """Answer."""
        assert b"GET-MASTER-ADDR-BY-NAME" in data
        port = b"%d" % self.port
        known = b"*2\r\n$9\r\n127.0.0.1\r\n$%d\r\n%b\r\n" % (len(port), port)
        assert self.transport
        self.transport.write(known if b"main" in data else b"*-1\r\n")


@pytest_twisted.inlineCallbacks
def test_a_sentinel_says_where_the_server_is(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> Running:
    """The first one that knows: others may be silent, or not there."""
    monkeypatch.setattr(dialling, "CONNECT_SECONDS", 0.2)
    places: list[str] = []
    ports: list[Any] = []
    monkeypatch.setattr(Sentinel, "port", server.port)
    for protocol in (Silent, Sentinel):
        factory: Factory[Any] = Factory.forProtocol(protocol)
        factory.noisy = False
        port = yield TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(factory)
        ports.append(port)
        places.append(f"127.0.0.1:{port.getHost().port}")
    hosts = ",".join([f"127.0.0.1:{free_port()}", *places])
    link = yield dial(parse(f"redis+sentinel://:s%40cret@{hosts}/main"))
    assert (yield link.ask("PING")) == b"PONG"
    link.abandon()
    with pytest.raises(Unavailable, match="knows no service 'other'"):
        yield dial(parse(f"redis+sentinel://{hosts}/other"))
    for port in ports:
        yield port.stopListening()
    yield a_turn()
