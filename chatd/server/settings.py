"""The settings of a server: each option once, with its default, its bounds and its help.

To add an option, add a field; the options of the doors are rows of `chatd.server.doors`.  Every
option exists on the command line (`--max-rooms 100`), in the environment (`CHATD_MAX_ROOMS=100`)
and in the configuration file (`max-rooms = 100`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, cast

from ..chat.audit_trail import MOST_RECORDS, TrailBounds
from ..chat.limits import ADDRESS_SHARE, DEFAULTS, Limits
from ..chat.rules import Guests, Registering, Rules
from ..chat.service import HISTORY
from ..http.bounds import IDLE_SECONDS, REQUEST_SECONDS, Bounds, most_body
from ..http.hosts import hosts_of
from ..http.proxies import Proxies
from ..model.bounds import MAX_RAW_TEXT
from ..net.stalls import STALL_SECONDS
from ..store.redis.url import SCHEMES
from ..store.retained import Retention
from ..store.sqlite import DURABILITY
from .doors import DOORS
from .option import (
    CLOSED,
    METADATA,
    UNIX,
    Option,
    checker,
    contact,
    endpoint,
    flag,
    host,
    node_name,
    number,
    one_of,
    option,
    origin,
    proxy,
    read_lines,
    readable,
    server_name,
    shown,
    word,
)
from .option import store as read_store

_ENDPOINTS = {door.name: door.endpoints for door in DOORS}


class BadSetting(Exception):
    """A setting is invalid; the message says which one, where it is, and what is valid."""


@dataclass(frozen=True)
class Settings:
    """The settings of one server, as the operator gave them."""

    endpoints: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: _ENDPOINTS)
    """The values of the doors' options, by the door's name; see `doors`."""

    # Storage.
    store: str = option(
        "sqlite:chatd.sqlite",
        "Where history is kept: sqlite:PATH, a file; memory:, nowhere; redis://HOST, a Redis or "
        "Valkey that several nodes share.",
        read_store,
    )
    node: str | None = option(
        None,
        "This node's name among several that share a store; a second one of that name takes its "
        "place.",
        node_name,
        default_is="the host's name and the process id",
        example="one",
    )
    workers: int = option(
        1,
        "Processes behind the same ports; more than one need a store that nodes share.",
        number(1),
    )
    durability: str = option(
        "disk",
        "What an acknowledged message survives: disk, a loss of power; process, a crash only.",
        one_of(*DURABILITY),
    )
    keep: float | None = option(
        None,
        "Days after which events are forgotten; without it, never.",
        number(0, kind=float),
        example="30",
    )
    keep_events: int | None = option(
        None,
        "Events, in all, above which the oldest are forgotten; without it, all are kept.",
        number(1),
        example="1000000",
    )
    keep_audit: float | None = option(
        None,
        "Days after which records of what moderators did are forgotten; without it, never.",
        number(0, kind=float),
        example="365",
    )
    keep_audit_records: int = option(
        MOST_RECORDS,
        "Records of administrators, and as many of rooms' owners and ops, above which the oldest "
        "are forgotten; 0: no limit.",
        number(0),
    )
    history: int = option(
        HISTORY, "Events kept per room in memory: the window for resuming.", number(1)
    )

    log_format: str = option(
        "text",
        "The format of the log: text, for people; json, one object on a line for each event.",
        one_of("text", "json"),
    )

    log_people: bool = flag(
        "Log which names are used from which addresses, and when; never what is said."
    )

    # Web origins, host names, proxies.
    allow_origin: tuple[str, ...] = option(
        (),
        "A web site, besides this server's own, whose pages may use it: https://example.org",
        origin,
        repeatable=True,
        example="https://example.org",
    )
    host: tuple[str, ...] = option(
        (),
        "One more host name under which browsers may ask, as in http://NAME/.",
        host,
        repeatable=True,
        example="chat.example.org",
        default_is="IP addresses, localhost, this machine's names",
    )
    trust_proxy: tuple[Any, ...] = option(
        (),
        "A network whose X-Forwarded-For, -Proto and -Host are believed: 10.0.0.0/8, 127.0.0.1; or "
        "unix, for UNIX sockets.",
        proxy,
        repeatable=True,
        example="127.0.0.1",
    )

    hsts: int = option(
        0,
        "Seconds for which browsers that have used TLS here are to use nothing else; 0: no rule.",
        number(0),
    )

    # What IRC clients are told.
    irc_name: str | None = option(
        None,
        "The IRC server's name, with a dot in it.",
        server_name,
        default_is="this machine's name, or irc.chatd",
        example="irc.example.org",
    )
    irc_network: str = option("chatd", "The IRC network's name.", word)
    motd: str | None = option(
        None,
        "A file with the message of the day for IRC clients.",
        readable,
        example="motd.txt",
    )

    # Guests and accounts.
    guests: str = option(
        "full",
        "What those may do who are not signed in: full, everything; read, read open rooms; none, "
        "nothing.",
        one_of("full", "read", "none"),
    )
    register: str | None = option(
        None,
        "Who may make an account: open, everybody; invite, with an invite; closed, nobody.",
        one_of("open", "invite", "closed"),
        default_is="open; closed where accounts come from outside",
        example="invite",
    )
    auth: tuple[Any, ...] = option(
        (),
        "A Twisted credentials checker whose people have accounts: file:passwd, say.",
        checker,
        repeatable=True,
        example="file:passwd",
    )
    plain_passwords: bool = flag(
        "Take passwords over connections that are neither TLS nor from this machine."
    )

    # Notifications on devices whose page is closed (Web Push).
    push_contact: str | None = option(
        None,
        "Your address for push services, mailto:NAME@HOST or https://…; with it, people with an "
        "account can be notified while the page is closed.",
        contact,
        example="mailto:admin@example.org",
    )
    push_text: bool = flag(
        "Have those notifications show the beginning of the message, on locked screens too."
    )

    # Limits of messages, rooms and sessions.
    message_rate: float = option(
        DEFAULTS.message_rate,
        "Messages and changes a second per person, four seconds' worth at once; 0: no limit.",
        number(0, kind=float),
    )
    address_rate: float | None = option(
        None,
        "Messages and changes a second of all people at one address together, and as many new "
        "sessions over HTTP a second; 0: no limit.",
        number(0, kind=float),
        default_is=f"{ADDRESS_SHARE} times the message rate",
        example="100",
    )
    max_text: int = option(
        DEFAULTS.text, "The longest message, in bytes of UTF-8.", number(1, MAX_RAW_TEXT // 2)
    )
    max_rooms: int = option(DEFAULTS.rooms, "Rooms, in all.", number(1))
    max_rooms_per_address: int | None = option(
        None,
        "Rooms that one address may bring into being; 0: no limit.",
        number(0),
        default_is="a twentieth of all; nearly all for this machine's and private networks'",
        example="500",
    )
    max_rooms_per_session: int = option(
        DEFAULTS.rooms_per_session, "Rooms that a session may be in.", number(1)
    )
    max_sessions: int = option(
        DEFAULTS.sessions, "Sessions begun over HTTP that there may be at a time.", number(1)
    )
    max_sessions_per_address: int = option(
        DEFAULTS.sessions_per_address, "Those that one address may have.", number(1)
    )
    max_readers: int = option(
        DEFAULTS.readers_per_session,
        "Polls, event streams and WebSockets that a session may hold.",
        number(1),
    )

    # Limits of connections, bytes and time.
    max_connections: int | None = option(
        None,
        "Connections in all.",
        number(1),
        default_is="as many as files may be open, less a reserve",
        example="10000",
    )
    max_connections_per_address: int | None = option(
        None,
        "Connections from one address; 0: no limit.",
        number(0),
        default_is="500; three quarters of all for this machine's and private networks'",
        example="500",
    )
    max_body: int | None = option(
        None,
        "Bytes in a request's body, or in a WebSocket's message.",
        number(1),
        default_is="65536, or what the longest message needs",
        example="65536",
    )
    request_time: float = option(
        REQUEST_SECONDS,
        "Seconds that a request of HTTP may take to come in.",
        number(1, kind=float),
    )
    idle: float = option(
        IDLE_SECONDS,
        "Seconds that a connection of HTTP may be kept without a request; more than a proxy's.",
        number(1, kind=float),
    )
    stall: float = option(
        STALL_SECONDS,
        "Seconds that a reader may take nothing before it is disconnected; 0: for ever.",
        number(0, kind=float),
    )

    def __post_init__(self) -> None:
        """Raises `ValueError` if the settings contradict each other."""
        yielding = self.yielding  # they may stay closed
        if not any(given for name, given in self.doors.items() if name not in yielding):
            raise ValueError("every door is closed; leave one open")
        if self.guests != "full" and self.doors["classic"]:
            raise ValueError(
                f"--classic is a door for guests only, and --guests is {self.guests}; close one"
            )
        if self.workers > 1 and self.store.partition(":")[0] not in SCHEMES:
            raise ValueError(
                f"--workers {self.workers} needs a store that processes share, redis://HOST; "
                f"--store {self.store} is for one"
            )

    @property
    def doors(self) -> dict[str, tuple[str, ...]]:
        """The endpoints on which each door listens, by the door's name."""
        return {
            name: tuple(endpoint for endpoint in given if endpoint != CLOSED)
            for name, given in self.endpoints.items()
        }

    @property
    def yielding(self) -> frozenset[str]:
        """The doors that stay closed if somebody else listens in their place: nobody asked for
        them.
        """
        return frozenset(door.name for door in DOORS if door.yields and self._is_default(door.name))

    @property
    def defaults(self) -> frozenset[str]:
        """The doors whose endpoints are the default ones."""
        return frozenset(door.name for door in DOORS if self._is_default(door.name))

    def _is_default(self, door: str) -> bool:
        return self.endpoints.get(door) is _ENDPOINTS[door]

    @property
    def limits(self) -> Limits:
        """The limits of messages, rooms and sessions."""
        return Limits(
            message_rate=self.message_rate,
            address_rate=self.address_rate,
            sessions=self.max_sessions,
            sessions_per_address=self.max_sessions_per_address,
            rooms=self.max_rooms,
            rooms_per_address=self.max_rooms_per_address,
            rooms_per_session=self.max_rooms_per_session,
            readers_per_session=self.max_readers,
            text=self.max_text,
        )

    @property
    def rules(self) -> Rules:
        """The rules for guests and accounts."""
        return Rules(
            guests=cast("Guests", self.guests),
            register=cast("Registering", self.register or ("closed" if self.auth else "open")),
            plain_passwords=self.plain_passwords,
            checkers=self.auth,
        )

    @property
    def bounds(self) -> Bounds:
        """The limits of one HTTP client."""
        return Bounds(most_body(self.max_body, self.max_text), self.request_time, self.idle)

    @property
    def proxies(self) -> Proxies:
        """The trusted proxies."""
        networks, sockets = self.trusted
        return Proxies(networks, sockets=sockets)

    @property
    def trusted(self) -> tuple[list[Any], bool]:
        """The networks of trusted proxies, and whether those on UNIX sockets are trusted."""
        return [one for one in self.trust_proxy if one != UNIX], UNIX in self.trust_proxy

    def motd_lines(self) -> list[str]:
        """The lines of the message of the day.  Raises `BadSetting` if the file cannot be read."""
        if not self.motd:
            return []
        try:
            return read_lines(Path(self.motd))
        except ValueError as problem:
            raise BadSetting(f"cannot read the --motd {self.motd}: {problem}") from None

    @property
    def hosts(self) -> list[str]:
        """The host names under which browsers may ask, besides this machine's own."""
        return [*self.host, *hosts_of(self.allow_origin)]

    @property
    def retention(self) -> Retention:
        """How many events the store keeps, and how long."""
        return Retention(self.keep, self.keep_events)

    @property
    def trail_bounds(self) -> TrailBounds:
        """How much of the audit trail is kept, and how long."""
        return TrailBounds(self.keep_audit, self.keep_audit_records)


def options() -> Iterator[tuple[str, Option]]:
    """Every option, with the name of its door or of its field."""
    for door in DOORS:
        yield (
            door.name,
            Option(
                door.help,
                endpoint,
                repeatable=True,
                default=shown(door.endpoints),
                example=door.example,
            ),
        )
    for setting in fields(Settings):
        if METADATA in setting.metadata:
            yield setting.name, setting.metadata[METADATA]


def settings_of(given: Mapping[str, Any]) -> Settings:
    """Settings from parsed values, which `given` holds by the names that `options` yields.

    Raises `ValueError` if the settings contradict each other.
    """
    endpoints = {name: given.get(name, default) for name, default in _ENDPOINTS.items()}
    others = {name: value for name, value in given.items() if name not in endpoints}
    return Settings(endpoints, **others)


def spelt(name: str) -> str:
    """An option as people write it: `max-rooms` for the field `max_rooms`."""
    return name.replace("_", "-")


def written_default(name: str) -> Any:
    """The default value of an option's field or door; None or empty if there is none."""
    if name in _ENDPOINTS:
        return _ENDPOINTS[name]
    (default,) = (setting.default for setting in fields(Settings) if setting.name == name)
    return default
