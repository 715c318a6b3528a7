"""One connection to Redis, with a deadline for every command.

This module imports `txredisapi`, which imports the reactor; so it is imported late, when chatd has
installed its own.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import Factory
from twisted.python.failure import Failure
from txredisapi import InvalidData, RedisProtocol, ResponseError

from .failures import Lost, Refused
from .scripts import Script


class Link(RedisProtocol):
    """A connection: commands and their answers in order, and messages of a channel."""

    def __init__(self, clock: IReactorTime) -> None:
        super().__init__(charset=None, convertNumbers=False)
        self._clock = clock
        self._asked: deque[tuple[float, Deferred[Any]]] = deque()
        self._foreign = False
        """Whether something came that Redis does not send."""
        self.lost: Callable[[str], object] | None = None
        """Called once when the connection is gone, with the reason."""
        self.pushed: Callable[[bytes], object] | None = None
        """Called with every message of a channel subscribed to that is not in `heard`."""
        self.heard: dict[bytes, Callable[[bytes], object]] = {}
        """What is called with the messages of other channels."""

    def ask(self, *words: str | bytes | int) -> Deferred[Any]:
        """Send a command; fires with its answer.  Fails with `Lost` or `Refused`."""
        if not self.connected:
            return fail(Lost("there is no connection"))
        answer: Deferred[Any] = Deferred()
        self._asked.append((self._clock.seconds(), answer))
        self.transport.write(command(words))  # type: ignore[union-attr]
        return answer

    def run(self, script: Script, keys: list[str], *arguments: str | bytes | int) -> Deferred[Any]:
        """Run a script that the server has loaded.  Fails as `ask` does."""
        return self.ask("EVALSHA", script.sha, len(keys), *keys, *arguments)

    @property
    def waited(self) -> float:
        """Seconds for which the oldest unanswered command has waited."""
        return self._clock.seconds() - self._asked[0][0] if self._asked else 0.0

    @property
    def owed(self) -> int:
        """Commands without an answer."""
        return len(self._asked)

    def dataReceived(self, data: bytes, unpause: bool = False) -> None:
        """Parse answers; what is none ends the connection."""
        try:
            super().dataReceived(data, unpause)
        except InvalidData:
            self._foreign = True
            self.abort()

    def replyReceived(self, reply: Any) -> None:  # noqa: N802
        """An answer, or a message."""
        if self.pushed is not None and isinstance(reply, list) and reply and reply[0] == b"message":
            self.heard.get(reply[1], self.pushed)(reply[2])
        elif self._asked:
            _, answer = self._asked.popleft()
            if isinstance(reply, ResponseError):
                answer.errback(Refused(str(reply)))
            else:
                answer.callback(reply)

    def connectionLost(self, why: Failure) -> None:  # type: ignore[override]
        """All that was asked fails."""
        super().connectionLost(why)
        asked, self._asked = self._asked, deque()
        lost, self.lost = self.lost, None
        self.pushed = None
        reason = (
            "what answers is not Redis; see the host and the port of --store"
            if self._foreign
            else f"the connection was lost: {why.getErrorMessage()}"
        )
        for _, answer in asked:
            answer.errback(Lost(reason))
        if lost:
            lost(reason)

    def abandon(self) -> None:
        """Drop the connection without calling `lost` or `pushed`."""
        self.lost = self.pushed = None
        self.abort()

    def abort(self) -> None:
        """Close the connection, whatever is under way."""
        if self.transport:
            self.transport.abortConnection()  # type: ignore[attr-defined]


def command(words: Sequence[str | bytes | int]) -> bytes:
    """A command as it goes over the wire (RESP: an array of bulk strings)."""
    parts = [b"*%d\r\n" % len(words)]
    for word in words:
        if isinstance(word, str):
            word = word.encode()
        elif isinstance(word, int):
            word = b"%d" % word
        parts.append(b"$%d\r\n%b\r\n" % (len(word), word))
    return b"".join(parts)


class LinkFactory(Factory):
    """Makes one connection."""

    noisy = False

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock

    def buildProtocol(self, _: object) -> Link:  # type: ignore[override]
        """A fresh connection."""
        return Link(self._clock)
