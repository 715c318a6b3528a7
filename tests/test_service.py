"""The chat itself: accepted, stored, shown."""

from __future__ import annotations

import gc
import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred

from chatd import room as room_module
from chatd.codecs.json import JSON
from chatd.commands import Act, Command, Join, Leave, Rename, Say, SetTopic, ShowRooms, Tell
from chatd.errors import (
    BadName,
    BadRoom,
    BadText,
    ChatError,
    NameInUse,
    NoSuchPerson,
    NotInRoom,
    RateLimited,
    TextTooLong,
    Unavailable,
)
from chatd.events import (
    Acted,
    Event,
    Joined,
    Left,
    Noticed,
    Renamed,
    Said,
    SentPrivately,
    Told,
    TopicSet,
)
from chatd.room import CROWD, SUMMARY_SECONDS, Room
from chatd.service import ChatService
from chatd.session import INBOX, Session
from chatd.store import NO_MARKS, Marks
from chatd.store.memory import MemoryStore
from chatd.subscriber import Batch, Source, Subscriber
from chatd.testing import FakeOutlet, InMemoryChat, result_of


def done(chat: InMemoryChat, session: Session, command: Command) -> int | None:
    """What a command came to, when everything has settled."""
    outcome = chat.service.perform(session, command)
    chat.settle()
    return result_of(outcome)


def events(chat: InMemoryChat, room: str = "lobby") -> list[Event]:
    chat.settle()
    return [entry.event for entry in chat.entries(room)]


def private(session: Session) -> list[Event]:
    return [entry.event for entry in session.inbox.log.since(0).entries]


def given_to(outlet: FakeOutlet) -> list[dict[str, Any]]:
    """The events that a reader was given, in its order."""
    return [e for batch in outlet.batches for e in json.loads(b"[%b]" % batch.chunk)]


def reader(chat: InMemoryChat, *sources: Source, outlet: FakeOutlet | None = None) -> FakeOutlet:
    outlet = outlet or FakeOutlet()
    feeds = [source.feed(JSON) for source in sources]
    outlet.subscriber = Subscriber(outlet, feeds, chat.service.horizon)
    outlet.subscriber.start()
    return outlet


# -- accepted, stored, shown ---------------------------------------------------------------------


class HeldStore(MemoryStore):
    """A store that takes its time: it stores when it is told to."""

    def __init__(self, chat: InMemoryChat) -> None:
        super().__init__(chat.clock, chat.clock.seconds, 1000)
        self.held: list[tuple[Sequence[Event], Deferred[list[int]]]] = []

    def append(self, batch: Sequence[Event], marks: Marks = NO_MARKS) -> Deferred[list[int]]:
        stored: Deferred[list[int]] = Deferred()
        self.held.append((batch, stored))
        return stored

    def release(self) -> None:
        for batch, stored in self.held:
            super().append(batch).chainDeferred(stored)


def test_nothing_is_shown_before_the_store_has_taken_it(chat: InMemoryChat) -> None:
    """Neither in the log, nor to a reader, nor as an answer to the sender."""
    store = HeldStore(chat)
    chat.service = ChatService(chat.clock, store)
    ada = chat.service.enter()
    outlet = reader(chat, chat.service.room("lobby"))
    said = chat.service.perform(ada, Say("lobby", "hi"))
    chat.advance(60)
    assert (events(chat), outlet.batches, said.called) == ([], [], False)
    store.release()
    chat.settle()
    assert events(chat) == [Said("lobby", "guest-0001", "hi")]
    assert [batch.count for batch in outlet.batches] == [1]
    assert [result_of(said)] == [entry.id for entry in chat.entries("lobby")]


def test_who_spoke_is_answered_after_it_was_shown(chat: InMemoryChat) -> None:
    """With its id, which stands in the log by then."""
    ada = chat.service.enter("ada")
    seen: list[bool] = []

    def look(id_: int | None) -> None:
        seen.append(id_ == chat.entries("lobby")[-1].id == chat.service.horizon)

    chat.service.perform(ada, Say("lobby", "hi")).addCallback(look)
    assert seen == []
    chat.settle()
    assert seen == [True]


def test_everyone_is_answered_with_their_own_id(chat: InMemoryChat) -> None:
    """Also those after one whose command made several events."""
    ada, bob = chat.service.enter("ada"), chat.service.enter("bob")
    done(chat, ada, Join("dev"))
    renamed = chat.service.perform(ada, Rename("eve"))
    said = chat.service.perform(bob, Say("lobby", "hi"))
    chat.settle()
    assert result_of(said) == chat.entries("lobby")[-1].id
    assert result_of(renamed) == chat.entries("lobby")[-2].id


def test_one_turn_is_one_batch(chat: InMemoryChat) -> None:
    """A burst costs one commit, and each reader one write."""
    store = HeldStore(chat)
    chat.service = ChatService(chat.clock, store)
    ada, bob = chat.service.enter("ada"), chat.service.enter("bob")
    for n in range(5):
        chat.service.perform(ada, Say("lobby", str(n)))
        chat.service.perform(bob, Say("dev", str(n)))
    chat.settle()
    assert [len(batch) for batch, _ in store.held] == [2 + 1 + 10]


def test_a_refused_batch_is_told_to_its_senders_and_seen_by_nobody(chat: InMemoryChat) -> None:
    """And the next one goes its way."""
    ada, bob = chat.service.enter("ada"), chat.service.enter("bob")
    before = events(chat)
    outlet = reader(chat, chat.service.room("lobby"), chat.service.room("dev"), bob.inbox)
    chat.store.refusing = True
    commands = [Say("lobby", "1"), Act("dev", "2"), SetTopic("lobby", "3"), Tell("bob", "4")]
    refused = [chat.service.perform(who, command) for command in commands for who in (ada, bob)]
    chat.settle()
    for outcome in refused:
        with pytest.raises(Unavailable) as refusal:
            result_of(outcome)
        assert refusal.value.retry_after > 0
    assert (events(chat), events(chat, "dev"), private(bob)) == (before, [], [])
    assert (outlet.batches, chat.service.room("lobby").topic) == ([], "")
    chat.store.refusing = False
    assert done(chat, ada, Say("lobby", "5"))
    assert events(chat) == [*before, Said("lobby", "ada", "5")]


def test_a_fact_stands_though_its_announcement_was_refused(chat: InMemoryChat) -> None:
    """Names and memberships are the service's own; only the echo is missing."""
    chat.store.refusing = True
    ada = chat.service.enter("ada")
    assert done(chat, ada, Join("dev")) is None
    assert done(chat, ada, Rename("eve")) is None
    assert done(chat, ada, Leave("lobby")) is None
    assert chat.service.person("eve") is ada
    assert (list(ada.rooms), chat.service.room("dev").names) == (["dev"], ["eve"])
    assert (events(chat), events(chat, "dev")) == ([], [])


@given(
    st.lists(
        st.tuples(st.integers(0, 4), st.sampled_from(["lobby", "dev", "ops"]), st.booleans()),
        max_size=40,
    ),
    st.sampled_from([2, 5, 1000]),
)
def test_the_order_of_accepting_is_the_order_of_the_ids(
    said: list[tuple[int, str, bool]], history: int
) -> None:
    """Over many people, rooms and turns; and a reader of all rooms sees just that order."""
    chat = InMemoryChat(history=history)
    people = [chat.service.enter() for _ in range(5)]
    rooms = [chat.service.room(name) for name in ("lobby", "dev", "ops")]
    outlet = reader(chat, *rooms)
    outcomes = []
    for number, (who, room, ends_turn) in enumerate(said):
        outcomes.append(chat.service.perform(people[who], Say(room, str(number))))
        if ends_turn:
            chat.settle()
    chat.settle()
    ids = [result_of(outcome) for outcome in outcomes]
    assert ids == sorted(set(ids), key=ids.index)
    assert [(e["id"], e["room"], e["text"]) for e in given_to(outlet)] == [
        (id_, room, str(number))
        for number, (id_, (_, room, _)) in enumerate(zip(ids, said, strict=True))
    ]
    assert given_to(outlet) == sorted(given_to(outlet), key=lambda event: event["id"])
    assert not any(batch.gaps for batch in outlet.batches)


class Broken(FakeOutlet):
    """An outlet that fails."""

    def deliver(self, batch: Batch) -> bool:
        raise ZeroDivisionError


def test_a_failing_reader_harms_neither_senders_nor_readers(logged_errors: list[str]) -> None:
    """Also in a burst longer than the log, in whose midst readers are woken."""
    chat = InMemoryChat(history=2)
    ada = chat.service.enter()
    outlet = reader(chat, chat.service.room("lobby"))
    reader(chat, chat.service.room("lobby"), outlet=Broken())
    outcomes = [chat.service.perform(ada, Say("lobby", str(n))) for n in range(7)]
    chat.settle()
    assert "ZeroDivisionError" in logged_errors.pop()
    assert [result_of(outcome) for outcome in outcomes] == [e["id"] for e in given_to(outlet)]
    assert [event["text"] for event in given_to(outlet)] == list("0123456")


# -- speaking ------------------------------------------------------------------------------------


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
    ada = chat.service.enter("ada")
    assert done(chat, ada, command) == chat.entries("lobby")[-1].id
    assert events(chat)[-1] == event


REFUSED: list[tuple[Command, type[ChatError]]] = [
    (Say("a b", "hi"), BadRoom),
    (Say("\ud800", "hi"), BadRoom),
    (Say("nowhere", " \n"), BadText),
    (Say("nowhere", "\ud800"), BadText),
    (Say("nowhere", "x" * 5000), TextTooLong),
    (Say("nowhere", "x\n" * 60), TextTooLong),
    (Act("nowhere", ""), BadText),
    (SetTopic("nowhere", "x" * 401), TextTooLong),
    (SetTopic("nowhere", "\udc00"), BadText),
    (Tell("nobody", "hi"), NoSuchPerson),
    (Tell("\ud800", "hi"), NoSuchPerson),
    (Tell("", "hi"), NoSuchPerson),
    (Tell("bob", ""), BadText),
    (Join(""), BadRoom),
    (Join("x" * 65), BadRoom),
    (Leave("nowhere"), NotInRoom),
    (Leave("a/b"), BadRoom),
    (Leave("lobby", "x" * 5000), TextTooLong),
    (Rename(""), BadName),
    (Rename("#ada"), BadName),
    (Rename("guest-0007"), BadName),
    (Rename("BOB"), NameInUse),
]


@pytest.mark.parametrize(("command", "error"), REFUSED, ids=lambda value: ascii(value)[:40])
def test_a_refused_command_changes_nothing(
    chat: InMemoryChat, command: Command, error: type[ChatError]
) -> None:
    """It raises at once, and leaves not even a room behind."""
    ada, bob = chat.service.enter("ada"), chat.service.enter("bob")
    before = (events(chat), list(ada.rooms), ada.name, existing_rooms())
    with pytest.raises(error):
        chat.service.perform(ada, command)
    assert (events(chat), list(ada.rooms), ada.name, existing_rooms()) == before
    assert (private(bob), chat.service.room("lobby").names) == ([], ["ada", "bob"])
    assert chat.service.person("ada") is ada


def existing_rooms() -> set[int]:
    gc.collect()
    return {id(thing) for thing in gc.get_objects() if isinstance(thing, Room)}


def test_a_question_is_not_for_the_service(chat: InMemoryChat) -> None:
    """Whoever answers it at the door should not ask here."""
    with pytest.raises(TypeError):
        chat.service.perform(chat.service.enter(), ShowRooms())


def test_whoever_speaks_in_a_room_has_joined_it(chat: InMemoryChat) -> None:
    """Announced before what they say, and once."""
    ada = chat.service.enter("ada")
    for text in ("one", "two"):
        done(chat, ada, Say("dev", text))
    assert events(chat, "dev") == [
        Joined("dev", "ada"),
        Said("dev", "ada", "one"),
        Said("dev", "ada", "two"),
    ]
    assert list(ada.rooms) == ["lobby", "dev"]


# -- names ---------------------------------------------------------------------------------------


def test_a_name_is_held_by_one_session_in_any_case(chat: InMemoryChat) -> None:
    """Over every door, for they share the one registry."""
    chat.service.enter("Straße")
    for name in ("Straße", "STRASSE", "strasse"):
        with pytest.raises(NameInUse, match="choose another"):
            chat.service.enter(name)
        with pytest.raises(NameInUse):
            chat.service.visitor(name)
    assert chat.service.person("strasse").name == "Straße"


def test_a_name_is_free_again_when_its_session_ends(chat: InMemoryChat) -> None:
    """At once; and ending twice takes it from nobody."""
    first = chat.service.enter("ada")
    chat.service.end(first)
    second = chat.service.enter("Ada")
    chat.service.end(first)
    assert chat.service.person("ada") is second


def test_renaming_frees_the_old_name_and_takes_the_new_one(chat: InMemoryChat) -> None:
    """Both at once, before anything is stored."""
    ada, bob = chat.service.enter("ada"), chat.service.enter("bob")
    chat.service.perform(ada, Rename("eve"))
    chat.service.perform(bob, Rename("ADA"))
    assert (chat.service.person("ada"), chat.service.person("eve")) == (bob, ada)
    with pytest.raises(NoSuchPerson):
        chat.service.person("bob")


def test_a_name_may_change_its_case(chat: InMemoryChat) -> None:
    """It is one's own already; and to the same spelling nothing changes."""
    ada = chat.service.enter("ada")
    assert done(chat, ada, Rename("Ada"))
    assert done(chat, ada, Rename("Ada")) is None
    assert events(chat) == [Joined("lobby", "ada"), Renamed("lobby", "ada", "Ada")]
    assert chat.service.person("ada") is ada


def test_guests_are_numbered_and_no_number_comes_twice(chat: InMemoryChat) -> None:
    """Also when the first have gone or taken a name."""
    guests = [chat.service.enter() for _ in range(3)]
    assert [guest.name for guest in guests] == ["guest-0001", "guest-0002", "guest-0003"]
    chat.service.end(guests[0])
    done(chat, guests[1], Rename("ada"))
    assert chat.service.enter().name == "guest-0004"


def test_guests_come_and_go_unannounced(chat: InMemoryChat) -> None:
    """But they are there, and may speak."""
    guest = chat.service.enter()
    done(chat, guest, Join("dev"))
    assert chat.service.room("dev").names == ["guest-0001"]
    done(chat, guest, Say("dev", "hi"))
    done(chat, guest, Leave("dev"))
    chat.service.end(guest)
    assert events(chat) == []
    assert events(chat, "dev") == [Said("dev", "guest-0001", "hi")]


def test_a_guest_who_takes_a_name_has_joined(chat: InMemoryChat) -> None:
    """In each of the rooms; nobody was told of the guest before."""
    guest = chat.service.enter()
    done(chat, guest, Join("dev"))
    assert done(chat, guest, Rename("ada")) == chat.entries("lobby")[0].id
    assert (events(chat), events(chat, "dev")) == (
        [Joined("lobby", "ada")],
        [Joined("dev", "ada")],
    )


def test_another_name_is_announced_in_every_joined_room(chat: InMemoryChat) -> None:
    """And nowhere else."""
    ada = chat.service.enter("ada")
    chat.service.enter("bob")
    done(chat, ada, Join("dev"))
    done(chat, ada, Join("ops"))
    done(chat, ada, Leave("ops"))
    done(chat, ada, Rename("eve"))
    told = Renamed("lobby", "ada", "eve"), Renamed("dev", "ada", "eve")
    assert (events(chat)[-1], events(chat, "dev")[-1]) == told
    assert events(chat, "ops") == [Joined("ops", "ada"), Left("ops", "ada")]


# -- coming and going ----------------------------------------------------------------------------


def test_everyone_starts_in_the_lobby(chat: InMemoryChat) -> None:
    """And those with a name are announced."""
    ada = chat.service.enter("ada")
    assert list(ada.rooms) == ["lobby"]
    assert events(chat) == [Joined("lobby", "ada")]


def test_joining_twice_is_joining_once(chat: InMemoryChat) -> None:
    """Nothing to announce, and no error."""
    ada = chat.service.enter("ada")
    assert done(chat, ada, Join("dev"))
    assert done(chat, ada, Join("#DEV")) is None
    assert events(chat, "dev") == [Joined("dev", "ada")]


def test_whoever_leaves_may_say_a_parting_word(chat: InMemoryChat) -> None:
    """In that room only."""
    ada = chat.service.enter("ada")
    done(chat, ada, Join("dev"))
    done(chat, ada, Leave("dev", "tea\ntime"))
    assert events(chat, "dev") == [Joined("dev", "ada"), Left("dev", "ada", "tea time")]
    assert (events(chat), list(ada.rooms)) == ([Joined("lobby", "ada")], ["lobby"])
    with pytest.raises(NotInRoom):
        chat.service.perform(ada, Leave("dev"))


def test_a_session_that_ends_leaves_every_room(chat: InMemoryChat) -> None:
    """With its parting word."""
    ada = chat.service.enter("ada")
    done(chat, ada, Join("dev"))
    chat.service.end(ada, "bye")
    assert (events(chat)[-1], events(chat, "dev")[-1]) == (
        Left("lobby", "ada", "bye"),
        Left("dev", "ada", "bye"),
    )
    assert (ada.ended, ada.rooms, chat.service.room("lobby").names) == (True, {}, [])


@pytest.mark.parametrize(
    "text", ["x" * 5000, "\u200b", "\x01", "\ud800"], ids=["long", "unseen", "control", "surrogate"]
)
def test_a_session_ends_whatever_its_parting_word(chat: InMemoryChat, text: str) -> None:
    """A bad one must not keep the name, nor the place in the rooms."""
    ada = chat.service.enter("ada")
    chat.service.end(ada, text)
    assert (ada.ended, ada.rooms, chat.service.room("lobby").names) == (True, {}, [])
    assert isinstance(events(chat)[-1], Left)
    chat.service.enter("ada")


def enter_many(chat: InMemoryChat, count: int, prefix: str = "p") -> list[Session]:
    people = [chat.service.enter(f"{prefix}{n}") for n in range(count)]
    chat.settle()
    return people


def test_in_a_crowd_comings_and_goings_are_summed_up(chat: InMemoryChat) -> None:
    """Ten seconds after the first, in one notice."""
    people = enter_many(chat, CROWD + 30)
    assert events(chat) == [Joined("lobby", f"p{n}") for n in range(CROWD)]
    for person in people[:20]:
        chat.service.end(person)
    chat.advance(SUMMARY_SECONDS - 0.001)
    assert len(events(chat)) == CROWD
    chat.advance(0.001)
    assert events(chat)[CROWD:] == [Noticed("lobby", "30 joined, 20 left")]
    chat.advance(10 * SUMMARY_SECONDS)
    assert len(events(chat)) == CROWD + 1, "nothing happened, nothing is told"


def test_when_the_crowd_has_gone_everyone_is_announced_again(chat: InMemoryChat) -> None:
    """From a hundred downwards."""
    people = enter_many(chat, CROWD + 2)
    chat.advance(SUMMARY_SECONDS)
    before = len(events(chat))
    for person in people[:3]:
        chat.service.end(person)
    assert events(chat)[before:] == [Left("lobby", "p2")]
    chat.service.enter("ada")
    assert events(chat)[-1] == Joined("lobby", "ada")
    chat.advance(SUMMARY_SECONDS)
    assert events(chat)[-1] == Noticed("lobby", "2 left")


def test_what_is_said_in_a_crowd_is_shown_as_ever(chat: InMemoryChat) -> None:
    """Only joins and leaves are summed up, and only in that room."""
    *_, last = enter_many(chat, CROWD + 1)
    done(chat, last, Join("dev"))
    done(chat, last, Say("lobby", "hi"))
    done(chat, last, Rename("eve"))
    assert events(chat, "dev") == [Joined("dev", "p100"), Renamed("dev", "p100", "eve")]
    assert events(chat)[CROWD:] == [Said("lobby", "p100", "hi"), Renamed("lobby", "p100", "eve")]
    chat.advance(SUMMARY_SECONDS)


@given(st.lists(st.tuples(st.booleans(), st.sampled_from([0, 0, 1, 5, 30])), max_size=60))
def test_announcements_and_summaries_are_everything(steps: list[tuple[bool, int]]) -> None:
    """No coming or going is told twice or not at all, and summaries are ten seconds apart."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(room_module, "CROWD", 3)
        chat = InMemoryChat()
        here: list[Session] = []
        came = went = 0
        for comes, pause in steps:
            if comes or not here:
                here.append(chat.service.enter(f"p{came}"))
                came += 1
            else:
                chat.service.end(here.pop(0))
                went += 1
            chat.advance(pause)
        chat.advance(SUMMARY_SECONDS)
    joined = left = 0
    told_at = [0]
    for entry in chat.entries("lobby"):
        match entry.event:
            case Joined():
                joined += 1
            case Left():
                left += 1
            case Noticed(text=text):
                counts = {word: int(n) for n, word in (part.split() for part in text.split(", "))}
                joined += counts.get("joined", 0)
                left += counts.get("left", 0)
                assert entry.id - told_at[-1] >= SUMMARY_SECONDS * 1_000_000
                told_at.append(entry.id)
    assert (joined, left) == (came, went)


# -- private messages ----------------------------------------------------------------------------


def test_a_private_message_reaches_the_two_and_nobody_else(chat: InMemoryChat) -> None:
    """And no room's log, nor any page of it."""
    ada, bob, eve = map(chat.service.enter, ("ada", "bob", "eve"))
    before = events(chat)
    id_ = done(chat, ada, Tell("BOB", "psst"))
    assert private(ada) == [SentPrivately("ada", "bob", "psst")]
    assert private(bob) == [Told("ada", "bob", "psst")]
    assert private(eve) == []
    assert events(chat) == before
    assert [
        entry.event for entry in result_of(chat.service.page(eve.rooms["lobby"], None, 99))
    ] == before
    assert [entry.id for entry in bob.inbox.log.since(0).entries] == [id_]


def test_what_one_tells_oneself_is_there_once(chat: InMemoryChat) -> None:
    """As sent."""
    ada = chat.service.enter("ada")
    done(chat, ada, Tell("ada", "milk"))
    assert private(ada) == [SentPrivately("ada", "ada", "milk")]


def test_a_private_message_follows_who_it_was_for(chat: InMemoryChat) -> None:
    """Also when both change their names in the same turn, and another takes one of them."""
    ada, bob, eve = map(chat.service.enter, ("ada", "bob", "eve"))
    chat.service.perform(ada, Tell("bob", "psst"))
    chat.service.perform(bob, Rename("rob"))
    chat.service.perform(ada, Rename("ida"))
    chat.service.perform(eve, Rename("bob"))
    chat.settle()
    assert private(bob) == [Told("ada", "bob", "psst")]
    assert private(ada) == [SentPrivately("ada", "bob", "psst")]
    assert private(eve) == []


def test_the_same_words_to_two_who_had_one_name_reach_each_once(chat: InMemoryChat) -> None:
    """Equal as values, they are still two messages; and a refused one is none."""
    ada, bob, eve = map(chat.service.enter, ("ada", "bob", "eve"))
    chat.store.refusing = True
    with pytest.raises(Unavailable):
        done(chat, ada, Tell("bob", "psst"))
    chat.store.refusing = False
    for command in (Tell("bob", "psst"), Tell("bob", "psst")):
        chat.service.perform(ada, command)
    chat.service.perform(bob, Rename("rob"))
    chat.service.perform(eve, Rename("bob"))
    chat.service.perform(ada, Tell("bob", "psst"))
    chat.settle()
    told = Told("ada", "bob", "psst")
    assert (private(bob), private(eve)) == ([told, told], [told])
    assert private(ada) == [SentPrivately("ada", "bob", "psst")] * 3


def test_a_private_message_to_one_who_is_gone_harms_nobody(chat: InMemoryChat) -> None:
    """Nor does it reach the next one of that name."""
    ada, bob = chat.service.enter("ada"), chat.service.enter("bob")
    told = chat.service.perform(ada, Tell("bob", "psst"))
    chat.service.end(bob)
    successor = chat.service.enter("bob")
    chat.settle()
    assert result_of(told)
    assert private(successor) == []


@pytest.mark.parametrize("history", [2, 1000], ids=["short logs", "long logs"])
def test_private_messages_stand_in_the_one_order(history: int) -> None:
    """A reader of rooms and private messages has them all, in the order of the ids, each once."""
    chat = InMemoryChat(history=history)
    ada, bob = chat.service.enter(), chat.service.enter()
    outlet = reader(chat, chat.service.room("lobby"), bob.inbox)
    texts = [f"{n}" for n in range(8)]
    for text in texts:
        tell = Tell(bob.name, text) if int(text) % 3 == 0 else Say("lobby", text)
        chat.service.perform(ada, tell)
    chat.settle()
    assert [event["text"] for event in given_to(outlet)] == texts
    assert not any(batch.gaps for batch in outlet.batches)


def test_whoever_reads_on_as_soon_as_they_are_answered_misses_nothing(chat: InMemoryChat) -> None:
    """A pipelined poll, or a netcat at its end: what else came in that turn is there by then."""
    ada, bob = chat.service.enter(), chat.service.enter()
    outlet = reader(chat, chat.service.room("lobby"), bob.inbox)

    def read_on(id_: int | None) -> None:
        assert outlet.subscriber
        outlet.subscriber.wake()

    chat.service.perform(bob, Say("lobby", "0")).addCallback(read_on)
    chat.service.perform(ada, Tell(bob.name, "1"))
    chat.service.perform(ada, Say("lobby", "2"))
    chat.settle()
    assert [event["text"] for event in given_to(outlet)] == ["0", "1", "2"]


def test_a_burst_of_private_messages_leaves_no_gap(chat: InMemoryChat) -> None:
    """A reader that was never slow misses nothing, in its inbox as in a room."""
    ada, bob = chat.service.enter(), chat.service.enter()
    outlet = reader(chat, bob.inbox)
    for n in range(INBOX + 50):
        chat.service.perform(ada, Tell(bob.name, str(n)))
    chat.settle()
    assert not any(batch.gaps for batch in outlet.batches)
    assert len(given_to(outlet)) == INBOX + 50


# -- visitors ------------------------------------------------------------------------------------


def test_a_visitor_speaks_without_holding_a_name_or_a_place(chat: InMemoryChat) -> None:
    """Somebody else may take the name a moment later, or visit by it too."""
    visitor = chat.service.visitor("ada")
    assert done(chat, visitor, Say("dev", "hi"))
    assert events(chat, "dev") == [Said("dev", "ada", "hi")]
    assert (chat.service.room("dev").names, visitor.rooms) == ([], {})
    chat.service.visitor("ada")
    with pytest.raises(NoSuchPerson):
        chat.service.person("ada")
    assert chat.service.enter("ada").name == "ada"


@pytest.mark.parametrize("name", ["", "#ada", "guest-0001", "a b", "\ud800"])
def test_a_visitor_needs_a_name_that_one_can_have(chat: InMemoryChat, name: str) -> None:
    """Nobody speaks as a guest, or as nobody."""
    with pytest.raises(BadName):
        chat.service.visitor(name)


# -- how much ------------------------------------------------------------------------------------


def test_one_may_say_so_much_and_then_has_to_wait() -> None:
    """A burst of four seconds' worth; then the refusal says how long, and that is enough."""
    chat = InMemoryChat(message_rate=5)
    ada = chat.service.enter("ada")
    for n in range(20):
        chat.service.perform(ada, Say("lobby", str(n)))
    for _ in range(3):
        with pytest.raises(RateLimited) as refusal:
            chat.service.perform(ada, Say("lobby", "20"))
        assert 0 < refusal.value.retry_after <= 0.201
        chat.advance(refusal.value.retry_after)
        assert done(chat, ada, Say("lobby", "20"))
    assert chat.texts("lobby") == [*map(str, range(20)), "20", "20", "20"]


def test_every_announcement_counts_and_a_refused_one_is_undone() -> None:
    """Nobody floods a room with names or topics, and who is refused has not changed."""
    chat = InMemoryChat(message_rate=1)
    ada = chat.service.enter("ada")
    chat.service.enter("bob")
    taken = [SetTopic("lobby", "tea"), Join("dev"), Rename("eve"), Tell("bob", "hi")]
    for command in taken:
        chat.service.perform(ada, command)
    refused = [Say("ops", "x"), Act("ops", "x"), SetTopic("ops", "x"), Join("ops"), Rename("ida")]
    for other in (*refused, Tell("bob", "x")):
        with pytest.raises(RateLimited):
            chat.service.perform(ada, other)
    chat.settle()
    assert (ada.name, list(ada.rooms), events(chat, "ops")) == ("eve", ["lobby", "dev"], [])
    assert chat.service.person("eve") is ada


def test_what_is_refused_for_another_reason_costs_nothing() -> None:
    """A typing error is not punished, and leaving is free."""
    chat = InMemoryChat(message_rate=1)
    ada = chat.service.enter("ada")
    for _ in range(50):
        with pytest.raises(BadText):
            chat.service.perform(ada, Say("lobby", ""))
    for n in range(4):
        chat.service.perform(ada, Say("lobby", str(n)))
    chat.service.perform(ada, Leave("lobby"))
    chat.settle()


def test_one_talker_does_not_silence_another() -> None:
    """The limit is each session's own."""
    chat = InMemoryChat(message_rate=1)
    ada, bob = chat.service.enter("ada"), chat.service.enter("bob")
    for n in range(4):
        chat.service.perform(ada, Say("lobby", str(n)))
    with pytest.raises(RateLimited):
        chat.service.perform(ada, Say("lobby", "4"))
    assert done(chat, bob, Say("lobby", "hi"))


# -- rooms, pages, cursors -----------------------------------------------------------------------


def test_rooms_are_those_where_somebody_is_or_something_was_said(chat: InMemoryChat) -> None:
    """In alphabetical order; asking for a room does not make it one of them."""
    ada, guest = chat.service.enter("ada"), chat.service.enter()
    empty = chat.service.room("empty")
    done(chat, guest, Join("zoo"))
    done(chat, ada, Say("dev", "hi"))
    done(chat, ada, Leave("dev"))
    assert [room.name for room in chat.service.rooms()] == ["dev", "lobby", "zoo"]
    assert chat.service.room("empty") is empty


def test_a_room_that_nobody_needs_is_forgotten(chat: InMemoryChat) -> None:
    """Nobody can fill the memory by asking for rooms, or by looking into them."""
    before = existing_rooms()
    reading = reader(chat, chat.service.room("dev")).subscriber
    assert reading
    reading.stop()
    del reading
    assert existing_rooms() == before


@pytest.mark.parametrize("keeps", ["a member", "a reader", "a message"])
def test_a_room_that_somebody_needs_is_kept(chat: InMemoryChat, keeps: str) -> None:
    """Whoever is there, whoever reads, whatever was said: nothing of it is lost."""
    outlet = reader(chat, chat.service.room("dev")) if keeps == "a reader" else None
    if keeps == "a member":
        done(chat, chat.service.enter(), Join("dev"))
    elif keeps == "a message":
        done(chat, chat.service.visitor("ada"), Say("dev", "hi"))
    gc.collect()
    done(chat, chat.service.visitor("bob"), Say("dev", "ho"))
    assert chat.service.room("dev").names == ["guest-0001"] * (keeps == "a member")
    assert chat.texts("dev") == ["hi"] * (keeps == "a message") + ["ho"]
    assert outlet is None or [event["text"] for event in given_to(outlet)] == ["ho"]


def test_a_guest_s_silent_room_goes_with_the_guest(chat: InMemoryChat) -> None:
    """Joining and leaving rooms by the thousand leaves nothing behind."""
    before = existing_rooms()
    guest = chat.service.enter()
    for n in range(50):
        done(chat, guest, Join(f"room{n}"))
    assert len(existing_rooms()) == len(before) + 51
    chat.service.end(guest)
    assert existing_rooms() == before


def test_what_was_accepted_is_shown_though_everybody_has_left(chat: InMemoryChat) -> None:
    """The room is made anew for it."""
    ada = chat.service.enter()
    chat.service.perform(ada, Say("dev", "hi"))
    chat.service.end(ada)
    assert events(chat, "dev") == [Said("dev", "guest-0001", "hi")]


def test_paging_back_reaches_everything(chat: InMemoryChat) -> None:
    """Rising within a page, and page by page to the beginning."""
    ada = chat.service.enter()
    for n in range(7):
        done(chat, ada, Say("dev", str(n)))
    pages, before = [], None
    while page := result_of(chat.service.page(chat.service.room("dev"), before, 3)):
        pages.append([entry.event.text for entry in page if isinstance(entry.event, Said)])
        before = page[0].id
    assert pages == [["4", "5", "6"], ["1", "2", "3"], ["0"]]


def test_a_cursor_from_the_future_is_a_gap_and_then_the_latest(chat: InMemoryChat) -> None:
    """Another server gave it, or an earlier life of this one: never silence."""
    ada = chat.service.enter()
    id_ = done(chat, ada, Say("lobby", "hi"))
    assert id_ is not None
    lobby = chat.service.room("lobby")
    for cursor in (1, id_ - 1, id_):
        assert chat.service.place([lobby], cursor) == (cursor, {}, ())
    for cursor in (id_ + 1, 2**53, 10**30):
        place = chat.service.place([lobby], cursor)
        assert [entry.id for entry in lobby.log.since(place.cursor).entries] == [id_]
        assert [gap.source for gap in place.gaps] == ["lobby"]


def test_a_cursor_from_before_the_start_is_told_of_a_gap(chat: InMemoryChat) -> None:
    """In every room, also one of which nobody has heard: this server cannot know."""
    began = chat.service.horizon
    for room in ("lobby", "unheard-of"):
        log = chat.service.room(room).log
        assert (log.since(began).complete, log.since(began - 1).complete) == (True, False)


# -- the end -------------------------------------------------------------------------------------


def test_stopping_stores_what_was_accepted(chat: InMemoryChat) -> None:
    """Whoever was not refused is answered."""
    ada = chat.service.enter("ada")
    chat.settle()
    said = chat.service.perform(ada, Say("lobby", "last words"))
    stopped = chat.service.stopService()
    chat.settle()
    result_of(stopped)
    assert result_of(said) == chat.entries("lobby")[-1].id
    assert chat.texts("lobby") == ["last words"]


def test_after_stopping_nothing_is_taken(chat: InMemoryChat) -> None:
    """And whoever tries is told that it is not their fault."""
    ada = chat.service.enter("ada")
    result_of(chat.service.stopService())
    said = chat.service.perform(ada, Say("lobby", "hi"))
    chat.settle()
    with pytest.raises(Unavailable):
        result_of(said)
    assert chat.texts("lobby") == []


# -- names that look alike -----------------------------------------------------------------------


def test_a_name_that_looks_like_a_present_one_is_in_use(chat: InMemoryChat) -> None:
    """Until its owner has gone; whoever is who they are may change the look of their own name."""
    ada = chat.service.enter("ada")
    for take in (chat.service.enter, chat.service.visitor):
        with pytest.raises(NameInUse, match="looks like ada"):
            take("аdа")
    guest = chat.service.enter()
    with pytest.raises(NameInUse):
        chat.service.perform(guest, Rename("аda"))
    chat.service.perform(ada, Rename("аda"))
    with pytest.raises(NameInUse):
        chat.service.enter("ada")
    chat.service.perform(ada, Rename("eve"))
    bob = chat.service.enter("ada")
    chat.service.end(bob)
    chat.service.end(ada)
    chat.service.enter("аda")


@pytest.mark.parametrize("name", ["server", "Admin", "EVERYONE", "аdmin", "nickserv", "root"])
def test_nobody_speaks_for_the_server(chat: InMemoryChat, name: str) -> None:
    """No session and no visitor takes such a name."""
    guest = chat.service.enter()
    with pytest.raises(BadName, match="speaks for the server"):
        chat.service.enter(name)
    with pytest.raises(BadName):
        chat.service.visitor(name)
    with pytest.raises(BadName):
        chat.service.perform(guest, Rename(name))


def test_a_room_in_letters_of_another_script_is_no_second_room(chat: InMemoryChat) -> None:
    """As long as the first exists."""
    ada = chat.service.enter("ada")
    for look in ("lоbby", "lobbу"):
        with pytest.raises(BadRoom, match="looks like #lobby"):
            chat.service.perform(ada, Join(look))
    chat.service.perform(ada, Join("dev"))
    with pytest.raises(BadRoom):
        chat.service.perform(ada, Join("dеv"))
    chat.service.perform(ada, Leave("dev"))
    chat.settle()


def test_rooms_of_one_script_may_look_alike(chat: InMemoryChat) -> None:
    """Of ASCII all, and an accent makes another."""
    ada = chat.service.enter("ada")
    for name in ("dev-1", "dev-l", "déu", "deu", "m0", "rno", "мир", "mир1"):
        chat.service.perform(ada, Join(name))


def test_a_room_that_is_gone_is_looked_like_by_none(chat: InMemoryChat) -> None:
    """And nothing is kept of thousands that nobody is in any more."""
    chat = InMemoryChat(rooms=10)
    ada = chat.service.enter()
    for number in range(100):
        chat.service.perform(ada, Join(f"dev{number}"))
        chat.service.perform(ada, Leave(f"dev{number}"))
        chat.settle()
    assert len(chat.service._room_names) <= 21
    chat.service.perform(ada, Join("dеv0"))
