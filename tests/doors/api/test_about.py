"""`/about`: the doors and limits that the server publishes."""

from __future__ import annotations

import pytest
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress

from chatd.doors.api import about
from chatd.doors.api.about import Place, is_local
from chatd.doors.api.tree import web_site

from ...kit.http import HttpClient
from ...kit.server import MemoryServer


def test_about_names_the_ports_of_the_open_doors(server: MemoryServer) -> None:
    """It omits the administrators' door and UNIX sockets, and needs no session."""
    places: list[Place] = []
    server.http_door = web_site(
        server.chat.service, hosts=server.hosts, peers=server.peers, places=lambda: places
    )
    http = server.http()
    told = http.get("/about").json
    assert (told["doors"], told["text"]) == ([], {"bytes": 4096, "breaks": 50})
    places += [
        Place("line", IPv4Address("TCP", "127.0.0.1", 8023)),
        Place("line", IPv6Address("TCP", "::", 8024), tls=True),
        Place("line", UNIXAddress("chatd.sock")),
        Place("admin", IPv4Address("TCP", "127.0.0.1", 9000)),
        Place("irc", IPv4Address("TCP", "192.0.2.1", 6667)),
    ]
    assert http.get("/about").json["doors"] == [
        {"door": "line", "port": 8023, "tls": False, "local": True},
        {"door": "line", "port": 8024, "tls": True, "local": False},
        {"door": "irc", "port": 6667, "tls": False, "local": False},
    ]


def test_about_tells_the_time_and_how_far_the_clock_is_off(
    server: MemoryServer, http: HttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In microseconds; beside the store's clock, and whether anything keeps it right."""
    monkeypatch.setattr(about, "is_kept", lambda: False)
    monkeypatch.setattr(server.chat.store, "ahead", -12.3456)
    expected = {"now": int(server.chat.clock.seconds() * 1_000_000), "kept": False}
    assert http.get("/about").json["clock"] == {**expected, "store": -12.346}


@pytest.mark.parametrize(
    ("host", "local"),
    [("127.0.0.1", True), ("::1", True), ("0.0.0.0", False), ("fe80::1%eth0", False)],
)
def test_a_door_on_the_loopback_interface_is_local(host: str, local: bool) -> None:
    """A link to such a door works on the same machine only."""
    kind = IPv6Address if ":" in host else IPv4Address
    assert is_local(kind("TCP", host, 1)) is local
