"""The claim notice: the log line with the link by which the first administrator signs in."""

from __future__ import annotations

from collections.abc import Sequence

from twisted.application.service import Service
from twisted.logger import Logger

from ..chat.claims import Claims
from .startup import Door, written_place


class ClaimNotice(Service):
    """Logs the link for the first administrator; started after the last door."""

    _log = Logger()

    def __init__(self, claims: Claims, doors: Sequence[Door]) -> None:
        """`doors` are all doors; the link leads to the first that serves the page."""
        self._claims = claims
        self._doors = doors

    def startService(self) -> None:
        """Log the link, if the server has no administrator."""
        super().startService()
        if not self._claims.code:
            return
        for door in self._doors:
            if door.door == "http" and door.port is not None:
                self._log.info(
                    "no administrator yet: open {scheme}://{place}/#claim={code} to become it",
                    scheme=door.scheme,
                    place=written_place(door.port.getHost()),
                    code=self._claims.code,
                    log_notice=True,
                )
                break
