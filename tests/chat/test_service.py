"""The service as a whole: what it refuses, opening, draining and stopping, pages and cursors."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from twisted.internet.defer import fail

from chatd.chat.person import Person
from chatd.chat.service import ChatService
from chatd.model.commands import (
    Act,
    Command,
    Join,
    Leave,
    Rename,
    Say,
    SetTopic,
    Tell,
)
from chatd.model.errors import (
    BadName,
    BadRoom,
    BadText,
    ChatError,
    NameInUse,
    NoSuchPerson,
    NotInRoom,
    TextTooLong,
    Unavailable,
)
from chatd.model.events import Joined, Said
from chatd.net.reactor import STEPS
from chatd.stream.places import Place
from chatd.testing import START, InMemoryChat, result_of
from chatd.testing.clock import StrictClock
from chatd.testing.stores import RefusingStore

from ..kit.chat import events, private, read, reading, refused
from ..kit.garbage import existing_rooms

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
    """It raises at once, and creates no room."""
    ada, bob = chat.enter("ada"), chat.enter("bob")
    before = (events(chat), list(ada.rooms), ada.name, existing_rooms(chat))
    with pytest.raises(error):
        chat.service.perform(ada, command)
    assert (events(chat), list(ada.rooms), ada.name, existing_rooms(chat)) == before
    assert (private(bob), chat.room("lobby").names) == ([], ["ada", "bob"])
    assert chat.service.people.person("ada") is ada
    assert ada.lane is None


@pytest.mark.parametrize("name", ["#ada", "guest-0007", "a b", "\ud800", "x" * 100])
def test_a_bad_name_is_refused_at_once(chat: InMemoryChat, name: str) -> None:
    """No person enters, and nothing is stored."""
    with pytest.raises(BadName):
        chat.service.enter(name)
    assert dict(chat.service.people.held) == {}


def test_a_command_of_an_unknown_class_is_refused(chat: InMemoryChat) -> None:
    """A new command is refused until the service carries it out."""
    with pytest.raises(TypeError):
        chat.service.perform(chat.enter(), Command())


class EndingClock(StrictClock):
    """A clock whose turns have an end, as those of chatd's reactor have."""

    def __init__(self) -> None:
        super().__init__()
        self.ends: list[Callable[[], object]] = []

    def at_turn_end(self, call: Callable[[], object]) -> None:
        self.ends.append(call)

    def end_turn(self) -> None:
        for _ in range(STEPS):
            calls, self.ends = self.ends, []
            for call in calls:
                call()


def test_a_message_is_stored_and_shown_in_the_turn_in_which_it_was_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By the memory store, at the turn's end, in one batch with all other messages of the turn."""
    monkeypatch.setattr("chatd.testing.StrictClock", EndingClock)
    chat = InMemoryChat()
    clock = chat.clock
    assert isinstance(clock, EndingClock)

    def entered(name: str) -> Person:
        entering = chat.service.enter(name)
        chat.settle()  # the lobby is loaded
        clock.end_turn()
        return result_of(entering)

    ada, bob = entered("ada"), entered("bob")
    outlet = reading(chat, chat.room("lobby"))
    said = [
        chat.service.perform(ada, Say("lobby", "hi")),
        chat.service.perform(bob, Act("lobby", "waves")),
    ]
    assert outlet.batches == []
    clock.end_turn()
    assert [batch.count for batch in outlet.batches] == [2]
    assert all(isinstance(result_of(outcome), int) for outcome in said)
    assert clock.ends == []


# -- pages and cursors ---------------------------------------------------------------------------


def test_paging_back_reaches_everything(chat: InMemoryChat) -> None:
    """Rising within a page, and page by page to the beginning; the last page says so."""
    guest = chat.enter()
    for n in range(7):
        chat.perform(guest, Say("dev", str(n)))
    pages, more, before = [], True, None
    while more:
        reading_ = chat.service.page(chat.room("dev"), before, 3)
        chat.settle()
        page = result_of(reading_)
        pages.append([entry.event.text for entry in page.entries if isinstance(entry.event, Said)])
        before, more = page.entries[0].id, page.more
    assert pages == [["4", "5", "6"], ["1", "2", "3"], ["0"]]


def test_a_page_that_cannot_be_read_is_told(chat: InMemoryChat) -> None:
    """The error says when to try again."""
    dev = chat.room("dev")
    chat.store.unreadable = True
    assert refused(chat.service.page(dev, None, 3)) is Unavailable


def test_a_cursor_from_the_future_is_told_a_gap_and_the_newest_events(chat: InMemoryChat) -> None:
    """Another server gave it, or an earlier life of this one: it means a gap, never silence."""
    guest = chat.enter()
    id_ = chat.perform(guest, Say("lobby", "hi"))
    assert id_ is not None
    lobby = chat.room("lobby")
    for cursor in (1, id_ - 1, id_):
        assert chat.service.place([lobby], cursor) == Place(cursor)
    for cursor in (id_ + 1, 2**53, 10**30):
        outlet = reading(chat, lobby, cursor=cursor)
        chat.settle()
        assert read(outlet) == ["GAP", "hi"]


def test_a_cursor_from_before_the_start_is_told_of_a_gap(chat: InMemoryChat) -> None:
    """In every room, even one that does not exist: this server cannot know what was lost."""
    began = int(START * 1_000_000)
    for room in ("lobby", "unheard-of"):
        log = chat.room(room).log
        assert (log.since(began).complete, log.since(began - 1).complete) == (True, False)


# -- beginning and ending ------------------------------------------------------------------------


def test_a_store_that_cannot_be_opened_is_told() -> None:
    """The error has the reason."""

    class Unusable(RefusingStore):
        def open(self, follower):
            return fail(Unavailable("cannot use it: no such directory"))

    chat = InMemoryChat()
    service = ChatService(chat.clock, Unusable(chat.clock, chat.clock.seconds, 10))
    with pytest.raises(Unavailable, match="no such directory"):
        result_of(service.open())


def test_units_shown_while_a_node_opens_are_not_lost() -> None:
    """This holds for names, members, rooms and messages, of before and of meanwhile."""
    one = InMemoryChat()
    ada, bob = one.enter("ada"), one.enter("bob")
    two = InMemoryChat()
    store = RefusingStore(one.clock, one.clock.seconds, 1000, engine=one.store.engine)
    two.clock, two.store = one.clock, store
    two.service = ChatService(one.clock, store, node="b")
    store.hold("reads")
    opened = two.service.open()
    one.perform(ada, Rename("eve"))
    one.service.end(bob)
    one.perform(ada, SetTopic("dev", "tea"))
    assert not opened.called
    store.release()
    one.settle()
    result_of(opened)
    assert set(two.service.people.held) == {"eve"}
    assert two.service.horizon == one.service.horizon
    assert two.service.rooms.listings() == [
        one_listing._replace(people=0) for one_listing in one.service.rooms.listings()
    ]
    assert events(two, "dev") == events(one, "dev")
    assert two.room("dev").names == ["eve"]


def test_draining_waits_for_what_was_taken_and_takes_no_more(chat: InMemoryChat) -> None:
    """Commands that wait for others of their person are answered too."""
    ada = chat.enter("ada")
    chat.store.hold("appends")
    said = chat.service.perform(ada, Say("lobby", "1"))
    joined = chat.service.perform(ada, Join("dev"))
    drained = chat.service.drain()
    chat.settle()
    with pytest.raises(Unavailable, match="going down"):
        chat.service.perform(ada, Say("lobby", "2"))
    assert not drained.called
    chat.store.release()
    chat.settle()
    assert drained.called
    assert (refused(said), joined.called) == (None, True)
    assert chat.texts("lobby") == ["1"]


def test_stopping_stores_what_was_accepted(chat: InMemoryChat) -> None:
    """A sender that was not refused is answered."""
    ada = chat.enter("ada")
    lobby = chat.room("lobby")
    said = chat.service.perform(ada, Say("lobby", "last words"))
    stopped = chat.service.stopService()
    chat.settle()
    result_of(stopped)
    assert result_of(said) == lobby.log.last
    assert [entry.event for entry in lobby.log.since(0).entries] == [
        Joined("lobby", "ada"),
        Said("lobby", "ada", "last words"),
    ]


def test_after_stopping_nothing_is_taken(chat: InMemoryChat) -> None:
    """The error tells the sender that it is the server's fault."""
    ada = chat.enter("ada")
    stopped = chat.service.stopService()
    chat.settle()
    result_of(stopped)
    said = chat.service.perform(ada, Say("lobby", "hi"))
    entering = chat.service.enter("bob")
    chat.settle()
    assert [refused(said), refused(entering)] == [Unavailable] * 2


def test_a_room_of_which_nothing_is_left_is_removed(chat: InMemoryChat) -> None:
    """Unless it has settings, or a message was sent to it meanwhile."""
    for room in ("gone", "spoken"):
        chat.perform(chat.service.visitor("ada"), Say(room, "hi"))
    chat.perform(chat.service.visitor("ada"), SetTopic("kept", "tea"))
    said = chat.service.perform(chat.service.visitor("ada"), Say("spoken", "again"))
    chat.service._fold.forgotten({"gone": None, "spoken": None, "kept": None, "never": None})
    chat.settle()
    assert result_of(said)
    assert [room.name for room in chat.service.rooms.listings()] == ["kept", "spoken"]
    assert chat.perform(chat.service.visitor("ada"), Say("spoken", "and again"))
    assert chat.perform(chat.service.visitor("ada"), Say("gone", "back"))
    assert [room.name for room in chat.service.rooms.listings()] == ["gone", "kept", "spoken"]
