"""chatd as the benchmark runs it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC
from importlib.metadata import version
from pathlib import Path

from .load import Reading, Saying
from .servers import (
    DOORS,
    LeftOut,
    Running,
    poll,
    post,
    process,
    request,
    stream,
    websocket,
    websocket_saying,
)

TWISTD = Path(sys.executable).with_name("twistd")
HERE = "interface=127.0.0.1:backlog=4096"
LISTENING = r"door listening on 127\.0\.0\.1:(\d+)$"
EVENTS = "/rooms/lobby/events"


@dataclass(frozen=True)
class Chatd:
    """`twistd chatd` with one store."""

    store: str
    size: int
    """Bytes in a message's text."""
    only_store: bool = True
    """Whether this store is the only one measured; then the tables do not name it."""

    @property
    def name(self) -> str:
        """The server's name in the tables."""
        return "chatd" if self.only_store else f"chatd {self.store}"

    def row(self, what: str) -> str:
        """The name of a row in tables that only chatd appears in."""
        return what if self.only_store else f"{what}, {self.store}"

    @property
    def doors(self) -> Sequence[str]:
        """See `Server.doors`."""
        return DOORS

    def version(self) -> str:
        """See `Server.version`."""
        return f"chatd {version('chatd')} on Twisted {version('twisted')}, --store {self.store}"

    @contextmanager
    def running(self, home: Path) -> Iterator[Running]:
        """A server in an empty directory.  Raises `LeftOut` with the server's own error."""
        with self._started(home, f"tcp:0:{HERE}") as (pid, (line, http)):
            yield self._running(pid, line, http)

    @contextmanager
    def running_tls(self, home: Path) -> Iterator[tuple[Running, Running]]:
        """One server, given twice: with its plain doors, and with its doors over TLS."""
        certify(home)
        secure = f"ssl:0:privateKey=key.pem:certKey=certificate.pem:{HERE}"
        with self._started(home, f"tcp:0:{HERE}", secure) as (pid, ports):
            plain = self._running(pid, ports[0], ports[2])
            tls = self._running(pid, ports[1], ports[3], tls=True)
            # Messages are sent over the plain door in both cases: only reading is compared.
            yield plain, Running(pid, tls.readings, plain.sayings)

    @contextmanager
    def _started(self, home: Path, *places: str) -> Iterator[tuple[int, list[int]]]:
        doors = [
            word for door in ("--line", "--http") for place in places for word in (door, place)
        ]
        command = [TWISTD, "--nodaemon", "--pidfile=", "chatd", *doors, "--irc", "none"]
        options = ["--store", self.store, "--message-rate", "0"]
        with process([*command, *options], home, LISTENING, 2 * len(places)) as started:
            yield started
        output = (home / "output").read_text()
        if "Traceback" in output:
            raise LeftOut(f"there is a traceback in its log:\n{output}")

    def _running(self, pid: int, line: int, http: int, tls: bool = False) -> Running:
        readings = {
            "line": Reading(line),
            "poll": poll(http, f"{EVENTS}?since=", '"next":', "0"),
            "sse": stream(http, EVENTS),
            "websocket": websocket(http, EVENTS),
        }
        if tls:
            readings = {
                door: Reading(r.port, r.ask, r.ask_after, r.mark, r.cursor, True)
                for door, r in readings.items()
            }
        return Running(pid, readings, dict.fromkeys(DOORS, Saying(line)))

    def speakers(self, running: Running) -> dict[str, Saying]:
        """How a speaker sends a message, by door."""
        line, http = running.readings["line"].port, running.readings["sse"].port
        say = ('{"type":"say","text":"', '"}')
        return {
            "telnet": Saying(line),
            "HTTP": post(http, "/rooms/lobby/messages?name=poster", self.size),
            "WebSocket": websocket_saying(http, EVENTS, self.size, *say),
        }

    def elsewhere(self, running: Running) -> tuple[Reading, Saying]:
        """A reader and a speaker in another room."""
        line = running.readings["line"].port
        http = running.readings["sse"].port
        reading = Reading(http, *request("/rooms/aside/events", "Accept: text/event-stream"))
        return reading, Saying(line, greet=b"/join aside\n")


def certify(home: Path) -> None:
    """Write `key.pem` and a self-signed `certificate.pem` that is valid for a day."""
    try:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.x509.oid import NameOID
    except ImportError:
        raise LeftOut("TLS needs the package cryptography: pip install .[tls]") from None
    from datetime import datetime, timedelta

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (home / "key.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    (home / "certificate.pem").write_bytes(certificate.public_bytes(pem))
