"""Owners, roles and settings of rooms, in a whole chat (`chatd.chat.judge_roles`)."""

from __future__ import annotations

import pytest

from chatd.chat.person import Person
from chatd.model.addresses import address_of
from chatd.model.commands import Act, Command, Join, Leave, Rename, Say, SetTopic
from chatd.model.errors import (
    LastOwner,
    Malformed,
    NoSuchPerson,
    NotAllowed,
    SlowMode,
)
from chatd.model.events import (
    RoleGiven,
    RoleName,
    SettingsChanged,
)
from chatd.model.moderation import (
    Admit,
    Ban,
    Configure,
    Dismiss,
    GiveRole,
    Kick,
    Mute,
)
from chatd.model.rights import Role
from chatd.testing import InMemoryChat, result_of

from ..kit.chat import last, refusal, registered, role, with_account


def test_an_account_that_creates_a_room_owns_it(chat: InMemoryChat, ada: Person) -> None:
    """By joining, or by speaking there."""
    assert role(chat, ada) is Role.OWNER
    chat.perform(ada, Say("ops", "hello"))
    assert role(chat, ada, "ops") is Role.OWNER


def test_the_lobby_has_no_owner(chat: InMemoryChat, ada: Person) -> None:
    """Whichever account is first."""
    assert role(chat, ada, "lobby") is Role.NONE
    assert isinstance(refusal(chat, ada, Kick("lobby", "ada")), NotAllowed)


def test_a_room_that_exists_has_no_owner_but_by_an_administrator(
    chat: InMemoryChat, ada: Person
) -> None:
    """As older databases have them."""
    root = with_account(chat, "ruth", admin=True)
    assert isinstance(refusal(chat, ada, GiveRole("lobby", "ada", "owner")), NotAllowed)
    chat.perform(root, GiveRole("lobby", "ada", "owner"))
    assert role(chat, ada, "lobby") is Role.OWNER


def test_a_visitor_who_speaks_in_a_new_room_does_not_own_it(
    chat: InMemoryChat, ada: Person
) -> None:
    """A name in a URL proves nothing."""
    chat.perform(chat.service.visitor("cron"), Say("ci", "built"))
    assert not chat.room("ci").rights.roles
    chat.perform(ada, Join("ci"))
    assert role(chat, ada, "ci") is Role.NONE


def test_the_settings_of_an_account_s_room_outlive_its_people(
    chat: InMemoryChat, ada: Person
) -> None:
    """Going away leaves a room as it is."""
    chat.perform(ada, Configure("dev", slow=5))
    chat.perform(ada, Leave("dev"))
    assert chat.room("dev").state.slow == 5
    assert role(chat, ada) is Role.OWNER


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
    """A guest who renames keeps its role, and the next holder of the name does not get it."""
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


def test_a_free_name_can_be_given_no_role(chat: InMemoryChat, ada: Person) -> None:
    """But a name can be banned."""
    for command in (GiveRole("dev", "zoe", "op"), Mute("dev", "zoe"), Admit("dev", "zoe")):
        assert isinstance(refusal(chat, ada, command), NoSuchPerson)
    assert isinstance(refusal(chat, ada, GiveRole("dev", "ada", "king")), Malformed)


def test_a_change_of_settings_is_an_event_of_the_room(chat: InMemoryChat, ada: Person) -> None:
    """Of those that changed."""
    chat.perform(ada, Configure("dev", posting="voices", listed=True, slow=7))
    assert last(chat) == SettingsChanged(
        room="dev", sender="ada", account=True, posting="voices", slow=7
    )
    assert chat.perform(ada, Configure("dev", slow=7)) is None


@pytest.mark.parametrize(
    "command",
    [
        Configure("dev", access="closed"),
        Configure("dev", posting="nobody"),
        Configure("dev", topic="me"),
        Configure("dev", slow=-1),
        Configure("dev", slow=10**9),
    ],
)
def test_an_unknown_value_of_a_setting_is_refused(
    chat: InMemoryChat, ada: Person, command: Command
) -> None:
    """And says what there is."""
    assert isinstance(refusal(chat, ada, command), Malformed)


def test_an_op_changes_slow_and_topic_only(chat: InMemoryChat, ada: Person, bob: Person) -> None:
    """The rest is the owner's."""
    chat.perform(ada, GiveRole("dev", "bob", "op"))
    chat.perform(bob, Configure("dev", slow=3, topic="ops"))
    for command in (Configure("dev", slow=1, listed=False), Configure("dev", access="members")):
        assert isinstance(refusal(chat, bob, command), NotAllowed)


def test_posting_says_who_speaks(chat: InMemoryChat, ada: Person, bob: Person) -> None:
    """Everyone, accounts, or those with a role."""
    guest = chat.enter("guido")
    chat.perform(ada, Configure("dev", posting="accounts"))
    chat.perform(bob, Say("dev", "1"))
    assert isinstance(refusal(chat, guest, Say("dev", "x")), NotAllowed)
    chat.perform(ada, Configure("dev", posting="voices"))
    assert isinstance(refusal(chat, bob, Act("dev", "x")), NotAllowed)
    chat.perform(ada, GiveRole("dev", "bob", "voice"))
    chat.perform(bob, Say("dev", "2"))
    assert chat.texts("dev") == ["1", "2"]


def test_outside_says_whether_visitors_speak(chat: InMemoryChat, ada: Person) -> None:
    """Those with only a name."""
    chat.perform(ada, Configure("dev", outside=False))
    assert isinstance(refusal(chat, chat.service.visitor("cron"), Say("dev", "x")), NotAllowed)
    guest = chat.enter("guido")
    chat.perform(guest, Say("dev", "I came in to say it"))


def test_topic_says_who_sets_it(chat: InMemoryChat, ada: Person, bob: Person) -> None:
    """Everyone, or ops."""
    chat.perform(ada, Configure("dev", topic="ops"))
    assert isinstance(refusal(chat, bob, SetTopic("dev", "mine")), NotAllowed)
    chat.perform(ada, SetTopic("dev", "ours"))


def test_slow_mode_refuses_and_says_when(chat: InMemoryChat, ada: Person, bob: Person) -> None:
    """Of two messages in one moment the second is refused too; roles are exempt."""
    chat.perform(ada, Configure("dev", slow=10))
    outcomes = [chat.service.perform(bob, Say("dev", text)) for text in "12"]
    chat.settle()
    result_of(outcomes[0])
    with pytest.raises(SlowMode):
        result_of(outcomes[1])
    chat.advance(4)
    refused = refusal(chat, bob, Say("dev", "3"))
    assert isinstance(refused, SlowMode)
    assert 5 < refused.retry_after < 6.1
    chat.advance(6.1)
    chat.perform(bob, Say("dev", "4"))
    chat.perform(ada, Say("dev", "5"))
    chat.perform(ada, Say("dev", "6"))
    assert chat.texts("dev") == ["1", "4", "5", "6"]


def test_slow_mode_forgets_those_whose_wait_is_over(chat: InMemoryChat, ada: Person) -> None:
    """It keeps nothing for good of thousands who speak once."""
    chat.perform(ada, Configure("dev", slow=1))
    for number in range(50):
        chat.perform(
            chat.service.visitor(f"v{number}", address_of(f"192.0.2.{number}")), Say("dev", "x")
        )
        chat.advance(2)
    assert len(chat.room("dev").rights.spoken) < 5
