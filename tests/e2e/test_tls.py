"""TLS of a real server: certificates are renewed under open connections, as certbot does it."""

from __future__ import annotations

import signal
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from ..kit.certificates import Authority, Certbot
from ..kit.processes import HERE, PATIENCE, TWISTD, Program
from .conftest import Start

AUTHORITY = Authority()


class Site:
    """A server with certificates of two names, over TLS and plain, and its clients."""

    def __init__(self, directory: Path, start: Start, *options: str) -> None:
        self.certbots = {
            name: Certbot(directory, name, AUTHORITY) for name in ("a.example", "b.example")
        }
        for certbot in self.certbots.values():
            certbot.renew(days=60)
        tls = f"tls:{directory / 'live'}:port=0:{HERE}"
        self.program: Program = start(
            *(TWISTD, "--nodaemon", "--pidfile=", "chatd", "--store", "memory:", "--irc", "none"),
            *("--line", tls, "--http", f"tcp:0:{HERE}", "--http", tls, *options),
        )
        self.line = self._port("line")
        self.plain, self.http = self._port("http"), self._port("http")
        self.program.expect("http door: certificate for b.example")

    def _port(self, door: str) -> int:
        return int(self.program.expect(rf"{door} door listening on 127\.0\.0\.1:(\d+)")[1])

    def connect(self, port: int, name: str) -> ssl.SSLSocket:
        """A client that trusts the authority and asks for that name."""
        context = ssl.create_default_context(cadata=AUTHORITY.root_pem)
        plain = socket.create_connection(("127.0.0.1", port), PATIENCE)
        return context.wrap_socket(plain, server_hostname=name)

    def serial(self, name: str) -> int:
        """The serial number of the certificate that a new client of that name gets."""
        with self.connect(self.http, name) as client:
            data = client.getpeercert(binary_form=True)
        assert data
        return x509.load_der_x509_certificate(data).serial_number


@pytest.fixture
def site(tmp_path: Path, start: Start) -> Site:
    """A server with two certificates."""
    return Site(tmp_path, start, "--hsts", "600")


def test_a_renewal_reaches_new_connections_and_leaves_open_ones_alone(site: Site) -> None:
    """The server notices by itself that certbot has replaced the symbolic links."""
    before, other = site.serial("a.example"), site.serial("b.example")
    assert before != other
    with site.connect(site.line, "a.example") as client:
        lines = client.makefile("rb")
        assert lines.readline().startswith(b"== welcome")
        site.certbots["a.example"].renew()
        for door in ("line", "http"):
            site.program.expect(f"{door} door: certificate for a.example")
        assert site.serial("a.example") != before
        assert site.serial("b.example") == other
        client.sendall(b"still here\n")
        while b"> still here" not in (line := lines.readline()):
            assert line


def test_plain_and_tls_doors_are_open_side_by_side(site: Site) -> None:
    """Only clients over TLS get the header `Strict-Transport-Security`."""
    request = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    with socket.create_connection(("127.0.0.1", site.plain), PATIENCE) as plain:
        plain.sendall(request)
        told = plain.makefile("rb").read()
    assert told.startswith(b"HTTP/1.1 200")
    assert b"Strict-Transport-Security" not in told
    with site.connect(site.http, "b.example") as secure:
        secure.sendall(request)
        told = secure.makefile("rb").read()
    assert told.startswith(b"HTTP/1.1 200")
    assert b"Strict-Transport-Security: max-age=600" in told


@pytest.mark.parametrize("ending", ["alert", "FIN", "alert and FIN"])
def test_half_closed_clients_are_answered(site: Site, ending: str) -> None:
    """As by `nc -N` over plain TCP, whichever way the client ends its input."""
    post = (
        b"POST /rooms/lobby/messages?name=ci HTTP/1.1\r\nHost: localhost\r\n"
        b"Content-Type: text/plain\r\nContent-Length: 5\r\n\r\nbuilt"
    )
    for port, request, answer in (
        (site.http, post, b"HTTP/1.1 201 "),
        (site.line, b"/nick ci2\nbuilt, too\n", b"<ci2> built, too\r\n"),
    ):
        assert answer in half_closed(port, request, ending)


def half_closed(port: int, request: bytes, ending: str) -> bytes:
    """What a client receives that half-closes behind its request, until the server's alert."""
    context = ssl.create_default_context(cadata=AUTHORITY.root_pem)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(incoming, outgoing, server_hostname="a.example")
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as wire:

        def done(step: Callable[[], Any]) -> Any:
            while True:
                try:
                    return step()
                except ssl.SSLWantReadError:
                    if outgoing.pending:
                        wire.sendall(outgoing.read())
                    received = wire.recv(65536)
                    assert received, "the server has closed without an alert"
                    incoming.write(received)

        done(client.do_handshake)
        client.write(request)
        if "alert" in ending:
            with pytest.raises(ssl.SSLError):
                client.unwrap()
        wire.sendall(outgoing.read())
        if "FIN" in ending:
            wire.shutdown(socket.SHUT_WR)
        told = b""
        with suppress(ssl.SSLZeroReturnError):  # instead of the empty read, behind an own alert
            while part := done(lambda: client.read(65536)):
                told += part
    return told


def test_sighup_reloads_settings_and_certificates_and_disconnects_nobody(
    tmp_path: Path, start: Start
) -> None:
    """A broken configuration file changes nothing; the corrected one is applied."""
    file = tmp_path / "chatd.toml"
    file.write_text("max-connections = 50\n")
    site = Site(tmp_path, start, "--config", str(file))
    before = site.serial("a.example")
    with (
        site.connect(site.line, "a.example") as secure,
        socket.create_connection(("127.0.0.1", site.plain), PATIENCE) as stream,
    ):
        lines, events = secure.makefile("rb"), stream.makefile("rb")
        assert lines.readline().startswith(b"== welcome")
        stream.sendall(
            b"GET /rooms/lobby/events HTTP/1.1\r\nHost: localhost\r\n"
            b"Accept: text/event-stream\r\n\r\n"
        )
        assert events.readline().startswith(b"HTTP/1.1 200")
        file.write_text("max-connections = 50\nmax-conections = 51\n")
        site.program.signal(signal.SIGHUP)
        site.program.expect(
            r"not reloaded, nothing has changed: .*chatd.toml, line 2: max-conections is no "
            r"setting; did you mean max-connections\?"
        )
        file.write_text('max-connections = 51\nhost = ["c.example"]\n')
        site.certbots["a.example"].renew()
        site.program.signal(signal.SIGHUP)
        site.program.expect(
            r"reloaded; host is c.example \(was none\); max-connections is 51 \(was 50\); "
            r"certificates of the line door; certificates of the http door"
        )
        assert site.serial("a.example") != before
        secure.sendall(b"still here\n")
        while b"> still here" not in (line := lines.readline()):
            assert line
        while b"still here" not in (line := events.readline()):
            assert line
