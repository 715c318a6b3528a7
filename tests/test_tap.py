"""`twistd chatd`: its options, and what becomes of them."""

from __future__ import annotations

import re
import sys
import time
from io import StringIO
from pathlib import Path
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
from chatd.server.startup import Door, StartupError, written_place
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
    """The reactor, which is set right again after the test; files go where nobody looks."""
    monkeypatch.chdir(tmp_path)
    running: Any = reactor
    monkeypatch.setattr(running, "seconds", running.seconds)
    return running


def test_nothing_has_to_be_given() -> None:
    """The defaults serve this machine only, and keep a thousand events of a room."""
    options = parsed()
    assert options.settings.doors["line"] == ("tcp:8023:interface=127.0.0.1",)
    assert options.settings.doors["http"] == ("tcp:8080:interface=127.0.0.1",)
    assert options.settings.doors["classic"] == ()
    assert options.settings.allow_origin == ()
    assert (options.settings.history, options.settings.message_rate) == (1000, 5)
    assert options.settings.max_text == 4096


@pytest.mark.parametrize("door", ["line", "http"])
def test_a_door_that_is_given_replaces_its_default(door: str) -> None:
    """As often as it is given; the other one stays as it was."""
    options = parsed(f"--{door}", "tcp:1", f"--{door}=tcp:2")
    other = {"line": "http", "http": "line"}[door]
    assert options.settings.doors[door] == ("tcp:1", "tcp:2")
    assert options.settings.doors[other] == parsed().settings.doors[other]


@pytest.mark.parametrize("door", [door.name for door in DOORS])
def test_none_closes_a_door(door: str) -> None:
    """And nothing else."""
    assert parsed(f"--{door}", "none").settings.doors[door] == ()


def test_origins_are_gathered() -> None:
    """Each as it was given."""
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
def test_what_is_wrong_with_an_option_is_one_line(arguments: list[str]) -> None:
    """It names the option, and says where help is; the exit status is not zero."""
    with pytest.raises(StartupError) as caught:
        parsed(*arguments)
    (line,) = str(caught.value).splitlines()
    assert line.startswith("chatd: ")
    assert arguments[0].removeprefix("--") in line or arguments == ["extra"]
    assert caught.value.code not in (0, None)


def test_proxies_are_gathered() -> None:
    """Networks, single hosts, and UNIX sockets; nobody is believed if none is named."""
    assert parsed().settings.trust_proxy == ()
    named = ["10.0.0.0/8", "fd00::/8", "127.0.0.1", "unix"]
    options = parsed(*(f"--trust-proxy={network}" for network in named))
    assert [str(network) for network in options.settings.trust_proxy] == [
        *named[:2],
        "127.0.0.1/32",
        "unix",
    ]


def test_hosts_are_gathered() -> None:
    """As browsers write them."""
    assert parsed().settings.host == ()
    hosts = parsed("--host", "chat.example", "--host=Other.").settings.host
    assert hosts == ("chat.example", "other")


def test_every_limit_reaches_the_chat(clock: Any) -> None:
    """As it was given; what was not given is as it was thought out."""
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
    "endpoint", ["", "tcp", "tcp:", "tcp:x", "what:1", "tcp:1:2:3:4:5", "ssl:1"]
)
def test_an_endpoint_that_is_none_is_told_before_anything_is_made(
    clock: Any, endpoint: str
) -> None:
    """In one line, with one that is."""
    options = parsed("--line", endpoint, "--http", "none")
    with pytest.raises(StartupError) as caught:
        makeService(options)
    (line,) = str(caught.value).splitlines()
    assert repr(endpoint) in line
    assert "tcp:8080" in line


def test_a_store_that_is_none_is_told(clock: Any) -> None:
    """In one line."""
    with pytest.raises(StartupError, match=r"^chatd: .*'redis:x'.*$"):
        makeService(parsed("--store", "redis:x", "--line", "none"))


def test_the_rate_may_be_a_fraction_or_none() -> None:
    """0 is no limit."""
    assert parsed("--message-rate", "0.5")["message-rate"] == 0.5
    assert parsed("--message-rate", "0")["message-rate"] == 0


def test_more_connections_than_files_may_be_open_are_not_promised(clock: Any) -> None:
    """In one line that says what to raise."""
    with pytest.raises(StartupError, match=r"^chatd: --max-connections 999999999 .*ulimit -n.*$"):
        makeService(parsed("--max-connections", "999999999", "--line", "none"))


def test_time_does_not_run_backwards(clock: Any) -> None:
    """Timers go by a clock that nobody can set: set back an hour, the other would stall them."""
    makeService(parsed("--line", "none"))
    assert clock.seconds is time.monotonic


@pytest_twisted.ensureDeferred
async def test_a_house_opens_its_doors_and_closes_them(clock: Any) -> None:
    """Each on the port that it got; what connects is written to at once; then nothing listens."""
    server = makeService(parsed("--line", HERE, "--line", HERE, "--http", HERE, "--irc", HERE))
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


def test_a_store_that_cannot_be_made_ends_the_start_before_a_door_opens(
    clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a full disk, which shows only when something is written; in one line."""
    told = StringIO()
    monkeypatch.setattr(sys, "__stderr__", told)
    server = makeService(parsed("--line", HERE, "--http", HERE, "--irc", HERE))
    server.privilegedStartService()
    with room_for(0), pytest.raises(StartupError):
        server.startService()
    assert [service.port for service in server if isinstance(service, Door)] == [None] * 3
    (line,) = told.getvalue().splitlines()
    assert re.fullmatch(r"chatd: cannot use .*chatd\.sqlite: (disk|database) .*", line)


@pytest_twisted.ensureDeferred
async def test_with_another_user_to_become_doors_open_before_that(clock: Any) -> None:
    """Afterwards low ports could not be taken any more."""
    options: Any = parsed("--line", HERE, "--http", "none", "--irc", "none")
    options.parent = {"uid": 1, "rundir": "."}
    (door,) = (service for service in makeService(options) if isinstance(service, Door))
    door.privilegedStartService()
    assert door.port
    await maybeDeferred(door.stopService)


@pytest.mark.parametrize(
    ("address", "place"),
    [
        (IPv4Address("TCP", "127.0.0.1", 80), "127.0.0.1:80"),
        (IPv6Address("TCP", "::1", 80), "[::1]:80"),
        (UNIXAddress(b"/run/chatd"), "/run/chatd"),
    ],
    ids=["ipv4", "ipv6", "unix"],
)
def test_a_place_is_written_as_people_write_it(address: Any, place: str) -> None:
    """In the log, which is where a port of the system's choice is read."""
    assert written_place(address) == place
