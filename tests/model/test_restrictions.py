"""Bans and mutes: which identities they match (`chatd.model.restrictions`)."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd.model.addresses import LOCAL, Address, address_of
from chatd.model.identity import Stranger
from chatd.model.restrictions import (
    MICROS,
    Restriction,
    Restrictions,
    as_network,
    decode_restriction,
    encode_restriction,
    moment,
    told_moment,
)

NOW = 1_700_000_000 * MICROS
ADA = Stranger(address_of("192.0.2.1"), "Ada", named=True, id="1", key="ada", account="ada")
GUEST = Stranger(address_of("192.0.2.1"), "guido", named=True, id="2", key="guido")


def bans(*placed: Restriction) -> Restrictions:
    """Restrictions with the ids 0, 1, …"""
    found = Restrictions()
    for id_, one in enumerate(placed):
        found.set(f"{id_}", one)
    return found


def test_an_account_is_matched_only_by_account_restrictions() -> None:
    """Not by restrictions of its address or network, which others may share."""
    place = bans(Restriction(address=ADA.address), Restriction(network="192.0.2.0/24"))
    assert place.hitting(ADA, NOW) is None
    assert place.hitting(GUEST, NOW)
    own = Restriction(who="ada")
    assert bans(own).hitting(ADA, NOW) is own
    assert bans(own).hitting(GUEST, NOW) is None


def test_a_guest_is_matched_by_id_name_address_and_network() -> None:
    """Any one of the four is enough."""
    for one in (
        Restriction(who="~2"),
        Restriction(key="guido"),
        Restriction(address=GUEST.address),
        Restriction(network="192.0.0.0/16"),
    ):
        assert bans(one).hitting(GUEST, NOW) is one
    assert bans(Restriction(who="~3"), Restriction(key="gui")).hitting(GUEST, NOW) is None


def test_an_expired_restriction_matches_nobody() -> None:
    """It expires at exactly the time that it names."""
    one = bans(Restriction(who="~2", until=NOW))
    assert one.hitting(GUEST, NOW - 1)
    assert one.hitting(GUEST, NOW) is None
    assert one.run_out(NOW) == ["0"]


def test_lifting_one_restriction_of_an_address_keeps_the_other() -> None:
    """Two guests may have been banned at one address."""
    first, second = (Restriction(who=f"~{n}", address=GUEST.address) for n in (7, 8))
    both = bans(first, second)
    both.set("1", None)
    assert both.hitting(GUEST, NOW) is first
    both.set("0", None)
    assert both.hitting(GUEST, NOW) is None
    assert not both.by_place


@given(
    st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)),
    st.lists(st.tuples(st.ip_addresses(), st.integers(0, 32)), max_size=5),
)
def test_a_network_restriction_matches_the_addresses_in_it(
    ip: object, placed: list[tuple[object, int]]
) -> None:
    """Same result as `ipaddress`; an IPv6 address counts by its first 64 bits."""
    networks = [ip_network(f"{base}/{length}", strict=False) for base, length in placed]
    found = bans(*(Restriction(network=as_network(str(network))) for network in networks))
    address = address_of(str(ip))
    place = ip_network(address)
    expected = any(
        place.version == network.version and place.network_address in network
        for network in map(ip_network, map(as_network, map(str, networks)))
    )
    assert bool(found.on(address, NOW)) is expected


def test_networks_are_normalized() -> None:
    """A host is a network of one, IPv4-mapped IPv6 is IPv4, and IPv6 counts by 64 bits."""
    assert as_network("192.0.2.1") == "192.0.2.1/32"
    assert as_network("::ffff:192.0.2.0/120") == "192.0.2.0/24"
    assert as_network("2001:db8::1") == "2001:db8::/64"
    for wrong in ("192.0.2.1/24", "ada", "1.2.3", "::/200"):
        with pytest.raises(ValueError, match=r"\w"):
            as_network(wrong)


def test_local_clients_cannot_be_banned_by_address() -> None:
    """Clients of UNIX sockets have no IP address."""
    assert bans(Restriction(network="0.0.0.0/0")).on(LOCAL, NOW) is None


def test_a_restriction_survives_encoding_and_decoding() -> None:
    """Fields of a later version are ignored."""
    one = Restriction("Ada", "ada", by="bob", since=NOW, until=NOW, text="spam")
    assert decode_restriction(encode_restriction(one)) == one
    assert decode_restriction(b'{"later":1}') == Restriction()


def test_times_are_formatted_for_people_and_programs() -> None:
    """Both formats are in UTC."""
    assert moment(NOW) == "2023-11-14 22:13 UTC"
    assert told_moment(NOW) == "2023-11-14T22:13:20Z"
    assert moment(10**30) == "the end of time"
    assert Restriction(address=Address("192.0.2.1")).target == "an address"
