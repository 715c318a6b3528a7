"""Failed attempts to sign in."""

from __future__ import annotations

import pytest

from chatd.chat.attempts import (
    ACCOUNT_FAILURES,
    ACCOUNT_SECONDS,
    ADDRESS_FAILURES,
    ADDRESS_SECONDS,
    TIDY_SECONDS,
)
from chatd.model.addresses import Address
from chatd.model.errors import BadCredentials, RateLimited
from chatd.model.units import ATTEMPTS
from chatd.testing import InMemoryChat

from ..kit.chat import refused, registered, restarted, settled, signed_in
from ..kit.redis_chat import RedisChats

OWN, OTHER = Address("192.0.2.1"), Address("198.51.100.9")


def address(number: int) -> Address:
    return Address(f"203.0.113.{number % 250}")


def guess(chat: InMemoryChat, name: str, where: Address) -> type[Exception] | None:
    """What a wrong password is answered with."""
    try:
        settled(chat, chat.service.sign_in.prove(name, "wrong horse battery", where))
    except (BadCredentials, RateLimited) as error:
        return type(error)
    return None


@pytest.fixture
def ada(chat: InMemoryChat) -> InMemoryChat:
    """A chat in which ada has an account, and has signed in from `OWN`."""
    registered(chat, "ada", address=OWN)
    signed_in(chat, "ada", address=OWN)
    return chat


@pytest.mark.parametrize("name", ["ada", "nobody"])
def test_an_account_is_guessed_at_a_few_times_only(ada: InMemoryChat, name: str) -> None:
    """From however many addresses; one that there is not, too."""
    answers = [guess(ada, name, address(n)) for n in range(2 * ACCOUNT_FAILURES)]
    assert answers == [BadCredentials] * ACCOUNT_FAILURES + [RateLimited] * ACCOUNT_FAILURES
    ada.advance(ACCOUNT_SECONDS)
    assert [guess(ada, name, address(n)) for n in range(2)] == [BadCredentials, RateLimited]


def test_guesses_do_not_lock_the_owner_out(ada: InMemoryChat) -> None:
    """Where ada has signed in before, the guesses of others do not count."""
    for number in range(3 * ACCOUNT_FAILURES):
        guess(ada, "ada", address(number))
    assert signed_in(ada, "ada", address=OWN)
    with pytest.raises(RateLimited):
        signed_in(ada, "ada", address=OTHER)


def test_an_address_guesses_a_few_times_only(ada: InMemoryChat) -> None:
    """At however many accounts; others go on."""
    answers = [guess(ada, f"name{n}", OTHER) for n in range(ADDRESS_FAILURES + 3)]
    assert answers == [BadCredentials] * ADDRESS_FAILURES + [RateLimited] * 3
    assert signed_in(ada, "ada", address=OWN)
    ada.advance(ADDRESS_SECONDS)
    assert guess(ada, "name", OTHER) is BadCredentials


def test_guesses_that_are_under_way_together_count_each(ada: InMemoryChat) -> None:
    """Many at once are no way around."""
    proving = [
        ada.service.sign_in.prove("ada", "wrong horse battery", address(n)) for n in range(50)
    ]
    ada.settle()
    answers = []
    for each in proving:
        each.addErrback(lambda failure: answers.append(failure.type))
    assert answers.count(BadCredentials) == ACCOUNT_FAILURES


def test_the_right_password_uses_up_no_attempt(ada: InMemoryChat) -> None:
    """However often, and wherever from."""
    for number in range(2 * ADDRESS_FAILURES):
        signed_in(ada, "ada", address=OTHER)
        signed_in(ada, "ada", address=address(number))


def test_failures_are_counted_over_a_restart(ada: InMemoryChat) -> None:
    """The counts are in the store."""
    for number in range(ACCOUNT_FAILURES):
        guess(ada, "ada", address(number))
    again = restarted(ada)
    assert guess(again, "ada", OTHER) is RateLimited
    assert signed_in(again, "ada", address=OWN)


def test_guesses_at_one_node_count_at_the_others(ada: InMemoryChat) -> None:
    """Those at an account, and those from an address; the owner is let in by each node."""
    nodes = [InMemoryChat(node=ada) for _ in range(2)]
    answers = [guess(nodes[n % 2], "ada", address(n)) for n in range(2 * ACCOUNT_FAILURES)]
    assert answers == [BadCredentials] * ACCOUNT_FAILURES + [RateLimited] * ACCOUNT_FAILURES
    assert all(signed_in(node, "ada", address=OWN) for node in nodes)
    answers = [guess(nodes[n % 2], f"name{n}", OTHER) for n in range(2 * ADDRESS_FAILURES)]
    assert answers == [BadCredentials] * ADDRESS_FAILURES + [RateLimited] * ADDRESS_FAILURES


def test_guesses_at_one_node_of_a_redis_count_at_the_other() -> None:
    """The buckets go through the server."""
    with RedisChats("a", "b") as chats:
        answers = []
        for number in range(2 * ACCOUNT_FAILURES):
            service = chats.chats[number % 2].service
            proving = service.sign_in.prove("ada", "wrong horse battery", address(number))
            chats.nodes.settle()
            answers.append(refused(proving))
        assert answers == [BadCredentials] * ACCOUNT_FAILURES + [RateLimited] * ACCOUNT_FAILURES


def test_bucket_that_counts_more_at_another_node_is_not_deleted(ada: InMemoryChat) -> None:
    """A node that saw few of the guesses forgets them earlier; it leaves the others' count."""
    one, two = (InMemoryChat(node=ada) for _ in range(2))
    guess(one, "ada", address(0))
    for number in range(ACCOUNT_FAILURES - 1):
        guess(two, "ada", address(number + 1))
    one.advance(ACCOUNT_SECONDS + TIDY_SECONDS)
    left = (ACCOUNT_SECONDS + TIDY_SECONDS) / ACCOUNT_SECONDS
    answers = [guess(one, "ada", address(100 + n)) for n in range(ACCOUNT_FAILURES)]
    assert answers.count(BadCredentials) <= left + 1
    one.advance(ACCOUNT_FAILURES * ACCOUNT_SECONDS + 3 * TIDY_SECONDS)
    keys = ada.store.engine.cells.snapshot(ATTEMPTS).cells()
    assert not any(key.startswith("a:") for key in keys)


def test_buckets_that_are_full_again_are_deleted(ada: InMemoryChat) -> None:
    """In the store too."""
    for number in range(ACCOUNT_FAILURES):
        guess(ada, f"name{number}", OTHER)
    assert len(ada.store.engine.cells.snapshot(ATTEMPTS).cells()) == ACCOUNT_FAILURES + 1
    ada.advance(ADDRESS_FAILURES * ADDRESS_SECONDS + 120)
    assert ada.store.engine.cells.snapshot(ATTEMPTS).cells() == {}
