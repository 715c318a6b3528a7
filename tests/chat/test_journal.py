"""The journal: accepted, stored, shown (`chatd.chat.journal`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred, fail

from chatd.chat import journal as journal_module
from chatd.chat.lane import MOST_WAITING
from chatd.chat.person import Person
from chatd.model.commands import Act, Join, Leave, Rename, Say, SetTopic, Tell
from chatd.model.errors import InDoubt, NoSession, Unavailable
from chatd.model.events import Departed, Event, Said, Told
from chatd.model.units import Change, Expect, Stale, Unit
from chatd.testing import InMemoryChat, result_of
from chatd.testing.stores import Held

from ..kit.chat import events, given_to, looked_up, private, reading, refused
from ..kit.stream import FailingOutlet

Fate = Literal["stored", "lost"]


@pytest.mark.parametrize("held", ["appends", "shown"])
def test_nothing_is_shown_before_the_store_has_taken_it(chat: InMemoryChat, held: Held) -> None:
    """The log, the readers and the sender get nothing before."""
    ada = chat.enter()
    outlet = reading(chat, chat.room("lobby"))
    chat.store.hold(held)
    said = chat.service.perform(ada, Say("lobby", "hi"))
    chat.advance(60)
    assert (events(chat), outlet.batches, said.called) == ([], [], False)
    chat.store.release()
    chat.settle()
    assert events(chat) == [Said("lobby", "guest-0001", "hi")]
    assert [batch.count for batch in outlet.batches] == [1]
    assert [result_of(said)] == [entry.id for entry in chat.entries("lobby")]


def test_the_sender_is_answered_when_the_event_stands_in_the_log(chat: InMemoryChat) -> None:
    """The sender gets the id before readers are woken."""
    ada = chat.enter("ada")
    lobby = chat.room("lobby")
    outlet = reading(chat, lobby)
    seen: list[bool] = []

    def look(id_: int | None) -> None:
        seen.append(id_ == lobby.log.last == chat.service.horizon and not outlet.batches)

    chat.service.perform(ada, Say("lobby", "hi")).addCallback(look)
    assert seen == []
    chat.settle()
    assert seen == [True]


def test_each_sender_gets_its_own_id(chat: InMemoryChat) -> None:
    """A command that makes several events shifts no other sender's id."""
    ada, bob = chat.enter("ada"), chat.enter("bob")
    chat.perform(ada, Join("dev"))
    looked_up(chat, "eve")
    renamed = chat.service.perform(ada, Rename("eve"))
    said = chat.service.perform(bob, Say("lobby", "hi"))
    chat.settle()
    assert result_of(said) == chat.entries("lobby")[-1].id
    assert result_of(renamed) == chat.entries("lobby")[-2].id


def test_one_turn_is_one_append(chat: InMemoryChat, monkeypatch: pytest.MonkeyPatch) -> None:
    """A burst costs one commit, and each reader one write."""
    people = [chat.enter("ada"), chat.enter("bob")]
    outlet = reading(chat, chat.room("lobby"))
    appended = []
    append = chat.store.append

    def counting(units: Sequence[Unit]) -> Deferred[list[int | Stale]]:
        appended.append(len(units))
        return append(units)

    monkeypatch.setattr(chat.store, "append", counting)
    for number in range(5):
        for person in people:
            chat.service.perform(person, Say("lobby", str(number)))
    chat.settle()
    assert appended == [10]
    assert [batch.count for batch in outlet.batches] == [10]


def test_a_refused_batch_fails_for_its_senders_and_reaches_no_reader(chat: InMemoryChat) -> None:
    """The next batch is stored as usual."""
    ada, bob = chat.enter("ada"), chat.enter("bob")
    before = events(chat)
    outlet = reading(chat, chat.room("lobby"), chat.room("dev"))
    chat.store.refusing = True
    commands = [Say("lobby", "1"), Act("dev", "2"), SetTopic("lobby", "3"), Act("lobby", "4")]
    outcomes = [chat.service.perform(who, command) for command in commands for who in (ada, bob)]
    chat.settle()
    for outcome in outcomes:
        with pytest.raises(Unavailable, match="nobody saw it") as refusal:
            result_of(outcome)
        assert refusal.value.retry_after > 0
    assert (events(chat), events(chat, "dev")) == (before, [])
    assert (outlet.batches, chat.room("lobby").state.topic) == ([], "")
    chat.store.refusing = False
    assert chat.perform(ada, Say("lobby", "5"))
    assert events(chat) == [*before, Said("lobby", "ada", "5")]


def test_a_private_message_needs_no_disk(chat: InMemoryChat) -> None:
    """It is not stored, so a full disk is no reason to refuse it."""
    ada, bob = chat.enter("ada"), chat.enter("bob")
    chat.store.refusing = True
    assert chat.perform(ada, Tell("bob", "psst"))
    assert len(private(bob)) == 1


def test_people_come_and_go_though_their_announcements_are_refused(chat: InMemoryChat) -> None:
    """Only the announcement is missing from the log."""
    chat.store.refusing = True
    ada = chat.enter("ada")
    assert chat.perform(ada, Join("dev")) is None
    assert chat.perform(ada, Rename("eve")) is None
    assert chat.perform(ada, Leave("lobby")) is None
    assert chat.service.people.person("eve") is ada
    assert (list(ada.rooms), chat.room("dev").names) == (["dev"], ["eve"])
    assert (events(chat), events(chat, "dev")) == ([], [])
    chat.service.end(ada)
    chat.settle()
    assert chat.room("dev").names == []
    assert chat.enter("eve")


def test_what_needs_no_space_goes_by_itself(
    chat: InMemoryChat, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a message of the same turn would have it refused by a store that is full."""
    appended: list[list[type[Event]]] = []
    append = chat.store.append

    def watched(units: Sequence[Unit]) -> Deferred[list[int | Stale]]:
        appended.append([type(unit.events[0]) for unit in units])
        return append(units)

    ada, bob = chat.enter("ada"), chat.enter("")
    monkeypatch.setattr(chat.store, "append", watched)
    chat.service.perform(ada, Tell(bob.name, "psst"))
    chat.service.end(bob)
    chat.settle()
    assert appended == [[Told], [Departed]]


def doubt_once(chat: InMemoryChat, fate: Fate, *, and_refuse: bool = False) -> None:
    """The next append is in doubt; with `and_refuse` the one after it is refused."""
    append = chat.store.append

    def refuse(units: Sequence[Unit]) -> Deferred[list[int | Stale]]:
        del chat.store.append
        return fail(Unavailable("it hangs"))

    def doubt(units: Sequence[Unit]) -> Deferred[list[int | Stale]]:
        del chat.store.append
        if and_refuse:
            chat.store.append = refuse  # type: ignore[method-assign]
        chat.store.doubting = fate
        try:
            return append(units)
        finally:
            chat.store.doubting = None

    chat.store.append = doubt  # type: ignore[method-assign]


@pytest.mark.parametrize("fate", ["stored", "lost"])
def test_a_message_in_doubt_is_not_called_refused(chat: InMemoryChat, fate: Fate) -> None:
    """It may have been shown, so the error tells the sender to look before repeating it."""
    ada = chat.enter("ada")
    chat.store.doubting = fate
    said = chat.service.perform(ada, Say("lobby", "hi"))
    chat.settle()
    chat.store.doubting = None
    with pytest.raises(InDoubt, match="look before you repeat it"):
        result_of(said)
    assert chat.texts("lobby") == ["hi"] * (fate == "stored")


@pytest.mark.parametrize("fate", ["stored", "lost"])
@pytest.mark.parametrize("name", ["ada", ""], ids=["named", "guest"])
@pytest.mark.parametrize("seconds", [0, 5], ids=["once", "for a while"])
def test_doubt_leaves_no_name_without_a_person(
    chat: InMemoryChat, fate: Fate, name: str, seconds: float
) -> None:
    """Whether or not an arrival in doubt was stored, its name is its person's or free."""
    chat.room("lobby")
    if seconds:
        chat.store.doubting = fate
    else:
        doubt_once(chat, fate)
    entering = chat.service.enter(name)
    people: list[Person] = []
    entering.addCallbacks(people.append, lambda failure: failure.trap(InDoubt) and None)
    chat.advance(seconds)
    chat.store.doubting = None
    chat.advance(5)
    held = chat.service.people.held
    assert list(held.values()) == people
    assert len(chat.room("lobby").names) == len(people)
    for person in people:
        assert chat.service.people.own(person.key) is person
        chat.service.end(person)
    chat.settle()
    assert not held
    assert chat.enter("ada")


@pytest.mark.parametrize("fate", ["stored", "lost"])
def test_a_name_in_doubt_that_is_refused_when_it_is_submitted_again_becomes_free(
    chat: InMemoryChat, fate: Fate
) -> None:
    """As when the database hangs: the store refuses the second attempt before it is sent."""
    chat.room("lobby")
    doubt_once(chat, fate, and_refuse=True)
    entering = chat.service.enter("ada")
    chat.advance(5)
    with pytest.raises(InDoubt):
        result_of(entering)
    assert not chat.service.people.held
    assert chat.enter("ada").name == "ada"


@pytest.mark.parametrize("fate", ["stored", "lost"])
def test_a_departure_in_doubt_is_submitted_again(chat: InMemoryChat, fate: Fate) -> None:
    """The name is free in the end, whether the store took the unit or not."""
    ada = chat.enter("ada")
    chat.store.doubting = fate
    left = chat.service.end(ada, "bye")
    chat.advance(3)
    chat.store.doubting = None
    chat.advance(3)
    assert left.called
    assert (chat.room("lobby").names, dict(chat.service.people.held)) == ([], {})


@pytest.mark.parametrize("fate", ["stored", "lost"])
def test_joins_and_renames_in_doubt_take_effect_once(chat: InMemoryChat, fate: Fate) -> None:
    """They are submitted again unannounced, which changes nothing if they were stored."""
    ada = chat.enter("ada")
    chat.room("dev")
    for command in (Join("dev"), Rename("eve")):
        doubt_once(chat, fate)
        outcome = chat.service.perform(ada, command)
        chat.settle()
        assert result_of(outcome) is None
    assert (ada.name, list(ada.rooms), chat.room("dev").names) == ("eve", ["lobby", "dev"], ["eve"])
    assert [type(event).__name__ for event in events(chat, "dev")] == (
        ["Joined", "Renamed"] if fate == "stored" else []
    )


def test_units_that_wait_for_a_stuck_store_have_a_limit(
    chat: InMemoryChat, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then no more is accepted, until it has caught up; what was accepted is stored."""
    monkeypatch.setattr(journal_module, "MOST_UNSTORED", 5)
    ada = chat.enter("ada")
    chat.store.hold("appends")
    answers = [chat.service.perform(ada, Say("lobby", str(n))) for n in range(5)]
    for _ in range(3):
        with pytest.raises(Unavailable, match="behind with storing"):
            chat.service.perform(ada, Say("lobby", "too much"))
        with pytest.raises(Unavailable, match="behind with storing"):
            chat.service.enter("bob")
    chat.store.release()
    chat.settle()
    assert all(answer.called for answer in answers)
    chat.perform(ada, Say("lobby", "5"))
    assert chat.texts("lobby") == [str(n) for n in range(6)]


def test_waiting_commands_of_one_person_have_a_limit(chat: InMemoryChat) -> None:
    """A store that is stuck costs bounded memory for each client, whatever the client sends."""
    ada = chat.enter("ada")
    chat.store.hold("appends")
    outcomes = [
        chat.service.perform(ada, SetTopic("lobby", "tea")) for _ in range(MOST_WAITING + 1)
    ]
    with pytest.raises(Unavailable, match="are waiting"):
        chat.service.perform(ada, SetTopic("lobby", "tea"))
    left = chat.service.end(ada)
    chat.store.release()
    chat.settle()
    assert all(result_of(outcome) for outcome in outcomes)
    assert left.called


def test_refused_units_do_not_count_as_waiting(
    chat: InMemoryChat, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Further commands are accepted instead."""
    monkeypatch.setattr(journal_module, "MOST_UNSTORED", 2)
    ada = chat.enter("ada")
    chat.store.refusing = True
    for _ in range(3):
        outcomes = [chat.service.perform(ada, Say("lobby", text)) for text in "xy"]
        chat.settle()
        assert [refused(outcome) for outcome in outcomes] == [Unavailable] * 2
    chat.store.refusing = False
    chat.perform(ada, Say("lobby", "z"))
    assert chat.texts("lobby") == ["z"]


def test_a_store_that_breaks_its_promise_is_logged_and_told(
    chat: InMemoryChat, monkeypatch: pytest.MonkeyPatch, logged_errors: list[str]
) -> None:
    """The sender gets a clear error, and the next command is carried out."""
    ada = chat.enter("ada")

    def broken(units: object) -> Deferred[None]:
        return fail(ZeroDivisionError())

    with monkeypatch.context() as patch:
        patch.setattr(chat.store, "append", broken)
        said = chat.service.perform(ada, Say("lobby", "x"))
        chat.settle()
    assert refused(said) is Unavailable
    assert "ZeroDivisionError" in logged_errors.pop()
    assert chat.perform(ada, Say("lobby", "y"))


def test_a_command_whose_unit_is_always_stale_is_refused_in_the_end(chat: InMemoryChat) -> None:
    """It is judged `TRIES` times at most."""
    outcome = chat.service._journal.submit(
        lambda: Unit((), (Change("rooms", "x", b"{}"),), (Expect("rooms", "x", 7),))
    )
    chat.settle()
    assert refused(outcome) is Unavailable


@given(
    st.lists(
        st.tuples(st.integers(0, 4), st.sampled_from(["lobby", "dev", "ops"]), st.booleans()),
        max_size=40,
    ),
    st.sampled_from([2, 5, 1000]),
)
def test_a_reader_of_all_rooms_sees_everything_once_in_the_order_of_the_ids(
    said: list[tuple[int, str, bool]], history: int
) -> None:
    """Over many people, rooms and turns; each person's messages in the order in which they were
    given.
    """
    chat = InMemoryChat(history=history)
    people = [chat.enter() for _ in range(5)]
    rooms = [chat.room(name) for name in ("lobby", "dev", "ops")]
    outlet = reading(chat, *rooms)
    outcomes = []
    for number, (who, room, ends_turn) in enumerate(said):
        outcomes.append(chat.service.perform(people[who], Say(room, str(number))))
        if ends_turn:
            chat.settle()
    chat.settle()
    ids = [result_of(outcome) or 0 for outcome in outcomes]
    given = given_to(outlet)
    assert {(e["id"], e["room"], e["text"]) for e in given} == {
        (id_, room, str(number))
        for number, (id_, (_, room, _)) in enumerate(zip(ids, said, strict=True))
    }
    assert [event["id"] for event in given] == sorted(ids)
    for who in range(5):
        own = [id_ for id_, (speaker, _, _) in zip(ids, said, strict=True) if speaker == who]
        assert own == sorted(own)
    assert not any(batch.gaps for batch in outlet.batches)


def test_a_failing_reader_harms_neither_senders_nor_readers(logged_errors: list[str]) -> None:
    """This holds in a burst longer than the log, too, during which readers are woken."""
    chat = InMemoryChat(history=2)
    ada = chat.enter()
    outlet = reading(chat, chat.room("lobby"))
    reading(chat, chat.room("lobby"), outlet=FailingOutlet())
    outcomes = [chat.service.perform(ada, Say("lobby", str(n))) for n in range(7)]
    chat.settle()
    assert "ZeroDivisionError" in logged_errors.pop()
    assert [result_of(outcome) for outcome in outcomes] == [e["id"] for e in given_to(outlet)]
    assert [event["text"] for event in given_to(outlet)] == list("0123456")


def test_a_store_closed_in_the_midst_answers_everyone(chat: InMemoryChat) -> None:
    """Commands that wait for earlier ones of their person are answered too."""
    ada = chat.enter("ada")
    chat.settle()
    commands = [Join("dev"), Say("dev", "1"), SetTopic("dev", "2"), Say("lobby", "3")]
    outcomes = [chat.service.perform(ada, command) for command in commands]
    stopped = chat.service.stopService()
    chat.settle()
    result_of(stopped)
    assert all(outcome.called for outcome in outcomes)
    assert {refused(outcome) for outcome in outcomes} <= {None, Unavailable, NoSession}


def test_a_fault_in_what_watches_stored_units_stops_nothing(
    chat: InMemoryChat, logged_errors: list[str]
) -> None:
    """It is logged; senders are answered, and the server can go down."""

    def watch(*_: object) -> None:
        raise ZeroDivisionError

    chat.service._journal.when_stored = watch
    said = chat.service.perform(chat.enter("ada"), Say("lobby", "hi"))
    drained = chat.service._journal.drain()
    chat.settle()
    assert result_of(said)
    assert drained.called
    assert any("ZeroDivisionError" in error for error in logged_errors)
    logged_errors.clear()
