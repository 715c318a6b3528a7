"""Rights: a fold of a room's cells."""

from __future__ import annotations

import pytest

from chatd.model.restrictions import Restriction, encode_restriction
from chatd.model.rights import Grant, Invite, Rights, Role, encode_member, encode_rights
from chatd.model.units import ADMITTED, BANS, INVITES, MUTES, ROLES, SPOKEN


@pytest.fixture
def rights() -> Rights:
    return Rights()


def test_a_role_is_given_and_taken(rights: Rights) -> None:
    """There is none before."""
    rights.set(ROLES, "ada", encode_rights(Grant("Ada", Role.OP)), 1)
    assert (rights.role("ada"), rights.role("bob")) == (Role.OP, Role.NONE)
    rights.set(ROLES, "ada", None, 2)
    assert rights.role("ada") is Role.NONE


def test_the_guest_who_created_a_room_is_an_op_with_an_owner_s_powers(rights: Rights) -> None:
    """Everyone else has the powers of their role."""
    rights.set(ROLES, "~1", encode_rights(Grant("bob", Role.OP, founder=True)), 1)
    rights.set(ROLES, "ada", encode_rights(Grant("Ada", Role.VOICE)), 2)
    assert (rights.role("~1"), rights.power("~1")) == (Role.OP, Role.OWNER)
    assert rights.power("ada") is Role.VOICE


@pytest.mark.parametrize("table", [BANS, MUTES])
def test_bans_and_mutes_are_placed_and_lifted(rights: Rights, table: str) -> None:
    """Each by its id."""
    found = rights.bans if table == BANS else rights.mutes
    rights.set(table, "1", encode_restriction(Restriction("bob", who="bob")), 1)
    assert [id_ for id_, _ in found] == ["1"]
    rights.set(table, "1", None, 2)
    assert len(found) == 0


def test_members_and_invites_are_added_and_removed(rights: Rights) -> None:
    """An invite has the version of its cell, by which its use is judged."""
    rights.set(ADMITTED, "ada", b"Ada", 1)
    rights.set(INVITES, "i", encode_rights(Invite("hash", 9, 1)), 2)
    assert rights.admitted == {"ada": "Ada"}
    assert (rights.invites["i"].uses, rights.versions) == (1, {"i": 2})
    rights.set(ADMITTED, "ada", None, 3)
    rights.set(INVITES, "i", None, 4)
    assert (rights.admitted, rights.invites, rights.versions) == ({}, {}, {})


def test_a_guest_is_a_member_for_one_stay_or_for_the_session(rights: Rights) -> None:
    """Whichever its cell says."""
    for version, once in enumerate([True, False, True], 1):
        rights.set(ADMITTED, "~g", encode_member("Guido", once=once), version)
        assert rights.admitted == {"~g": "Guido"}
        assert rights.once == ({"~g"} if once else set())
    rights.set(ADMITTED, "~g", None, 4)
    assert (rights.admitted, rights.once) == ({}, set())


def test_speakers_are_ordered_by_their_last_message(rights: Rights) -> None:
    """So the oldest can be evicted first."""
    for version, subject in enumerate(["ada", "bob", "ada"], 1):
        rights.set(SPOKEN, subject, b"", version)
    assert list(rights.spoken.items()) == [("bob", 2), ("ada", 3)]
    rights.set(SPOKEN, "bob", None, 4)
    assert rights.spoken == {"ada": 3}
