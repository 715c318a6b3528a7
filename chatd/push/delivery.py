"""Delivery of notifications to push services: a queue with bounds, and attempts with back-off.

1. At most `MOST_UNDER_WAY` requests are under way, and `MOST_OF_ACCOUNT` of them for one account;
   the others wait in a queue of at most `MOST_WAITING`.  At the bound the oldest is dropped.
2. Nothing is sent for `SILENT_SECONDS` to a host that did not answer in time; then one request is,
   until the host answers.  So no account, and no host, keeps the others waiting.
3. A service that is busy (429), broken (5xx) or not reached is asked again after `PAUSES`, or after
   the service's `Retry-After`, if that is longer.  Then the notification is dropped.
4. Before each attempt the sender is asked whether the notification is still to be sent.
5. A newer notification of a topic replaces the older ones: those that wait are dropped, and those
   under way are not repeated.
6. A service that does not know an address any more (404, 410) says by that that the browser wants
   no more notifications.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from twisted.internet.defer import Deferred, TimeoutError, maybeDeferred, succeed
from twisted.internet.error import TimeoutError as ConnectTimeout
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from ..model.errors import ChatError
from ..model.push import Subscription
from .messages import Authorizations, encrypted, headers
from .posting import Post, Reply

MOST_UNDER_WAY = 20
"""Requests at a time."""
MOST_OF_ACCOUNT = 2
"""Requests at a time for one account: it chooses the hosts, which may be slow."""
SILENT_SECONDS = 60.0
"""A host that did not answer in time is sent nothing for that many seconds."""
MOST_WAITING = 1000
"""Notifications that wait for their first or next attempt."""
ANSWER_SECONDS = 20.0
"""Seconds for one request."""
PAUSES = (10.0, 60.0, 300.0)
"""Seconds before the second attempt, and before each later one."""
LONGEST_PAUSE = 600.0
"""The longest `Retry-After` that is waited for; with a longer one the notification is dropped."""
WARNING_SECONDS = 600.0
"""Seconds between two warnings in the log that a push service refuses notifications."""


Check = Callable[[], Deferred[bool]]
"""Fires with whether a notification is still to be sent.  Fails with `ChatError` if that cannot be
found out now."""


class _Job:
    """One notification on its way."""

    __slots__ = ("attempts", "check", "done", "host", "key", "payload", "replaced", "to", "topic")

    def __init__(
        self, to: Subscription, key: bytes, payload: bytes, topic: str, check: Check
    ) -> None:
        self.to = to
        self.key = key
        self.payload = payload
        self.topic = topic
        self.check = check
        self.host = urlsplit(to.endpoint).hostname or ""
        self.attempts = 0
        self.replaced = False
        """Whether there is a newer notification of its topic."""
        self.done: Deferred[bool] = Deferred()
        """Fires with whether the browser wants more notifications, as far as is known."""

    @property
    def name(self) -> tuple[str, str]:
        """What a newer notification that replaces this one has, too."""
        return self.to.endpoint, self.topic


class _Dropped(Exception):
    """A notification is not to be sent any more."""


class _Unencrypted(Exception):
    """A notification could not be encrypted, and the log says why."""


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
        self._under_way: dict[_Job, Deferred[Any]] = {}
        self._newest: dict[tuple[str, str], _Job] = {}
        """The newest notification of each topic to each browser."""
        self._silent: dict[str, IDelayedCall | None] = {}
        """Hosts that did not answer, with what ends the pause; None: one request may be sent."""
        self._busy: Counter[str] = Counter()
        """Requests under way for each account, and to each host."""
        self._going_on = False
        self._warned = float("-inf")
        self._stopped = False

    @property
    def waiting(self) -> int:
        """Notifications that are not sent yet."""
        return len(self._waiting) + len(self._pausing) + len(self._under_way)

    def send(
        self, to: Subscription, key: bytes, payload: bytes, topic: str, check: Check
    ) -> Deferred[bool]:
        """See `chatd.chat.push_notices.Deliverer`."""
        job = _Job(to, key, payload, topic, check)
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
        for timer in [*self._pausing.values(), *self._silent.values()]:
            if timer is not None:
                timer.cancel()
        jobs = [*self._waiting, *self._pausing]
        self._waiting.clear()
        self._pausing.clear()
        self._silent.clear()
        for job in jobs:
            self._end(job, "dropped")
        for trying in [*self._under_way.values()]:
            trying.cancel()

    def _replace(self, job: _Job) -> None:
        """Drop the older notification of a topic, or have it not repeated."""
        older = self._newest.get(job.name)
        self._newest[job.name] = job
        if older is None:
            return
        older.replaced = True
        if older in self._under_way:
            return
        if older in self._pausing:
            self._pausing.pop(older).cancel()
        else:
            self._waiting.remove(older)
        self._end(older, "dropped")

    def _drop_oldest(self) -> None:
        if self._waiting:
            self._end(self._waiting.popleft(), "dropped")
            return
        job, timer = next(iter(self._pausing.items()))
        timer.cancel()
        del self._pausing[job]
        self._end(job, "dropped")

    def _go_on(self) -> None:
        """Begin the attempts that may begin.

        An attempt may end at once, and then calls this again: the loop goes on with the next.
        """
        if self._going_on:
            return
        self._going_on = True
        try:
            while (job := self._next()) is not None:
                self._attempt(job)
        finally:
            self._going_on = False

    def _next(self) -> _Job | None:
        """Take the first that may be sent now out of the queue."""
        if len(self._under_way) >= MOST_UNDER_WAY:
            return None
        for place, job in enumerate(self._waiting):
            if self._may_begin(job):
                del self._waiting[place]
                return job
        return None

    def _may_begin(self, job: _Job) -> bool:
        if self._busy[f"@{job.to.account}"] >= MOST_OF_ACCOUNT:
            return False
        if job.host not in self._silent:
            return True
        return self._silent[job.host] is None and not self._busy[job.host]

    def _attempt(self, job: _Job) -> None:
        job.attempts += 1
        self._busy.update(self._counted(job))
        trying: Deferred[Any] = maybeDeferred(job.check)
        self._under_way[job] = trying
        trying.addCallback(self._checked, job)

        def over(outcome: Reply | Failure) -> None:
            del self._under_way[job]
            self._busy.subtract(self._counted(job))
            self._busy = +self._busy
            self._answered(job, outcome)
            self._go_on()

        trying.addBoth(over)

    def _counted(self, job: _Job) -> tuple[str, str]:
        """By what a request counts: no host has an `@` in it."""
        return f"@{job.to.account}", job.host

    def _checked(self, wanted: bool, job: _Job) -> Deferred[Reply]:
        """Send the request, if the notification is still to be sent."""
        if not wanted or job.replaced or self._stopped:
            raise _Dropped
        to = job.to
        try:
            body = encrypted(job.payload, to.p256dh, to.auth)
            fields = headers(self._authorizations.of(to.endpoint, job.key), job.topic)
        except Exception:
            self._log.failure("a notification could not be encrypted")
            raise _Unencrypted from None
        posting: Deferred[Reply] = maybeDeferred(self._post, to.endpoint, fields, body)
        return posting.addTimeout(ANSWER_SECONDS, self._clock, _timed_out)

    def _answered(self, job: _Job, outcome: Reply | Failure) -> None:
        if self._stopped:
            self._end(job, "dropped")
        elif isinstance(outcome, Failure):
            self._failed(job, outcome)
        else:
            self._heard(job.host)
            self._took(job, outcome)

    def _failed(self, job: _Job, failure: Failure) -> None:
        if failure.check(_Dropped):
            self._end(job, "dropped")
        elif failure.check(_Unencrypted):
            self._end(job, "failed")
        elif failure.check(ChatError):  # the store is away: the host was not asked
            self._again(job, 0.0, "")
        else:
            if failure.check(TimeoutError, ConnectTimeout):
                self._hears_nothing(job.host)
            else:
                self._heard(job.host)
            self._again(job, 0.0, str(failure.value) or repr(failure.value))

    def _took(self, job: _Job, reply: Reply) -> None:
        if 200 <= reply.status < 300:
            self._end(job, "sent")
        elif reply.status in (404, 410):
            self._end(job, "gone", wanted=False)
        elif reply.status == 429 or reply.status >= 500:
            self._again(job, self._seconds(reply.retry_after), f"status {reply.status}")
        else:
            self._warn(job, f"status {reply.status}")
            self._end(job, "refused")

    def _hears_nothing(self, host: str) -> None:
        """A host has not answered in time: others are asked meanwhile."""
        if self._silent.get(host) is None:
            self._silent[host] = self._clock.callLater(SILENT_SECONDS, self._try, host)

    def _try(self, host: str) -> None:
        """The pause of a silent host is over: one request may be sent to it, if one waits."""
        if any(job.host == host for job in (*self._waiting, *self._pausing)):
            self._silent[host] = None
            self._go_on()
        else:
            del self._silent[host]

    def _heard(self, host: str) -> None:
        timer = self._silent.pop(host, None)
        if timer is not None:
            timer.cancel()

    def _again(self, job: _Job, least: float, why: str) -> None:
        if job.replaced:
            self._end(job, "dropped")
            return
        if job.attempts > len(PAUSES) or least > LONGEST_PAUSE:
            if why:
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
        self._log.warn("{host} did not take a notification: {why}", host=job.host, why=why)

    def _end(self, job: _Job, became: str, *, wanted: bool = True) -> None:
        self._counts[became] += 1
        if self._newest.get(job.name) is job:
            del self._newest[job.name]
        job.done.callback(wanted)


def _timed_out(outcome: Reply | Failure, seconds: float) -> Reply:
    """The outcome of a request that was cancelled after so many seconds."""
    if isinstance(outcome, Failure):
        raise TimeoutError(f"no answer within {seconds:g} seconds")
    return outcome
