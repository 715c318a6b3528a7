"""Dialling: a connection to the server that a URL names, within its time."""

from __future__ import annotations

import re
import socket
from collections.abc import Awaitable, Callable, Generator, Iterator
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import deferLater

from chatd.chat import journal
from chatd.chat.limits import Limits
from chatd.chat.service import ChatService
from chatd.codecs.json import JSON
from chatd.model.commands import Say
from chatd.model.errors import InDoubt, Unavailable
from chatd.model.identity import Stranger
from chatd.store.redis import dialling
from chatd.store.redis.dialling import Dialler
from chatd.store.redis.store import RedisStore
from chatd.store.redis.url import RedisUrl, parse
from chatd.testing import FakeOutlet
from chatd.testing.stores import FakeFollower

from ...kit import redis as kit
from ...kit.certificates import write_certificate
from ...kit.chat import read
from ...kit.redis import RedisServer, free_port, fresh_prefix
from ...kit.stores import saying, texts


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
        dialler = Dialler(reactor, parse(f"redis://:s%40cret@{host}:{server.port}/3"))
        link = yield dialler()
        assert (yield link.ask("SET", host, "x")) == b"OK"
        assert (yield link.ask("DBSIZE")) >= 1
        assert b"db=3" in (yield link.ask("CLIENT", "INFO"))
        assert not (yield dialler.moved()), "there are no sentinels"
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


# -- TLS -------------------------------------------------------------------------------------------


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1, and its key."""
    return write_certificate(tmp_path)


@pytest.fixture
def tls_port(certificate: tuple[Path, Path]) -> Iterator[int]:
    """The port at which a server speaks TLS."""
    port, (its, key) = free_port(), certificate
    server = RedisServer(
        *("--tls-port", str(port), "--tls-auth-clients", "no"),
        *("--tls-cert-file", str(its), "--tls-key-file", str(key), "--tls-ca-cert-file", str(its)),
    )
    server.start()
    yield port
    server.remove()


@pytest_twisted.inlineCallbacks
def test_a_server_is_reached_by_tls(
    tls_port: int, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> Running:
    """If an authority of the system has signed its certificate; both of a round's connections."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    url = parse(f"rediss://127.0.0.1:{tls_port}?prefix={fresh_prefix()}")
    link = yield dial(url)
    assert (yield link.ask("PING")) == b"PONG"
    link.abandon()
    store = RedisStore(reactor, Dialler(reactor, url), 10, node="n", prefix=url.prefix)
    follower = FakeFollower()
    yield store.open(follower)
    yield store.append([saying("sealed")])
    assert texts(follower.entries) == ["sealed"]
    yield store.close()
    yield a_turn()


@pytest_twisted.inlineCallbacks
def test_a_server_whose_certificate_is_not_trusted_is_not_used(tls_port: int) -> Running:
    """Nothing is said to it, and no password sent."""
    with pytest.raises(Unavailable, match="certificate verify failed"):
        yield dial(parse(f"rediss://:secret@127.0.0.1:{tls_port}"))
    yield a_turn()


@pytest_twisted.inlineCallbacks
def test_a_certificate_for_another_host_is_not_trusted(
    tls_port: int, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> Running:
    """Though an authority of the system has signed it."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    with pytest.raises(Unavailable, match="localhost"):
        yield dial(parse(f"rediss://:secret@localhost:{tls_port}"))
    yield a_turn()


# -- sentinels -------------------------------------------------------------------------------------


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
    dialler = Dialler(reactor, parse(f"redis+sentinel://:s%40cret@{hosts}/main"))
    link = yield dialler()
    assert (yield link.ask("PING")) == b"PONG"
    link.abandon()
    assert not (yield dialler.moved())
    monkeypatch.setattr(Sentinel, "port", 1)
    assert (yield dialler.moved())
    with pytest.raises(Unavailable, match="knows no service 'other'"):
        yield dial(parse(f"redis+sentinel://{hosts}/other"))
    for port in ports:
        yield port.stopListening()
    yield a_turn()


class Failover:
    """A server, its replica, and a sentinel that watches both."""

    def __init__(self) -> None:
        self.master = RedisServer("--repl-diskless-sync-delay", "0", tcp=True).start()
        place = ("127.0.0.1", str(self.master.port))
        self.replica = RedisServer("--replicaof", *place, tcp=True).start()
        self.sentinel = kit.Sentinel(self.master)
        self.url = parse(f"redis+sentinel://127.0.0.1:{self.sentinel.port}/main")

    async def asked(self, *words: str) -> Any:
        """What the sentinel answers, when it is there."""
        link = None
        while link is None:
            with suppress(Unavailable):
                link = await dial(parse(f"redis://127.0.0.1:{self.sentinel.port}"))
        answer = await link.ask("SENTINEL", *words)
        link.abandon()
        return answer

    async def replica_has_all(self) -> bool:
        """Whether the replica has what the master has.  `WAIT` does not tell: it looks at the
        writes of its own connection only.
        """
        words = ("INFO", "replication")
        sent = re.search(rb"\bmaster_repl_offset:(\d+)", self.master.ask(*words))
        taken = re.search(rb"\bslave_repl_offset:(\d+)", self.replica.ask(*words))
        assert sent
        assert taken
        return int(taken[1]) >= int(sent[1])

    def remove(self) -> None:
        """Nothing is left."""
        for one in (self.sentinel, self.replica, self.master):
            one.remove()


@pytest.fixture
def failover() -> Iterator[Failover]:
    failover = Failover()
    yield failover
    failover.remove()


async def until(asked: Callable[[], Awaitable[bool]]) -> None:
    """Ask again until it is so, for half a minute at most."""
    end = monotonic() + 30
    while not await asked():
        assert monotonic() < end
        await deferLater(reactor, 0.02, lambda: None)


class Chat:
    """A node of a chat, and what a reader on it was sent."""

    def __init__(self, failover: Failover, name: str) -> None:
        store = RedisStore(reactor, Dialler(reactor, failover.url), 100, node=name)
        limits = Limits(message_rate=0, address_rate=0)
        self.service = ChatService(reactor, store, history=100, limits=limits, node=name)

    async def open(self) -> FakeOutlet:
        """Begin; answers a reader who reads from now on."""
        await self.service.open()
        self._room = await self.service.rooms.load("lobby")
        return self.read(self.service.horizon)

    def read(self, cursor: int) -> FakeOutlet:
        """One who reads from a cursor."""
        outlet = FakeOutlet()
        place = self.service.place([self._room], cursor)
        outlet.subscriber = self.service.readers.open(
            Stranger(), [(self._room, JSON)], outlet, place.cursor, gaps=place.gaps
        )
        outlet.subscriber.start()
        return outlet

    async def say(self, text: str, key: bytes | None = None) -> int:
        """A visitor says something; its id.  Raises `Unavailable`, `InDoubt`."""
        speaker = self.service.visitor("ci")
        id_ = await self.service.perform(speaker, Say("lobby", text), key)
        assert id_ is not None
        return id_


@pytest_twisted.ensureDeferred
@pytest.mark.usefixtures("logged_warnings")
async def test_nodes_go_on_at_the_replica_that_the_sentinels_promote(
    failover: Failover, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When they see by themselves that the master is dead.  Saying is refused meanwhile and reading
    goes on; in the end everything is there in one order, and readers are told of no gap, as
    nothing was lost.
    """

    monkeypatch.setattr(journal, "DOUBT_SECONDS", 0.0)  # no call is left behind

    async def knows_both() -> bool:
        found = await failover.asked("REPLICAS", "main")
        told = [dict(zip(one[::2], one[1::2], strict=True)) for one in found]
        return [one[b"master-link-status"] for one in told] == [b"ok"]

    await until(knows_both)
    chats = [Chat(failover, name) for name in ("a", "b")]
    readers = [await chat.open() for chat in chats]
    expected = [f"before {n}" for n in range(5)]
    ids = [await chats[n % 2].say(text) for n, text in enumerate(expected)]
    await until(failover.replica_has_all)
    failover.master.kill()
    # Else a server of another test may come to listen there, and count as this master.
    vacant = socket.socket()
    vacant.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    vacant.bind(("127.0.0.1", failover.master.port))

    async def is_taken(chat: Chat, text: str) -> bool:
        try:
            ids.append(await chat.say(text, text.encode()))
        except (Unavailable, InDoubt):
            assert read(chats[1].read(ids[0]))[:4] == expected[1:5]
            return False
        expected.append(text)
        return True

    assert not await is_taken(chats[0], "after")
    await failover.asked("SET", "main", "down-after-milliseconds", "500")
    await until(lambda: is_taken(chats[0], "after"))
    assert b"role:master" in failover.replica.ask("INFO", "replication")
    await until(lambda: is_taken(chats[1], "and after"))

    async def is_shown() -> bool:
        return [read(reader) for reader in readers] == [expected] * 2

    await until(is_shown)
    vacant.close()
    assert ids == sorted(set(ids))
    for chat in chats:
        await chat.service.stopService()
    await deferLater(reactor, 0.01, lambda: None)
