"""Passwords: hashed and compared beside the reactor."""

from __future__ import annotations

from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred

from chatd.chat.passwords import COST, MOST_WAITING, Cost, HashingPool, Passwords
from chatd.model.errors import Unavailable
from chatd.testing import CHEAP, InMemoryChat, SoonPool, result_of

from ..kit.chat import refused

HASH = "$argon2id$v=19$m=8,t=1,p=1$"


@pytest.fixture
def pool(chat: InMemoryChat) -> SoonPool:
    return SoonPool(chat.clock)


def done(chat: InMemoryChat, outcome: Deferred[Any]) -> Any:
    chat.settle()
    return result_of(outcome)


def test_a_hash_is_its_passwords_and_no_others(chat: InMemoryChat, pool: SoonPool) -> None:
    """It has a salt of its own, so that two hashes of one password differ."""
    passwords = Passwords(pool, CHEAP)
    first, second = (done(chat, passwords.hash("correct horse")) for _ in range(2))
    assert first.startswith(HASH)
    assert first != second
    assert done(chat, passwords.verify("correct horse", first)) is True
    for other in ("correct horse ", "Correct horse", "", None):
        assert done(chat, passwords.verify(other, first)) is False


def test_the_cost_is_the_one_that_is_recommended(chat: InMemoryChat, pool: SoonPool) -> None:
    """19 MiB, two passes, one lane (OWASP)."""
    assert Cost(19456, 2) == COST
    assert done(chat, Passwords(pool).hash("x" * 8)).startswith("$argon2id$v=19$m=19456,t=2,p=1$")


@pytest.mark.parametrize("hashed", ["", "x", "$argon2id$v=19$m=1,t=0,p=1$x$y"])
def test_where_there_is_no_hash_no_password_is_right(
    chat: InMemoryChat, pool: SoonPool, hashed: str
) -> None:
    """Of accounts that there are not, that are deleted, or whose cell is broken."""
    passwords = Passwords(pool, CHEAP)
    for password in ("", None, "correct horse"):
        assert done(chat, passwords.verify(password, hashed)) is False


def test_an_unknown_account_costs_a_comparison(
    chat: InMemoryChat, pool: SoonPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a hash of the same cost."""
    compared = []

    def verify(password: bytes, hashed: str) -> None:
        compared.append(hashed)

    monkeypatch.setattr("chatd.chat.passwords.Argon2id.verify_phc_encoded", verify)
    passwords = Passwords(pool, CHEAP)
    assert done(chat, passwords.verify("correct horse", "")) is False
    assert [hashed[: len(HASH)] for hashed in compared] == [HASH]


def test_beyond_a_bound_passwords_are_refused(chat: InMemoryChat, pool: SoonPool) -> None:
    """They are told to come again; what was begun goes on."""
    passwords = Passwords(pool, CHEAP)
    pool.hold()
    waiting = [passwords.verify("x", "") for _ in range(MOST_WAITING)]
    assert refused(passwords.hash("x" * 8)) is Unavailable
    pool.release()
    assert [done(chat, each) for each in waiting] == [False] * MOST_WAITING
    assert done(chat, passwords.hash("x" * 8)).startswith(HASH)


@pytest_twisted.ensureDeferred
async def test_the_reactor_does_not_hash() -> None:
    """The threads begin with the first password, and end."""
    passwords = Passwords(HashingPool(reactor), CHEAP)
    passwords.stop()
    hashed = await passwords.hash("correct horse")
    assert await passwords.verify("correct horse", hashed)
    passwords.stop()
