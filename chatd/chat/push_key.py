"""The key by which push services know this chat (VAPID, RFC 8292).

1. It is a private key on the curve P-256.  The first node that needs it makes it, and the store
   keeps it, so that all nodes have the same, over restarts too.
2. Browsers bind a subscription to its public part: with another key, every subscription would be
   void.  So a key that the store has lost is stored again; if the store refuses it, every
   `AGAIN_SECONDS`.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from ..model.errors import ChatError
from ..model.units import PUSH_KEY, Cell, Change, Expect, Unit
from ..store import Store
from .journal import Journal

_KEY = "key"
"""The key of the one cell."""
_BYTES = 32
AGAIN_SECONDS = 60.0
"""Seconds after which a key that the store has refused is stored again."""


class PushKey:
    """The key of one chat: a fold of the table `PUSH_KEY`."""

    _log = Logger()

    def __init__(self, clock: IReactorTime, store: Store, journal: Journal) -> None:
        self._clock = clock
        self._store = store
        self._journal = journal
        self._again: IDelayedCall | None = None
        self._kept = False
        """Whether the store has a key, be it damaged: another would void all subscriptions."""
        self.private = b""
        """The private key's number, big-endian; empty: there is none yet."""
        self.public = ""
        """The public key, as browsers take it: uncompressed, in base64 for URLs."""

    def find(self) -> Deferred[Any]:
        """Read the key, or make it if there is none; fires when it is known.  Fails with
        `Unavailable`, `InDoubt`.
        """

        def found(cells: Mapping[str, Cell]) -> Deferred[Any]:
            if _KEY in cells:
                self._take(cells[_KEY].value)
            if self._kept:
                return succeed(None)
            number = ec.generate_private_key(ec.SECP256R1()).private_numbers().private_value
            new = Change(PUSH_KEY, _KEY, number.to_bytes(_BYTES, "big"))

            def make() -> Unit:
                if self._kept:
                    return Unit()  # another node has made one first
                return Unit((), (new,), (Expect(PUSH_KEY, _KEY, 0),))

            return self._journal.submit(make)

        read: Deferred[Any] = self._store.get(PUSH_KEY, [_KEY])
        return read.addCallback(found)

    def anew(self) -> Deferred[Callable[[], object]]:
        """Read the key again; fires with a function that folds it, or stores the known one again.
        Fails with `Unavailable`.
        """

        def fold(cells: Mapping[str, Cell]) -> None:
            if _KEY in cells:
                self._take(cells[_KEY].value)
            elif self.private:
                self._store_again()

        read: Deferred[Any] = self._store.get(PUSH_KEY, [_KEY])
        return read.addCallback(lambda cells: partial(fold, cells))

    def _store_again(self) -> None:
        self.stop()
        known = Change(PUSH_KEY, _KEY, self.private)
        unit = Unit((), (known,), (Expect(PUSH_KEY, _KEY, 0),))
        self._store.append([unit]).addErrback(self._not_stored)

    def _not_stored(self, failure: Failure) -> None:
        failure.trap(ChatError)
        if not self._journal.draining:
            self._again = self._clock.callLater(AGAIN_SECONDS, self._store_again)

    def stop(self) -> None:
        """Store the key no more: the server ends."""
        if self._again is not None and self._again.active():
            self._again.cancel()

    def shown(self, change: Change) -> None:
        """Fold a change of the table."""
        if change.value is not None:
            self._take(change.value)

    def _take(self, value: bytes) -> None:
        self._kept = True
        try:
            key = ec.derive_private_key(int.from_bytes(value, "big"), ec.SECP256R1())
        except ValueError as problem:
            self._log.error("the key for push services is damaged: {problem}", problem=problem)
            return
        point = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        self.private = value
        self.public = urlsafe_b64encode(point).rstrip(b"=").decode()
