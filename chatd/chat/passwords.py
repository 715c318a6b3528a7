"""Passwords: hashed and compared by Argon2id (RFC 9106), in threads.

1. Each hash costs about 25 ms and 19 MiB (OWASP's parameters), in a few threads of lower priority
   than the reactor's.
2. At most `MOST_WAITING` passwords are under way; one more is refused with `Unavailable`.
3. An unknown account costs the same: its password is compared with a random hash.
"""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple, Protocol, TypeVar

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from twisted.internet.defer import Deferred, fail
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool

from ..model.errors import Unavailable

T = TypeVar("T")

MOST_WAITING = 64
"""Passwords under way at a time: about a second of work."""
THREADS = 2
"""Hashing threads."""
NICENESS = 5
"""The nice value of the threads (`setpriority(2)`, which on Linux is per thread)."""


class Cost(NamedTuple):
    """The cost parameters of a hash."""

    memory: int = 19 * 1024
    """KiB."""
    passes: int = 2


COST = Cost()
"""OWASP's recommendation for Argon2id."""


class Pool(Protocol):
    """Runs jobs outside the reactor's thread."""

    def do(self, job: Callable[[], T]) -> Deferred[T]:
        """Call a function; fires in the reactor's thread with its result."""

    def stop(self) -> None:
        """Stop the threads."""


class HashingPool:
    """A few threads, started with the first job."""

    def __init__(self, reactor: Any) -> None:
        """`reactor` is an `IReactorFromThreads`."""
        self._reactor = reactor
        self._pool: ThreadPool | None = None

    def do(self, job: Callable[[], T]) -> Deferred[T]:
        """See `Pool.do`."""
        if self._pool is None:
            self._pool = ThreadPool(0, THREADS, "chatd, passwords")
            self._pool.threadFactory = _LowPriorityThread
            self._pool.start()
        done: Deferred[T] = deferToThreadPool(self._reactor, self._pool, job)
        return done

    def stop(self) -> None:
        """See `Pool.stop`."""
        if self._pool is not None:
            self._pool.stop()
            self._pool = None


class _LowPriorityThread(threading.Thread):
    """A daemon thread with a lower priority than the reactor's."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{**options, "daemon": True})

    def run(self) -> None:
        """See `Thread.run`."""
        with suppress(OSError, AttributeError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
        super().run()


class Passwords:
    """Hashes passwords, and compares passwords with hashes."""

    def __init__(self, pool: Pool, cost: Cost = COST) -> None:
        self._pool = pool
        self._cost = cost
        self.under_way = 0
        """Passwords that are being hashed, or wait for that."""
        self._dummy = ""
        """A random hash, for passwords of unknown accounts."""

    def hash(self, password: str) -> Deferred[str]:
        """The hash of a (clean) password, in the PHC string format.

        Fails with `Unavailable` when too many are under way.
        """
        return self._do(partial(_hash, password, self._cost))

    def verify(self, password: str | None, hashed: str) -> Deferred[bool]:
        """Whether the password has that hash; with None, or an empty hash, it is False after the
        same time.  Fails with `Unavailable` when too many are under way.
        """
        return self._do(partial(self._verify, password, hashed))

    def stop(self) -> None:
        """Stop the threads."""
        self._pool.stop()

    def _verify(self, password: str | None, hashed: str) -> bool:
        if not hashed and not self._dummy:
            self._dummy = _hash(secrets.token_urlsafe(), self._cost)
        try:
            Argon2id.verify_phc_encoded((password or "").encode(), hashed or self._dummy)
        except (InvalidKey, ValueError):
            return False
        return bool(hashed and password)

    def _do(self, job: Callable[[], T]) -> Deferred[T]:
        if self.under_way >= MOST_WAITING:
            return fail(
                Unavailable("too many are signing in at the moment; try again in a moment", 2.0)
            )
        self.under_way += 1
        return self._pool.do(job).addBoth(self._done)

    def _done(self, result: T) -> T:
        self.under_way -= 1
        return result


def _hash(password: str, cost: Cost) -> str:
    kdf = Argon2id(
        salt=secrets.token_bytes(16),
        length=32,
        iterations=cost.passes,
        lanes=1,
        memory_cost=cost.memory,
    )
    return kdf.derive_phc_encoded(password.encode())
