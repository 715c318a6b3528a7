"""What moderators do, in a whole chat (`chatd.chat.moderation`)."""

from __future__ import annotations

from typing import Any

import pytest

from chatd.chat.person import Person
from chatd.chat.sessions import Session
from chatd.model.addresses import address_of
from chatd.model.commands import Act, Command, Join, Leave, Rename, Say, SetTopic
from chatd.model.errors import (
    Banned,
    ChatError,
    LastOwner,
    Malformed,
    Muted,
    NoSuchPerson,
    NotAllowed,
    NotFound,
    NotInRoom,
    SlowMode,
)
from chatd.model.events import (
    BanLifted,
    BanPlaced,
    Departed,
    InvitedIn,
    MutePlaced,
    PutOut,
    Redacted,
    RoleGiven,
    RoleName,
    Said,
    SettingsChanged,
)
from chatd.model.identity import Stranger
from chatd.model.moderation import (
    Admit,
    Ban,
    BanFromServer,
    Configure,
    Dismiss,
    GiveRole,
    Kick,
    Mute,
    Redact,
    Unban,
    UnbanFromServer,
    Unmute,
)
from chatd.model.rights import Role
from chatd.model.units import Redaction, Unit
from chatd.testing import InMemoryChat, result_of

from ..kit.chat import events, given_to, reading, registered, signed_in, with_account

HERE = address_of("192.0.2.7")
PUBLIC = address_of("8.8.8.8")
SHARED = address_of("2001:db8:1:2::5")


@pytest.fixture
def chat() -> InMemoryChat:
    return InMemoryChat()


@pytest.fixture
def ada(chat: InMemoryChat) -> Person:
    """The owner of #dev."""
    person = with_account(chat, "ada")
    chat.perform(person, Join("dev"))
    return person


@pytest.fixture
def bob(chat: InMemoryChat, ada: Person) -> Person:
    """An account in #dev, without a role."""
    person = with_account(chat, "bob", address=PUBLIC)
    chat.perform(person, Join("dev"))
    return person


def refusal(chat: InMemoryChat, person: Person, command: Command) -> ChatError:
    """Why a command is refused."""
    with pytest.raises(ChatError) as refused:
        chat.perform(person, command)
    return refused.value


def role(chat: InMemoryChat, person: Person, room: str = "dev") -> Role:
    return chat.room(room).rights.role(person.subject)


def last(chat: InMemoryChat, room: str = "dev") -> Any:
    """The last event of a room."""
    return events(chat, room)[-1]


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


def test_a_guest_who_brings_a_room_into_being_acts_as_owner_while_there(
    chat: InMemoryChat,
) -> None:
    """As an op with an owner's powers; gone, the role is gone, and when all are, the settings."""
    guest, other = chat.enter("guido"), chat.enter("hal")
    chat.perform(guest, Join("dev"))
    assert role(chat, guest) is Role.OP
    chat.perform(guest, Configure("dev", posting="voices", slow=5))
    chat.perform(other, Join("dev"))
    chat.perform(guest, Leave("dev"))
    assert role(chat, guest) is Role.NONE
    assert chat.room("dev").state.posting == "voices"
    chat.perform(guest, Join("dev"))
    assert isinstance(refusal(chat, guest, Configure("dev", slow=1)), NotAllowed)
    for person in (guest, other):
        chat.perform(person, Leave("dev"))
    state = chat.room("dev").state
    assert (state.posting, state.slow, state.borrowed) == ("everyone", 0, False)


def test_an_unnamed_guest_alone_in_a_new_room_may_set_it_up(chat: InMemoryChat) -> None:
    """Though nothing of the room is kept before."""
    guest = chat.enter()
    chat.perform(guest, Join("dev"))
    chat.perform(guest, Configure("dev", slow=5))
    assert role(chat, guest) is Role.OP
    chat.perform(guest, Leave("dev"))
    assert chat.room("dev").state.slow == 0


def test_the_settings_of_an_account_s_room_outlive_its_people(
    chat: InMemoryChat, ada: Person
) -> None:
    """Going away leaves a room as it is."""
    chat.perform(ada, Configure("dev", slow=5))
    chat.perform(ada, Leave("dev"))
    assert chat.room("dev").state.slow == 5
    assert role(chat, ada) is Role.OWNER


# -- roles ---------------------------------------------------------------------------------------


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


# -- kick, ban, mute -----------------------------------------------------------------------------


def test_a_kicked_person_is_out_and_may_come_back(
    chat: InMemoryChat, ada: Person, bob: Person
) -> None:
    """The reader reads up to the kick, and ends."""
    dev = chat.room("dev")
    outlet = reading(chat, dev, owner=Session(bob))
    presence = reading(chat, dev.presence)
    chat.perform(ada, Kick("dev", "bob", "spam"))
    assert "dev" not in bob.rooms
    assert given_to(outlet)[-1]["type"] == "kick"
    assert [error.code for error in outlet.revocations] == ["kicked"]
    assert "spam" in outlet.revocations[0].message
    assert last(chat) == PutOut(room="dev", sender="ada", account=True, target="bob", text="spam")
    assert Departed("dev", "bob") in [entry.event for entry in dev.presence.log.since(0).entries]
    assert not presence.revocations
    chat.perform(bob, Join("dev"))
    assert "dev" in bob.rooms
    assert isinstance(refusal(chat, ada, Kick("dev", "guest-0009")), NoSuchPerson)
    chat.perform(bob, Leave("dev"))
    assert isinstance(refusal(chat, ada, Kick("dev", "bob")), NotInRoom)


def test_a_reader_of_several_rooms_goes_on_without_the_one(
    chat: InMemoryChat, ada: Person, bob: Person
) -> None:
    """After a kick and after a ban."""
    outlet = reading(chat, chat.room("dev"), chat.room("lobby"), owner=Session(bob))
    chat.perform(ada, Kick("dev", "bob"))
    assert [(room, error.code) for room, error in outlet.removals] == [("dev", "kicked")]
    assert not outlet.revocations


def test_a_banned_account_is_out_and_stays_out(
    chat: InMemoryChat, ada: Person, bob: Person
) -> None:
    """Readers end at once; nothing more is read, said or joined, until the ban is lifted."""
    dev = chat.room("dev")
    outlet = reading(chat, dev, owner=Session(bob))
    chat.perform(ada, Ban("dev", "bob", 3600, "spam"))
    assert [error.code for error in outlet.revocations] == ["banned"]
    assert "spam" in outlet.revocations[0].message
    assert "UTC" in outlet.revocations[0].message
    assert "dev" not in bob.rooms
    for command in (Say("dev", "x"), Join("dev"), SetTopic("dev", "x")):
        assert isinstance(refusal(chat, bob, command), Banned)
    with pytest.raises(Banned):
        chat.service.readers.check_reading(Session(bob), dev)
    event = last(chat)
    assert isinstance(event, BanPlaced)
    assert (event.target, event.text, str(event.until)[:4]) == ("bob", "spam", "2025")
    chat.perform(ada, Unban("dev", "bob"))
    assert last(chat) == BanLifted(
        room="dev", sender="ada", account=True, target="bob", ban=event.ban
    )
    chat.perform(bob, Join("dev"))


def test_a_ban_runs_out_by_itself(chat: InMemoryChat, ada: Person, bob: Person) -> None:
    """And leaves the list."""
    chat.perform(ada, Ban("dev", "bob", 60))
    assert len(chat.service.moderation.bans(ada, chat.room("dev"))) == 1
    chat.advance(61)
    chat.perform(bob, Join("dev"))
    assert chat.service.moderation.bans(ada, chat.room("dev")) == []
    assert isinstance(refusal(chat, ada, Unban("dev", "bob")), NotFound)
    chat.perform(ada, Ban("dev", "bob", 60))
    assert len(chat.room("dev").rights.bans) == 1


def test_a_second_ban_of_one_person_replaces_the_first(
    chat: InMemoryChat, ada: Person, bob: Person
) -> None:
    """There is one thing to lift."""
    chat.perform(ada, Ban("dev", "bob", 60))
    chat.perform(ada, Ban("dev", "bob"))
    [(id_, ban)] = chat.service.moderation.bans(ada, chat.room("dev"))
    assert ban.until == 0
    chat.perform(ada, Unban("dev", id_))
    assert chat.service.moderation.bans(ada, chat.room("dev")) == []


def test_a_guest_is_banned_by_session_and_public_address(chat: InMemoryChat, ada: Person) -> None:
    """Accounts from that address are not hit, and the list shows no address."""
    guest = chat.enter("guido", PUBLIC)
    chat.perform(guest, Join("dev"))
    chat.perform(ada, Ban("dev", "guido"))
    chat.perform(guest, Rename("hugo"))
    assert isinstance(refusal(chat, guest, Join("dev")), Banned)
    assert isinstance(refusal(chat, chat.enter("ida", PUBLIC), Join("dev")), Banned)
    visitor = chat.service.visitor("cron", PUBLIC)
    assert isinstance(refusal(chat, visitor, Say("dev", "x")), Banned)
    with pytest.raises(Banned):
        chat.service.readers.check_reading(Stranger(PUBLIC), chat.room("dev"))
    chat.perform(with_account(chat, "jan", address=PUBLIC), Join("dev"))
    [(_, ban)] = chat.service.moderation.bans(ada, chat.room("dev"))
    assert (ban.target, ban.address) == ("guido", "")
    root = with_account(chat, "ruth", admin=True)
    [(_, ban)] = chat.service.moderation.bans(root, chat.room("dev"))
    assert ban.address == PUBLIC


def test_the_address_of_a_proxy_is_never_banned_with_a_guest() -> None:
    """A public one is everybody's who comes through it: the ban is the session's alone."""
    chat = InMemoryChat(shared=lambda address: address == PUBLIC)
    ada = with_account(chat, "ada")
    chat.perform(ada, Join("dev"))
    guest = chat.enter("guido", PUBLIC)
    chat.perform(guest, Join("dev"))
    chat.perform(ada, Ban("dev", "guido"))
    assert isinstance(refusal(chat, guest, Join("dev")), Banned)
    chat.perform(chat.enter("ida", PUBLIC), Join("dev"))
    chat.perform(chat.service.visitor("cron", PUBLIC), Say("dev", "x"))
    chat.service.readers.check_reading(Stranger(PUBLIC), chat.room("dev"))
    [(_, ban)] = chat.room("dev").rights.bans
    assert ban.address == ""


@pytest.mark.parametrize("host", [None, "127.0.0.1", "10.1.2.3", "fd00::1"])
def test_a_private_address_is_never_banned_with_a_guest(
    chat: InMemoryChat, ada: Person, host: str | None
) -> None:
    """It may be everybody's: that of a proxy."""
    guest = chat.enter("guido", address_of(host))
    chat.perform(ada, Ban("dev", "guido"))
    assert isinstance(refusal(chat, guest, Join("dev")), Banned)
    chat.perform(chat.enter("ida", address_of(host)), Join("dev"))


def test_a_guest_s_ban_without_an_address_ends_with_the_session(
    chat: InMemoryChat, ada: Person
) -> None:
    """Nothing is left that could hit anybody."""
    guest = chat.enter("guido")
    chat.perform(ada, Ban("dev", "guido"))
    chat.service.end(guest)
    chat.settle()
    assert len(chat.room("dev").rights.bans) == 0


def test_a_name_that_nobody_holds_can_be_banned(chat: InMemoryChat, ada: Person) -> None:
    """Whoever takes it may not come in; under another name they may."""
    chat.perform(ada, Ban("dev", "Mallory"))
    mallory = chat.enter("mallory")
    assert isinstance(refusal(chat, mallory, Join("dev")), Banned)
    chat.perform(mallory, Rename("mal"))
    chat.perform(mallory, Join("dev"))
    assert isinstance(refusal(chat, mallory, Rename("MALLORY")), Banned)
    chat.perform(ada, Unban("dev", "mallory"))


def test_only_administrators_ban_networks(chat: InMemoryChat, ada: Person) -> None:
    """All who are there from that network leave, and only administrators see which it is."""
    root = with_account(chat, "ruth", admin=True)
    guest = chat.enter("guido", PUBLIC)
    chat.perform(guest, Join("dev"))
    assert isinstance(refusal(chat, ada, Ban("dev", "8.8.0.0/16")), NotAllowed)
    chat.perform(root, Ban("dev", "8.8.0.0/16"))
    assert "dev" not in guest.rooms
    event = next(e for e in reversed(events(chat, "dev")) if isinstance(e, BanPlaced))
    assert event.target == "an address"
    [(id_, ban)] = chat.service.moderation.bans(ada, chat.room("dev"))
    assert (id_, ban.target, ban.network) == (event.ban, "an address", "")
    assert isinstance(refusal(chat, root, Ban("dev", "8.8.0.0/33")), Malformed)
    chat.perform(ada, Unban("dev", id_))
    chat.perform(guest, Join("dev"))


def test_nobody_bans_or_mutes_themselves(chat: InMemoryChat, ada: Person) -> None:
    """Nor by a network that covers the own address."""
    root = with_account(chat, "ruth", admin=True, address=PUBLIC)
    for command in (Ban("dev", "ada"), Mute("dev", "ADA")):
        assert isinstance(refusal(chat, ada, command), NotAllowed)
    for network in ("8.8.8.8", "8.0.0.0/8", "0.0.0.0/0"):
        assert isinstance(refusal(chat, root, Ban("dev", network)), NotAllowed)


def test_a_muted_person_reads_and_does_not_speak(
    chat: InMemoryChat, ada: Person, bob: Person
) -> None:
    """For as long as it is said."""
    outlet = reading(chat, chat.room("dev"), owner=Session(bob))
    chat.perform(ada, Mute("dev", "bob", 60, "enough"))
    assert isinstance(last(chat), MutePlaced)
    assert not outlet.revocations
    for command in (Say("dev", "x"), SetTopic("dev", "x")):
        refused = refusal(chat, bob, command)
        assert isinstance(refused, Muted)
        assert "enough" in refused.message
    chat.perform(bob, Say("lobby", "elsewhere"))
    chat.perform(ada, Unmute("dev", "bob"))
    chat.perform(bob, Say("dev", "1"))
    chat.perform(ada, Mute("dev", "bob", 60))
    chat.advance(61)
    chat.perform(bob, Say("dev", "2"))


def test_a_message_that_meets_a_ban_on_its_way_is_refused(
    chat: InMemoryChat, ada: Person, bob: Person
) -> None:
    """The ban moves the room's revision, so the message is judged again, behind the ban."""
    banned = chat.service.perform(ada, Ban("dev", "bob"))
    said = chat.service.perform(bob, Say("dev", "too late"))
    chat.settle()
    result_of(banned)
    with pytest.raises(ChatError):
        result_of(said)
    assert chat.texts("dev") == []


# -- members -------------------------------------------------------------------------------------


def test_a_closed_room_keeps_its_accounts_and_puts_out_the_others(
    chat: InMemoryChat, ada: Person, bob: Person
) -> None:
    """For whom it is not there any more."""
    guest = chat.enter("guido")
    chat.perform(guest, Join("dev"))
    dev = chat.room("dev")
    outlets = [reading(chat, dev, owner=owner) for owner in (Session(guest), Stranger())]
    inside = reading(chat, dev, owner=Session(bob))
    chat.perform(ada, Configure("dev", access="members"))
    assert [error.code for outlet in outlets for error in outlet.revocations] == ["not-found"] * 2
    assert not inside.revocations
    assert sorted(dev.members) == ["ada", "bob"]
    for command in (
        Join("dev"),
        Say("dev", "x"),
        SetTopic("dev", "x"),
        Kick("dev", "ada"),
        Kick("dev", "nobody-of-that-name"),
        Ban("dev", "ada"),
        Configure("dev", slow=1),
        Redact("dev", 1),
    ):
        refused = refusal(chat, guest, command)
        assert isinstance(refused, NotFound), command
        assert "dev" not in refused.message


def test_accounts_that_have_joined_become_members_when_a_room_is_closed(
    chat: InMemoryChat, ada: Person
) -> None:
    """Those that are away too; not those that have left it or never came."""
    for name in ("bob", "cy", "dan"):
        registered(chat, name)
    bob, cy, dan = (signed_in(chat, name) for name in ("bob", "cy", "dan"))
    for session in (bob, cy):
        chat.perform(session.person, Join("dev"))
    chat.perform(cy.person, Leave("dev"))
    for session in (bob, cy, dan):
        chat.service.end(session.person)
    chat.settle()
    chat.perform(ada, Configure("dev", access="members"))
    assert sorted(chat.room("dev").rights.admitted) == ["ada", "bob"]
    assert "dev" in signed_in(chat, "bob").person.rooms


def test_an_account_that_is_away_can_be_put_out(chat: InMemoryChat, ada: Person) -> None:
    """It is not in the room when it comes back."""
    registered(chat, "bob")
    bob = signed_in(chat, "bob").person
    assert isinstance(refusal(chat, ada, Kick("dev", "bob")), NotInRoom)
    chat.perform(bob, Join("dev"))
    chat.service.end(bob)
    chat.settle()
    chat.perform(ada, Kick("dev", "bob", "enough"))
    assert last(chat) == PutOut(room="dev", sender="ada", account=True, target="bob", text="enough")
    assert "dev" not in signed_in(chat, "bob").person.rooms
    assert isinstance(refusal(chat, ada, Kick("dev", "bob")), NotInRoom)


def test_a_member_is_let_in_and_put_out_again(chat: InMemoryChat, ada: Person) -> None:
    """By an op; who ceases to be a member finds nothing any more."""
    bob = with_account(chat, "bob")
    chat.perform(ada, Configure("dev", access="members"))
    assert isinstance(refusal(chat, bob, Join("dev")), NotFound)
    chat.perform(ada, Admit("dev", "bob"))
    assert last(chat) == InvitedIn(room="dev", sender="ada", account=True, target="bob")
    chat.perform(bob, Join("dev"))
    outlet = reading(chat, chat.room("dev"), owner=Session(bob))
    chat.perform(ada, Dismiss("dev", "bob"))
    assert [error.code for error in outlet.revocations] == ["not-found"]
    assert "dev" not in bob.rooms
    assert isinstance(refusal(chat, bob, Join("dev")), NotFound)


def test_an_administrator_reads_a_closed_room_only_after_adding_themselves(
    chat: InMemoryChat, ada: Person
) -> None:
    """Which the room is told."""
    root = with_account(chat, "ruth", admin=True)
    chat.perform(ada, Configure("dev", access="members"))
    dev = chat.room("dev")
    with pytest.raises(NotFound):
        chat.service.readers.check_reading(Session(root), dev)
    assert isinstance(refusal(chat, root, Join("dev")), NotFound)
    chat.perform(root, Configure("dev", slow=1))
    chat.perform(root, Admit("dev", "ruth"))
    assert last(chat) == InvitedIn(room="dev", sender="ruth", account=True, target="ruth")
    chat.service.readers.check_reading(Session(root), dev)


def test_a_guest_s_membership_ends_with_the_session(chat: InMemoryChat, ada: Person) -> None:
    """The next one of that name is not a member."""
    guest = chat.enter("guido")
    chat.perform(ada, Configure("dev", access="members"))
    chat.perform(ada, Admit("dev", "guido"))
    chat.perform(guest, Join("dev"))
    chat.service.end(guest)
    chat.settle()
    assert isinstance(refusal(chat, chat.enter("guido"), Join("dev")), NotFound)
    assert [*chat.room("dev").rights.admitted] == ["ada"]


# -- what was said -------------------------------------------------------------------------------


def test_a_deleted_message_is_nowhere(chat: InMemoryChat, ada: Person, bob: Person) -> None:
    """Not in the log, not in the bytes that readers share, not in a page of the store."""
    dev = chat.room("dev")
    id_ = chat.perform(bob, Say("dev", "xyzzy"))
    assert id_
    outlet = reading(chat, dev, owner=Session(bob), cursor=id_ - 1)
    assert b"xyzzy" in outlet.data
    chat.perform(ada, Redact("dev", id_))
    assert last(chat) == Redacted(room="dev", sender="ada", account=True, target=id_)
    late = reading(chat, dev, owner=Session(bob), cursor=id_ - 1)
    assert given_to(late)[0] == {
        "id": id_,
        "type": "message",
        "room": "dev",
        "from": "bob",
        "text": "",
        "account": True,
        "redacted": True,
        "time": given_to(outlet)[0]["time"],
    }
    paging = chat.service.page(dev, None, 10)
    chat.settle()
    assert "xyzzy" not in repr([entry.event for entry in result_of(paging).entries])
    assert chat.perform(ada, Redact("dev", id_)) is None


def test_a_page_that_is_under_way_when_a_message_is_deleted_is_cleared() -> None:
    """It was read before, and would bring the text back: for a page and for a reader from behind
    the window in memory.
    """
    chat = InMemoryChat(history=10)
    ada = with_account(chat, "ada")
    ids = [chat.perform(ada, Say("dev", f"xyzzy{n}")) for n in range(9)]
    dev = chat.room("dev")
    dev.log.capacity = 3
    dev.log.floor = ids[6] or 0
    chat.store.hold("reads")
    paging = chat.service.page(dev, None, 10)
    outlet = reading(chat, dev, cursor=1)
    blank = Said("dev", "ada", "", redacted=True)
    chat.store.append([Unit(redacts=[Redaction(ids[0] or 0, blank)])])
    chat.settle()
    chat.store.release("reads")
    chat.settle()
    page = result_of(paging)
    assert "xyzzy1" in repr([entry.event for entry in page.entries])
    assert "xyzzy0" not in repr([entry.event for entry in page.entries])
    assert b"xyzzy1" in outlet.data
    assert b"xyzzy0" not in outlet.data


def test_people_delete_their_own_messages_only(
    chat: InMemoryChat, ada: Person, bob: Person
) -> None:
    """An account its own; an op anybody's, but those of higher roles."""
    eve = with_account(chat, "eve")
    chat.perform(ada, GiveRole("dev", "eve", "op"))
    mine, theirs = (chat.perform(person, Say("dev", "x")) for person in (bob, ada))
    assert mine
    assert theirs
    assert isinstance(refusal(chat, bob, Redact("dev", theirs)), NotAllowed)
    assert isinstance(refusal(chat, eve, Redact("dev", theirs)), NotAllowed)
    chat.perform(bob, Redact("dev", mine))
    assert isinstance(refusal(chat, bob, Redact("dev", 1)), NotFound)
    assert isinstance(refusal(chat, bob, Redact("lobby", theirs)), NotFound)


def test_a_guest_deletes_what_was_said_in_the_session(chat: InMemoryChat) -> None:
    """Under earlier names too, and nothing that another guest of the name had said."""
    first = chat.enter("guido")
    old = chat.perform(first, Say("lobby", "old"))
    assert old
    chat.service.end(first)
    chat.settle()
    guest = chat.enter("guido")
    mine = chat.perform(guest, Say("lobby", "mine"))
    chat.perform(guest, Rename("hugo"))
    assert mine
    assert isinstance(refusal(chat, guest, Redact("lobby", old)), NotAllowed)
    chat.perform(guest, Redact("lobby", mine))
    assert chat.texts("lobby") == ["old", ""]


def test_an_administrator_bans_from_the_server(chat: InMemoryChat, bob: Person) -> None:
    """Readers end everywhere, the person leaves, and does not come back until it is lifted."""
    root = with_account(chat, "ruth", admin=True)
    outlets = [
        reading(chat, chat.room("lobby"), owner=Session(bob)),
        reading(chat, bob.inbox, owner=Session(bob)),
    ]
    chat.perform(root, BanFromServer("bob", 60, "spam"))
    assert [error.code for outlet in outlets for error in outlet.revocations] == ["banned"] * 2
    assert bob.ended
    assert "bob" not in chat.room("lobby").names
    guest = chat.enter("guido", PUBLIC)
    chat.perform(root, BanFromServer("8.8.8.0/24"))
    assert guest.ended
    with pytest.raises(Banned):
        chat.enter("guido", PUBLIC)
    with pytest.raises(Banned):
        chat.service.readers.check_reading(Stranger(PUBLIC), chat.room("lobby"))
    assert len(chat.service.server_bans.bans(root)) == 2
    chat.perform(root, UnbanFromServer("8.8.8.0/24"))
    chat.enter("guido", PUBLIC)
    assert isinstance(refusal(chat, root, UnbanFromServer("nobody")), NotFound)


def test_only_administrators_ban_from_the_server(
    chat: InMemoryChat, ada: Person, bob: Person
) -> None:
    """And not themselves."""
    root = with_account(chat, "ruth", admin=True, address=PUBLIC)
    assert isinstance(refusal(chat, ada, BanFromServer("bob")), NotAllowed)
    assert isinstance(refusal(chat, ada, UnbanFromServer("bob")), NotAllowed)
    for who in ("ruth", "8.0.0.0/8"):
        assert isinstance(refusal(chat, root, BanFromServer(who)), NotAllowed)
    with pytest.raises(NotAllowed):
        chat.service.server_bans.bans(ada)


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
