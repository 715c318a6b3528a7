"""The line in the log by which a server gets its first administrator."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from twisted.internet.address import IPv4Address

from chatd.server.claim import ClaimNotice
from chatd.testing import InMemoryChat


class OpenDoor:
    """A door of the page that listens."""

    scheme = "http"

    class port:  # noqa: N801
        """What listens."""

        @staticmethod
        def getHost() -> IPv4Address:
            return IPv4Address("TCP", "127.0.0.1", 8080)


def test_a_server_without_an_administrator_tells_how_to_become_it(
    chat: InMemoryChat,
) -> None:
    """With an address to open."""
    told: list[str] = []
    door: Any = OpenDoor()
    notice = ClaimNotice(chat.service.claims, [door])
    log: Any = SimpleNamespace(info=lambda text, **words: told.append(text.format(**words)))
    notice._log = log
    notice.startService()
    code = chat.service.claims.code
    assert told == [f"no administrator yet: open http://127.0.0.1:8080/#claim={code} to become it"]
    chat.service.claims.code = ""
    notice.startService()
    assert len(told) == 1
