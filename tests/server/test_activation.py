"""Socket activation: each socket belongs to the door of the same name."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import pytest_twisted
from twisted.internet import reactor as default_reactor
from twisted.internet.defer import maybeDeferred
from twisted.internet.protocol import Factory

from chatd.server.activation import (
    BadActivation,
    Inherited,
    InheritedEndpoint,
    Opening,
    inherited,
    openings,
)
from chatd.server.settings import Settings

DOORS = Settings().doors
NAMES = frozenset(DOORS)


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    """Sockets that are closed at the end."""
    with ExitStack() as opened:
        yield opened


def listening(opened: ExitStack, family: int = socket.AF_INET) -> socket.socket:
    one = opened.enter_context(socket.socket(family))
    one.bind(("127.0.0.1", 0))
    one.listen()
    return one


def test_a_socket_is_found_with_its_port(opened: ExitStack) -> None:
    """No child process inherits it."""
    one = listening(opened)
    os.set_inheritable(one.fileno(), True)
    (found,) = inherited([("http", one.fileno())])
    port = str(one.getsockname()[1])
    assert found == Inherited("http", one.fileno(), socket.AF_INET, port)
    assert not os.get_inheritable(one.fileno())


def test_a_unix_socket_is_found_by_its_path(opened: ExitStack, tmp_path: Path) -> None:
    """Under any `FileDescriptorName`."""
    one = opened.enter_context(socket.socket(socket.AF_UNIX))
    one.bind(str(tmp_path / "door"))
    one.listen()
    (found,) = inherited([("http", one.fileno())])
    assert found.place == str(tmp_path / "door")


def test_a_socket_that_does_not_listen_is_refused(opened: ExitStack) -> None:
    """One of `Accept=yes`, a datagram socket, or none at all."""
    idle = opened.enter_context(socket.socket())
    datagrams = opened.enter_context(socket.socket(type=socket.SOCK_DGRAM))
    for one in (idle, datagrams):
        with pytest.raises(BadActivation, match="'http' does not listen for streams"):
            inherited([("http", one.fileno())])
    with pytest.raises(BadActivation, match="'http' is unusable"):
        inherited([("http", 9999)])


def at(name: str, place: str, descriptor: int = 3) -> Inherited:
    return Inherited(name, descriptor, socket.AF_INET, place)


def test_without_sockets_the_endpoints_are_opened() -> None:
    """Those of the settings."""
    assert openings(DOORS, NAMES, []) == [
        Opening(door, text) for door, texts in DOORS.items() for text in texts
    ]


def test_sockets_replace_the_default_endpoints_of_their_door() -> None:
    """Also for a door that is closed by default; other doors stay as they are."""
    sockets = [at("http", "80"), at("http", "8080", 4), at("admin", "9000", 5)]
    planned = openings(DOORS, NAMES, sockets)
    assert [one for one in planned if one.door in ("http", "admin")] == [
        Opening("http", "systemd:80", sockets[0]),
        Opening("http", "systemd:8080", sockets[1]),
        Opening("admin", "systemd:9000", sockets[2]),
    ]
    assert [one for one in planned if one.door == "line"] == [Opening("line", DOORS["line"][0])]


def test_a_socket_takes_the_place_of_the_endpoint_with_its_port() -> None:
    """The replaced endpoint may speak TLS; others are opened as usual."""
    doors = {
        "http": ("tcp:80", "tls:/certs:port=443", "unix:/run/x", "ssl:8443:k.pem", "tcp:port=81"),
        "line": (),
    }
    sockets = [at("http", place) for place in ("443", "/run/x", "8443", "81", "7")]
    assert [(one.text, one.inherited) for one in openings(doors, frozenset(), sockets)] == [
        ("tcp:80", None),
        ("tls:/certs:port=443", sockets[0]),
        ("unix:/run/x", sockets[1]),
        ("ssl:8443:k.pem", sockets[2]),
        ("tcp:port=81", sockets[3]),
        ("systemd:7", sockets[4]),
    ]


def test_a_socket_for_no_door_is_refused() -> None:
    """By default a socket has the name of its unit; a `systemd:` endpoint may refer to that."""
    with pytest.raises(BadActivation, match=r"'chatd.socket' is for no door.*FileDescriptorName"):
        openings(DOORS, NAMES, [at("chatd.socket", "80")])
    own = {**DOORS, "http": ("systemd:domain=INET:index=0",)}
    assert not any(one.inherited for one in openings(own, NAMES, [at("chatd.socket", "80")]))


def test_a_malformed_endpoint_takes_no_socket() -> None:
    """The start fails later, when the endpoint is opened."""
    (one, other) = openings({"http": ("ssl:x",)}, frozenset(), [at("http", "80")])
    assert (one.inherited, other.text) == (None, "systemd:80")


@pytest_twisted.ensureDeferred
async def test_the_path_of_a_unix_socket_stays_when_the_door_is_closed(
    opened: ExitStack, tmp_path: Path
) -> None:
    """systemd owns the path, and passes the same socket to the next server."""
    one = opened.enter_context(socket.socket(socket.AF_UNIX))
    path = tmp_path / "door"
    one.bind(str(path))
    one.listen()
    found = Inherited("http", os.dup(one.fileno()), socket.AF_UNIX, str(path))
    port = await InheritedEndpoint(default_reactor, found).listen(Factory())
    await maybeDeferred(port.stopListening)
    assert path.is_socket()
    with pytest.raises(OSError, match="Bad file descriptor"):
        await InheritedEndpoint(default_reactor, found).listen(Factory())
