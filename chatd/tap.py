"""`twistd chatd`: parse the options, build the chat, wire its doors.  Nothing starts on import."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from socket import getfqdn
from threading import Thread
from typing import Any, ClassVar
from urllib.parse import urlsplit

from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import (
    IStreamServerEndpoint,
)
from twisted.python import usage
from twisted.python.runtime import platform

from .chat.limits import ADDRESS_SHARE, DEFAULTS, Limits
from .chat.service import HISTORY, MAX_TEXT, ChatService
from .logfile import OUTPUT
from .model.addresses import parse_network
from .model.bounds import MAX_RAW_TEXT
from .model.errors import Malformed, Unavailable
from .premises import Door, Doorstep, Premises, StartupError
from .signals import Signals
from .store import Store
from .store.engines import store_at
from .store.sqlite import DURABILITY, Retention
from .store.wallclock import WallClock
from .transports.classic import classic_site
from .transports.connections import MOST_CONNECTIONS, Connections, DoorFactory, Doorkeeper
from .transports.descriptors import RESERVE, for_connections, raise_limit
from .transports.drain import House
from .transports.hosts import Hosts, host_name, hosts_of
from .transports.http import IDLE_SECONDS, REQUEST_SECONDS, Bounds
from .transports.lines import LineFactory
from .transports.peers import Peers
from .transports.proxies import Proxies
from .transports.stalls import STALL_SECONDS
from .transports.web import web_site

DOORS: dict[str, Sequence[str]] = {
    "line": ("tcp:8023:interface=127.0.0.1",),
    "http": ("tcp:8080:interface=127.0.0.1",),
}
"""Where each door listens if nothing else is asked for."""


YOUNG = 10_000
"""New objects after which Python looks for cycles among them.  It would after 700, which is every
few hundred requests, and takes a twelfth of the CPU of a poll; and there are none to find: but for
Twisted's TLS, what has gone leaves nothing that holds itself (tests/transports/test_contract.py).
What is left of three such rounds is looked through together: no more, for that takes its time."""
MOST = 1_000_000_000
"""The largest number that an option takes: more is a slip of the hand."""


def number_from(
    least: int, option: str, kind: type[int] | type[float] = int, most: int = MOST
) -> Callable[[str], float]:
    """A reader of an option's number, from `least` to `most`, for `optParameters`."""

    def read(text: str) -> float:
        try:
            value = kind(text)
        except ValueError:
            value = None
        if value is None or not least <= value <= most:
            raise usage.UsageError(f"--{option} {text!r} is not a number from {least} to {most}")
        return value

    return read


def _durability(text: str) -> str:
    if text not in DURABILITY:
        raise usage.UsageError(f"--durability {text!r} is none of {', '.join(DURABILITY)}")
    return text


class Options(usage.Options):
    """What `twistd chatd` takes."""

    synopsis = "[options]"
    longdesc = "One room, many doors: a chat server for terminals and browsers."

    optParameters: ClassVar[list[list[Any]]] = [
        [
            "store",
            None,
            "sqlite:chatd.sqlite",
            "Where history is kept: sqlite:PATH, a file; memory:, nowhere.",
        ],
        [
            "durability",
            None,
            "disk",
            "What an acknowledged message survives: disk, a loss of power; process, a crash only.",
            _durability,
        ],
        [
            "keep",
            None,
            None,
            "Days after which events are forgotten; without it, never.",
            number_from(0, "keep", float),
        ],
        [
            "keep-events",
            None,
            None,
            "Events, in all, above which the oldest are forgotten; without it, all are kept.",
            number_from(1, "keep-events"),
        ],
        [
            "max-rooms",
            None,
            DEFAULTS.rooms,
            "Rooms, in all.",
            number_from(1, "max-rooms"),
        ],
        [
            "max-rooms-per-address",
            None,
            None,
            "Rooms that one address may bring into being; 0: no limit. [default: a twentieth of "
            "all; nearly all for this machine's and private networks' addresses]",
            number_from(0, "max-rooms-per-address"),
        ],
        [
            "history",
            None,
            HISTORY,
            "Events kept per room in memory: the window for resuming.",
            number_from(1, "history"),
        ],
        [
            "message-rate",
            None,
            DEFAULTS.message_rate,
            "Messages a second per session, four seconds' worth at once; 0: no limit.",
            number_from(0, "message-rate", float),
        ],
        [
            "address-rate",
            None,
            None,
            "Messages a second from one address, over all its sessions and visitors; 0: no limit. "
            f"[default: {ADDRESS_SHARE} times the message rate]",
            number_from(0, "address-rate", float),
        ],
        [
            "max-sessions",
            None,
            DEFAULTS.sessions,
            "Sessions begun over HTTP that there may be at a time.",
            number_from(1, "max-sessions"),
        ],
        [
            "max-sessions-per-address",
            None,
            DEFAULTS.sessions_per_address,
            "Those that one address may have.",
            number_from(1, "max-sessions-per-address"),
        ],
        [
            "max-rooms-per-session",
            None,
            DEFAULTS.rooms_per_session,
            "Rooms that a session may be in.",
            number_from(1, "max-rooms-per-session"),
        ],
        [
            "max-readers",
            None,
            DEFAULTS.readers_per_session,
            "Polls, event streams and WebSockets that a session may hold.",
            number_from(1, "max-readers"),
        ],
        [
            "max-text",
            None,
            MAX_TEXT,
            "The longest message, in bytes of UTF-8.",
            number_from(1, "max-text", most=MAX_RAW_TEXT // 2),
        ],
        # Connections and bytes.
        [
            "max-connections",
            None,
            None,
            "Connections in all. [default: as many as files may be open, less a reserve]",
            number_from(1, "max-connections"),
        ],
        [
            "max-connections-per-address",
            None,
            None,
            "Connections from one address; 0: no limit. "
            "[default: 500; three quarters of all for this machine's and private networks']",
            number_from(0, "max-connections-per-address"),
        ],
        [
            "max-body",
            None,
            None,
            "Bytes in a request's body, or in a WebSocket's message. "
            "[default: 65536, or what the longest message needs]",
            number_from(1, "max-body"),
        ],
        [
            "request-time",
            None,
            REQUEST_SECONDS,
            "Seconds that a request of HTTP may take to come in.",
            number_from(1, "request-time", float),
        ],
        [
            "idle",
            None,
            IDLE_SECONDS,
            "Seconds that a connection of HTTP may be kept without a request; more than a proxy's.",
            number_from(1, "idle", float),
        ],
        [
            "stall",
            None,
            STALL_SECONDS,
            "Seconds that a reader may take nothing before it is let go; 0: for ever.",
            number_from(0, "stall", float),
        ],
    ]

    def __init__(self) -> None:
        super().__init__()
        self["doors"] = {}
        self["origins"] = []
        self["hosts"] = []
        self["networks"] = []
        self["trust-sockets"] = False

    def opt_line(self, endpoint: str) -> None:
        """Where telnet and netcat are served, as a Twisted endpoint; none closes the door.
        [default: tcp:8023:interface=127.0.0.1]
        """
        self._door("line", endpoint)

    def opt_http(self, endpoint: str) -> None:
        """Where the page and the HTTP API are served; none closes the door. [default:
        tcp:8080:interface=127.0.0.1]
        """
        self._door("http", endpoint)

    def opt_classic(self, endpoint: str) -> None:
        """Where the protocol of 2011 is served, open to every web page. [default: none]"""
        self._door("classic", endpoint)

    def opt_allow_origin(self, origin: str) -> None:
        """A web site, besides this server's own, whose pages may use it: https://example.org"""
        try:
            parts = urlsplit(origin)
        except ValueError:
            parts = urlsplit("")
        if origin != "null" and (
            not parts.scheme or not parts.netloc or origin != f"{parts.scheme}://{parts.netloc}"
        ):
            raise usage.UsageError(
                f"--allow-origin {origin!r} is no origin; it looks like https://example.org"
            )
        self["origins"].append(origin)

    def opt_host(self, name: str) -> None:
        """One more host name under which browsers may ask, as in http://NAME/; may be repeated.
        [default: IP addresses, localhost, this machine's names]
        """
        try:
            self["hosts"].append(host_name(name))
        except ValueError:
            raise usage.UsageError(
                f"--host {name!r} is no host name; one looks like chat.example.org, "
                "without http:// and without a port"
            ) from None

    def opt_trust_proxy(self, network: str) -> None:
        """A network whose X-Forwarded-For, -Proto and -Host are believed: 10.0.0.0/8, 127.0.0.1; or
        unix, for UNIX sockets.
        """
        if network == "unix":
            self["trust-sockets"] = True
            return
        try:
            self["networks"].append(parse_network(network))
        except ValueError as problem:
            raise usage.UsageError(
                f"--trust-proxy: {problem}; a network looks like 10.0.0.0/8 or 127.0.0.1, "
                "and unix means UNIX sockets"
            ) from None

    def parseOptions(self, options: Sequence[str] | None = None) -> None:
        """Parse; whatever is wrong is told in one line."""
        try:
            super().parseOptions(options)
        except usage.UsageError as problem:
            raise StartupError(f"chatd: {problem}; see twistd chatd --help") from None

    def postOptions(self) -> None:
        """Fill in the doors that were not spoken of, and look whether twistd can write what it
        writes.
        """
        for name, endpoints in DOORS.items():
            self["doors"].setdefault(name, list(endpoints))
        if not any(self["doors"].values()):
            raise usage.UsageError("every door is closed; leave one open")
        if self.parent:
            _check_files(self.parent)
            OUTPUT.take_over(self.parent)

    def _door(self, name: str, endpoint: str) -> None:
        chosen = self["doors"].setdefault(name, [])
        if endpoint != "none":
            chosen.append(endpoint)


def _check_files(twistd: usage.Options) -> None:
    """Raise `UsageError` if twistd could not write its process id or its log where it is to."""
    files = {"pidfile": twistd["pidfile"], "logfile": twistd["logfile"]}
    if not twistd["nodaemon"]:
        files["logfile"] = files["logfile"] or "twistd.log"
    for option, name in files.items():
        if name and name != "-":
            path = Path(twistd["rundir"]) / name
            new = not path.exists()
            try:
                path.open("ab").close()
                if new:
                    path.unlink()
            except OSError as problem:
                raise usage.UsageError(
                    f"cannot write {name}: {problem.strerror}; give --{option} or --rundir"
                ) from None


def makeService(options: Options) -> House:
    """The chat and its doors, which listen when the service is started.  Raises `StartupError`."""
    if platform.isLinux():
        from .reactor import install_by_default

        install_by_default()
    from twisted.internet import reactor

    # Twisted's clock is wall-clock time: set back an hour, every timer would stall.
    clock: Any = reactor
    clock.seconds = time.monotonic
    try:
        store = store_at(
            options["store"],
            clock,
            WallClock(),
            options["history"],
            directory=Path(options.parent["rundir"] if options.parent else "."),
            durability=options["durability"],
            retention=Retention(options["keep"], options["keep-events"]),
        )
    except Malformed as problem:
        raise StartupError(f"chatd: {problem.message}") from None
    chat = ChatService(
        clock,
        store,
        history=options["history"],
        max_text=options["max-text"],
        limits=Limits(
            message_rate=options["message-rate"],
            address_rate=options["address-rate"],
            sessions=options["max-sessions"],
            sessions_per_address=options["max-sessions-per-address"],
            rooms=options["max-rooms"],
            rooms_per_address=options["max-rooms-per-address"],
            rooms_per_session=options["max-rooms-per-session"],
            readers_per_session=options["max-readers"],
        ),
    )
    bounds = Bounds(options["max-body"], options["request-time"], options["idle"])
    proxies = Proxies(options["networks"], sockets=options["trust-sockets"])
    hosts = Hosts(clock, [*options["hosts"], *hosts_of(options["origins"])], proxies)
    connections = _connections(options, clock)
    peers = Peers(clock, options["stall"])
    factories: dict[str, DoorFactory] = {
        "line": LineFactory(chat, peers),
        "http": web_site(chat, options["origins"], bounds, proxies, peers, hosts),
        "classic": classic_site(chat, bounds, proxies, peers, hosts),
    }
    house = Premises(clock, chat, peers)
    if options.parent:  # the process is ours
        gc.set_threshold(YOUNG, 2)
        # It may ask a name server, which may take its time.
        Thread(target=lambda: hosts.add(getfqdn()), daemon=True).start()
        signals = Signals(clock, house.hurry, OUTPUT.reopen)
        signals.expect_reopening()
        signals.setServiceParent(house)
    # With another user to become, the store is that user's, and low ports are not.
    other_user = bool(options.parent and options.parent["uid"])
    everywhere = [text for endpoints in options["doors"].values() for text in endpoints]
    Doorstep(clock, everywhere).setServiceParent(house)
    for name, endpoints in options["doors"].items():
        for text in endpoints:
            keeper = Doorkeeper(factories[name], connections)
            door = Door(name, text, _endpoint(clock, text), keeper, privileged=other_user)
            door.setServiceParent(house)
    if not other_user:
        _check(store)
    return house


def _check(store: Store) -> None:
    try:
        store.check()
    except Unavailable as problem:
        raise StartupError(f"chatd: {problem.message}") from None


def _connections(options: Options, clock: Any) -> Connections:
    """The count of connections, for as many as are asked for or possible.  Raises
    `StartupError`.
    """
    limit = raise_limit()
    possible = for_connections(limit)
    most = options["max-connections"] or min(possible, MOST_CONNECTIONS)
    if most > possible:
        raise StartupError(
            f"chatd: --max-connections {most} needs a limit of {most + RESERVE} open files, "
            f"and it is {limit}; raise it (ulimit -n, LimitNOFILE=)"
        )
    return Connections(clock, most, options["max-connections-per-address"], options["stall"])


def _endpoint(reactor: Any, text: str) -> IStreamServerEndpoint:
    try:
        endpoint: IStreamServerEndpoint = serverFromString(reactor, text)
    except (
        Exception
    ) as problem:  # whatever an endpoint's parser raises: it is the text that is wrong
        raise StartupError(
            f"chatd: {text!r} is no endpoint ({problem}); one is tcp:8080:interface=127.0.0.1"
        ) from None
    return endpoint
