"""One session with a server, kept up through whatever happens to its connections.

1. A request is made again until it is answered: after a pause that doubles each time and is never
   quite the same, and no sooner than the server asked for (`Retry-After`).
2. All attempts at one request carry the same `Idempotency-Key`, so that the server carries it out
   once.
3. A token that the server no longer knows is followed by a new session of the same name, in the
   same rooms.
4. Every attempt has an end: a server that has gone silent is one that cannot be reached.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from random import random
from secrets import token_urlsafe
from typing import Any, Generic, Protocol, TypeVar
from urllib.parse import quote, urlencode, urlsplit

import msgspec
from hyperlink import EncodedURL
from twisted.internet.defer import Deferred, DeferredLock, TimeoutError
from twisted.internet.error import ConnectError, ConnectionClosed, DNSLookupError
from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import Protocol as StreamProtocol
from twisted.internet.protocol import connectionDone
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.client import (
    RequestGenerationFailed,
    RequestNotSent,
    RequestTransmissionFailed,
    ResponseDone,
    ResponseFailed,
)
from twisted.web.http import PotentialDataLoss
from twisted.web.iweb import IResponse

from ..errors import BadToken, ChatError, Malformed, NameInUse, RateLimited, Unavailable
from .answers import Opened, Unreachable, refusal

T = TypeVar("T", covariant=True)

ANSWER_SECONDS = 35.0
"""Seconds for one attempt: a poll is held for 25."""
FIRST_PAUSE = 0.5
"""Seconds before the second attempt, at most."""
LONGEST_PAUSE = 30.0
"""Seconds between two attempts, at most."""
PARTING_SECONDS = 5.0
"""Seconds for saying goodbye: a server that does not hear it notices by itself."""

_NO_ANSWER = (
    ConnectError,
    ConnectionClosed,
    OSError,  # DNSLookupError among them
    RequestGenerationFailed,
    RequestNotSent,
    RequestTransmissionFailed,
    ResponseFailed,
    TimeoutError,
)
_log = Logger(namespace="chatd.client")


class HTTPClient(Protocol):
    """What is needed of treq: `treq.client.HTTPClient`, `treq.testing.StubTreq`."""

    @property
    def request(self) -> Callable[..., Deferred[Any]]:
        """See `treq.request`."""


@dataclass(frozen=True)
class Request(Generic[T]):
    """A request, and the form of the answer that it expects."""

    form: type[T]
    method: str
    path: tuple[str, ...]
    body: object = None
    query: Mapping[str, object] = field(default_factory=dict)


class Connection:
    """A session, and requests made in it."""

    def __init__(self, url: str, name: str, clock: IReactorTime, http: HTTPClient) -> None:
        """Nothing happens before the first request.  Raises `Malformed` for a bad URL."""
        self.name = name
        self.rooms: dict[str, None] = {}
        """The rooms to be in."""
        self._url = server_url(url)
        self._wanted = name
        self._clock = clock
        self._http = http
        self._token = ""
        self._missing: list[str] = []
        self._opening = DeferredLock()
        self._uncertain = False

    async def ask(self, request: Request[T], patience: float) -> T:
        """The answer to a request, once there is one.

        Raises `ChatError` when it is refused, or unanswered after `patience` seconds.
        """
        key, began = token_urlsafe(16), self._clock.seconds()
        for attempt in count():
            token = ""
            trouble: ChatError
            try:
                token = await self._open()
                return await self._once(request, token, key)
            except BadToken as problem:
                if token == self._token:
                    self._token = ""
                trouble, wait = problem, pause(0, random())
            except (RateLimited, Unavailable) as problem:
                trouble, wait = problem, max(problem.retry_after, pause(attempt, random()))
                if isinstance(problem, Unavailable):
                    _log.warn("{problem}; trying again in {wait:.1f} s", problem=problem, wait=wait)
            if self._clock.seconds() + wait - began > patience:
                raise trouble
            await deferLater(self._clock, wait)
        raise AssertionError("count() came to an end")

    async def rename(self, name: str, patience: float) -> str:
        """Take another name; answers it as the server spells it."""
        request = Request(Opened, "PATCH", ("session",), {"name": name})
        self.name = self._wanted = (await self.ask(request, patience)).name
        return self.name

    async def leave(self) -> None:
        """Say goodbye, if there is anybody to say it to."""
        token, self._token = self._token, ""
        if token:
            request = Request(type(None), "DELETE", ("session",))
            goodbye = Deferred.fromCoroutine(self._once(request, token))
            with suppress(ChatError, TimeoutError):
                await goodbye.addTimeout(PARTING_SECONDS, self._clock)

    async def _open(self) -> str:
        """The session's token; opens it, or another one, if need be."""
        async with self._opening:
            if not self._token:
                uncertain, self._uncertain = self._uncertain, True
                try:
                    opened = await self._once(
                        Request(Opened, "POST", ("session",), {"name": self._wanted})
                    )
                except Unreachable as problem:
                    self._uncertain = uncertain or problem.sent
                    raise
                except ChatError as problem:
                    self._uncertain = uncertain
                    if uncertain and isinstance(problem, NameInUse):
                        # By our own session, whose token was lost on the way; it will expire.
                        raise Unavailable(problem.message) from None
                    raise
                self._uncertain = False
                self._token, self.name = opened.token, opened.name
                self._missing = list(self.rooms)
            while self._missing:
                path = ("rooms", self._missing[0], "membership")
                await self._once(Request(object, "PUT", path), self._token)
                del self._missing[0]
            return self._token

    async def _once(self, request: Request[T], token: str = "", key: str = "") -> T:
        """Ask once.  Raises `ChatError`; `Unreachable` if there is no answer."""
        exchange = Deferred.fromCoroutine(self._exchange(request, token, key))
        try:
            response, data = await exchange.addTimeout(ANSWER_SECONDS, self._clock)
        except _NO_ANSWER as problem:
            sent = not isinstance(problem, ConnectError | DNSLookupError)
            raise Unreachable(f"no answer from {self._url}: {_reason(problem)}", sent=sent) from None
        if not 200 <= response.code < 300:
            (retry_after, *_) = response.headers.getRawHeaders("Retry-After", [""])
            raise refusal(response.code, retry_after, data)
        try:
            return msgspec.json.decode(data or b"null", type=request.form)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise ChatError(f"what answers at {self._url} is not a chatd") from None

    async def _exchange(
        self, request: Request[object], token: str, key: str
    ) -> tuple[IResponse, bytes]:
        """Send a request, and read what comes back."""
        path = [quote(part, safe="", errors="replace") for part in request.path]
        url = "/".join([self._url, *path])
        if request.query:
            url += "?" + urlencode(request.query, errors="replace")
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if key:
            headers["Idempotency-Key"] = key
        response = await self._http.request(
            request.method,
            _Address.from_text(url),
            headers=headers,
            allow_redirects=False,
            unbuffered=True,
            reactor=self._clock,
            **({} if request.body is None else {"json": request.body}),
        )
        body = _Body()
        response.deliverBody(body)
        return response, await body.whole


class _Address(EncodedURL):
    """A URL that is ready to be sent.

    treq makes a URI of every URL that it is given, and fails with `[::1]` and `my_host`.
    """

    def to_uri(self) -> EncodedURL:
        return self


class _Body(StreamProtocol):
    """A response's body.  Cancelling it closes the connection, which `readBody` only promises."""

    def __init__(self) -> None:
        self._data = bytearray()
        self.whole: Deferred[bytes] = Deferred(lambda _: self._stop())

    def dataReceived(self, data: bytes) -> None:
        self._data += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self.whole.called:
            return
        if reason.check(ResponseDone, PotentialDataLoss):
            self.whole.callback(bytes(self._data))
        else:
            self.whole.errback(reason)

    def _stop(self) -> None:
        if self.transport:
            self.transport.loseConnection()


def pause(attempt: int, dice: float) -> float:
    """Seconds to wait behind an attempt (0: the first); `dice`, from 0 to 1, keeps those who lost
    the same server from coming back at the same moment.
    """
    return float(min(FIRST_PAUSE * 2 ** min(attempt, 16), LONGEST_PAUSE) * (0.5 + dice / 2))


def server_url(text: str) -> str:
    """A server's URL as others are made from it: without a query, and without a slash at its end.

    Raises `Malformed`.
    """
    try:
        parts = urlsplit(text)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:
            raise ValueError
        host = parts.netloc.rpartition("@")[2]
        url = EncodedURL.from_text(f"{parts.scheme}://{host}{parts.path.rstrip('/')}")
        return url.to_text() if url.to_text().isascii() else url.to_uri().to_text()
    except ValueError:
        raise Malformed(f"{text!r} is no server's URL; one is http://localhost:8080") from None


def _reason(problem: BaseException) -> str:
    """What happened to a connection, without what Twisted wraps around it."""
    if isinstance(problem, TimeoutError):
        return f"it was silent for {ANSWER_SECONDS:g} s"
    reasons = getattr(problem, "reasons", None)
    return reasons[0].getErrorMessage() if reasons else str(problem)
