"""The table of stores: the engine that a URL names."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..model.errors import Malformed
from . import Store
from .memory import MemoryStore
from .redis.dialling import Dialler
from .redis.store import RedisStore
from .redis.url import SCHEMES, RedisUrl, parse
from .retained import FOR_EVER, Retention
from .sqlite import SqliteStore
from .worker import ThreadWorker


def store_at(
    url: str,
    reactor: Any,
    now: Callable[[], float],
    history: int,
    *,
    directory: Path = Path(),
    durability: str = "disk",
    retention: Retention = FOR_EVER,
    node: str = "",
) -> Store:
    """The store that a URL names: `memory:`, `sqlite:PATH`, or `redis://…`.

    `now` is the wall clock in seconds since the Unix epoch; `history` is how many events of a room
    `Store.load` returns.  A relative path starts at `directory`.  `node`
    is this node's name, if several share the store.  Raises `Malformed`.
    """
    scheme, _, path = url.partition(":")
    if scheme == "memory" and not path:
        return MemoryStore(reactor, now, history)
    if scheme == "sqlite" and Path(path).name and "\0" not in path:
        return SqliteStore(
            directory / path,
            reactor,
            now,
            history,
            hire=lambda work: ThreadWorker(reactor, f"chatd, {work}"),
            durability=durability,
            retention=retention,
        )
    parsed = check_url(url)
    assert parsed is not None
    return RedisStore(
        reactor,
        Dialler(reactor, parsed),
        history,
        node=node_name(url, node),
        now=now,
        prefix=parsed.prefix,
        database=parsed.database,
        retention=retention,
    )


def check_url(url: str) -> RedisUrl | None:
    """Check the URL of a store: returns what a Redis URL says, None for the others.

    Raises `Malformed`, also if a library is missing that the store needs.
    """
    scheme, _, path = url.partition(":")
    if (scheme == "memory" and not path) or (
        scheme == "sqlite" and Path(path).name and "\0" not in path
    ):
        return None
    if scheme not in SCHEMES or not path.startswith("//"):
        raise Malformed(f"unknown store {url!r}; use memory:, sqlite:PATH or redis://HOST")
    parsed = parse(url)
    if not (find_spec("hiredis") and find_spec("txredisapi")):
        raise Malformed(
            "a Redis store needs two libraries more; install them with "
            "pip install hiredis txredisapi"
        )
    if parsed.tls and not (find_spec("OpenSSL") and find_spec("service_identity")):
        raise Malformed(
            "rediss:// needs libraries for TLS; install them with pip install 'twisted[tls]'"
        )
    return parsed


def node_name(store: str, node: str) -> str:
    """The node's name, by which its persons are distinguished from those of other nodes; empty for
    a store that nodes cannot share.
    """
    return (node or default_node()) if store.partition(":")[0] in SCHEMES else ""


def default_node() -> str:
    """A name for this node: that of the machine, and the process's number."""
    return f"{socket.gethostname()}-{os.getpid()}"
