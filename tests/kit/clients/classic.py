"""A client of the classic door."""

from __future__ import annotations

import re
from itertools import count
from typing import NoReturn
from urllib.parse import quote, urlencode

from ..http import HttpClient, Response
from ..server import MemoryServer
from .base import Client
from .seen import GAP, Seen

_numbers = count(1)


class ClassicClient(Client):
    """A script of 2011: a loop of polls on one connection, and its messages on another.

    This protocol reads under a name only, so a client without one takes a name of its own.
    """

    door = "classic"
    pushes = False
    kinds = frozenset({"message", "action", "gap"})
    commands = False
    confirms = False
    owns_name = False
    reason: str | None = None
    """Why a poll was refused, in the door's words; it has no codes."""
    _stalled = False

    def __init__(self, server: MemoryServer, *, name: str = "", chop: int = 0) -> None:
        self._as = name or f"reader-{next(_numbers)}"
        self._says = server.classic()
        self._answers: list[Response] = []
        self._seen: list[Seen] = []
        super().__init__(server, name=name, chop=chop)

    def reconnect(self) -> None:
        self._reads = self._polling(self._as)

    def disconnect(self) -> None:
        """Answers on the way count as read: the door cannot know that they were lost."""
        for response in self._reads.responses():
            self._take(response)
        self._reads.wire.hang_up()

    def leave(self) -> NoReturn:
        raise AssertionError("a classic client only stops polling")

    def ask(self, text: str) -> None:
        self._answers.clear()
        self._get(self._says, name=self._as, message=text)

    def answered(self) -> bool:
        self._answers += self._says.responses()
        return bool(self._answers)

    def answer(self) -> str | None:
        assert self.answered()
        (response,) = self._answers
        return refusal(response)

    def act(self, text: str) -> NoReturn:
        raise AssertionError("the classic protocol has no actions")

    def set_topic(self, text: str) -> NoReturn:
        raise AssertionError("the classic protocol has no topics")

    def read(self) -> list[Seen]:
        while not self._stalled and (responses := self._reads.responses()):
            (response,) = responses
            if response.status >= 400:
                self.end_code, self.reason = "not-allowed", refusal(response)
                break
            self._take(response)
            self._get(self._reads, name=self._as)
        seen, self._seen = self._seen, []
        return seen

    def stall(self) -> None:
        self._stalled = True

    def resume(self) -> None:
        self._stalled = False

    def _enter(self, name: str) -> str | None:
        assert not self.name, "in the classic protocol another name is another reader"
        reads = self._polling(name)
        if responses := reads.responses():
            return refusal(responses[0])
        self.disconnect()
        self._as, self._reads = name, reads
        return None

    def _polling(self, name: str) -> HttpClient:
        """A connection that polls as `name`, which is registered or refused by now."""
        http = self.server.classic()
        self._get(http, name=name)
        self.chat.settle()
        return http

    def _get(self, http: HttpClient, **query: str) -> None:
        http.send("GET", f"/?{urlencode(query, quote_via=quote)}", chop=self.chop)

    def _take(self, response: Response) -> None:
        assert refusal(response) is None
        *lines, rest = response.body.decode().split("\n")
        assert rest == ""
        self._seen += map(seen_in_line, lines)


def refusal(response: Response) -> str | None:
    """The line with which a request was refused, or None."""
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    return None if response.status == 200 else response.body.decode().removesuffix("\n")


def seen_in_line(line: str) -> Seen:
    """The event in one line."""
    if re.fullmatch(r">> : (?:\d+ )?events were missed here", line):
        return GAP
    for pattern, kind in ((r"(\S+) : (.*)", "message"), (r"\* (\S+) : (.*)", "action")):
        if found := re.fullmatch(pattern, line):
            return (kind, *found.groups())
    raise AssertionError(f"a line without a sender: {line!r}")
