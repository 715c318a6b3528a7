"""The gate: who may read what, until when (`chatd.chat.readers`)."""

from __future__ import annotations

import gc
from functools import partial
from weakref import ref

import pytest

from chatd.chat.owners import Owner
from chatd.chat.person import Person
from chatd.chat.sessions import Session
from chatd.codecs.json import JSON
from chatd.model.addresses import LOCAL, address_of
from chatd.model.commands import Rename, Say, SetTopic, Tell
from chatd.model.errors import NotAllowed
from chatd.model.identity import Stranger
from chatd.model.policy import Action, OpenPolicy
from chatd.testing import FakeOutlet, InMemoryChat
from chatd.testing.policies import DenyAll, DenyIf

from ..kit.chat import given_to, read, reading
from ..kit.stream import ActingOutlet

BANNED = NotAllowed("you are banned")
OFFICE = address_of("192.0.2.1")


def state_of(outlet: FakeOutlet) -> str:
    """The state of a reader."""
    subscriber = outlet.subscriber
    assert subscriber
    if outlet.revocations:
        assert not subscriber.reading
        assert not any(subscriber in feed.readers for feed in subscriber.feeds)
        return "ended"
    return "cut down" if outlet.removals else "reads"


def sessions(chat: InMemoryChat, *names: str) -> list[Session]:
    return [Session(chat.enter(name)) for name in names]


def test_readers_of_a_room_can_be_ended(chat: InMemoryChat) -> None:
    """This ends the readers of every codec and stream; readers of other rooms go on."""
    dev, ops = chat.room("dev"), chat.room("ops")
    [ada] = sessions(chat, "ada")
    ended = [
        reading(chat, dev),
        reading(chat, dev, owner=ada),
        reading(chat, dev.presence),
        reading(chat, dev, outlet=FakeOutlet(polls=True)),
    ]
    others = [reading(chat, ops), reading(chat, ops.presence)]
    chat.service.readers.revoke(BANNED, room=dev)
    assert [state_of(outlet) for outlet in ended] == ["ended"] * 4
    assert [state_of(outlet) for outlet in others] == ["reads"] * 2
    assert all(outlet.revocations == [BANNED] for outlet in ended)
    chat.perform(ada.person, Say("dev", "1"))
    assert not any(outlet.batches for outlet in ended)


def test_a_reader_of_several_rooms_goes_on_without_one(chat: InMemoryChat) -> None:
    """It gets the reason, nothing more of that room, and everything of the others."""
    dev, ops = chat.room("dev"), chat.room("ops")
    [ada, bob] = sessions(chat, "ada", "bob")
    outlet = reading(chat, dev, ops, bob.person.inbox, owner=bob)
    commands = [
        Say("dev", "1"),
        Say("ops", "2"),
        Tell("bob", "3"),
        Say("dev", "4"),
        Say("ops", "5"),
    ]
    for command in commands[:3]:
        chat.perform(ada.person, command)
    chat.service.readers.revoke(BANNED, room=dev, person=bob.person)
    for command in commands[3:]:
        chat.perform(ada.person, command)
    assert [e["text"] for e in given_to(outlet) if "text" in e] == ["1", "2", "3", "5"]
    assert outlet.removals == [("dev", BANNED)]
    assert outlet.revocations == []
    assert not any(batch.gaps for batch in outlet.batches)


@pytest.mark.parametrize("full", [False, True], ids=["about to be woken", "full"])
def test_undelivered_events_of_a_revoked_room_are_never_delivered(
    chat: InMemoryChat, full: bool
) -> None:
    """This holds for events in the log already; those of its other rooms are not lost."""
    dev, ops = chat.room("dev"), chat.room("ops")
    for room in ("dev", "ops"):
        chat.perform(chat.service.visitor("ada"), Say(room, "0"))
    outlet = reading(chat, dev, ops)
    assert outlet.subscriber
    if full:
        outlet.subscriber.pause()
    ids: list[int | None] = []

    def revoke(id_: int | None) -> None:
        ids.append(id_)
        if len(ids) == 4:  # shown, and the readers are not woken yet
            chat.service.readers.revoke(BANNED, room=dev)

    for room, text in (("dev", "1"), ("ops", "2"), ("dev", "3"), ("ops", "4")):
        visitor = chat.service.visitor("ada")
        chat.service.perform(visitor, Say(room, text)).addCallback(revoke)
    chat.settle()
    if full:
        assert outlet.batches == []
        outlet.subscriber.resume()
    assert read(outlet) == ["2", "4"]


def test_readers_can_be_ended_by_person_session_and_address(chat: InMemoryChat) -> None:
    """One person has several sessions; an address has sessions and readers without one."""
    lobby = chat.room("lobby")
    ada, bob = chat.enter("ada"), chat.enter("bob", OFFICE)
    owners: dict[str, Owner] = {
        "ada's first": Session(ada),
        "ada's second": Session(ada),
        "bob's": Session(bob, OFFICE),
        "a stranger": Stranger(),
        "an office's": Stranger(OFFICE),
    }
    gate = chat.service.readers

    def left(**meant: object) -> list[str]:
        outlets = {name: reading(chat, lobby, owner=owner) for name, owner in owners.items()}
        gate.revoke(BANNED, **meant)  # type: ignore[arg-type]
        found = [name for name, outlet in outlets.items() if state_of(outlet) == "reads"]
        for outlet in outlets.values():
            if outlet.subscriber:
                outlet.subscriber.stop()
        return found

    first = owners["ada's first"]
    assert left(person=ada) == ["bob's", "a stranger", "an office's"]
    assert left(session=first) == ["ada's second", "bob's", "a stranger", "an office's"]
    assert left(address=OFFICE) == ["ada's first", "ada's second", "a stranger"]
    assert left(address=LOCAL) == ["bob's", "an office's"]
    assert left(person=bob, address=LOCAL) == list(owners)
    assert left() == []


def test_a_reader_of_private_messages_alone_can_be_ended(chat: InMemoryChat) -> None:
    """This holds for a reader whose last room was revoked, too."""
    [ada, bob] = sessions(chat, "ada", "bob")
    alone = reading(chat, ada.person.inbox, owner=ada)
    reduced = reading(chat, chat.room("dev"), ada.person.inbox, owner=ada)
    other = reading(chat, bob.person.inbox, owner=bob)
    chat.service.readers.revoke(BANNED, room=chat.room("dev"))
    assert state_of(reduced) == "cut down"
    chat.service.readers.revoke(BANNED, person=ada.person)
    assert [bool(outlet.revocations) for outlet in (alone, reduced, other)] == [True, True, False]
    chat.service.readers.policy = DenyAll()
    assert state_of(other) == "ended"


def test_a_reader_can_be_ended_in_the_middle_of_a_batch(chat: InMemoryChat) -> None:
    """It gets nothing more, and the other readers of the room get everything."""
    dev, begin = chat.room("dev"), chat.service.horizon
    for n in range(600):
        chat.service.perform(chat.service.visitor("ada"), Say("dev", str(n)))
    chat.settle()
    revoking = ActingOutlet(partial(chat.service.readers.revoke, BANNED, address=LOCAL))
    outlet = reading(chat, dev, cursor=begin, outlet=revoking)
    assert (state_of(outlet), [batch.count for batch in outlet.batches]) == ("ended", [500])


def test_a_room_can_be_revoked_in_the_middle_of_a_batch(chat: InMemoryChat) -> None:
    """Later events of the other room arrive once."""
    dev, ops, begin = chat.room("dev"), chat.room("ops"), chat.service.horizon
    for n in range(1200):
        chat.perform(chat.service.visitor("ada"), Say(("dev", "ops")[n % 2], str(n)))
    revoking = ActingOutlet(partial(chat.service.readers.revoke, BANNED, room=dev))
    outlet = reading(chat, dev, ops, cursor=begin, outlet=revoking)
    found = read(outlet)
    assert found[:500] == [str(n) for n in range(500)]
    assert found[500:] == [str(n) for n in range(501, 1200, 2)]


@pytest.mark.parametrize("way", ["parked", "paused", "waiting for the store"])
def test_a_reader_can_be_ended_whatever_it_waits_for(way: str) -> None:
    """Nothing wakes it afterwards."""
    chat = InMemoryChat(history=3)
    dev = chat.room("dev")
    for n in range(10):
        chat.service.perform(chat.service.visitor("ada"), Say("dev", str(n)))
    chat.settle()
    if way == "waiting for the store":
        chat.store.hold("reads")
    outlet = FakeOutlet()
    cursor = 1 if way == "waiting for the store" else None
    reading(chat, dev, cursor=cursor, outlet=outlet)
    assert outlet.subscriber
    if way == "paused":
        outlet.subscriber.pause()
    chat.settle()
    before = len(outlet.batches)
    chat.service.readers.revoke(BANNED, room=dev)
    assert state_of(outlet) == "ended"
    chat.store.release()
    chat.perform(chat.service.visitor("ada"), Say("dev", "more"))
    assert len(outlet.batches) == before


def test_a_reader_that_was_ended_is_not_kept(chat: InMemoryChat) -> None:
    """Nothing refers to it."""
    outlet = reading(chat, chat.room("dev"), owner=sessions(chat, "ada")[0])
    subscriber, outlet.subscriber = outlet.subscriber, None
    assert subscriber
    chat.service.readers.revoke(BANNED)
    gone = ref(outlet)
    del outlet, subscriber
    gc.collect()
    assert gone() is None


def test_a_policy_that_denies_everything_lets_no_reader_be_made(chat: InMemoryChat) -> None:
    """This holds for a room, its presence, private messages, and history."""
    [ada] = sessions(chat, "ada")
    dev = chat.room("dev")
    gate = chat.service.readers
    open_ = reading(chat, dev)
    assert open_.subscriber
    gate.policy = DenyAll()
    for source in (dev, dev.presence, ada.person.inbox):
        for owner in (ada, Stranger()):
            with pytest.raises(NotAllowed):
                gate.open(owner, [(source, JSON)], FakeOutlet(), 0)
            with pytest.raises(NotAllowed):
                gate.check_reading(owner, source)
            with pytest.raises(NotAllowed):
                gate.change(open_.subscriber, owner, [(source, JSON)], 0)
            with pytest.raises(NotAllowed):
                gate.batch(owner, source, JSON, 0)
    assert dev.readers == 0


def test_a_policy_that_denies_everything_ends_all_that_are_open(chat: InMemoryChat) -> None:
    """They end at once, whatever they read, and get not a byte more."""
    people = sessions(chat, "ada", "bob")
    dev, lobby = chat.room("dev"), chat.room("lobby")
    owners: list[Owner] = [*people, Stranger(), Stranger(OFFICE)]
    readers = [
        reading(chat, *sources, owner=owner)
        for owner in owners
        for sources in ([dev], [dev, lobby], [lobby.presence, dev])
    ]
    readers += [
        reading(chat, *sources, owner=owner)
        for owner in people
        for sources in ([owner.person.inbox], [dev, owner.person.inbox], [dev, lobby.presence])
    ]

    def deny(id_: int | None) -> None:
        assert lobby.log.last == id_  # shown, and the readers are not woken yet
        chat.service.readers.policy = DenyAll()

    said = chat.service.perform(people[0].person, Say("lobby", "secret"))
    said.addCallback(deny)
    chat.settle()
    assert said.called
    assert [state_of(outlet) for outlet in readers] == ["ended"] * len(readers)
    assert not any(outlet.batches for outlet in readers)
    assert all(isinstance(outlet.revocations[0], NotAllowed) for outlet in readers)
    assert all(len(outlet.revocations) == 1 and not outlet.removals for outlet in readers)


def test_another_policy_ends_those_that_it_forbids_and_leaves_the_others(
    chat: InMemoryChat,
) -> None:
    """It may decide by name, address or room, and on private messages."""
    [ada, bob] = sessions(chat, "ada", "bob")
    dev, lobby = chat.room("dev"), chat.room("lobby")
    both = reading(chat, dev, lobby, owner=ada)
    one = reading(chat, dev, owner=bob)
    privately = reading(chat, lobby, bob.person.inbox, owner=bob)
    chat.service.readers.policy = DenyIf(
        lambda who, what, room: (
            (room is not None and room.name == "dev" and who.name == "ada")
            or (what is Action.READ_PRIVATELY and who.name == "bob")
        )
    )
    assert [state_of(outlet) for outlet in (both, one, privately)] == [
        "cut down",
        "reads",
        "cut down",
    ]
    assert [room for room, _ in both.removals] == ["dev"]
    assert [room for room, _ in privately.removals] == [""]
    chat.perform(ada.person, Tell("bob", "psst"))
    chat.perform(ada.person, Say("lobby", "hi"))
    assert (read(privately), read(both)) == (["hi"], ["hi"])


def test_readers_are_judged_again_when_the_settings_of_their_room_change(
    chat: InMemoryChat,
) -> None:
    """They are judged by the settings as shown, and later events reach no forbidden reader."""
    chat.service.readers.policy = DenyIf(
        lambda who, what, room: (
            what is Action.READ
            and room is not None
            and room.state.topic == "members only"
            and not who.named
        )
    )
    [ada] = sessions(chat, "ada")
    dev, ops = chat.room("dev"), chat.room("ops")
    stranger, member = reading(chat, dev), reading(chat, dev, owner=ada)
    both = reading(chat, dev, ops)
    chat.perform(ada.person, SetTopic("dev", "open"))
    assert {state_of(outlet) for outlet in (stranger, member, both)} == {"reads"}
    before = len(stranger.batches)
    chat.perform(ada.person, SetTopic("ops", "members only"))
    assert (state_of(both), state_of(stranger)) == ("cut down", "reads")
    chat.perform(ada.person, SetTopic("dev", "members only"))
    chat.perform(ada.person, Say("dev", "secret"))
    assert [state_of(outlet) for outlet in (stranger, member, both)] == ["ended", "reads", "ended"]
    assert (len(stranger.batches), read(member)) == (before, ["secret"])
    with pytest.raises(NotAllowed):
        reading(chat, dev)


def test_settings_that_another_node_has_changed_are_judged_here_too() -> None:
    """The fold reviews readers, whichever node the unit is of."""
    one = InMemoryChat()
    two = InMemoryChat(node=one)
    for chat in (one, two):
        chat.service.readers.policy = DenyIf(
            lambda who, what, room: (
                what is Action.READ and room is not None and room.state.topic == "closed"
            )
        )
    outlet = reading(two, two.room("dev"))
    one.perform(one.enter("ada"), SetTopic("dev", "closed"))
    assert state_of(outlet) == "ended"
    assert outlet.batches == [] or read(outlet) == []


def test_a_reader_is_judged_by_the_person_s_name_of_now(chat: InMemoryChat) -> None:
    """The name at which it was opened does not count."""
    [ada] = sessions(chat, "ada")
    outlet = reading(chat, chat.room("lobby"), owner=ada)
    chat.perform(ada.person, Rename("eve"))
    chat.service.readers.policy = DenyIf(lambda who, what, room: who.name == "ada")
    assert state_of(outlet) == "reads"
    chat.service.readers.policy = DenyIf(lambda who, what, room: who.name == "eve")
    assert state_of(outlet) == "ended"


def test_a_person_is_the_identity_of_its_sessions(chat: InMemoryChat) -> None:
    """It has the address of the last request."""
    seen: list[tuple[str, object]] = []

    class Noting(OpenPolicy):
        def may(self, identity, action, room=None):
            seen.append((identity.name, identity.address))

    ada: Person = chat.enter("ada")
    session = Session(ada)
    ada.address = OFFICE
    chat.service.readers.policy = Noting()
    reading(chat, chat.room("dev"), owner=session)
    reading(chat, chat.room("dev"), owner=Stranger(OFFICE))
    assert seen[-2:] == [("ada", OFFICE), ("", OFFICE)]
