"""The table of doors: for each its option, where it listens by default, and what makes it.

To add a door, add a row: the option, the environment variable and the key of the configuration file
are made from it (`chatd.server.settings`), and `chatd.tap` opens the door.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..chat.service import ChatService
from ..doors.api.tree import web_site
from ..doors.classic import classic_site
from ..doors.irc.door import IrcDoor
from ..doors.irc.link import IrcFactory
from ..doors.irc.websocket import IrcWebSocketResource
from ..doors.line.lines import LineFactory
from ..http.bounds import Bounds
from ..http.hosts import Hosts
from ..http.proxies import Proxies
from ..net.connections import DoorFactory
from ..net.peers import Peers


@dataclass(frozen=True)
class DoorContext:
    """What a door may need of the server."""

    chat: ChatService
    peers: Peers
    """All connections, which are told when the server shuts down."""
    hosts: Hosts
    """The names under which browsers may ask."""
    origins: Sequence[str]
    """Other web sites whose pages may use the server."""
    proxies: Proxies
    """The proxies that are believed."""
    bounds: Bounds
    """What a connection of HTTP may take."""
    irc: IrcDoor
    """The IRC door, which has connections of its own and those at `/irc`."""


@dataclass(frozen=True)
class DoorKind:
    """One kind of door."""

    name: str
    """The option's name too."""
    help: str
    """One sentence for `--help`, without the default."""
    make: Callable[[DoorContext], DoorFactory]
    endpoints: tuple[str, ...] = ()
    """Where it listens if nothing else is given, as Twisted endpoints; none: nowhere."""
    yields: bool = False
    """Whether it stays closed, which is logged, if nothing is given and that place is taken."""


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
        "classic",
        "Where the protocol of 2011 is served, open to every web page.",
        lambda the: classic_site(the.chat, the.bounds, the.proxies, the.peers, the.hosts),
    ),
)
"""All kinds of doors, in the order in which `--help` lists their options."""
