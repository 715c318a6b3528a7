"""Sessions that were begun and never used: the oldest may be evicted."""

from __future__ import annotations

from typing import Any

import pytest

from chatd.chat.unused import Unused
from chatd.model.addresses import Address, address_of

HERE, THERE = address_of("192.0.2.7"), address_of("192.0.2.8")


class Begun:
    """What is looked at of a session."""

    used = False

    def __init__(self, address: Address, *, evictable: bool) -> None:
        self.address = address
        self.evictable = evictable


def begun(unused: Unused, address: Address = HERE, *, evictable: bool = True) -> Any:
    """A session that has begun, and has not been used."""
    session: Any = Begun(address, evictable=evictable)
    unused.add(session)
    return session


@pytest.fixture
def unused() -> Unused:
    return Unused()


def test_the_oldest_is_evicted_first(unused: Unused) -> None:
    """Of all, or of one address."""
    first, second = begun(unused, HERE), begun(unused, THERE)
    assert (unused.oldest(None), unused.oldest(THERE)) == (first, second)
    unused.discard(first)
    assert (unused.oldest(None), unused.oldest(HERE)) == (second, None)


def test_a_session_that_was_used_since_is_passed_over(unused: Unused) -> None:
    """And is looked at no more."""
    first, second = begun(unused), begun(unused)
    first.used = True
    assert unused.oldest(None) is second
    first.used = False
    assert unused.oldest(HERE) is second


def test_a_session_that_may_still_be_used_is_not_evicted(unused: Unused) -> None:
    """Nor is a younger one in its place."""
    begun(unused, evictable=False)
    begun(unused)
    assert unused.oldest(None) is None
