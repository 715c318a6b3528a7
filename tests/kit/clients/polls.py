"""Clients that read by long-polls."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote, urlencode

from ..http import Response
from .seen import GAP, Seen, seen_in_lines
from .web import WebClient


class PollClient(WebClient):
    """Polls on one connection, which has learned the poll from the second time on."""

    door = "poll"
    pushes = False
    _stalled = False

    def read(self) -> list[Seen]:
        while not self._stalled and (responses := self._reads.responses()):
            (response,) = responses
            if response.status in (403, 404):
                self.end_code = response.error
                break
            assert response.status == 200
            self._take_answer(response)
            self._listen()
        seen, self._seen = self._seen, []
        return seen

    def stall(self) -> None:
        self._stalled = True

    def resume(self) -> None:
        self._stalled = False

    def _listen(self) -> None:
        target = f"/rooms/lobby/events?since={self._cursor}"
        self._reads.send("GET", target, headers=self._style(), chop=self.chop)

    def _style(self) -> dict[str, str]:
        """Headers of a poll."""
        return {}

    def _take_answer(self, response: Response) -> None:
        answer = response.json
        self._seen += [GAP] * answer["gap"]
        for event in answer["events"]:
            self._take(event)
        assert answer["next"] >= self._cursor
        self._cursor = answer["next"]


class VaryingPollClient(PollClient):
    """Polls with different headers each time, so that each poll is parsed."""

    door = "varying-poll"
    _number = 0

    def _style(self) -> dict[str, str]:
        self._number += 1
        return {"X-Request-Id": f"{self._number}"}


class ReturningPollClient(PollClient):
    """Polls on a new connection each time, which uses the template of the one before."""

    door = "returning-poll"

    def _listen(self) -> None:
        before, self._reads = self._reads, self.server.http()
        self._reads.headers = before.headers
        super()._listen()
        before.wire.hang_up()


class PlainClient(PollClient):
    """`curl -H 'Accept: text/plain'`, with bodies as curl sends them."""

    door = "plain"

    def _style(self) -> dict[str, str]:
        return {"Accept": "text/plain"}

    def _take_answer(self, response: Response) -> None:
        assert response.headers["content-type"] == "text/plain; charset=utf-8"
        *lines, rest = response.body.decode().split("\n")
        assert rest == ""
        self._seen += seen_in_lines(lines)
        (since,) = re.findall(r"\?since=(\d+)>; rel=\"next\"$", response.headers["link"])
        assert int(since) > self._cursor or not lines
        self._cursor = int(since)

    def _spoken(self, text: str) -> tuple[str, str]:
        return "text/plain", text

    def _formed(self, value: Any) -> tuple[str, str]:
        return "application/x-www-form-urlencoded", urlencode(value, quote_via=quote)
