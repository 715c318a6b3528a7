from __future__ import annotations

import time
from ipaddress import ip_network

import pytest

from chatd.codecs.irc.masks import (
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

SOURCES = {
    "ada": Mask("ada"),
    "ada!ag@192.0.2.1": Mask("ada", "ag", "192.0.2.1"),
    "ada!~ag@localhost": Mask("ada", "~ag", "localhost"),
    "ada@192.0.2.1": Mask("ada", "", "192.0.2.1"),
    "ada!ag": Mask("ada", "ag"),
    "ada!ag@net\x035w\x03ork.admin": Mask("ada", "ag", "net\x035w\x03ork.admin"),
    "ada!~ag@n\x02et\x0305w\x0fork.admin": Mask("ada", "~ag", "n\x02et\x0305w\x0fork.admin"),
}


@pytest.mark.parametrize("source", SOURCES)
def test_a_source_is_split_and_joined_without_a_change(source: str) -> None:
    assert split(source) == SOURCES[source]
    assert str(split(source)) == source


MASKS = [
    ("*@127.0.0.1", "ada!ab@127.0.0.1 bob3!~bc@127.0.0.1", "ada!ab@127.0.0.5 bob3!~d@124.0.0.1"),
    (
        "cool*@*",
        "coolguy!ab@127.0.0.1 cooldud3!~bc@127.0.0.1 cool132!ab@example.com",
        "koolguy!ab@127.0.0.5 cooodud3!~d@124.0.0.1",
    ),
    (
        "cool!*@*",
        "cool!guyab@127.0.0.1 cool!~dudebc@127.0.0.1 cool!312ab@example.com",
        "coolguy!ab@127.0.0.1 cooldud3!~bc@127.0.0.1 koolguy!ab@127.0.0.5 cooodud3!~d@124.0.0.1",
    ),
    (
        "cool!?username@*",
        "cool!ausername@127.0.0.1 cool!~username@127.0.0.1",
        "cool!username@127.0.0.1",
    ),
    ("cool!a?*@*", "cool!ab@127.0.0.1 cool!abc@127.0.0.1", "cool!a@127.0.0.1"),
    (
        "cool[guy]!*@*",
        "cool[guy]!guy@127.0.0.1 cool[guy]!a@example.com",
        "coolg!ab@127.0.0.1 cool[!ac@127.0.1.1",
    ),
]


@pytest.mark.parametrize(("mask", "matching", "others"), MASKS)
def test_a_mask_matches_by_star_and_question_mark(mask: str, matching: str, others: str) -> None:
    assert [source for source in matching.split() if not matches(mask, source)] == []
    assert [source for source in others.split() if matches(mask, source)] == []


def test_a_mask_of_many_stars_is_matched_in_bounded_time() -> None:
    begin = time.perf_counter()
    assert not matches("*a" * 150 + "b", "a" * 400)
    assert time.perf_counter() - begin < 1


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
    ],
)
def test_a_ban_has_one_of_three_forms(mask: str, ban: object, again: str) -> None:
    found = read_ban(mask)
    assert found == ban
    assert found is not None
    assert written(found) == again


@pytest.mark.parametrize(
    "mask", ["*", "*!*@*", "e*!*@*", "eve!~eve@*", "eve!*@host.guest", "*!*@*.guest", "a b"]
)
def test_a_ban_of_another_form_is_refused(mask: str) -> None:
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
    assert user_of(given) == user


def test_names_are_compared_as_on_every_other_door() -> None:
    assert fold("Ada") == fold("ADA") == "ada"
    assert fold("[x]") != fold("{x}")
    assert fold("Straße") == fold("STRASSE")
    assert fold("#no name") == "#no name"


@pytest.mark.parametrize(
    "name",
    [
        "irc.example.com",
        "i.coolguy.net",
        "irc-srv.net.uk",
        "iRC.CooLguY.NeT",
        "gsf.ds342.co.uk",
        "324.net.uk",
        "xn--bcher-kva.ch",
        "services.",
    ],
)
def test_a_host_name_with_a_dot_is_a_valid_server_name(name: str) -> None:
    assert is_server_name(name)


@pytest.mark.parametrize(
    "name",
    [
        *("-lol-.net.uk", "-lol.net.uk", "_irc._sctp.lol.net.uk", "irc", "com", "", " "),
        *("example. net", "ex ample.org", " example.org", "example.org "),
    ],
)
def test_other_texts_are_not_valid_server_names(name: str) -> None:
    assert not is_server_name(name)
