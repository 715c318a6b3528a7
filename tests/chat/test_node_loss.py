"""What becomes of persons when a node is lost, or the store has lost what it had taken."""

from __future__ import annotations

from chatd.chat.elsewhere import Elsewhere
from chatd.chat.node_loss import NodeLoss
from chatd.chat.person import Person
from chatd.chat.sessions import Session
from chatd.codecs.json import JSON
from chatd.model.commands import Join, Say
from chatd.model.errors import NoSession
from chatd.model.events import Left
from chatd.model.identity import Holder, encode_holder
from chatd.model.units import NAMES, Change, Unit
from chatd.testing import FakeOutlet, InMemoryChat, result_of

from ..kit.chat import events, registered, settled, signed_in


def loss(chat: InMemoryChat) -> NodeLoss:
    """The part under test."""
    return chat.service._fold._parts.node_loss


def reading(chat: InMemoryChat, person: Person) -> FakeOutlet:
    """The outlet of a reader of that person."""
    outlet = FakeOutlet()
    lobby = chat.room("lobby")
    outlet.subscriber = chat.service.readers.open(
        Session(person), [(lobby, JSON)], outlet, chat.service.horizon
    )
    outlet.subscriber.start()
    return outlet


def lose_name(key: str, *chats: InMemoryChat) -> None:
    """Have the store lose who holds a name; the nodes read the names again."""
    store = chats[0].store
    for column in store.engine.cells._tables[NAMES]:
        del column[key]
    for chat in chats:
        chat.service.people.restated(store._table(NAMES))


def test_a_person_of_a_lost_node_leaves_once() -> None:
    """However many survivors release it."""
    one = InMemoryChat()
    two = InMemoryChat(node=one)
    ada = one.enter("ada")
    one.perform(ada, Join("dev"))
    two.settle()
    held = two.service.people.find("ada")
    assert isinstance(held, Elsewhere)
    rooms = [two.room("lobby"), two.room("dev")]
    places = [f"{ada.id}\n{one.service.people.start}"]
    releasing = [loss(two).release(held, rooms, True, places) for _ in range(2)]
    two.settle()
    for released in releasing:
        result_of(released)
    assert "ada" not in two.service.people
    assert [event.sender for event in events(two, "dev") if isinstance(event, Left)] == ["ada"]


def test_a_person_that_has_left_by_another_node_has_no_reader_here() -> None:
    """Its readers end with the reason."""
    chat = InMemoryChat()
    ada = chat.enter("ada")
    outlet = reading(chat, ada)
    loss(chat).left(ada)
    assert ada.ended
    assert [type(error) for error in outlet.revocations] == [NoSession]


def test_a_node_that_was_given_up_ends_all_its_persons() -> None:
    """The other nodes hold their names until they have released them."""
    chat = InMemoryChat()
    persons = [chat.enter(name) for name in ("ada", "bob")]
    outlets = [reading(chat, person) for person in persons]
    error = NoSession("enter again")
    loss(chat).give_up(error)
    assert [outlet.revocations for outlet in outlets] == [[error], [error]]
    assert all(person.ended for person in persons)
    assert isinstance(chat.service.people.find("ada"), Elsewhere)


def test_a_name_that_was_lost_is_taken_again() -> None:
    """The person goes on under it."""
    chat = InMemoryChat()
    ada = chat.enter("ada")
    lose_name("ada", chat)
    settled(chat, loss(chat).claim_again(ada))
    assert chat.service.people.own("ada") is ada
    assert not ada.ended
    assert chat.perform(ada, Say("lobby", "still here")) is not None


def test_a_guest_whose_name_was_taken_meanwhile_goes_on_as_a_guest() -> None:
    """Its readers stay."""
    one = InMemoryChat()
    two = InMemoryChat(node=one)
    ada = one.enter("ada")
    outlet = reading(one, ada)
    lose_name("ada", one, two)
    other = two.enter("ada")
    settled(one, loss(one).claim_again(ada))
    assert one.service.people.own(ada.key) is ada
    assert ada.name.startswith("guest-")
    assert (ada.ended, outlet.revocations) == (False, [])
    assert two.service.people.own("ada") is other


def test_an_account_whose_name_was_taken_meanwhile_is_signed_out_here() -> None:
    """It must prove again that the name is its own."""
    one = InMemoryChat()
    two = InMemoryChat(node=one)
    registered(one, "ada")
    session = signed_in(one, "ada")
    outlet = reading(one, session.person)
    lose_name("ada", one, two)
    guest = Holder("x", "ada", named=True)
    two.store.append([Unit((), (Change(NAMES, "ada", encode_holder(guest)),))])
    two.settle()
    settled(one, loss(one).claim_again(session.person))
    assert session.person.ended
    assert [type(error) for error in outlet.revocations] == [NoSession]
