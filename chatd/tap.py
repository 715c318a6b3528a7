"""`twistd chatd`: parse the options, build the chat and its doors.  Importing starts nothing."""

from __future__ import annotations

import gc
import time
from itertools import count
from pathlib import Path
from socket import getfqdn, gethostname
from threading import Thread
from typing import Any

from twisted.application.service import MultiService
from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IStreamServerEndpoint
from twisted.python.runtime import platform

from .console.door import ConsoleDoor, console_path
from .doors.irc.door import IrcDoor, Told, is_name
from .http.hosts import Hosts, hosts_of
from .model.errors import Malformed, Unavailable
from .model.lookalikes import load_tables
from .net.connections import MOST_CONNECTIONS, ConnectionLimiter, Connections
from .net.descriptors import RESERVE, for_connections, raise_limit
from .net.peers import Peers
from .server.assembly import chat_of
from .server.claim import ClaimNotice
from .server.doors import DOORS, DoorContext
from .server.lag import LoopLag
from .server.logfile import OUTPUT
from .server.metrics import ServerMetrics
from .server.options import Options
from .server.peoplelog import PeopleLog
from .server.settings import Settings
from .server.sharing import CLOSED, Adopting, own_place
from .server.signals import Signals
from .server.startup import Door, PortCheck, ServerProcess, StartupError
from .server.workers import Ready, Supervisor
from .store import Store
from .store.engines import node_name, store_at
from .store.wallclock import WallClock

__all__ = ["Options", "makeService"]

YOUNG = 10_000
"""New objects after which Python's garbage collector searches them for reference cycles.  The
default of 700 means every few hundred requests, and takes a twelfth of the CPU of a poll.  There
are no cycles to find: except for Twisted's TLS, closed connections leave none
(tests/contract/test_doors.py).  After three such collections the surviving objects are searched
together; not after more, because that takes longer the more objects there are."""


def makeService(options: Options) -> MultiService:
    """The chat and its doors, which listen when the service is started.  Raises `StartupError`."""
    if platform.isLinux():
        from .net.reactor import install_by_default

        install_by_default()
    from twisted.internet import reactor

    settings = options.settings
    place = own_place()
    if settings.workers > 1 and place is None:
        return _supervisor(options, reactor)
    node = node_name(settings.store, place.node if place else settings.node or "")
    # Twisted's clock is the wall clock: if it were set back an hour, every timer would stall.
    clock: Any = reactor
    clock.seconds = time.monotonic
    now = WallClock()
    directory = Path(options.parent["rundir"] if options.parent else ".")
    try:
        store = store_at(
            settings.store,
            clock,
            now,
            settings.history,
            directory=directory,
            durability=settings.durability,
            retention=settings.retention,
            node=node,
        )
    except Malformed as problem:
        raise StartupError(f"chatd: {problem.message}") from None
    chat = chat_of(settings, clock, store, node, now)
    chat.claims.issues = place is None or place.claims
    origins, proxies = settings.allow_origin, settings.proxies
    hosts = Hosts(clock, [*settings.host, *hosts_of(origins)], proxies)
    connections = _connections(settings, clock)
    peers = Peers(clock, settings.stall)
    irc = IrcDoor(chat, peers, _told(settings))
    if settings.log_people:
        PeopleLog(chat)
    lag = LoopLag(clock)
    doors: list[Door] = []
    context = DoorContext(
        settings=settings,
        chat=chat,
        peers=peers,
        hosts=hosts,
        origins=origins,
        proxies=proxies,
        bounds=settings.bounds,
        irc=irc,
        metrics=ServerMetrics(chat, connections, peers, lag).collect,
        places=lambda: [place for door in doors if (place := door.place)],
    )
    factories = {door.name: door.make(context) for door in DOORS}
    server = ServerProcess(clock, chat, peers)
    if options.parent:  # twistd runs this server as its own process
        gc.set_threshold(YOUNG, 2)
        gc.freeze()  # the modules never become garbage, so no collection need visit them
        # While SQLite checks its file, this thread has Python for itself.
        Thread(target=load_tables, daemon=True).start()
        # In a thread, because getfqdn may query a name server, which may be slow.
        Thread(target=lambda: hosts.add(getfqdn()), daemon=True).start()
        signals = Signals(clock, server.hurry, OUTPUT.reopen)
        signals.expect_reopening()
        if place is not None:
            signals.expect_retirement(server.retire)
        signals.setServiceParent(server)
    # With --uid, the other user owns the store, but may not bind low ports.
    other_user = bool(options.parent and options.parent["uid"])
    yielding = settings.yielding
    required = [
        text
        for name, endpoints in settings.doors.items()
        if name not in yielding
        for text in endpoints
    ]
    if place is None:
        PortCheck(clock, required).setServiceParent(server)
    index = count()
    for name, endpoints in settings.doors.items():
        for text in endpoints:
            limiter = ConnectionLimiter(factories[name], connections)
            descriptor = place.sockets[next(index)] if place else None
            if descriptor == CLOSED:
                continue
            door = Door(
                name,
                text,
                _endpoint(clock if descriptor is None else Adopting(clock, descriptor), text),
                limiter,
                privileged=other_user,
                yields=name in yielding,
            )
            door.setServiceParent(server)
            doors.append(door)
    if settings.doors["admin"]:
        lag.setServiceParent(server)
    pages = [door for door in doors if door.door == "http"]
    ClaimNotice(chat.claims, pages).setServiceParent(server)
    if place is None:
        ConsoleDoor(clock, chat, console_path(settings.store, directory)).setServiceParent(server)
    else:
        Ready(clock, place).setServiceParent(server)
    if not other_user:
        _check(store)
    return server


def _supervisor(options: Options, reactor: Any) -> MultiService:
    """The supervisor of the workers.  Raises `StartupError`."""
    settings = options.settings
    node = node_name(settings.store, settings.node or "")
    if not node:
        raise StartupError(
            f"chatd: {settings.workers} workers need a store that they share, redis://HOST; "
            f"{settings.store} is for one process"
        )
    try:
        store_at(settings.store, reactor, WallClock(), settings.history, node=node)
    except Malformed as problem:
        raise StartupError(f"chatd: {problem.message}") from None
    yielding = settings.yielding
    endpoints = [
        (text, name in yielding) for name, texts in settings.doors.items() for text in texts
    ]
    for text, _ in endpoints:
        _endpoint(reactor, text)
    run = ["-c", "from twisted.scripts.twistd import run; run()", "--nodaemon", "--pidfile="]
    rundir = ["--rundir", str(Path(options.parent["rundir"] if options.parent else ".").absolute())]
    supervisor = Supervisor(
        reactor,
        endpoints,
        settings.workers,
        node,
        [*run, *rundir, "chatd", *options.arguments],
        str(Path().absolute()),
    )
    server = MultiService()
    if options.parent:
        signals = Signals(reactor, supervisor.hurry, OUTPUT.reopen, supervisor.restart)
        signals.expect_reopening()
        signals.setServiceParent(server)
    supervisor.setServiceParent(server)
    return server


def _told(settings: Settings) -> Told:
    """What IRC clients are told of the server.  Raises `StartupError`."""
    name = settings.irc_name or gethostname()
    lines: list[str] = []
    if settings.motd:
        try:
            lines = Path(settings.motd).read_text().splitlines()
        except (OSError, UnicodeDecodeError) as problem:
            reason = getattr(problem, "strerror", None) or problem
            raise StartupError(f"chatd: cannot read the --motd {settings.motd}: {reason}") from None
    return Told(name if is_name(name) else Told.name, settings.irc_network, lines)


def _check(store: Store) -> None:
    try:
        store.check()
    except Unavailable as problem:
        raise StartupError(f"chatd: {problem.message}") from None


def _connections(settings: Settings, clock: Any) -> Connections:
    """The limits of connections, as configured, or else by the limit of open files.

    Raises `StartupError`.
    """
    limit = raise_limit()
    possible = for_connections(limit)
    most = settings.max_connections or min(possible, MOST_CONNECTIONS)
    if most > possible:
        raise StartupError(
            f"chatd: --max-connections {most} needs a limit of {most + RESERVE} open files, "
            f"and it is {limit}; raise it (ulimit -n, LimitNOFILE=)"
        )
    return Connections(clock, most, settings.max_connections_per_address, settings.stall)


def _endpoint(reactor: Any, text: str) -> IStreamServerEndpoint:
    try:
        endpoint: IStreamServerEndpoint = serverFromString(reactor, text)
    except Exception as problem:  # an endpoint's parser may raise any exception
        raise StartupError(
            f"chatd: {text!r} is no endpoint ({problem}); one is tcp:8080:interface=127.0.0.1"
        ) from None
    return endpoint
