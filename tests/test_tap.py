"""`twistd chatd`: its options, and the services made from them."""

from __future__ import annotations

import re
import sys
import time
from io import StringIO
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.defer import maybeDeferred
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.error import ConnectionRefusedError
from twisted.internet.protocol import Protocol

from chatd.chat.limits import Limits
from chatd.chat.service import ChatService
from chatd.net.connections import CountedTCP
from chatd.net.tcp import WriteThrough
from chatd.server.doors import DOORS
from chatd.server.options import Options
from chatd.server.startup import Door, ServerProcess, StartupError, written_place
from chatd.tap import makeService

from .kit.file_faults import room_for

HERE = "tcp:0:interface=127.0.0.1"


def parsed(*arguments: str) -> Options:
    """Options as twistd parses them."""
    options = Options()
    options.parseOptions(arguments)
    return options


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """The reactor, whose clock is restored after the test; files go to a temporary directory."""
    monkeypatch.chdir(tmp_path)
    running: Any = reactor
    monkeypatch.setattr(running, "seconds", running.seconds)
    return running


def test_defaults_serve_this_machine_only() -> None:
    """They keep a thousand events of a room in memory."""
    options = parsed()
    assert options.settings.doors["line"] == ("tcp:8023:interface=127.0.0.1",)
    assert options.settings.doors["http"] == ("tcp:8080:interface=127.0.0.1",)
    assert options.settings.doors["classic"] == ()
    assert options.settings.allow_origin == ()
    assert (options.settings.history, options.settings.message_rate) == (1000, 5)
    assert options.settings.max_text == 4096


@pytest.mark.parametrize("door", ["line", "http"])
def test_a_door_option_replaces_the_door_s_default(door: str) -> None:
    """It may be repeated; the other door keeps its default."""
    options = parsed(f"--{door}", "tcp:1", f"--{door}=tcp:2")
    other = {"line": "http", "http": "line"}[door]
    assert options.settings.doors[door] == ("tcp:1", "tcp:2")
    assert options.settings.doors[other] == parsed().settings.doors[other]


@pytest.mark.parametrize("door", [door.name for door in DOORS])
def test_none_closes_a_door(door: str) -> None:
    """No other option is needed."""
    assert parsed(f"--{door}", "none").settings.doors[door] == ()


def test_repeated_allow_origin_collects_origins() -> None:
    """In their order."""
    origins = ("https://example.org", "http://localhost:3000", "null")
    options = parsed(*(f"--allow-origin={origin}" for origin in origins))
    assert options.settings.allow_origin == origins


@pytest.mark.parametrize(
    "arguments",
    [
        ["--bogus"],
        ["extra"],
        ["--line"],
        ["--history", "many"],
        ["--history", "0"],
        ["--history", "-1"],
        ["--history", "1.5"],
        ["--history", ""],
        ["--history", "9999999999"],
        ["--message-rate", "-1"],
        ["--message-rate", "nan"],
        ["--message-rate", "inf"],
        ["--max-text", "0"],
        ["--max-text", "4k"],
        ["--max-connections", "0"],
        ["--max-connections-per-address", "-1"],
        ["--max-body", "64k"],
        ["--request-time", "0"],
        ["--idle", "0"],
        ["--durability", "none"],
        ["--keep", "a while"],
        ["--keep", "-1"],
        ["--keep", "nan"],
        ["--keep-events", "0"],
        ["--keep-events", "1e6"],
        ["--max-rooms", "0"],
        ["--max-rooms", "many"],
        ["--allow-origin", "example.org"],
        ["--allow-origin", "https://example.org/"],
        ["--allow-origin", "*"],
        ["--allow-origin", ""],
        ["--address-rate", "-1"],
        ["--address-rate", "fast"],
        ["--max-sessions", "0"],
        ["--max-sessions-per-address", "1.5"],
        ["--max-rooms-per-session", "0"],
        ["--max-readers", "none"],
        ["--host", ""],
        ["--host", "https://chat.example"],
        ["--host", "chat.example:8080"],
        ["--trust-proxy", ""],
        ["--trust-proxy", "localhost"],
        ["--trust-proxy", "10.0.0.1/8"],
        ["--trust-proxy", "10.0.0.0/33"],
        ["--trust-proxy", "*"],
    ],
    ids=" ".join,
)
def test_an_invalid_option_is_reported_in_one_line(arguments: list[str]) -> None:
    """The line names the option, and the exit status is not zero."""
    with pytest.raises(StartupError) as caught:
        parsed(*arguments)
    (line,) = str(caught.value).splitlines()
    assert line.startswith("chatd: ")
    assert arguments[0].removeprefix("--") in line or arguments == ["extra"]
    assert caught.value.code not in (0, None)


def test_repeated_trust_proxy_collects_networks() -> None:
    """Networks, single hosts and UNIX sockets; none is trusted by default."""
    assert parsed().settings.trust_proxy == ()
    named = ["10.0.0.0/8", "fd00::/8", "127.0.0.1", "unix"]
    options = parsed(*(f"--trust-proxy={network}" for network in named))
    assert [str(network) for network in options.settings.trust_proxy] == [
        *named[:2],
        "127.0.0.1/32",
        "unix",
    ]


def test_repeated_host_collects_normalized_names() -> None:
    """In lower case, and without a trailing dot."""
    assert parsed().settings.host == ()
    hosts = parsed("--host", "chat.example", "--host=Other.").settings.host
    assert hosts == ("chat.example", "other")


def test_every_limit_reaches_the_chat(clock: Any) -> None:
    """Limits that are not given keep their defaults."""
    given = {
        "message_rate": 1.5,
        "address_rate": 7.5,
        "sessions": 11,
        "sessions_per_address": 12,
        "rooms_per_session": 13,
        "readers_per_session": 14,
    }
    names = [
        "message-rate",
        "address-rate",
        "max-sessions",
        "max-sessions-per-address",
        "max-rooms-per-session",
        "max-readers",
    ]
    words = [f"--{name}={value}" for name, value in zip(names, given.values(), strict=True)]
    assert limits_of(*words) == Limits(**given)  # type: ignore[arg-type]
    assert limits_of() == Limits()
    assert limits_of("--message-rate=0").for_an_address == 0


def limits_of(*arguments: str) -> Limits:
    """The limits of a chat that is started with these options."""
    server = makeService(parsed("--line", HERE, "--http", "none", *arguments))
    (chat,) = (service for service in server if isinstance(service, ChatService))
    return chat.admission.limits


@pytest.mark.parametrize(
    "endpoint", ["", "tcp", "tcp:", "tcp:x", "what:1", "tcp:1:2:3:4:5", "ssl:x"]
)
def test_an_invalid_endpoint_is_reported_with_a_valid_example(clock: Any, endpoint: str) -> None:
    """In one line, before any service is made."""
    with pytest.raises(StartupError) as caught:
        makeService(parsed("--line", endpoint, "--http", "none"))
    (line,) = str(caught.value).splitlines()
    assert repr(endpoint) in line
    assert "tcp:8080" in line


@pytest.mark.parametrize("endpoint", ["ssl:1", "tls:/nowhere", "ssl:1:privateKey=/nowhere"])
def test_a_missing_certificate_is_reported_in_one_line(clock: Any, endpoint: str) -> None:
    """With the option, before any service is made."""
    options = parsed("--line", endpoint, "--http", "none")
    with pytest.raises(StartupError, match=rf"^chatd: --line {endpoint}: .*$"):
        makeService(options)


def test_an_invalid_store_url_is_reported_in_one_line(clock: Any) -> None:
    """Before any service is made."""
    with pytest.raises(StartupError, match=r"^chatd: .*'redis:x'.*$"):
        makeService(parsed("--store", "redis:x", "--line", "none"))


def test_the_message_rate_may_be_a_fraction_or_zero() -> None:
    """Zero means no limit."""
    assert parsed("--message-rate", "0.5")["message-rate"] == 0.5
    assert parsed("--message-rate", "0")["message-rate"] == 0


def test_max_connections_above_the_descriptor_limit_is_refused(clock: Any) -> None:
    """The one-line error says to raise `ulimit -n`."""
    with pytest.raises(StartupError, match=r"^chatd: --max-connections 999999999 .*ulimit -n.*$"):
        makeService(parsed("--max-connections", "999999999", "--line", "none"))


def test_the_reactor_uses_a_monotonic_clock(clock: Any) -> None:
    """Setting the wall clock back an hour would stall timers otherwise."""
    makeService(parsed("--line", "none"))
    assert clock.seconds is time.monotonic


@pytest_twisted.ensureDeferred
async def test_a_server_opens_its_doors_and_closes_them(clock: Any) -> None:
    """Each on a port of its own, with direct writes; after the stop nothing listens."""
    server = makeService(parsed("--line", HERE, "--line", HERE, "--http", HERE, "--irc", HERE))
    assert isinstance(server, ServerProcess)
    await server.start()
    doors = [service for service in server if isinstance(service, Door)]
    hosts: list[Any] = [door.port.getHost() for door in doors if door.port]
    ports = [host.port for host in hosts]
    assert len(set(ports)) == 4
    kinds = {getattr(door.port, "transport", None) for door in doors}
    assert kinds == {CountedTCP}
    assert issubclass(CountedTCP, WriteThrough)
    await server.stopService()
    for port in ports:
        endpoint = TCP4ClientEndpoint(clock, "127.0.0.1", port)
        with pytest.raises(ConnectionRefusedError):
            await connectProtocol(endpoint, Protocol())


def test_a_store_that_cannot_be_created_ends_startup_before_a_door_opens(
    clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as a full disk, which shows only at the first write; with a one-line error."""
    stderr = StringIO()
    monkeypatch.setattr(sys, "__stderr__", stderr)
    server = makeService(parsed("--line", HERE, "--http", HERE, "--irc", HERE))
    server.privilegedStartService()
    with room_for(0), pytest.raises(StartupError):
        server.startService()
    assert [service.port for service in server if isinstance(service, Door)] == [None] * 3
    (line,) = stderr.getvalue().splitlines()
    assert re.fullmatch(r"chatd: cannot use .*chatd\.sqlite: (disk|database) .*", line)


@pytest_twisted.ensureDeferred
async def test_doors_open_before_privileges_are_dropped(clock: Any) -> None:
    """Afterwards low ports could not be opened."""
    options: Any = parsed("--line", HERE, "--http", "none", "--irc", "none")
    options.parent = {"uid": 1, "rundir": "."}
    (door,) = (service for service in makeService(options) if isinstance(service, Door))
    door.privilegedStartService()
    assert door.port
    await maybeDeferred(door.stopService)


def test_no_thread_starts_before_the_process_becomes_a_daemon(
    clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fork leaves the locks of other threads locked, and the daemon would wait for them."""
    started = []
    monkeypatch.setattr(Thread, "start", lambda thread: started.append(thread))
    options: Any = parsed("--line", HERE, "--http", HERE, "--irc", HERE)
    options.parent = {"uid": None, "rundir": "."}
    makeService(options)
    assert not started


@pytest.mark.parametrize(
    ("address", "place"),
    [
        (IPv4Address("TCP", "127.0.0.1", 80), "127.0.0.1:80"),
        (IPv6Address("TCP", "::1", 80), "[::1]:80"),
        (UNIXAddress(b"/run/chatd"), "/run/chatd"),
    ],
    ids=["ipv4", "ipv6", "unix"],
)
def test_an_address_is_logged_as_people_write_it(address: Any, place: str) -> None:
    """The log shows the port if the system chose it."""
    assert written_place(address) == place
