"""Who holds which name (`chatd.chat.people`)."""

from __future__ import annotations

import gc
from weakref import ref

import pytest

from chatd.chat.elsewhere import Elsewhere
from chatd.chat.person import Person
from chatd.model.commands import Join, Leave, Rename, Say, Tell
from chatd.model.errors import NameInUse, NoSession, NoSuchPerson
from chatd.model.events import Joined, Left, Renamed, Said
from chatd.model.units import NAMES
from chatd.testing import InMemoryChat, result_of

from ..kit.chat import events, looked_up, private, refused


def test_a_name_is_held_by_one_person_in_any_case(chat: InMemoryChat) -> None:
    """Over every door, for they share the one table."""
    chat.enter("Straße")
    for name in ("Straße", "STRASSE", "strasse"):
        with pytest.raises(NameInUse, match="choose another"):
            chat.service.enter(name)
        with pytest.raises(NameInUse):
            chat.service.visitor(name)
    assert chat.service.people.person("strasse").name == "Straße"


def test_of_two_who_claim_a_name_in_one_turn_one_gets_it(chat: InMemoryChat) -> None:
    """By entering or by another name; and the other is told so."""
    bob = chat.enter("bob")
    outcomes = [chat.service.enter("ada"), chat.service.enter("ADA")]
    renamed = chat.service.perform(bob, Rename("Ada"))
    chat.settle()
    assert result_of(outcomes[0]) is chat.service.people.person("ada")
    assert [refused(outcomes[1]), refused(renamed)] == [NameInUse] * 2
    assert bob.name == "bob"


def test_a_name_can_be_had_again_when_its_person_has_ended(chat: InMemoryChat) -> None:
    """At once, however slow the store is: by entering, by another name, by a visitor; and ending
    twice takes it from nobody.
    """
    for enters in (True, False):
        first, other = chat.enter("ada"), chat.enter("bob")
        chat.perform(first, Join("dev"))
        chat.store.hold("appends")
        chat.service.end(first)
        outcome: object
        if enters:
            outcome = chat.service.enter("Ada")
        else:
            outcome = chat.service.perform(other, Rename("Ada"))
        chat.settle()
        chat.store.release()
        chat.settle()
        assert refused(outcome) is None
        second = chat.service.people.person("ada")
        assert second is not first
        chat.service.end(first)
        chat.settle()
        assert chat.service.people.person("ada") is second
        for held in list(chat.service.people.held.values()):
            chat.service.end(held)  # type: ignore[arg-type]
        chat.settle()


def test_a_visitor_may_use_the_name_of_a_person_who_has_just_ended(chat: InMemoryChat) -> None:
    """As one who ends a session and then says something by name."""
    chat.store.hold("appends")
    entering = chat.service.enter("ada")
    chat.store.release()
    chat.settle()
    chat.store.hold("appends")
    chat.service.end(result_of(entering))
    said = chat.service.perform(chat.service.visitor("ada"), Say("lobby", "hi"))
    chat.settle()
    chat.store.release()
    chat.settle()
    assert result_of(said)
    assert events(chat)[-2:] == [Left("lobby", "ada"), Said("lobby", "ada", "hi")]


def test_a_visitor_is_refused_when_a_person_takes_the_name_meanwhile(chat: InMemoryChat) -> None:
    """At once and clearly; no message stands under a name that is another's."""
    looked_up(chat, "ada")
    chat.store.hold("appends")
    entering = chat.service.enter("ada")
    outcomes = [
        chat.service.perform(chat.service.visitor("ada"), command)
        for command in (Say("lobby", "hi"), Say("dev", "hi"))
    ]
    chat.settle()
    chat.store.release()
    chat.settle()
    ada = result_of(entering)
    assert [refused(outcome) for outcome in outcomes] == [NameInUse] * 2
    assert chat.texts("lobby") == []
    told = chat.service.perform(ada, Tell("ada", "x"))
    chat.settle()
    assert result_of(told)


def test_renaming_frees_the_old_name_and_takes_the_new_one_at_one_moment(
    chat: InMemoryChat,
) -> None:
    """There is none at which a person has both names or neither."""
    ada, bob = chat.enter("ada"), chat.enter("bob")
    chat.perform(ada, Rename("eve"))
    chat.perform(bob, Rename("ADA"))
    people = chat.service.people
    assert (people.person("ada"), people.person("eve")) == (bob, ada)
    with pytest.raises(NoSuchPerson):
        people.person("bob")


def test_a_name_may_change_its_case(chat: InMemoryChat) -> None:
    """It is one's own already; and to the same spelling nothing changes."""
    ada = chat.enter("ada")
    assert chat.perform(ada, Rename("Ada"))
    assert chat.perform(ada, Rename("Ada")) is None
    assert events(chat) == [Joined("lobby", "ada"), Renamed("lobby", "ada", "Ada")]
    assert chat.service.people.person("ada") is ada
    assert chat.room("lobby").names == ["Ada"]


@pytest.mark.parametrize("turns", [False, True], ids=["together", "one by one"])
def test_of_several_names_in_a_row_the_last_one_stays(chat: InMemoryChat, turns: bool) -> None:
    """Also if it is the first one again, and whatever the store is doing meanwhile."""
    ada = chat.enter("ada")
    for name in ("eve", "ada", "ida", "ada"):
        chat.service.perform(ada, Rename(name))
        if turns:
            chat.settle()
    chat.settle()
    assert ada.name == "ada"
    assert [e.to for e in events(chat) if isinstance(e, Renamed)] == [
        "eve",
        "ada",
        "ida",
        "ada",
    ]


def test_a_person_who_takes_a_name_twice_and_ends_gives_it_up(chat: InMemoryChat) -> None:
    """None of the three waits for another for ever."""
    guest = chat.enter()
    for name in ("ada", "ada", "Ada"):
        chat.service.perform(guest, Rename(name))
    ended = chat.service.end(guest)
    chat.settle()
    assert ended.called
    assert dict(chat.service.people.held) == {}


def test_guests_are_numbered_and_no_number_comes_twice(chat: InMemoryChat) -> None:
    """Also when the first have gone or taken a name."""
    guests = [chat.enter() for _ in range(3)]
    assert [guest.name for guest in guests] == ["guest-0001", "guest-0002", "guest-0003"]
    chat.service.end(guests[0])
    chat.perform(guests[1], Rename("ada"))
    assert chat.enter().name == "guest-0004"


def test_guests_of_two_nodes_have_different_names() -> None:
    """Also if they come at the same moment."""
    one = InMemoryChat()
    two = InMemoryChat(node=one)
    entering = [chat.service.enter() for chat in (one, two) for _ in range(5)]
    one.settle()
    assert len({result_of(outcome).name for outcome in entering}) == 10


def test_a_person_of_another_node_is_known_by_name() -> None:
    """And by who it is, whatever name it takes."""
    one = InMemoryChat()
    two = InMemoryChat(node=one)
    ada = one.enter("ada")
    two.settle()
    there = two.service.people.person("ADA")
    assert isinstance(there, Elsewhere)
    assert (there.name, there.id) == ("ada", ada.id)
    one.perform(ada, Rename("eve"))
    assert two.service.people.current(there).name == "eve"
    one.service.end(ada)
    one.settle()
    with pytest.raises(NoSuchPerson, match="ada has left"):
        two.service.people.current(there)


@pytest.mark.parametrize("name", ["ada", ""], ids=["named", "guest"])
def test_nothing_is_kept_of_a_person_who_has_gone(chat: InMemoryChat, name: str) -> None:
    """Nor does a person keep itself alive until cycles are collected."""
    chat.room("lobby")
    gc.collect()
    gc.disable()
    try:
        ada = chat.enter(name)
        for command in (
            Join("dev"),
            Say("dev", "1"),
            Rename("eve"),
            Leave("dev"),
            Tell("eve", "x"),
        ):
            chat.service.perform(ada, command)
        chat.settle()
        chat.service.end(ada)
        chat.settle()
        gone = ref(ada)
        del ada
        assert gone() is None
    finally:
        gc.enable()


def test_after_its_end_a_person_says_nothing_more(chat: InMemoryChat) -> None:
    """Not even in the moment until that is stored."""
    ada = chat.enter("ada")
    chat.service.end(ada)
    with pytest.raises(NoSession, match="begin another"):
        chat.service.perform(ada, Say("lobby", "hi"))


def test_a_person_s_own_private_messages_are_there_after_a_change_of_name(
    chat: InMemoryChat,
) -> None:
    """The inbox is the person's, not the name's."""
    ada, bob = chat.enter("ada"), chat.enter("bob")
    chat.perform(ada, Tell("bob", "1"))
    chat.perform(bob, Rename("rob"))
    chat.perform(ada, Tell("rob", "2"))
    assert [event.text for event in private(bob)] == ["1", "2"]  # type: ignore[attr-defined]


def test_observers_see_only_what_differs_when_the_names_are_read_again(chat: InMemoryChat) -> None:
    """A name that is held before and after is no news."""
    seen: list[tuple[str, str]] = []

    class Observer:
        def came(self, person: Person | Elsewhere) -> None:
            seen.append(("came", person.name))

        def went(self, person: Person | Elsewhere, id_: int) -> None:
            assert id_ > 0
            seen.append(("went", person.name))

    chat.enter("ada")
    chat.enter("bob")
    people = chat.service.people
    people.observers.append(Observer())
    names = dict(chat.store._table(NAMES))
    lost = names.pop("ada")
    assert [person.name for person in people.restated(names)] == ["ada"]
    people.restated({**names, "ada": lost})
    assert seen == [("went", "ada"), ("came", "ada")]
