"""Delivery of notifications to push services: a queue with bounds, and attempts with back-off.

1. At most `MOST_UNDER_WAY` requests are under way; the others wait in a queue of at most
   `MOST_WAITING`.  At the bound the oldest is dropped.
2. A service that is busy (429), broken (5xx) or not reached is asked again after `PAUSES`, or after
   the service's `Retry-After`, if that is longer.  Then the notification is dropped.
3. A service that does not know an address any more (404, 410) says by that that the browser wants
   no more notifications.
4. Redirects are not followed, and answers are not read beyond their headers.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple, Protocol

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IConsumer, IDelayedCall, IReactorTime
from twisted.internet.protocol import Protocol as Body
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.client import Agent
from twisted.web.http_headers import Headers
from twisted.web.iweb import IBodyProducer, IResponse
from zope.interface import implementer

from ..model.push import Subscription
from .internet import InternetEndpoints
from .messages import Authorizations, encrypted, headers

MOST_UNDER_WAY = 20
"""Requests at a time."""
MOST_WAITING = 1000
"""Notifications that wait for their first or next attempt."""
ANSWER_SECONDS = 20.0
"""Seconds for one request."""
PAUSES = (10.0, 60.0, 300.0)
"""Seconds before the second attempt, and before each later one."""
LONGEST_PAUSE = 3600.0
"""The longest `Retry-After` that is waited for; with a longer one the notification is dropped."""
WARNING_SECONDS = 600.0
"""Seconds between two warnings in the log that a push service refuses notifications."""


class Reply(NamedTuple):
    """The answer of a push service."""

    status: int
    retry_after: str = ""
    """The header of that name; empty: there is none."""


class Post(Protocol):
    """Sends a request with the method POST."""

    def __call__(self, url: str, headers: dict[bytes, list[bytes]], body: bytes) -> Deferred[Reply]:
        """Fires with the answer; fails if there is none."""


class _Job:
    """One notification on its way."""

    __slots__ = ("attempts", "done", "key", "payload", "to", "topic")

    def __init__(self, to: Subscription, key: bytes, payload: bytes, topic: str) -> None:
        self.to = to
        self.key = key
        self.payload = payload
        self.topic = topic
        self.attempts = 0
        self.done: Deferred[bool] = Deferred()
        """Fires with whether the browser wants more notifications, as far as is known."""


class Delivery:
    """Sends notifications (`chatd.chat.push_notices.Deliverer`)."""

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        now: Callable[[], float],
        contact: str,
        post: Post,
        counts: Counter[str],
    ) -> None:
        """`now` is the wall clock in seconds since the Unix epoch, and `contact` the operator's
        address.  `counts` counts what becomes of notifications: `sent`, `gone`, `refused`, `failed`
        or `dropped`.
        """
        self._clock = clock
        self._now = now
        self._post = post
        self._counts = counts
        self._authorizations = Authorizations(contact, now)
        self._waiting: deque[_Job] = deque()
        self._pausing: dict[_Job, IDelayedCall] = {}
        self._under_way: set[Deferred[Any]] = set()
        self._warned = float("-inf")
        self._stopped = False

    @property
    def waiting(self) -> int:
        """Notifications that are not sent yet."""
        return len(self._waiting) + len(self._pausing) + len(self._under_way)

    def send(self, to: Subscription, key: bytes, payload: bytes, topic: str) -> Deferred[bool]:
        """See `chatd.chat.push_notices.Deliverer`."""
        job = _Job(to, key, payload, topic)
        if self._stopped:
            return succeed(True)
        self._replace(job)
        if len(self._waiting) + len(self._pausing) >= MOST_WAITING:
            self._drop_oldest()
        self._waiting.append(job)
        self._go_on()
        return job.done

    def stop(self) -> None:
        """Drop what waits, and cancel the requests under way."""
        self._stopped = True
        for timer in self._pausing.values():
            timer.cancel()
        jobs = [*self._waiting, *self._pausing]
        self._waiting.clear()
        self._pausing.clear()
        for job in jobs:
            self._end(job, "dropped")
        for posting in [*self._under_way]:
            posting.cancel()

    def _replace(self, job: _Job) -> None:
        """A newer notification of a topic replaces one that waits for its next attempt."""
        for other, timer in [*self._pausing.items()]:
            if (other.topic, other.to.endpoint) == (job.topic, job.to.endpoint):
                timer.cancel()
                del self._pausing[other]
                self._end(other, "dropped")

    def _drop_oldest(self) -> None:
        if self._waiting:
            self._end(self._waiting.popleft(), "dropped")
            return
        job, timer = next(iter(self._pausing.items()))
        timer.cancel()
        del self._pausing[job]
        self._end(job, "dropped")

    def _go_on(self) -> None:
        while self._waiting and len(self._under_way) < MOST_UNDER_WAY:
            self._attempt(self._waiting.popleft())

    def _attempt(self, job: _Job) -> None:
        job.attempts += 1
        to = job.to
        try:
            body = encrypted(job.payload, to.p256dh, to.auth)
            fields = headers(self._authorizations.of(to.endpoint, job.key), job.topic)
        except Exception:
            self._log.failure("a notification could not be encrypted")
            self._end(job, "failed")
            return
        posting = self._post(to.endpoint, fields, body)
        self._under_way.add(posting)
        posting.addTimeout(ANSWER_SECONDS, self._clock)

        def over(outcome: Reply | Failure) -> None:
            self._under_way.discard(posting)
            self._answered(job, outcome)
            self._go_on()

        posting.addBoth(over)

    def _answered(self, job: _Job, outcome: Reply | Failure) -> None:
        if self._stopped:
            self._end(job, "dropped")
        elif isinstance(outcome, Failure):
            self._again(job, 0.0, str(outcome.value) or repr(outcome.value))
        elif 200 <= outcome.status < 300:
            self._end(job, "sent")
        elif outcome.status in (404, 410):
            self._end(job, "gone", wanted=False)
        elif outcome.status == 429 or outcome.status >= 500:
            self._again(job, self._seconds(outcome.retry_after), f"status {outcome.status}")
        else:
            self._warn(job, f"status {outcome.status}")
            self._end(job, "refused")

    def _again(self, job: _Job, least: float, why: str) -> None:
        if job.attempts > len(PAUSES) or least > LONGEST_PAUSE:
            self._warn(job, why)
            self._end(job, "failed")
            return
        if len(self._waiting) + len(self._pausing) >= MOST_WAITING:
            self._end(job, "dropped")
            return
        pause = max(PAUSES[job.attempts - 1], least)
        self._pausing[job] = self._clock.callLater(pause, self._paused, job)

    def _paused(self, job: _Job) -> None:
        del self._pausing[job]
        self._waiting.append(job)
        self._go_on()

    def _seconds(self, retry_after: str) -> float:
        """The pause that a `Retry-After` asks for, in seconds or as a date; 0: none."""
        if retry_after.isascii() and retry_after.isdigit():
            return float(retry_after[:9])
        try:
            when = parsedate_to_datetime(retry_after).timestamp()
        except (ValueError, TypeError, OverflowError):
            return 0.0
        return max(0.0, when - self._now())

    def _warn(self, job: _Job, why: str) -> None:
        """Log that a service refuses a notification, now and then: the address is a secret."""
        now = self._clock.seconds()
        if now - self._warned < WARNING_SECONDS:
            return
        self._warned = now
        host = job.to.endpoint.split("/")[2]
        self._log.warn("{host} did not take a notification: {why}", host=host, why=why)

    def _end(self, job: _Job, became: str, *, wanted: bool = True) -> None:
        self._counts[became] += 1
        job.done.callback(wanted)


class AgentPost:
    """Sends requests with Twisted's HTTP client, to hosts of the Internet only."""

    def __init__(self, reactor: Any, endpoints: InternetEndpoints | None = None) -> None:
        factory = endpoints or InternetEndpoints(reactor)
        self._agent = Agent.usingEndpointFactory(reactor, factory)

    def __call__(self, url: str, headers: dict[bytes, list[bytes]], body: bytes) -> Deferred[Reply]:
        """See `Post`."""
        asking: Deferred[Any] = self._agent.request(
            b"POST", url.encode("ascii"), Headers(headers), _Whole(body)
        )
        return asking.addCallback(_reply)


@implementer(IBodyProducer)
class _Whole:
    """A short body, written at once."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self.length = len(body)

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:
        """See `IBodyProducer`."""
        consumer.write(self._body)
        return succeed(None)

    def pauseProducing(self) -> None:
        """See `IBodyProducer`: it is written already."""

    def resumeProducing(self) -> None:
        """See `IBodyProducer`."""

    def stopProducing(self) -> None:
        """See `IBodyProducer`."""


def _reply(response: IResponse) -> Reply:
    (retry_after, *_) = response.headers.getRawHeaders(b"retry-after") or [b""]
    response.deliverBody(_Unread())
    return Reply(response.code, retry_after.decode("ascii", "replace").strip())


class _Unread(Body):
    """The body of an answer, which nobody reads."""

    def dataReceived(self, data: bytes) -> None:
        """See `twisted.internet.protocol.Protocol`."""
        if self.transport is not None:
            self.transport.loseConnection()
