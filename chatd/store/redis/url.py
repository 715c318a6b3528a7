"""`redis://` URLs: where the server is, and which chat on it.

redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE][?prefix=P]
rediss://…                                      the same over TLS
redis+sentinel://[[USER]:PASSWORD@]HOST:PORT,HOST:PORT/SERVICE[/DATABASE][?prefix=P]
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlsplit

from ...model.errors import Malformed

PORT = 6379
SENTINEL_PORT = 26379
PREFIX = "chatd"
SCHEMES = ("redis", "rediss", "redis+sentinel")


@dataclass(frozen=True)
class RedisUrl:
    """What a URL says."""

    hosts: tuple[tuple[str, int], ...]
    """The server; or the sentinels, if there is a `service`."""
    tls: bool = False
    service: str = ""
    user: str = ""
    password: str = ""
    database: int = 0
    prefix: str = PREFIX

    @property
    def place(self) -> str:
        """Where that is, without the password."""
        hosts = ",".join(f"{host}:{port}" for host, port in self.hosts)
        return f"{self.service} by {hosts}" if self.service else hosts


def parse(url: str) -> RedisUrl:
    """Read a URL.  Raises `Malformed`, which says what is wrong, without the password."""
    parts = urlsplit(url)
    login, _, places = parts.netloc.rpartition("@")
    user, _, password = login.partition(":")
    steps = [unquote(step) for step in parts.path.split("/")[1:]]
    sentinel = parts.scheme == "redis+sentinel"
    service = steps.pop(0) if sentinel and steps else ""
    if sentinel and not service:
        raise _malformed("name the sentinels' service: redis+sentinel://HOST:PORT/SERVICE")
    hosts = tuple(_host(place, SENTINEL_PORT if sentinel else PORT) for place in places.split(","))
    if len(hosts) > 1 and not sentinel:
        raise _malformed("name one host; several are for redis+sentinel://")
    database = steps.pop(0) if steps else ""
    if steps or not ((database.isdecimal() and len(database) < 6) or not database):
        raise _malformed("behind the host comes the number of a database, as in redis://HOST/0")
    return RedisUrl(
        hosts,
        parts.scheme == "rediss",
        service,
        unquote(user),
        unquote(password),
        int(database or 0),
        _prefix(parts.query),
    )


def _host(place: str, port: int) -> tuple[str, int]:
    try:
        split = urlsplit(f"//{place}")
        host, given = split.hostname, split.port
    except ValueError:
        host, given = None, None
    if not host:
        raise _malformed("a host is missing, or its port is no number: redis://HOST:PORT")
    return host, given or port


def _prefix(query: str) -> str:
    try:
        options = dict(parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query)))
    except ValueError:
        options = {"": ""}
    prefix = options.pop("prefix", PREFIX)
    if options:
        raise _malformed("the only option is prefix, as in redis://HOST?prefix=chat")
    if not prefix or not prefix.isascii() or not prefix.replace("-", "").replace("_", "").isalnum():
        raise _malformed("a prefix has letters, digits, - and _ only")
    return prefix


def _malformed(problem: str) -> Malformed:
    return Malformed(f"this is no URL of a Redis store: {problem}")
