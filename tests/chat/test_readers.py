"""The gate: who may read what, until when (`chatd.chat.readers`)."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from functools import partial
from weakref import ref

import pytest

from chatd.chat.owners import Owner
from chatd.chat.person import Person
from chatd.chat.sessions import Session
from chatd.codecs.json import JSON
from chatd.model.addresses import LOCAL, address_of
from chatd.model.commands import Rename, Say, SetTopic, Tell
from chatd.model.errors import ChatError, NotAllowed
from chatd.model.identity import Stranger
from chatd.model.policy import Action, OpenPolicy
from chatd.stream.batch import PUSH_LIMIT
from chatd.stream.feed import Source
from chatd.testing import FakeOutlet, InMemoryChat
from chatd.testing.policies import DenyAll, DenyIf

from ..kit.chat import given_to, read, reading
from ..kit.stream import ActingOutlet

BANNED = NotAllowed("you are banned")
OFFICE = address_of("192.0.2.1")


def state_of(outlet: FakeOutlet) -> str:
    """What has become of a reader."""
    subscriber = outlet.subscriber
    assert subscriber
    if outlet.revocations:
        assert not subscriber.reading
        assert not any(subscriber in feed.readers for feed in subscriber.feeds)
        return "ended"
    return "cut down" if outlet.removals else "reads"


def sessions(chat: InMemoryChat, *names: str) -> list[Session]:
    return [Session(chat.enter(name)) for name in names]


class FakeTemplate:
    """A poll template."""

    def __init__(self, owner: Owner, *sources: Source) -> None:
        self.owner = owner
        self.sources: Sequence[Source] = sources
        self.voided: list[ChatError | None] = []

    def void(self, error: ChatError | None, judge: object = None) -> None:
        """Keep the reason."""
        self.voided.append(error)


# -- ending readers ------------------------------------------------------------------------------


def test_readers_of_a_room_can_be_ended(chat: InMemoryChat) -> None:
    """All of them, of whatever codec or stream, and those of other rooms read on."""
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
    """It is told of which, gets nothing more of that room, and all of the others without a gap."""
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
def test_what_was_not_delivered_of_a_room_that_is_taken_away_never_is(
    chat: InMemoryChat, full: bool
) -> None:
    """Not even events that were there already; those of its other rooms are not lost."""
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
    """Also one that has had its last room taken away."""
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


def test_a_reader_can_be_ended_in_the_midst_of_a_batch(chat: InMemoryChat) -> None:
    """It is given nothing more, and the other readers of the room everything."""
    dev, begin = chat.room("dev"), chat.service.horizon
    for n in range(600):
        chat.service.perform(chat.service.visitor("ada"), Say("dev", str(n)))
    chat.settle()
    revoking = ActingOutlet(partial(chat.service.readers.revoke, BANNED, address=LOCAL))
    outlet = reading(chat, dev, cursor=begin, outlet=revoking)
    assert (state_of(outlet), [batch.count for batch in outlet.batches]) == ("ended", [500])


def test_a_room_can_be_taken_away_in_the_midst_of_a_batch(chat: InMemoryChat) -> None:
    """What follows of the other room comes once."""
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
    """By nothing."""
    outlet = reading(chat, chat.room("dev"), owner=sessions(chat, "ada")[0])
    subscriber, outlet.subscriber = outlet.subscriber, None
    assert subscriber
    chat.service.readers.revoke(BANNED)
    gone = ref(outlet)
    del outlet, subscriber
    gc.collect()
    assert gone() is None


# -- the policy ----------------------------------------------------------------------------------


def test_a_policy_that_denies_everything_lets_no_reader_be_made(chat: InMemoryChat) -> None:
    """Of a room, of presence, of private messages, of history."""
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
    assert dev.readers == 0


def test_a_policy_that_denies_everything_ends_all_that_are_open(chat: InMemoryChat) -> None:
    """At once, whatever they read, and not a byte comes through."""
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
    """By name, by address, by room, and for private messages."""
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
    """By the settings as they were shown; and no event from then on reaches those it forbids."""
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
    """Everything that is shown is."""
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
    """Not by the one it was opened with."""
    [ada] = sessions(chat, "ada")
    outlet = reading(chat, chat.room("lobby"), owner=ada)
    chat.perform(ada.person, Rename("eve"))
    chat.service.readers.policy = DenyIf(lambda who, what, room: who.name == "ada")
    assert state_of(outlet) == "reads"
    chat.service.readers.policy = DenyIf(lambda who, what, room: who.name == "eve")
    assert state_of(outlet) == "ended"


# -- templates -----------------------------------------------------------------------------------


def test_a_template_is_void_as_soon_as_what_it_skips_may_be_judged_otherwise(
    chat: InMemoryChat,
) -> None:
    """By the settings of its room, by another policy, by its person, its session, its room."""
    [ada, bob] = sessions(chat, "ada", "bob")
    dev, ops = chat.room("dev"), chat.room("ops")
    gate = chat.service.readers
    mine, others, shared = (
        FakeTemplate(ada, dev, ada.person.inbox),
        FakeTemplate(bob, ops),
        FakeTemplate(Stranger(), dev),
    )
    templates = [mine, others, shared]
    gate.templates.update(templates)

    def voided() -> list[int]:
        found = [min(len(template.voided), 1) for template in templates]
        for template in templates:
            template.voided.clear()
        return found

    gate.revoke(BANNED, person=ada.person)
    assert voided() == [1, 0, 0]
    gate.revoke(BANNED, session=bob)
    assert voided() == [0, 1, 0]
    gate.revoke(BANNED, room=dev)
    assert voided() == [1, 0, 1]
    gate.revoke(BANNED, room=dev, person=bob.person)
    assert voided() == [0, 0, 0]
    gate.policy = DenyIf(lambda who, what, room: what is Action.READ_PRIVATELY)
    assert voided() == [1, 0, 1]  # a policy may decide by addresses, which strangers' requests hide
    gate.policy = DenyAll()
    assert voided() == [1, 1, 1]


def test_a_shared_template_is_void_where_an_address_is_ended(chat: InMemoryChat) -> None:
    """Its requests come from everywhere, so each is judged by itself from then on; those held from
    elsewhere are answered without an error.
    """
    shared = FakeTemplate(Stranger(), chat.room("dev"))
    chat.service.readers.templates.add(shared)
    chat.service.readers.revoke(BANNED, address=OFFICE)
    assert shared.voided == [None]


def test_the_reader_of_a_template_is_left_to_it(chat: InMemoryChat) -> None:
    """It stands for many requests, and the template knows how to answer them."""
    dev = chat.room("dev")
    template = FakeTemplate(Stranger(), dev)
    gate = chat.service.readers
    feeds = gate.register(template, [(dev, JSON)])
    outlet = FakeOutlet(polls=True)
    outlet.subscriber = gate.join(template, feeds, outlet, chat.service.horizon, PUSH_LIMIT)
    outlet.subscriber.start()
    gate.revoke(BANNED, room=dev)
    assert (template.voided, outlet.revocations) == ([BANNED], [])


def test_templates_that_are_not_in_use_are_not_kept(chat: InMemoryChat) -> None:
    """Clients may ask in a thousand ways."""
    chat.service.readers.templates.add(FakeTemplate(Stranger(), chat.room("dev")))
    gc.collect()
    assert len(chat.service.readers.templates) == 0


def test_a_person_is_the_identity_of_its_sessions(chat: InMemoryChat) -> None:
    """With the address of the last request."""
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
