"""Request keys: a request that is sent again is not carried out again (`Idempotency-Key`).

1. A key is a hash of a canonical encoding of who asks, the client's key, and the command; so the
   same key with another command is another request.
2. The store keeps it with the command's unit, and answers a known one with the id that it gave the
   first time: on whichever node, and over restarts.
3. An earlier version hashed another encoding.  The keys that the store knows when it opens may be
   of that kind, and are recognised as long as they are remembered.
4. A repeat that this node knows of is answered before any other judgement; one whose first request
   is under way waits for its outcome.  A request that was refused may be sent again.
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
"""Keys that this node knows of at a time; beyond that the oldest are forgotten first, and known to
the store only."""

_encode = msgspec.json.Encoder().encode

Answer = int | None


def request_key(who: str, key: str, command: Command) -> bytes:
    """What identifies a request: `who` is whose `key` it is."""
    asked = [who, key, type(command).__name__, command]
    try:
        told = _encode(asked)
    except UnicodeEncodeError:
        told = ascii(asked).encode()  # no text that can be stored: the command will be refused
    return _hash(told)


def former_key(who: str, key: str, command: Command) -> bytes:
    """What identified the same request before there was a canonical encoding."""
    return _hash(repr((who, key, command)).encode())


def _hash(told: bytes) -> bytes:
    return hashlib.blake2b(told, digest_size=16).digest()


class RequestKeys:
    """The requests of the last minutes, and what was answered."""

    def __init__(self, now: Callable[[], float]) -> None:
        """`now` tells seconds that never run backwards."""
        self._now = now
        self._answers: OrderedDict[bytes, tuple[float, Answer]] = OrderedDict()
        self._under_way: dict[bytes, list[Deferred[Answer]]] = {}
        self._found: Mapping[bytes, int] = {}
        """What the store knew when it was opened, as long as that counts."""
        self._opened = 0.0

    def opened(self, keys: Mapping[bytes, int]) -> None:
        """The store is open, and knows these."""
        self._found, self._opened = keys, self._now()
        for key, id_ in keys.items():
            self.shown(key, id_)

    def shown(self, key: bytes, id: int) -> None:
        """A unit with that key was stored, on this node or another."""
        self._remember(key, id)

    def key(self, who: str, key: str, command: Command) -> bytes:
        """What identifies a request: `request_key`, or `former_key` if it is known by that."""
        if self._found:
            if self._now() - self._opened >= REMEMBERED_SECONDS:
                self._found = {}
            elif (former := former_key(who, key, command)) in self._found:
                return former
        return request_key(who, key, command)

    def once(self, key: bytes, perform: Callable[[], Deferred[Answer]]) -> Deferred[Answer]:
        """Perform a request, or answer what was answered the first time."""
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
