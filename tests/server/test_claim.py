"""The log message with the claim code for the first administrator."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from twisted.internet.address import IPv4Address

from chatd.server.claim import ClaimNotice
from chatd.testing import InMemoryChat


class OpenDoor:
    """A listening HTTP door."""

    door = "http"
    scheme = "http"

    class port:  # noqa: N801
        """The port that listens."""

        @staticmethod
        def getHost() -> IPv4Address:
            return IPv4Address("TCP", "127.0.0.1", 8080)


def test_the_claim_link_is_logged_while_there_is_no_administrator(
    chat: InMemoryChat,
) -> None:
    """The link leads to the page."""
    told: list[str] = []
    door: Any = OpenDoor()
    line: Any = OpenDoor()
    line.door = "line"
    notice = ClaimNotice(chat.service.claims, [line, door])
    log: Any = SimpleNamespace(info=lambda text, **words: told.append(text.format(**words)))
    notice._log = log
    notice.startService()
    code = chat.service.claims.code
    assert told == [f"no administrator yet: open http://127.0.0.1:8080/#claim={code} to become it"]
    chat.service.claims.code = ""
    notice.startService()
    assert len(told) == 1
