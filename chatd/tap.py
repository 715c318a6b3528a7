"""`twistd chatd`: parse the options, build the chat and its doors.  Importing starts nothing."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from socket import getfqdn, gethostname
from typing import Any

from twisted.application.service import MultiService
from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IStreamServerEndpoint
from twisted.python.runtime import platform

from .console.door import ConsoleDoor, console_path
from .doors.irc.door import IrcDoor, Told, is_name
from .http.hosts import Hosts
from .http.origin import Origins
from .http.site import ChatSite
from .http.stricttransport import StrictTransport
from .model.errors import Malformed, Unavailable
from .model.lookalikes import load_tables
from .net.certificates import BadCertificate
from .net.connections import ConnectionLimiter, Connections
from .net.peers import Peers
from .net.private import systemd_sockets
from .server.activation import BadActivation, InheritedEndpoint, Opening, inherited, openings
from .server.assembly import chat_of
from .server.capacity import most_connections
from .server.claim import ClaimNotice
from .server.doors import DOORS, DoorContext
from .server.endpoints import Listening, kind_of, listening
from .server.greeting import Greeting
from .server.lag import LoopLag
from .server.live import Live
from .server.logfile import OUTPUT
from .server.metrics import ServerMetrics
from .server.options import Options
from .server.peoplelog import PeopleLog
from .server.push import PushService
from .server.reload import Reload
from .server.settings import BadSetting, Settings
from .server.sharing import CLOSED, adopted_endpoint, own_place
from .server.signals import Signals
from .server.startup import Door, PortCheck, ServerProcess, StartupError
from .server.supervised import Supervised
from .server.systemd import Systemd, SystemdNotice
from .server.tls import CertificateWatch, DoorCertificates
from .server.worker_metrics import SharedMetrics
from .server.workers import Supervisor
from .store import Store
from .store.engines import node_name, store_at
from .store.wallclock import WallClock

__all__ = ["Options", "makeService"]

YOUNG = 10_000
"""New objects after which Python's garbage collector searches them for reference cycles.  The
default of 700 means every few hundred requests, and takes a twelfth of the CPU of a poll.  There
are no cycles to find: closed connections leave none (tests/contract/test_doors.py)."""
OLD = 33
"""Such collections after which all objects are searched, if there is a quarter more of them then.

There is no generation between the young and the old: what survives is searched once, instead of
twice.  Each collection thus takes 2 ms instead of up to 11, and that of ten thousand clients who
connect half as long in all."""


def makeService(options: Options) -> MultiService:
    """The chat and its doors, which listen when the service is started.  Raises `StartupError`."""
    if platform.isLinux():
        from .net.reactor import install_by_default

        install_by_default()
    from twisted.internet import reactor

    settings = options.settings
    place = own_place()
    systemd = Systemd()
    planned = _planned(settings)
    if settings.workers > 1 and place is None:
        return _supervisor(options, reactor, systemd, planned)
    node = node_name(settings.store, place.node if place else settings.node or "")
    # Twisted's clock is the wall clock: if it were set back an hour, every timer would stall.
    clock: Any = reactor
    clock.seconds = time.monotonic
    began = clock.seconds()
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
    proxies = settings.proxies
    chat = chat_of(settings, clock, store, node, now, proxies)
    chat.claims.issues = place is None or place.claims
    origins, strict = Origins(settings.allow_origin), StrictTransport(settings.hsts)
    hosts = Hosts(clock, settings.hosts, proxies)
    connections = _connections(settings, clock)
    peers = Peers(clock, settings.stall)
    irc = IrcDoor(chat, peers, _told(settings))
    people_log = PeopleLog(chat)
    people_log.switch(settings.log_people)
    lag = LoopLag(clock)
    secured: list[DoorCertificates] = []
    metrics = ServerMetrics(chat, connections, peers, lag, secured)
    shared = SharedMetrics(clock, metrics.families)
    doors: list[Door] = []
    context = DoorContext(
        settings=settings,
        chat=chat,
        peers=peers,
        hosts=hosts,
        origins=origins,
        strict=strict,
        proxies=proxies,
        bounds=settings.bounds,
        irc=irc,
        metrics=shared.collect if place else metrics.collect,
        places=lambda: [place for door in doors if (place := door.place)],
    )
    factories = {door.name: door.make(context) for door in DOORS}
    watch = CertificateWatch(clock, secured)
    live = Live(
        chat=chat,
        store=store,
        connections=connections,
        peers=peers,
        sites=[site for site in factories.values() if isinstance(site, ChatSite)],
        hosts=hosts,
        origins=origins,
        proxies=proxies,
        strict=strict,
        irc=irc,
        people_log=people_log,
    )
    reload = Reload(settings, options.read, live, watch)
    jobs: list[Callable[[], object]] = []
    server = ServerProcess(clock, chat, peers, began, jobs)
    chat.push.notices.text = settings.push_text
    if settings.push_contact is not None:
        PushService(reactor, now, chat, settings.push_contact).setServiceParent(server)
    if options.parent:  # twistd runs this server as its own process
        gc.set_threshold(YOUNG, -1, OLD)  # -1: the middle generation is never kept back
        gc.freeze()  # the modules never become garbage, so no collection need visit them
        # While SQLite checks its file, the first thread has Python for itself.  The second may
        # have to wait for a name server.
        jobs += [load_tables, lambda: hosts.add(getfqdn())]
        signals = Signals(clock, server.hurry, OUTPUT.reopen, systemd.around(reload))
        signals.expect_reopening()
        if place is not None:
            signals.expect_retirement(server.retire)
        signals.setServiceParent(server)
    # With --uid, the other user owns the store, but may not bind low ports.
    other_user = bool(options.parent and options.parent["uid"])
    yielding = settings.yielding
    if place is None:
        required = [
            opening.text
            for opening in planned
            if not (opening.inherited or opening.door in yielding)
        ]
        PortCheck(clock, required).setServiceParent(server)
    for index, (name, text, passed) in enumerate(planned):
        limiter = ConnectionLimiter(factories[name], connections)
        descriptor = place.sockets[index] if place else None
        if descriptor == CLOSED:
            continue
        where = _listening(text)
        tls = _certificates(name, text, where, limiter.acceptableProtocols())
        if tls is not None:
            secured.append(tls)
        if passed is not None:
            endpoint: IStreamServerEndpoint = InheritedEndpoint(clock, passed)
        else:
            endpoint = _endpoint(clock, where, text, descriptor)
        door = Door(
            name,
            text,
            endpoint,
            limiter,
            privileged=other_user,
            yields=name in yielding,
            tls=tls,
        )
        door.setServiceParent(server)
        doors.append(door)
    watch.setServiceParent(server)
    if any(opening.door == "admin" for opening in planned):
        lag.setServiceParent(server)
    if place is None or place.claims:
        Greeting(doors, chat.page_url).setServiceParent(server)
    ClaimNotice(chat.claims, doors, chat.page_url).setServiceParent(server)
    console = console_path(settings.store, directory)
    if place is None:
        ConsoleDoor(clock, chat, console).setServiceParent(server)
        SystemdNotice(clock, systemd).setServiceParent(server)
    else:
        if place.console != CLOSED:
            ConsoleDoor(clock, chat, console, place.console).setServiceParent(server)
        Supervised(clock, place, shared).setServiceParent(server)
    if not other_user:
        _check(store)
    return server


def _planned(settings: Settings) -> list[Opening]:
    """Where the doors listen.  Raises `StartupError`."""
    texts = [text for endpoints in settings.doors.values() for text in endpoints]
    try:
        # `systemd:` endpoints name their sockets themselves, so no socket replaces an endpoint.
        claimed = any(kind_of(text) == "systemd" for text in texts)
        passed = [] if claimed else inherited(systemd_sockets())
        return openings(settings.doors, settings.defaults, passed)
    except BadActivation as problem:
        raise StartupError(f"chatd: {problem}") from None


def _supervisor(
    options: Options, reactor: Any, systemd: Systemd, planned: Sequence[Opening]
) -> MultiService:
    """The supervisor of the workers.  Raises `StartupError`."""
    settings = options.settings
    if any(opening.inherited for opening in planned):
        raise StartupError(
            "chatd: --workers binds its ports itself: leave out systemd's sockets, or --workers"
        )
    node = node_name(settings.store, settings.node or "")
    try:
        store_at(settings.store, reactor, WallClock(), settings.history, node=node)
    except Malformed as problem:
        raise StartupError(f"chatd: {problem.message}") from None
    yielding = settings.yielding
    endpoints = [(text, name in yielding) for name, text, _ in planned]
    for name, text, _ in planned:
        where = _listening(text)
        _endpoint(reactor, where, text)
        _certificates(name, text, where)
    directory = Path(options.parent["rundir"] if options.parent else ".")
    supervisor = Supervisor(
        reactor,
        endpoints,
        settings.workers,
        node,
        [*options.again(), *options.arguments],
        str(Path().absolute()),
        systemd.ready,
        console_path(settings.store, directory),
    )
    server = MultiService()

    def restart() -> None:
        systemd.reloading()
        supervisor.restart()

    if options.parent:
        signals = Signals(reactor, supervisor.hurry, OUTPUT.reopen, restart)
        signals.expect_reopening()
        signals.setServiceParent(server)
    supervisor.setServiceParent(server)
    SystemdNotice(reactor, systemd, ready=False).setServiceParent(server)
    return server


def _told(settings: Settings) -> Told:
    """What IRC clients are told of the server.  Raises `StartupError`."""
    name = settings.irc_name or gethostname()
    try:
        lines = settings.motd_lines()
    except BadSetting as problem:
        raise StartupError(f"chatd: {problem}") from None
    return Told(name if is_name(name) else Told.name, settings.irc_network, lines)


def _check(store: Store) -> None:
    try:
        store.check()
    except Unavailable as problem:
        raise StartupError(f"chatd: {problem.message}") from None


def _connections(settings: Settings, clock: Any) -> Connections:
    """The limits of connections.  Raises `StartupError`."""
    try:
        most = most_connections(settings)
    except ValueError as problem:
        raise StartupError(f"chatd: {problem}") from None
    return Connections(clock, most, settings.max_connections_per_address, settings.stall)


def _listening(text: str) -> Listening:
    try:
        return listening(text)
    except ValueError as problem:
        raise _no_endpoint(text, problem) from None


def _endpoint(
    reactor: Any, where: Listening, text: str, descriptor: int | None = None
) -> IStreamServerEndpoint:
    """An endpoint, in a worker on the inherited socket `descriptor`.  Raises `StartupError`."""
    try:
        if descriptor is not None:
            return adopted_endpoint(reactor, where.beneath, descriptor)
        endpoint: IStreamServerEndpoint = serverFromString(reactor, where.beneath)
    except Exception as problem:  # an endpoint's parser may raise any exception
        raise _no_endpoint(text, problem) from None
    return endpoint


def _no_endpoint(text: str, problem: Exception) -> StartupError:
    return StartupError(
        f"chatd: {text!r} is no endpoint ({problem}); one is tcp:8080:interface=127.0.0.1"
    )


def _certificates(
    door: str, text: str, where: Listening, protocols: Sequence[bytes] = ()
) -> DoorCertificates | None:
    """The certificates of an endpoint with TLS; its door offers `protocols`.

    Raises `StartupError`.
    """
    if where.certificates is None:
        return None
    try:
        return DoorCertificates(door, where.certificates, [one.decode() for one in protocols])
    except BadCertificate as problem:
        raise StartupError(f"chatd: --{door} {text}: {problem}") from None
