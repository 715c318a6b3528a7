"""The arguments of moderators' commands."""

from __future__ import annotations

import pytest

from chatd.chat.arguments import MOST_SECONDS, key_of, network_in, new_id, shown, until
from chatd.model.errors import Malformed
from chatd.model.restrictions import MICROS, UNNAMED, Restriction, Restrictions


def test_a_duration_ends_at_a_moment_and_none_never() -> None:
    """In microseconds, from now on."""
    assert until(5, 60) == 5 + 60 * MICROS
    assert until(5, None) == 0


@pytest.mark.parametrize("seconds", [0, -1, MOST_SECONDS + 1])
def test_a_duration_that_is_none_is_refused(seconds: int) -> None:
    """With those that are."""
    with pytest.raises(Malformed, match=f"1 to {MOST_SECONDS}"):
        until(5, seconds)


@pytest.mark.parametrize(
    ("who", "network"),
    [
        ("192.0.2.0/24", "192.0.2.0/24"),
        ("192.0.2.7", "192.0.2.7/32"),
        ("2001:db8::1", "2001:db8::/64"),
        ("ada", ""),
        ("1.2.3", ""),
    ],
)
def test_a_network_is_told_from_a_name(who: str, network: str) -> None:
    """A name of digits and dots stays one."""
    assert network_in(who) == network


@pytest.mark.parametrize("who", ["ada/24", "192.0.2.0/33", "::g"])
def test_what_can_only_be_a_network_has_to_be_one(who: str) -> None:
    """No name has a slash or a colon."""
    with pytest.raises(Malformed, match="no network"):
        network_in(who)


def test_an_id_is_no_name() -> None:
    """So it cannot be taken for somebody's."""
    assert key_of(new_id()) == ""
    assert key_of("Ada") == "ada"


def test_only_those_who_may_see_addresses_are_shown_them() -> None:
    """And nobody is shown what has run out."""
    bans = Restrictions()
    bans.set("1", Restriction(network="192.0.2.0/24"))
    bans.set("2", Restriction("bob", who="bob", until=9))
    ((_, ban),) = shown(bans, 10, places=True)
    assert ban.network == "192.0.2.0/24"
    ((_, ban),) = shown(bans, 10, places=False)
    assert (ban.name, ban.network) == (UNNAMED, "")
