"""Request keys (`Idempotency-Key`): a request that is repeated is not carried out again.

1. A request key is a hash of a canonical encoding of its scope (whose key it is), the client's key,
   and the command.  So the same client's key with another command is another request.
2. The store keeps the key with the command's unit, and answers a repeat with the first id, on every
   node and over restarts.
3. An earlier version hashed another encoding.  Keys that the store has on opening may be of that
   kind, and are recognised until they expire.
4. A repeat that this node knows is answered before any judgement; if the first request is still
   under way, the repeat waits for its outcome.  A request that was refused may be sent again.
5. If the store has lost units, the repeat of a request that was among them is carried out again: a
   node that reads its state anew knows only the keys that the store still has.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Mapping

import msgspec
from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.python.failure import Failure

from ..model.commands import Command
from ..model.units import REMEMBERED_SECONDS

MOST_REMEMBERED = 100_000
"""The most keys in memory; above it the oldest are dropped, and only the store recognises them."""

_encode = msgspec.json.Encoder().encode

Answer = int | None
"""The id of a command's first event; None: it had none."""


def request_key(scope: str, key: str, command: Command) -> bytes:
    """The key that identifies a request; `scope` is whose client's key `key` is."""
    asked = [scope, key, type(command).__name__, command]
    try:
        encoded = _encode(asked)
    except UnicodeEncodeError:
        encoded = ascii(asked).encode()  # a lone surrogate: the command will be refused
    return _hash(encoded)


def former_key(scope: str, key: str, command: Command) -> bytes:
    """The key of the same request in the former encoding."""
    return _hash(repr((scope, key, command)).encode())


def _hash(encoded: bytes) -> bytes:
    return hashlib.blake2b(encoded, digest_size=16).digest()


class RequestKeys:
    """The requests of the last minutes, with their answers."""

    def __init__(self, now: Callable[[], float]) -> None:
        """`now` tells seconds that never run backwards."""
        self._now = now
        self._answers: OrderedDict[bytes, tuple[float, Answer]] = OrderedDict()
        self._under_way: dict[bytes, list[Deferred[Answer]]] = {}
        self._found: Mapping[bytes, int] = {}
        """The keys that the store had on opening, until they expire."""
        self._opened = 0.0

    def opened(self, keys: Mapping[bytes, int]) -> None:
        """Take over the keys that the store has on opening."""
        self._found, self._opened = keys, self._now()
        for key, id_ in keys.items():
            self.shown(key, id_)

    def missed(self) -> None:
        """Forget all answers: the store may have lost what they tell."""
        self._answers.clear()

    def restated(self, keys: Mapping[bytes, int]) -> None:
        """Take over the keys that the store has after `missed`."""
        for key, id_ in keys.items():
            self.shown(key, id_)

    def shown(self, key: bytes, id: int) -> None:
        """Fold a stored unit with that key, of this node or another."""
        self._remember(key, id)

    def key(self, scope: str, key: str, command: Command) -> bytes:
        """The key of a request: its `request_key`, or its `former_key` if the store has that."""
        if self._found:
            if self._now() - self._opened >= REMEMBERED_SECONDS:
                self._found = {}
            elif (former := former_key(scope, key, command)) in self._found:
                return former
        return request_key(scope, key, command)

    def once(self, key: bytes, perform: Callable[[], Deferred[Answer]]) -> Deferred[Answer]:
        """Perform a request; if it is a repeat, give the first one's answer instead."""
        self._forget_the_old()
        known = self._answers.get(key)
        if known is not None:
            return succeed(known[1])
        waiting = self._under_way.get(key)
        if waiting is not None:
            repeat: Deferred[Answer] = Deferred()
            waiting.append(repeat)
            return repeat
        self._under_way[key] = []
        return maybeDeferred(perform).addCallbacks(
            self._succeeded, self._failed, callbackArgs=(key,), errbackArgs=(key,)
        )

    def _succeeded(self, answer: Answer, key: bytes) -> Answer:
        self._remember(key, answer)
        for repeat in self._under_way.pop(key):
            repeat.callback(answer)
        return answer

    def _failed(self, failure: Failure, key: bytes) -> Failure:
        for repeat in self._under_way.pop(key):
            repeat.errback(failure)
        return failure

    def _remember(self, key: bytes, answer: Answer) -> None:
        self._answers.setdefault(key, (self._now(), answer))

    def _forget_the_old(self) -> None:
        oldest = self._now() - REMEMBERED_SECONDS
        while self._answers:
            key, (since, _) = next(iter(self._answers.items()))
            if since > oldest and len(self._answers) < MOST_REMEMBERED:
                break
            del self._answers[key]
