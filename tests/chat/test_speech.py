"""What people say (`chatd.chat.speech`)."""

from __future__ import annotations

import pytest

from chatd.chat.inbox import INBOX
from chatd.chat.sessions import Session
from chatd.model.commands import Act, Command, Join, Leave, Rename, Say, SetTopic, Tell
from chatd.model.errors import (
    BadName,
    BadText,
    NoSuchPerson,
    NotAllowed,
    RateLimited,
    Unavailable,
)
from chatd.model.events import Acted, Event, Joined, Said, SentPrivately, Told, TopicSet
from chatd.model.policy import Action
from chatd.testing import InMemoryChat, result_of
from chatd.testing.policies import DenyIf

from ..kit.chat import events, given_to, looked_up, private, reading, refused


@pytest.mark.parametrize(
    ("command", "event"),
    [
        (Say("Lobby", " hi\r\nthere\0 "), Said("lobby", "ada", " hi\nthere")),
        (Act("#lobby", "waves\x1b[2J"), Acted("lobby", "ada", "waves")),
        (SetTopic("lobby", " tea\n at five "), TopicSet("lobby", "ada", "tea at five")),
        (SetTopic("lobby", ""), TopicSet("lobby", "ada", "")),
    ],
    ids=["say", "act", "topic", "no topic"],
)
def test_what_is_said_is_cleaned_and_shown(
    chat: InMemoryChat, command: Command, event: Event
) -> None:
    """The same to everyone, and answered with its id."""
    ada = chat.enter("ada")
    assert chat.perform(ada, command) == chat.entries("lobby")[-1].id
    assert events(chat)[-1] == event


def test_a_person_who_speaks_in_a_room_has_joined_it(chat: InMemoryChat) -> None:
    """Announced before what is said, and once, also if it was said in one go."""
    ada = chat.enter("ada")
    for text in ("one", "two"):
        chat.service.perform(ada, Say("dev", text))
    chat.settle()
    assert events(chat, "dev") == [
        Joined("dev", "ada"),
        Said("dev", "ada", "one"),
        Said("dev", "ada", "two"),
    ]
    assert list(ada.rooms) == ["lobby", "dev"]


def test_a_topic_is_the_room_s_when_it_is_shown(chat: InMemoryChat) -> None:
    """And not before; so no client reads one and sees another."""
    lobby = chat.room("lobby")
    ada, bob = chat.enter("ada"), chat.enter("bob")
    chat.perform(ada, SetTopic("lobby", "old"))
    chat.store.hold("shown")
    outcomes = [
        chat.service.perform(person, SetTopic("lobby", person.name)) for person in (ada, bob)
    ]
    chat.settle()
    assert (lobby.state.topic, chat.service.rooms.listing("lobby").topic) == ("old", "old")
    chat.store.release()
    chat.settle()
    assert [refused(outcome) for outcome in outcomes] == [None, None]
    assert lobby.state.topic == chat.service.rooms.listing("lobby").topic == "bob"
    assert [event.text for event in events(chat) if isinstance(event, TopicSet)] == [
        "old",
        "ada",
        "bob",
    ]


@pytest.mark.parametrize("action", [Action.SPEAK, Action.SET_TOPIC, Action.WRITE_PRIVATELY])
def test_a_policy_may_forbid_to_say_something(chat: InMemoryChat, action: Action) -> None:
    """The sender gets the error, and no reader gets anything."""
    ada = chat.enter("ada")
    chat.service.readers.policy = DenyIf(lambda who, what, room: what is action)
    before = events(chat)
    commands = {
        Action.SPEAK: Say("lobby", "x"),
        Action.SET_TOPIC: SetTopic("lobby", "x"),
        Action.WRITE_PRIVATELY: Tell("ada", "x"),
    }
    outcomes = {what: chat.service.perform(ada, command) for what, command in commands.items()}
    chat.settle()
    for what, outcome in outcomes.items():
        assert refused(outcome) is (NotAllowed if what is action else None)
    assert len(events(chat)) + len(private(ada)) == len(before) + 2


# -- private messages ----------------------------------------------------------------------------


def test_a_private_message_reaches_its_two_persons_only(chat: InMemoryChat) -> None:
    """And no room's log, nor any page of it."""
    ada, bob, eve = map(chat.enter, ("ada", "bob", "eve"))
    before = events(chat)
    id_ = chat.perform(ada, Tell("BOB", "psst"))
    assert private(ada) == [SentPrivately("ada", "bob", "psst")]
    assert private(bob) == [Told("ada", "bob", "psst")]
    assert private(eve) == []
    assert events(chat) == before
    page = chat.service.page(eve.rooms["lobby"], None, 99)
    chat.settle()
    assert [entry.event for entry in result_of(page).entries] == before
    assert [entry.id for entry in bob.inbox.log.since(0).entries] == [id_]


def test_a_private_message_to_oneself_arrives_once(chat: InMemoryChat) -> None:
    """As sent."""
    ada = chat.enter("ada")
    chat.perform(ada, Tell("ada", "milk"))
    assert private(ada) == [SentPrivately("ada", "ada", "milk")]


@pytest.mark.parametrize("first", [Tell, Rename], ids=["told first", "renamed first"])
def test_a_private_message_follows_the_person_it_was_for(
    chat: InMemoryChat, first: type[Command]
) -> None:
    """Also when both change their names in the same turn, and another takes one of them."""
    ada, bob, eve = map(chat.enter, ("ada", "bob", "eve"))
    looked_up(chat, "rob", "ida")
    chat.store.hold("appends")
    if first is Tell:
        told = chat.service.perform(ada, Tell("bob", "psst"))
        chat.service.perform(bob, Rename("rob"))
    else:
        chat.service.perform(bob, Rename("rob"))
        told = chat.service.perform(ada, Tell("bob", "psst"))
    chat.service.perform(ada, Rename("ida"))
    chat.settle()
    chat.store.release()
    chat.settle()
    chat.perform(eve, Rename("bob"))
    assert result_of(told)
    name = "bob" if first is Tell else "rob"
    assert private(bob) == [Told("ada", name, "psst")]
    assert private(ada) == [SentPrivately("ada", name, "psst")]
    assert private(eve) == []


def test_a_private_message_never_reaches_the_next_holder_of_the_name() -> None:
    """Not even when the name changes hands on another node, while the message is on its way."""
    one = InMemoryChat()
    two = InMemoryChat(node=one)
    ada, bob, eve = one.enter("ada"), two.enter("bob"), two.enter("eve")
    one.store.hold("appends")
    told = one.service.perform(ada, Tell("bob", "secret"))
    one.settle()
    two.service.end(bob)
    two.settle()
    two.perform(eve, Rename("bob"))
    one.store.release()
    one.settle()
    assert refused(told) is NoSuchPerson
    assert (private(eve), private(bob), private(ada)) == ([], [], [])


def test_the_same_words_to_two_who_had_one_name_reach_each_once(chat: InMemoryChat) -> None:
    """Equal as values, they are still several messages."""
    ada, bob, eve = map(chat.enter, ("ada", "bob", "eve"))
    for _ in range(2):
        chat.service.perform(ada, Tell("bob", "psst"))
    chat.settle()
    chat.perform(bob, Rename("rob"))
    chat.perform(eve, Rename("bob"))
    chat.perform(ada, Tell("bob", "psst"))
    told = Told("ada", "bob", "psst")
    assert (private(bob), private(eve)) == ([told, told], [told])
    assert private(ada) == [SentPrivately("ada", "bob", "psst")] * 3


def test_a_private_message_to_a_person_who_is_leaving_is_delivered_or_refused(
    chat: InMemoryChat,
) -> None:
    """It does not reach the next one of that name, and the sender is told."""
    ada, bob = chat.enter("ada"), chat.enter("bob")
    chat.service.end(bob)
    told = chat.service.perform(ada, Tell("bob", "psst"))
    successor = chat.enter("bob")
    assert refused(told) is NoSuchPerson
    assert private(successor) == []
    first = chat.service.perform(ada, Tell("bob", "psst"))
    chat.service.end(successor)
    chat.settle()
    assert result_of(first)
    assert private(successor) == [Told("ada", "bob", "psst")]


def test_a_private_message_to_the_name_that_one_is_taking_is_for_oneself(
    chat: InMemoryChat,
) -> None:
    """Commands of one person take effect in their order."""
    ada = chat.enter("ada")
    chat.service.perform(ada, Rename("eve"))
    told = chat.service.perform(ada, Tell("eve", "milk"))
    missing = chat.service.perform(ada, Tell("nobody", "milk"))
    chat.settle()
    assert result_of(told)
    assert refused(missing) is NoSuchPerson
    assert private(ada) == [SentPrivately("eve", "eve", "milk")]


def test_private_messages_go_between_nodes() -> None:
    """Each node delivers to its own."""
    one = InMemoryChat()
    two = InMemoryChat(node=one)
    ada, bob = one.enter("ada"), two.enter("bob")
    id_ = one.perform(ada, Tell("bob", "psst"))
    assert private(ada) == [SentPrivately("ada", "bob", "psst")]
    assert private(bob) == [Told("ada", "bob", "psst")]
    assert bob.inbox.log.last == ada.inbox.log.last == id_


@pytest.mark.parametrize("history", [2, 1000], ids=["short logs", "long logs"])
def test_private_messages_stand_in_the_one_order(history: int) -> None:
    """A reader of rooms and private messages has them all, in the order of the ids, each once."""
    chat = InMemoryChat(history=history)
    ada, bob = chat.enter("ada"), chat.enter("bob")
    outlet = reading(chat, chat.room("lobby"), bob.inbox, owner=Session(bob))
    texts = [f"{n}" for n in range(8)]
    for text in texts:
        tell = Tell(bob.name, text) if int(text) % 3 == 0 else Say("lobby", text)
        chat.service.perform(ada, tell)
    chat.settle()
    assert [event["text"] for event in given_to(outlet)] == texts
    assert not any(batch.gaps for batch in outlet.batches)


def test_a_reader_that_reads_on_as_soon_as_it_is_answered_misses_nothing(
    chat: InMemoryChat,
) -> None:
    """A pipelined poll, or a netcat at its end: what came before in that turn is there by then."""
    ada, bob, cy = (chat.enter(name) for name in ("ada", "bob", "cy"))
    outlet = reading(chat, chat.room("lobby"), bob.inbox, owner=Session(bob))

    def read_on(id_: int | None) -> None:
        assert outlet.subscriber
        outlet.subscriber.wake()

    chat.service.perform(bob, Say("lobby", "0")).addCallback(read_on)
    chat.service.perform(ada, Tell(bob.name, "1"))
    chat.service.perform(cy, Say("lobby", "2"))
    chat.settle()
    assert [event["text"] for event in given_to(outlet)] == ["0", "1", "2"]


def test_a_burst_of_private_messages_leaves_no_gap(chat: InMemoryChat) -> None:
    """A reader that was never slow misses nothing, in its inbox as in a room."""
    people = [chat.enter() for _ in range(INBOX + 50)]
    bob = chat.enter()
    outlet = reading(chat, bob.inbox, owner=Session(bob))
    for n, person in enumerate(people):
        chat.service.perform(person, Tell(bob.name, str(n)))
    chat.settle()
    assert not any(batch.gaps for batch in outlet.batches)
    assert len(given_to(outlet)) == INBOX + 50


def test_private_messages_are_kept_for_a_person_whose_reader_is_away(chat: InMemoryChat) -> None:
    """Some hundreds of them, not without bound."""
    ada, bob = chat.enter(), chat.enter()
    for n in range(INBOX + 10):
        chat.perform(ada, Tell(bob.name, str(n)))
    assert len(private(bob)) == INBOX
    outlet = reading(chat, bob.inbox, owner=Session(bob), cursor=1)
    assert len(given_to(outlet)) == INBOX
    assert outlet.batches[0].gaps


# -- visitors ------------------------------------------------------------------------------------


def test_a_visitor_speaks_without_holding_a_name_or_a_place(chat: InMemoryChat) -> None:
    """Another person may take the name right afterwards, or visit under it too."""
    visitor = chat.service.visitor("ada")
    assert chat.perform(visitor, Say("dev", "hi"))
    assert events(chat, "dev") == [Said("dev", "ada", "hi")]
    assert (chat.room("dev").names, visitor.rooms) == ([], {})
    chat.service.visitor("ada")
    with pytest.raises(NoSuchPerson):
        chat.service.people.person("ada")
    assert chat.enter("ada").name == "ada"


def test_a_visitor_may_send_a_private_message_and_set_a_topic(chat: InMemoryChat) -> None:
    """It is seen by the one it is for only: a visitor has no inbox that anyone reads."""
    bob = chat.enter("bob")
    assert chat.perform(chat.service.visitor("ada"), Tell("bob", "psst"))
    assert private(bob) == [Told("ada", "bob", "psst")]
    assert chat.perform(chat.service.visitor("ada"), SetTopic("dev", "tea"))
    assert chat.room("dev").state.topic == "tea"


@pytest.mark.parametrize("name", ["", "#ada", "guest-0001", "a b", "\ud800"])
def test_a_visitor_needs_a_name_that_one_can_have(chat: InMemoryChat, name: str) -> None:
    """A visitor cannot speak under a guest's name, or without one."""
    with pytest.raises(BadName):
        chat.service.visitor(name)


# -- how much ------------------------------------------------------------------------------------


def test_messages_are_rate_limited() -> None:
    """A burst of four seconds' worth; then the refusal says how long, and that is enough."""
    chat = InMemoryChat(message_rate=5)
    ada = chat.enter("ada")
    for n in range(20):
        chat.service.perform(ada, Say("lobby", str(n)))
    for _ in range(3):
        with pytest.raises(RateLimited) as refusal:
            chat.service.perform(ada, Say("lobby", "20"))
        assert 0 < refusal.value.retry_after <= 0.201
        chat.advance(refusal.value.retry_after)
        assert chat.perform(ada, Say("lobby", "20"))
    assert chat.texts("lobby") == [*map(str, range(20)), "20", "20", "20"]


def test_every_announcement_counts_and_a_refused_one_is_undone() -> None:
    """A person cannot flood a room with names or topics, and a refused command changes nothing."""
    chat = InMemoryChat(message_rate=1)
    ada = chat.enter("ada")
    chat.enter("bob")
    for command in [SetTopic("lobby", "tea"), Join("dev"), Rename("eve"), Tell("bob", "hi")]:
        chat.service.perform(ada, command)
    others = [Say("ops", "x"), Act("ops", "x"), SetTopic("ops", "x"), Join("ops"), Rename("ida")]
    for other in (*others, Tell("bob", "x")):
        with pytest.raises(RateLimited):
            chat.service.perform(ada, other)
    chat.settle()
    assert (ada.name, list(ada.rooms), events(chat, "ops")) == ("eve", ["lobby", "dev"], [])
    assert chat.service.people.person("eve") is ada


def test_what_is_refused_for_another_reason_costs_nothing() -> None:
    """A typing error is not punished, and leaving is free."""
    chat = InMemoryChat(message_rate=1)
    ada = chat.enter("ada")
    for _ in range(50):
        with pytest.raises(BadText):
            chat.service.perform(ada, Say("lobby", ""))
        with pytest.raises(NoSuchPerson):
            chat.service.perform(ada, Tell("nobody", "x"))
    for n in range(4):
        chat.service.perform(ada, Say("lobby", str(n)))
    chat.service.perform(ada, Leave("lobby"))
    chat.settle()
    assert len(chat.texts("lobby")) == 4


def test_one_talker_does_not_silence_another() -> None:
    """The limit is each person's own."""
    chat = InMemoryChat(message_rate=1)
    ada, bob = chat.enter("ada"), chat.enter("bob")
    for n in range(4):
        chat.service.perform(ada, Say("lobby", str(n)))
    with pytest.raises(RateLimited):
        chat.service.perform(ada, Say("lobby", "4"))
    assert chat.perform(bob, Say("lobby", "hi"))


def test_a_message_to_a_new_room_that_cannot_be_stored_leaves_its_sender_in_the_room(
    chat: InMemoryChat,
) -> None:
    """Coming in does not depend on the store; the message does."""
    ada = chat.enter("ada")
    chat.store.refusing = True
    with pytest.raises(Unavailable):
        chat.perform(ada, Say("dev", "x"))
    chat.store.refusing = False
    assert list(ada.rooms) == ["lobby", "dev"]
    assert chat.perform(ada, Say("dev", "y"))
    assert chat.texts("dev") == ["y"]
