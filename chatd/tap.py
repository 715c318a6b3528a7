"""`twistd chatd`: parse the options, build the chat, wire its doors.  Nothing starts on import."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import (
    IAddress,
    IListeningPort,
    IProtocolFactory,
    IStreamServerEndpoint,
)
from twisted.internet.tcp import Server
from twisted.logger import Logger
from twisted.python import usage
from twisted.python.failure import Failure
from twisted.python.runtime import platform

from .errors import Malformed
from .listening import CannotOpen, reason, rehearse
from .service import HISTORY, MAX_TEXT, MESSAGE_RATE, ChatService
from .signals import Signals
from .store import open_store
from .transports.classic import classic_site
from .transports.drain import House
from .transports.peers import Peers
from .transports.stalls import STALL_SECONDS
from .transports.tcp import WriteThrough
from .transports.telnet import LineFactory
from .transports.web import web_site

DOORS: dict[str, Sequence[str]] = {
    "line": ("tcp:8023:interface=127.0.0.1",),
    "http": ("tcp:8080:interface=127.0.0.1",),
}
"""Where each door listens if nothing else is asked for."""


class StartupError(SystemExit, Exception):
    """The start ends here, with one line and exit status 1.

    As an `Exception` it lets twistd clean up and report to whoever started the daemon; as a
    `SystemExit` it ends the interpreter with the line instead of a traceback.
    """


def number_from(
    least: int, option: str, kind: type[int] | type[float] = int
) -> Callable[[str], float]:
    """A reader of an option's number, which is not below `least`, for `optParameters`."""

    def read(text: str) -> float:
        try:
            value = kind(text)
        except ValueError:
            value = None
        if value is None or not least <= value <= 1_000_000_000:
            raise usage.UsageError(f"--{option} {text!r} is not a number from {least} up")
        return value

    return read


class Options(usage.Options):
    """What `twistd chatd` takes."""

    synopsis = "[options]"
    longdesc = "One room, many doors: a chat server for terminals and browsers."

    optParameters: ClassVar = [
        ["store", None, "memory:", "Where history is kept: memory: keeps nothing."],
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
            MESSAGE_RATE,
            "Messages a second per session, four seconds' worth at once; 0: no limit.",
            number_from(0, "message-rate", float),
        ],
        [
            "max-text",
            None,
            MAX_TEXT,
            "The longest message, in bytes of UTF-8.",
            number_from(1, "max-text"),
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
        store = open_store(options["store"], clock, time.time, options["history"])
    except Malformed as problem:
        raise StartupError(f"chatd: {problem.message}") from None
    chat = ChatService(
        clock,
        store,
        history=options["history"],
        message_rate=options["message-rate"],
        max_text=options["max-text"],
    )
    peers = Peers(clock, options["stall"])
    factories: dict[str, IProtocolFactory] = {
        "line": LineFactory(chat, peers),
        "http": web_site(chat, options["origins"], peers),
        "classic": classic_site(chat, peers),
    }
    house = House(clock, chat, peers)
    if options.parent:  # the process is ours
        Signals(clock, house.hurry).setServiceParent(house)
    everywhere = [text for endpoints in options["doors"].values() for text in endpoints]
    Doorstep(clock, everywhere).setServiceParent(house)
    for name, endpoints in options["doors"].items():
        for text in endpoints:
            Door(name, text, _endpoint(clock, text), factories[name]).setServiceParent(house)
    return house


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


def _no_start(message: str) -> StartupError:
    # By now twistd's log has taken the place of sys.stderr.
    print(f"chatd: {message}", file=sys.__stderr__)
    return StartupError(f"chatd: {message}")


class Doorstep(Service):
    """Stands before the first door, and sees whether all of them can be opened."""

    def __init__(self, reactor: Any, endpoints: Sequence[str]) -> None:
        self._reactor = reactor
        self._endpoints = endpoints

    def privilegedStartService(self) -> None:
        """Try them while still allowed to take a low port.  Raises `StartupError`."""
        super().privilegedStartService()
        try:
            rehearse(self._reactor, self._endpoints)
        except CannotOpen as problem:
            raise _no_start(str(problem)) from None


class Door(Service):
    """One door at one endpoint."""

    _log = Logger()

    def __init__(
        self, door: str, text: str, endpoint: IStreamServerEndpoint, factory: IProtocolFactory
    ) -> None:
        self._door = door
        self._text = text
        self._endpoint = endpoint
        self._factory = factory
        self.port: IListeningPort | None = None
        """What listens, once it does."""

    def privilegedStartService(self) -> None:
        """Listen while still allowed to take a low port.  Raises `StartupError`."""
        super().privilegedStartService()
        failures: list[Failure] = []
        self._endpoint.listen(self._factory).addCallbacks(self._listening, failures.append)
        if failures:
            raise _no_start(str(CannotOpen(self._text, reason(failures[0]))))

    def startService(self) -> None:
        """Listen, unless that was done with privileges."""
        super().startService()
        if self.port is None:
            self.privilegedStartService()

    def stopService(self) -> Deferred[None] | None:
        """Listen no more."""
        super().stopService()
        port, self.port = self.port, None
        stopped: Deferred[None] | None = port.stopListening() if port else None
        return stopped

    def _listening(self, port: IListeningPort) -> None:
        self.port = port
        if getattr(port, "transport", None) is Server:
            port.transport = WriteThrough  # type: ignore[attr-defined]
        self._log.info(
            "{door} door listening on {place}", door=self._door, place=_place(port.getHost())
        )


def _place(address: IAddress) -> str:
    """An address as people write it."""
    host = getattr(address, "host", None)
    if host is None:
        name = getattr(address, "name", address)
        return name.decode(errors="replace") if isinstance(name, bytes) else str(name)
    return f"[{host}]:{address.port}" if ":" in host else f"{host}:{address.port}"  # type: ignore[attr-defined]
