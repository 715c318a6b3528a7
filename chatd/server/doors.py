"""The table of doors: the option, the default endpoints and the factory of each door.

To add a door, add a row: the option, the environment variable and the key of the configuration file
are derived from it (`chatd.server.settings`), and `chatd.tap` opens the door.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import Deferred

from ..chat.service import ChatService
from ..doors.api.about import Place
from ..doors.api.tree import admin_site, web_site
from ..doors.classic import classic_site
from ..doors.irc.connection import IrcFactory
from ..doors.irc.door import IrcDoor
from ..doors.irc.websocket import IrcWebSocketResource
from ..doors.line.factory import LineFactory
from ..http.bounds import Bounds
from ..http.hosts import Hosts
from ..http.origin import Origins
from ..http.proxies import Proxies
from ..http.stricttransport import StrictTransport
from ..net.connections import DoorFactory
from ..net.peers import Peers


@dataclass(frozen=True, kw_only=True)
class DoorContext:
    """The parts of the server that a door may use."""

    settings: Any
    """A `chatd.server.settings.Settings`.  That class is built from this table, so importing it
    here would be a cycle; `tests/server/test_doors.py` makes every door with real settings."""

    chat: ChatService
    peers: Peers
    """All open connections, which are drained when the server shuts down."""
    hosts: Hosts
    """The host names that requests may send."""
    origins: Origins
    """Origins of other web sites whose pages may use the server."""
    strict: StrictTransport
    """The rule that browsers are to use TLS only (HSTS)."""
    proxies: Proxies
    """The trusted proxies."""
    bounds: Bounds
    """The limits of one HTTP client."""
    irc: IrcDoor
    """The IRC door, shared by its connections over TCP and those at `/irc`."""
    metrics: Callable[[], bytes | Deferred[bytes]]
    """Reads the metrics of the server, with all its workers, in Prometheus' format."""
    places: Callable[[], Iterable[Place]] = tuple
    """The places where the server listens at present."""


@dataclass(frozen=True)
class DoorKind:
    """One kind of door."""

    name: str
    """The name of the door and of its option."""
    help: str
    """One sentence for `--help`, without the default."""
    make: Callable[[DoorContext], DoorFactory]
    endpoints: tuple[str, ...] = ()
    """The default endpoints, as Twisted writes them; empty: the door is closed by default."""
    example: str = ""
    """An endpoint for the example configuration, if the door is closed by default."""
    yields: bool = False
    """Whether the door stays closed, which is logged, if its default port is taken."""


DOORS = (
    DoorKind(
        "line",
        "Where telnet and netcat are served, as a Twisted endpoint; none closes the door.",
        lambda the: LineFactory(the.chat, the.peers),
        ("tcp:8023:interface=127.0.0.1",),
    ),
    DoorKind(
        "http",
        "Where the page and the HTTP API are served; none closes the door.",
        lambda the: web_site(
            the.chat,
            the.origins,
            the.bounds,
            the.proxies,
            the.peers,
            the.hosts,
            {b"irc": IrcWebSocketResource(the.irc, the.proxies)},
            the.strict,
            the.places,
        ),
        ("tcp:8080:interface=127.0.0.1",),
    ),
    DoorKind(
        "irc",
        "Where clients of IRC are served; none closes the door.",
        lambda the: IrcFactory(the.irc),
        ("tcp:6667:interface=127.0.0.1",),
        yields=True,
    ),
    DoorKind(
        "admin",
        "Where administrators look after the server over HTTP, and its health and metrics are.",
        lambda the: admin_site(
            the.chat,
            the.metrics,
            the.bounds,
            the.proxies,
            the.peers,
            the.hosts,
            the.strict,
        ),
        example="tcp:9100:interface=127.0.0.1",
    ),
    DoorKind(
        "classic",
        "Where the protocol of 2011 is served, open to every web page.",
        lambda the: classic_site(the.chat, the.bounds, the.proxies, the.peers, the.hosts),
        example="tcp:8085:interface=127.0.0.1",
    ),
)
"""All kinds of doors, in the order in which `--help` lists their options."""
