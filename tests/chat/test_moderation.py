"""What moderators do, in a whole chat (`chatd.chat.moderation`)."""

from __future__ import annotations

import pytest

from chatd.chat.person import Person
from chatd.model.addresses import address_of
from chatd.model.commands import Act, Command, Join, Leave, Say, SetTopic
from chatd.model.errors import (
    Malformed,
    NotAllowed,
    SlowMode,
)
from chatd.model.events import (
    Said,
    SettingsChanged,
)
from chatd.model.moderation import (
    Ban,
    Configure,
    GiveRole,
    Kick,
    Redact,
    Unban,
)
from chatd.model.rights import Role
from chatd.testing import InMemoryChat, result_of

from ..kit.chat import (
    events,
    last,
    refusal,
    role,
    with_account,
)

# -- owners --------------------------------------------------------------------------------------


def test_an_account_that_brings_a_room_into_being_owns_it(chat: InMemoryChat, ada: Person) -> None:
    """By joining, or by speaking there."""
    assert role(chat, ada) is Role.OWNER
    chat.perform(ada, Say("ops", "hello"))
    assert role(chat, ada, "ops") is Role.OWNER


def test_the_lobby_belongs_to_nobody(chat: InMemoryChat, ada: Person) -> None:
    """Whoever comes first."""
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
    """Nobody can be recognised by a name in a URL."""
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


# -- settings ------------------------------------------------------------------------------------


def test_settings_change_and_the_room_is_told(chat: InMemoryChat, ada: Person) -> None:
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
def test_a_setting_that_is_none_is_refused(
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


# -- what was said -------------------------------------------------------------------------------


def test_the_audit_trail_has_what_moderators_did(
    chat: InMemoryChat, ada: Person, bob: Person
) -> None:
    """In the store, by whom and on whom; what people delete of their own is not in it."""
    mine = chat.perform(bob, Say("dev", "x"))
    assert mine
    chat.perform(bob, Redact("dev", mine))
    chat.perform(ada, Ban("dev", "bob", 60, "spam"))
    chat.perform(ada, Unban("dev", "bob"))
    trail = chat.service.server_bans.audit(with_account(chat, "ruth", admin=True))
    chat.settle()
    told = [(one.action, one.by, one.room, one.target, one.text) for one in result_of(trail)]
    assert told == [("ban", "ada", "dev", "bob", "spam"), ("unban", "ada", "dev", "bob", "")]
    with pytest.raises(NotAllowed):
        chat.service.server_bans.audit(ada)


def test_a_known_request_key_is_answered_before_any_other_judgement(
    chat: InMemoryChat, ada: Person, bob: Person
) -> None:
    """The sender was banned meanwhile; the message was said before."""
    key = b"k" * 16
    said = chat.service.perform(bob, Say("dev", "1"), key)
    chat.settle()
    first = result_of(said)
    chat.perform(ada, Ban("dev", "bob"))
    assert chat.service.request_keys._answers[key][1] == first
    assert [type(e) for e in events(chat, "dev")].count(Said) == 1
