"""Sources, masks and bans as clients write them, and names of servers."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import pytest

from chatd.codecs.irc.masks import (
    HiddenBan,
    HostBan,
    Mask,
    NameBan,
    NetworkBan,
    fold,
    is_server_name,
    matches,
    read_ban,
    split,
    user_of,
    written,
)

from ...kit.vectors import vectors


@pytest.mark.parametrize("vector", vectors("sources"), ids=lambda vector: repr(vector["source"]))
def test_a_source_is_taken_apart_and_put_together(vector: dict[str, Any]) -> None:
    """The community's vectors: nick, user and host, of which the last two may be missing."""
    source, atoms = vector["source"], vector["atoms"]
    assert split(source) == Mask(atoms["nick"], atoms.get("user", ""), atoms.get("host", ""))
    assert str(split(source)) == source


@pytest.mark.parametrize("vector", vectors("masks"), ids=lambda vector: vector["mask"])
def test_a_mask_matches_what_it_says(vector: dict[str, Any]) -> None:
    """The community's vectors: `*` and `?`, and all other characters literally."""
    mask = vector["mask"]
    assert [source for source in vector["matches"] if not matches(mask, source)] == []
    assert [source for source in vector["fails"] if matches(mask, source)] == []


def test_a_mask_of_many_stars_is_matched_in_bounded_time() -> None:
    """With backtracking, this comparison would not end."""
    assert not matches("*a" * 150 + "b", "a" * 400)


@pytest.mark.parametrize(
    ("mask", "ban", "again"),
    [
        ("eve", NameBan("eve"), "eve!*@*"),
        ("eve!*@*", NameBan("eve"), "eve!*@*"),
        ("Eve!*", NameBan("Eve"), "Eve!*@*"),
        ("guest-0007!*@*", NameBan("guest-0007"), "guest-0007!*@*"),
        ("*!*@k3x9q2m7ab.guest", HostBan("k3x9q2m7ab.guest"), "*!*@k3x9q2m7ab.guest"),
        ("*!~eve@K3X9q2m7ab.account", HostBan("k3x9q2m7ab.account"), "*!*@k3x9q2m7ab.account"),
        (
            "*!*@192.0.2.0/24.network",
            NetworkBan(ip_network("192.0.2.0/24")),
            "*!*@192.0.2.0/24.network",
        ),
        ("*!*@~6b1f00aa.network", HiddenBan("~6b1f00aa"), "*!*@~6b1f00aa.network"),
    ],
)
def test_a_ban_has_one_of_four_forms(mask: str, ban: object, again: str) -> None:
    """A name, a host, a network, or the id of a ban whose network is hidden; written back
    canonically.
    """
    found = read_ban(mask)
    assert found == ban
    assert found is not None
    assert written(found) == again


@pytest.mark.parametrize(
    "mask", ["*", "*!*@*", "e*!*@*", "eve!~eve@*", "eve!*@host.guest", "*!*@*.guest", "a b"]
)
def test_a_ban_of_another_form_is_refused(mask: str) -> None:
    """The chat's bans could not express it, and would hit others than it says."""
    assert read_ban(mask) is None


@pytest.mark.parametrize(
    ("given", "user"),
    [
        ("ada", "~ada"),
        ("a b@c!d", "~abcd"),
        ("x" * 40, "~" + "x" * 10),
        ("ä", "~user"),
        ("", "~user"),
    ],
)
def test_a_user_name_is_truncated_and_marked_as_unverified(given: str, user: str) -> None:
    """Only letters, digits, `_`, `.` and `-` are kept, at most ten; `~` says that nobody vouches
    for it.
    """
    assert user_of(given) == user


def test_names_are_compared_as_on_every_other_door() -> None:
    """Folded over all scripts; `[` and `{` are different, as `CASEMAPPING=ascii` says."""
    assert fold("Ada") == fold("ADA") == "ada"
    assert fold("[x]") != fold("{x}")
    assert fold("Straße") == fold("STRASSE")
    assert fold("#no name") == "#no name"


@pytest.mark.parametrize("vector", vectors("hosts"), ids=lambda vector: repr(vector["host"]))
def test_a_server_has_the_name_of_a_host(vector: dict[str, Any]) -> None:
    """With a dot in it."""
    assert is_server_name(vector["host"]) is vector["valid"]
