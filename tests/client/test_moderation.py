"""A program that moderates a room, and reads private conversations, over the real HTTP door."""

from __future__ import annotations

import pytest

from chatd.client.answers import Ban, Partner
from chatd.model.errors import NotAllowed, NotFound

from ..kit.chat import PASSWORD, registered
from .network import Network


def test_an_owner_moderates_a_room(network: Network) -> None:
    """Each command is stored when its Deferred fires."""
    owner, bob = network.client("ada"), network.client("bob")
    network.result(owner.say("hello", "dev"))
    spam = network.result(bob.say("spam", "dev"))
    room = owner.moderate("dev")
    for doing in (
        lambda: room.settings(slow=5, listed=False),
        lambda: room.role("bob", "voice"),
        lambda: room.role("bob", None),
        lambda: room.mute("bob", 60, "quiet"),
        lambda: room.unmute("bob"),
        lambda: room.delete(spam),
        lambda: room.kick("bob", "out"),
        lambda: room.ban("bob", 3600, "spam"),
    ):
        assert network.result(doing()) is None
    (ban,) = network.result(room.bans())
    assert isinstance(ban, Ban)
    assert (ban.who, ban.by, ban.text, bool(ban.until)) == ("bob", "ada", "spam", True)
    network.result(room.unban(ban.id))
    assert network.result(room.bans()) == ()
    types = [entry.event.__struct_config__.tag for entry in network.chat.entries("dev")]
    wanted = ["settings", "role", "role", "mute", "unmute", "redact", "kick", "ban", "unban"]
    assert [kind for kind in types if kind in wanted] == wanted


def test_an_owner_lets_people_into_a_closed_room(network: Network) -> None:
    """By name, and by a link."""
    registered(network.chat, "bob")
    owner = network.client("ada")
    network.result(owner.say("hello", "dev"))
    room = owner.moderate("dev")
    network.result(room.settings(access="members"))
    network.result(room.admit("bob"))
    network.result(room.dismiss("bob"))
    assert "#invite=" in network.result(room.invite(60, 2))


def test_others_are_refused(network: Network) -> None:
    """With the role that it takes."""
    network.result(network.client("ada").say("hello", "dev"))
    with pytest.raises(NotAllowed, match="only an op or owner of #dev"):
        network.result(network.client("bob").moderate("dev").kick("ada"))


def test_an_account_reads_its_private_conversations(network: Network) -> None:
    """With whom it has spoken, and what was said."""
    for name in ("ada", "bob"):
        registered(network.chat, name)
    ada, bob = (network.client(name, password=PASSWORD) for name in ("ada", "bob"))
    network.result(ada.tell("bob", "psst"))
    last = network.result(bob.tell("ada", "yes?"))
    assert network.result(ada.people()) == (Partner("bob", last),)
    events = network.result(ada.conversation("bob"))
    assert [(event.sender, event.to, event.text) for event in events] == [
        ("ada", "bob", "psst"),
        ("bob", "ada", "yes?"),
    ]
    assert [event.text for event in network.result(ada.conversation("bob", 1))] == ["yes?"]
    assert [event.text for event in network.result(bob.conversation("ada", before=last))] == [
        "psst"
    ]


def test_an_account_deletes_a_private_message(network: Network) -> None:
    """And says how far it has read a conversation."""
    for name in ("ada", "bob"):
        registered(network.chat, name)
    ada, bob = (network.client(name, password=PASSWORD) for name in ("ada", "bob"))
    id_ = network.result(ada.tell("bob", "psst"))
    assert network.result(bob.read_private("ada", id_)) is None
    assert network.result(bob.people()) == (Partner("ada", id_, id_),)
    assert network.result(ada.delete_private("bob", id_)) is None
    message, event = network.result(bob.conversation("ada"))
    assert (message.id, message.text, message.redacted) == (id_, "", True)
    assert (event.type, event.sender, event.target) == ("redact", "ada", id_)
    with pytest.raises(NotFound):
        network.result(ada.delete_private("bob", 7))
