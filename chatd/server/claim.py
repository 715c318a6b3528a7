"""The claim notice: the log line with the link by which the first administrator signs in."""

from __future__ import annotations

from collections.abc import Sequence

from twisted.application.service import Service
from twisted.internet.interfaces import IAddress
from twisted.logger import Logger

from ..chat.claims import Claims
from .greeting import EVERYWHERE, here
from .startup import Door, written_place


class ClaimNotice(Service):
    """Logs the link for the first administrator; started after the last door."""

    _log = Logger()

    def __init__(self, claims: Claims, doors: Sequence[Door], page_url: str) -> None:
        """`doors` are all doors.  The link leads to `page_url`, or if that is empty, to the first
        door that serves the page at a host; a page at a UNIX socket only is somebody else's to
        name.
        """
        self._claims = claims
        self._doors = doors
        self._page_url = page_url

    def startService(self) -> None:
        """Log the link, if the server has no administrator."""
        super().startService()
        if not self._claims.code:
            return
        pages = [
            (door.scheme, door.port.getHost())
            for door in self._doors
            if door.door == "http" and door.port is not None
        ]
        if not pages:
            return
        hosts = [page for page in pages if hasattr(page[1], "host")]
        url = self._page_url or (_page_at(*hosts[0]) if hosts else "")
        link = "{url}/#claim={code}" if url else "the page's URL with /#claim={code} behind it"
        self._log.info(
            f"no administrator yet: open {link} to become it",
            url=url,
            code=self._claims.code,
            log_notice=True,
        )


def _page_at(scheme: str, address: IAddress) -> str:
    everywhere = getattr(address, "host", "") in EVERYWHERE
    return f"{scheme}://{here(address) if everywhere else written_place(address)}"
