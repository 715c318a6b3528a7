"""One session with a server, which survives lost connections and restarts of the server.

1. A request is repeated until it is answered, after a pause with a random part.  The pause doubles
   with each attempt, and is not shorter than the server's `Retry-After`.
2. All attempts at one change have the same `Idempotency-Key`, so the server carries it out once.
   `POST /session` has no key: if its answer is lost, the lost session holds the name, and the
   client asks for the name again until that session ends.
3. If the server no longer knows the token, a new session begins under the same name and in the same
   rooms.
4. Every attempt has a timeout: a server that does not answer counts as unreachable.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from contextlib import suppress
from random import random
from secrets import token_urlsafe
from typing import Any, Protocol, TypeVar
from urllib.parse import quote, urlencode, urlsplit

from hyperlink import EncodedURL
from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.defer import Deferred, DeferredLock, TimeoutError
from twisted.internet.error import ConnectError, ConnectionClosed, DNSLookupError
from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import Protocol as StreamProtocol
from twisted.internet.protocol import connectionDone
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.client import RequestTransmissionFailed, ResponseDone, ResponseFailed
from twisted.web.http import PotentialDataLoss

from ..model.errors import BadToken, ChatError, Malformed, NameInUse, RateLimited, Unavailable
from .answers import Answer, Page, read

T = TypeVar("T")

FIRST_PAUSE = 0.5
"""The longest pause before the second attempt, in seconds."""
LONGEST_PAUSE = 30.0
"""The longest pause between two attempts, in seconds."""
NAME_PAUSE = 15.0
"""Seconds between two attempts to get a name that a lost session of this client may hold; such a
session ends after 75 seconds."""
ANSWER_SECONDS = 35.0
"""Seconds for one attempt: a poll is held for 25."""
PARTING_SECONDS = 5.0
"""Seconds for `DELETE /session`; without it the server ends the session after its grace period."""

_NO_ANSWER = (
    ConnectError,
    ConnectionClosed,
    DNSLookupError,
    RequestTransmissionFailed,
    ResponseFailed,
    TimeoutError,
)
_log = Logger(namespace="chatd.client")


class HTTPClient(Protocol):
    """The used part of treq's interface: `treq.client.HTTPClient`, `treq.testing.StubTreq`."""

    @property
    def request(self) -> Callable[..., Deferred[Any]]:
        """See `treq.request`."""


class Connection:
    """A session and its requests."""

    def __init__(
        self,
        url: str,
        name: str,
        clock: IReactorTime,
        http: HTTPClient,
        password: str = "",
        lasting: str | None = None,
    ) -> None:
        """No request is sent before the first call.  With a personal token (`lasting`), or an empty
        one, no session is begun.  Raises `Malformed` for a bad URL.
        """
        self.lasting = lasting
        self.name = name
        self.password = password
        """The password of the account `name`; empty for a guest."""
        self.wanted = name
        """The name to ask for; empty for a guest."""
        self.rooms: set[str] = set()
        """The rooms that the session joins, besides the lobby."""
        self.lost: Callable[[str, float], object] = lambda reason, wait: None
        self.back: Callable[[], object] = lambda: None
        """See `ChatClient.watch`."""
        self._is_lost = False
        self._url = server_url(url)
        self._clock = clock
        self._http = http
        self._token = ""
        self._unjoined: list[str] = []
        self._opening = DeferredLock()
        self._asked = False
        """Whether `POST /session` was sent, and its outcome is not known."""

    async def ask(self, patience: float, method: str, *path: str, **options: Any) -> Any:
        """Send a request until it is answered; returns the answer.  Options are those of `_once`.

        Raises `ChatError` if the request is refused, or unanswered after `patience` seconds.
        """
        began, attempt = self._clock.seconds(), 0
        if method != "GET":
            options["key"] = token_urlsafe(16)
        while True:
            token = ""
            trouble: ChatError
            try:
                token = await self._open()
                answer = await self._once(method, *path, token=token, **options)
                self._answered()
                return answer
            except BadToken as problem:
                if self.lasting is not None:
                    raise
                if token in ("", self._token):  # no other request has begun a new session yet
                    self._token = ""
                trouble, wait = problem, pause(0, random())
            except (RateLimited, Unavailable) as problem:
                trouble, wait = problem, max(problem.retry_after, pause(attempt, random()))
            if self._clock.seconds() + wait - began > patience:
                raise trouble
            if isinstance(trouble, Unavailable):
                self._is_lost = True
                self.lost(trouble.message, wait)
                _log.warn("{problem}; trying again in {wait:.1f} s", problem=trouble, wait=wait)
            await deferLater(self._clock, wait)
            attempt += 1

    def _answered(self) -> None:
        if self._is_lost:
            self._is_lost = False
            self.back()

    async def sign_in(self, name: str, password: str) -> str:
        """Replace the present session by one of an account.  Returns the account's name.

        Raises `ChatError`: then nothing has changed.
        """
        body = {"name": name, "password": password}
        made: Answer = await self._once("POST", "session", body=body)
        await self.leave()
        self.name = self.wanted = made.name
        self._token, self.password = made.token, password
        self.rooms.clear()
        self._unjoined = []
        return made.name

    async def register(self, password: str, invite: str = "") -> str:
        """Register the name as an account, and continue in its session.  Returns the name."""
        token = await self._open()
        body = {"name": self.name, "password": password}
        if invite:
            body["invite"] = invite
        made: Answer = await self._once("POST", "accounts", body=body, token=token)
        self._token, self.name, self.password = made.token, made.name, password
        self.wanted = made.name
        return made.name

    async def change_password(self, new: str) -> None:
        """Change the password of the account; its other sessions end.

        Raises `ChatError`: then nothing has changed.
        """
        token = await self._open()
        body = {"current": self.password, "password": new}
        await self._once("PATCH", "account", body=body, token=token)
        self.password = new

    async def sign_out(self) -> None:
        """End the session; the next one is a guest's, in no room but the lobby."""
        await self.leave()
        self.name = self.wanted = self.password = ""
        self.rooms.clear()
        self._unjoined = []

    async def leave(self) -> None:
        """End the session, if there is one.  If this call is cancelled, the next one ends it."""
        if self._token or self._asked:
            goodbye = Deferred.fromCoroutine(self._part())
            with suppress(ChatError, TimeoutError):
                await goodbye.addTimeout(PARTING_SECONDS, self._clock)
            self._token, self._asked = "", False

    async def _part(self) -> None:
        """End the session; if the answer to `POST /session` was lost, open it again first."""
        if not self._token:
            await self._enter()
        await self._once("DELETE", "session", token=self._token)

    async def _open(self) -> str:
        """The personal token, or else the session's token; opens a session if there is none."""
        if self.lasting is not None:
            return self.lasting
        async with self._opening:
            if not self._token:
                await self._enter()
                self._unjoined = list(self.rooms)
            while self._unjoined:
                path = ("rooms", self._unjoined[0], "membership")
                await self._once("PUT", *path, token=self._token)
                del self._unjoined[0]
            return self._token

    async def _enter(self) -> None:
        """Begin a session."""
        doubtful, self._asked = self._asked, True
        try:
            body = {"name": self.wanted}
            if self.password:
                body["password"] = self.password
            opened = await self._once("POST", "session", body=body)
        except NameInUse as problem:
            self._asked = doubtful
            if doubtful:
                raise Unavailable(f"{problem}, perhaps a lost one of our own", NAME_PAUSE) from None
            raise
        except ChatError as problem:
            self._asked = isinstance(problem, Unavailable)  # the server may have opened it
            raise
        self._asked = False
        if not opened.token:
            raise ChatError(f"what answers at {self._url} is no chatd")
        self._token, self.name = opened.token, opened.name

    async def _once(
        self,
        method: str,
        *path: str,
        query: dict[str, object] | None = None,
        body: object = None,
        token: str = "",
        key: str = "",
        kind: type[Answer | Page] = Answer,
    ) -> Any:
        """Make one attempt.  Raises `ChatError`, or `Unavailable` if there is no answer."""
        url = "/".join([self._url, *(quote(part, "", errors="replace") for part in path)])
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if key:
            headers["Idempotency-Key"] = key

        async def exchange() -> Any:
            response = await self._http.request(
                method,
                _Address.from_text(f"{url}?{urlencode(query or {}, errors='replace')}"),
                headers=headers,
                allow_redirects=False,
                unbuffered=True,
                reactor=self._clock,
                **({} if body is None else {"json": body}),
            )
            reader = _Body()
            response.deliverBody(reader)
            retry_after = response.headers.getRawHeaders("Retry-After", [""])
            return read(response.code, retry_after[0], await reader.whole, kind)

        try:
            return await _cancellable(exchange()).addTimeout(ANSWER_SECONDS, self._clock)
        except _NO_ANSWER as problem:
            raise Unavailable(f"no answer from {self._url}: {_reason(problem)}", 0) from None


def _cancellable(work: Coroutine[Any, Any, T]) -> Deferred[T]:
    """Run a coroutine in a Deferred that fails with `CancelledError` when it is cancelled; the
    Deferreds of `twisted.web.client` then fail with various errors.
    """

    def end(result: T | Failure) -> None:
        if not cancelled:
            outcome.callback(result)

    def cancel(_: object) -> None:
        cancelled.append(True)
        working.cancel()

    cancelled: list[bool] = []
    outcome: Deferred[T] = Deferred(cancel)
    working = Deferred.fromCoroutine(work)
    working.addBoth(end)
    return outcome


class _Address(EncodedURL):
    """An encoded URL, which treq must not encode again: its encoder fails on `[::1]`."""

    def to_uri(self) -> EncodedURL:
        return self


class _Body(StreamProtocol):
    """A response's body.  Cancelling it closes the connection, which `readBody` does not do."""

    def __init__(self) -> None:
        self._data = bytearray()
        self.whole: Deferred[bytes] = Deferred(lambda _: self._stop())

    def dataReceived(self, data: bytes) -> None:
        self._data += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        complete = reason.check(ResponseDone, PotentialDataLoss)
        if not self.whole.called:
            self.whole.callback(bytes(self._data) if complete else reason)

    def _stop(self) -> None:
        if self.transport:
            self.transport.loseConnection()


def pause(attempt: int, dice: float) -> float:
    """Seconds to wait after an attempt (0: the first).  `dice`, a random number up to 1, spreads
    the reconnects of clients that lost the same server.
    """
    return float(min(FIRST_PAUSE * 2 ** min(attempt, 16), LONGEST_PAUSE) * (0.5 + dice / 2))


def server_url(text: str) -> str:
    """A server's URL, normalised as the base of others.  Raises `Malformed`."""
    try:
        parts = urlsplit(text)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:
            raise ValueError
        path = quote(parts.path.rstrip("/"), "/%")
        url = EncodedURL.from_text(f"{parts.scheme}://{parts.netloc}{path}")
        address = isIPAddress(parts.hostname) or isIPv6Address(parts.hostname)
        return (url if address else url.to_uri()).to_text()
    except ValueError:
        raise Malformed(f"{text!r} is no server's URL; one is http://localhost:8080") from None


def _reason(problem: BaseException) -> str:
    """Why a connection failed, without Twisted's wrappers around the reason."""
    if isinstance(problem, TimeoutError):
        return f"it was silent for {ANSWER_SECONDS:g} s"
    reason = getattr(problem, "reasons", [Failure(problem)])[0]
    if reason.check("twisted.web._newclient.ParseError"):
        return "it does not speak HTTP"
    return str(reason.getErrorMessage()).rstrip(".")
