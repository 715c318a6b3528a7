"""The examination of TLS."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Thread

import pytest

from chatd.console.doctor.asking import address_of
from chatd.console.doctor.certificate import examine_tls

from ...kit.certificates import write_certificate


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """A TLS server with a certificate for 127.0.0.1, for a day more."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*write_certificate(tmp_path))
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                link, _ = listening.accept()
            except OSError:
                return
            with link, suppress(OSError), context.wrap_socket(link, server_side=True) as tls:
                tls.recv(1)

    thread = Thread(target=serve, daemon=True)
    thread.start()
    yield int(listening.getsockname()[1])
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()
    thread.join()


def test_an_untrusted_certificate_is_a_fault(port: int) -> None:
    """The finding has the reason that OpenSSL gives."""
    found = examine_tls(address_of(f"https://127.0.0.1:{port}"))
    assert found.fault == "certificate"
    assert "self-signed" in found.text


def test_a_certificate_that_ends_soon_is_a_fault(
    port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The operator should have renewed it.  A certificate for another host is a fault, too."""
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificate.pem"))
    found = examine_tls(address_of(f"https://127.0.0.1:{port}"))
    assert (found.fault, "expires in 1 days" in found.text) == ("certificate", True)
    monkeypatch.setattr("chatd.console.doctor.certificate.SOON_DAYS", 0)
    found = examine_tls(address_of(f"https://127.0.0.1:{port}"))
    assert found.fault == ""
    assert "127.0.0.1" in found.text
    wrong = examine_tls(address_of(f"https://localhost:{port}"))
    assert wrong.fault == "certificate"


def test_a_server_without_tls_is_a_fault_unless_it_is_on_this_machine() -> None:
    """On the loopback interface no other machine can read the traffic."""
    assert examine_tls(address_of("http://localhost:8080")).fault == ""
    assert examine_tls(address_of("http://chat.example.org")).fault == "plain"


def test_what_speaks_no_tls_is_told() -> None:
    """For example a plain port."""

    def answer() -> None:
        link, _ = listening.accept()
        with link:
            link.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            link.recv(1000)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = Thread(target=answer, daemon=True)
        thread.start()
        port = listening.getsockname()[1]
        assert examine_tls(address_of(f"https://127.0.0.1:{port}")).fault == "protocol"
        thread.join()


def test_a_host_that_cannot_be_reached_has_no_fault_of_tls() -> None:
    """Its configuration of TLS is not what mends it."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # and nothing listens there
        found = examine_tls(address_of(f"https://127.0.0.1:{unused.getsockname()[1]}"))
    assert (found.verdict, "not examined" in found.text) == ("?", True)
