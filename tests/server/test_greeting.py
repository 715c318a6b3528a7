"""The greeting, which says how to connect."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress

from chatd.server.greeting import Greeting, ways_in


def door(kind: str, address: Any, *, tls: bool = False) -> Any:
    """A door that listens at an address; None: it stays closed."""
    port = None if address is None else SimpleNamespace(getHost=lambda: address)
    return SimpleNamespace(door=kind, port=port, tls=tls, scheme="https" if tls else "http")


def at(port: int, host: str = "127.0.0.1") -> IPv4Address:
    return IPv4Address("TCP", host, port)


def test_the_ports_that_listen_are_named_in_the_order_page_line_irc() -> None:
    """As a person on this machine would type them."""
    doors = [door("line", at(8023)), door("http", at(8080, "0.0.0.0")), door("irc", at(6667))]
    assert ways_in(doors, "") == [
        "open http://localhost:8080",
        "rlwrap nc localhost 8023",
        "irc://localhost:6667",
    ]


@pytest.mark.parametrize(
    ("kind", "address", "tls", "way"),
    [
        ("http", at(8443), True, "open https://localhost:8443"),
        ("http", IPv6Address("TCP", "::", 8080), False, "open http://[::1]:8080"),
        ("http", at(8080, "192.0.2.1"), False, "open http://192.0.2.1:8080"),
        (
            "http",
            UNIXAddress(b"/run/door"),
            False,
            "curl --unix-socket /run/door http://localhost/",
        ),
        ("line", IPv6Address("TCP", "::1", 8023), False, "rlwrap nc ::1 8023"),
        ("line", at(8024), True, "openssl s_client -quiet -connect localhost:8024"),
        ("line", UNIXAddress(b"/run/door"), False, "rlwrap nc -U /run/door"),
        ("irc", at(6697), True, "ircs://localhost:6697"),
    ],
)
def test_each_kind_of_address_is_written_for_its_client(
    kind: str, address: Any, tls: bool, way: str
) -> None:
    """For a browser as a URL, for netcat as arguments."""
    assert ways_in([door(kind, address, tls=tls)], "") == [way]


def test_the_first_open_door_of_a_kind_is_named() -> None:
    """Closed doors, and doors for programs, are not named."""
    doors = [
        door("irc", None),
        door("http", None),
        door("http", at(1)),
        door("http", at(2)),
        door("admin", at(3)),
        door("classic", at(4)),
    ]
    assert ways_in(doors, "") == ["open http://localhost:1"]
    assert ways_in(doors, "https://chat.example.org") == ["open https://chat.example.org"]
    assert ways_in([], "https://chat.example.org") == []


def test_the_greeting_is_a_notice() -> None:
    """One line; none if no door for people is open."""
    told: list[tuple[str, Any]] = []
    for doors in ([door("http", at(1)), door("line", at(2))], [door("admin", at(3))]):
        greeting = Greeting(doors, "")
        log: Any = SimpleNamespace(
            info=lambda text, log_notice, **words: told.append((text.format(**words), log_notice))
        )
        greeting._log = log
        greeting.startService()
    assert told == [("open http://localhost:1 · rlwrap nc localhost 2", True)]
