"""Roles: who gives and takes which (`chatd.chat.judge_roles`)."""

from __future__ import annotations

from chatd.chat.person import Person
from chatd.model.commands import Rename
from chatd.model.errors import LastOwner, Malformed, NoSuchPerson, NotAllowed
from chatd.model.events import RoleGiven, RoleName
from chatd.model.moderation import Admit, Ban, Configure, Dismiss, GiveRole, Kick, Mute
from chatd.model.rights import Role
from chatd.testing import InMemoryChat, result_of

from ..kit.chat import last, refusal, registered, role, with_account


def test_an_owner_gives_and_takes_roles(chat: InMemoryChat, ada: Person, bob: Person) -> None:
    """And the room is told."""
    roles: list[tuple[RoleName | None, Role]]
    roles = [("op", Role.OP), ("voice", Role.VOICE), (None, Role.NONE)]
    for word, given in roles:
        chat.perform(ada, GiveRole("dev", "BOB", word))
        assert role(chat, bob) is given
        assert last(chat) == RoleGiven(
            room="dev", sender="ada", account=True, target="bob", role=word
        )
    assert chat.perform(ada, GiveRole("dev", "bob", None)) is None


def test_an_op_gives_and_takes_voice_only(chat: InMemoryChat, ada: Person, bob: Person) -> None:
    """And does not act on higher roles."""
    eve = with_account(chat, "eve")
    chat.perform(ada, GiveRole("dev", "bob", "op"))
    chat.perform(bob, GiveRole("dev", "eve", "voice"))
    assert role(chat, eve) is Role.VOICE
    chat.perform(bob, GiveRole("dev", "eve", None))
    for command in (
        GiveRole("dev", "eve", "op"),
        GiveRole("dev", "eve", "owner"),
        GiveRole("dev", "ada", None),
        GiveRole("dev", "ada", "voice"),
        Kick("dev", "ada"),
        Ban("dev", "ada"),
        Mute("dev", "ada"),
        Dismiss("dev", "ada"),
    ):
        assert isinstance(refusal(chat, bob, command), NotAllowed)
    assert role(chat, ada) is Role.OWNER


def test_a_refusal_says_which_role_it_takes(chat: InMemoryChat, bob: Person) -> None:
    """So that people know whom to ask."""
    assert "an op or owner of #dev" in refusal(chat, bob, Kick("dev", "ada")).message
    assert "an owner of #dev" in refusal(chat, bob, Configure("dev", access="members")).message


def test_the_only_owner_cannot_step_down(chat: InMemoryChat, ada: Person, bob: Person) -> None:
    """But after making another one."""
    for word in ("op", None):
        assert isinstance(refusal(chat, ada, GiveRole("dev", "ada", word)), LastOwner)
    assert isinstance(refusal(chat, ada, Dismiss("dev", "ada")), LastOwner)
    chat.perform(ada, GiveRole("dev", "bob", "owner"))
    chat.perform(ada, GiveRole("dev", "ada", None))
    assert role(chat, ada) is Role.NONE
    assert isinstance(refusal(chat, bob, GiveRole("dev", "bob", None)), LastOwner)


def test_a_guest_never_owns_a_room(chat: InMemoryChat, ada: Person) -> None:
    """But may be op or voice, as long as the session lasts."""
    guest = chat.enter("guido")
    assert isinstance(refusal(chat, ada, GiveRole("dev", "guido", "owner")), NotAllowed)
    chat.perform(ada, GiveRole("dev", "guido", "op"))
    assert role(chat, guest) is Role.OP
    result = chat.service.end(guest)
    chat.settle()
    result_of(result)
    assert role(chat, guest) is Role.NONE
    again = chat.enter("guido")
    assert role(chat, again) is Role.NONE


def test_a_role_goes_with_the_account_not_the_name(chat: InMemoryChat, ada: Person) -> None:
    """A guest who renames keeps what the session was given; nobody else gets it by the name."""
    guest = chat.enter("guido")
    chat.perform(ada, GiveRole("dev", "guido", "voice"))
    chat.perform(guest, Rename("hugo"))
    assert role(chat, guest) is Role.VOICE
    assert role(chat, chat.enter("guido")) is Role.NONE


def test_an_account_that_is_away_can_be_given_a_role(chat: InMemoryChat, ada: Person) -> None:
    """It is looked up in the store."""
    registered(chat, "Zoe")
    chat.perform(ada, GiveRole("dev", "ZOE", "op"))
    assert last(chat).target == "Zoe"
    assert chat.room("dev").rights.role("zoe") is Role.OP


def test_what_nobody_is_called_can_be_given_nothing(chat: InMemoryChat, ada: Person) -> None:
    """But a name can be banned."""
    for command in (GiveRole("dev", "zoe", "op"), Mute("dev", "zoe"), Admit("dev", "zoe")):
        assert isinstance(refusal(chat, ada, command), NoSuchPerson)
    assert isinstance(refusal(chat, ada, GiveRole("dev", "ada", "king")), Malformed)
