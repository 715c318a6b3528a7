"""The log message with the claim code for the first administrator."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress

from chatd.server.claim import ClaimNotice
from chatd.testing import InMemoryChat

LOOPBACK = IPv4Address("TCP", "127.0.0.1", 1)


def door(kind: str, address: Any) -> Any:
    """A door that listens at an address."""
    port = SimpleNamespace(getHost=lambda: address)
    return SimpleNamespace(door=kind, port=port, scheme="http")


def told(chat: InMemoryChat, doors: list[Any], page_url: str = "") -> list[str]:
    """What is logged when a server with these doors starts."""
    lines: list[str] = []
    notice = ClaimNotice(chat.service.claims, doors, page_url)
    log: Any = SimpleNamespace(info=lambda text, **words: lines.append(text.format(**words)))
    notice._log = log
    notice.startService()
    return lines


@pytest.mark.parametrize(
    ("address", "page_url", "url"),
    [
        (IPv4Address("TCP", "127.0.0.1", 8080), "", "http://127.0.0.1:8080"),
        (IPv4Address("TCP", "0.0.0.0", 8080), "", "http://localhost:8080"),
        (IPv6Address("TCP", "::", 8080), "", "http://[::1]:8080"),
        (IPv4Address("TCP", "0.0.0.0", 8443), "https://chat.example", "https://chat.example"),
    ],
)
def test_the_claim_link_is_logged_while_there_is_no_administrator(
    chat: InMemoryChat, address: Any, page_url: str, url: str
) -> None:
    """The link leads to the page: by its own name if that is known, because of its certificate."""
    doors = [door("line", IPv4Address("TCP", "127.0.0.1", 8023)), door("http", address)]
    code = chat.service.claims.code
    expected = [f"no administrator yet: open {url}/#claim={code} to become it"]
    assert told(chat, doors, page_url) == expected
    chat.service.claims.code = ""
    assert told(chat, doors, page_url) == []


def test_a_page_at_a_unix_socket_has_no_link_of_its_own(chat: InMemoryChat) -> None:
    """Its URL is that of a proxy: `--host` tells it.  A door at a host comes before it."""
    socket = door("http", UNIXAddress("/run/chatd/http"))
    code = chat.service.claims.code
    assert told(chat, [socket]) == [
        f"no administrator yet: open the page's URL with /#claim={code} behind it to become it"
    ]
    assert "https://chat.example/#claim=" in told(chat, [socket], "https://chat.example")[0]
    assert "http://127.0.0.1:1/#" in told(chat, [socket, door("http", LOOPBACK)])[0]
