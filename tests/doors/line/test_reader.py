"""What a line connection may read, from where, and what it is told when that ends."""

from __future__ import annotations

import re

import pytest

from chatd.model.commands import Say
from chatd.model.errors import NotAllowed
from chatd.model.identity import Identity
from chatd.model.policy import Action, RoomView
from chatd.testing import InMemoryChat
from chatd.testing.policies import DenyAll, DenyIf

from ..hold import Hold
from ..house import House
from ..terminal import Terminal, greeted, untimed

BANNED = NotAllowed("you are banned from here")


def denying(*actions: Action, room: str = "") -> DenyIf:
    """A policy that forbids these actions, in one room or in all."""

    def forbidden(identity: Identity, action: Action, where: RoomView | None) -> bool:
        return action in actions and (not room or (where is not None and where.name == room))

    return DenyIf(forbidden)


def remembering(window: int) -> House:
    """A house that keeps so many events of a room in memory, and all in its store."""
    house = House(history=window)
    house.chat.store.engine._history = 100_000
    return house


def nobody_is_left(chat: InMemoryChat) -> bool:
    """Whether no name is held, and no timer runs."""
    chat.settle()
    return not chat.service.people.held and chat.clock.getDelayedCalls() == []


# -- coming in -------------------------------------------------------------------------------------


def test_lines_that_come_before_the_greeting_wait(house: House) -> None:
    """They are carried out in order when the person has come in; input is held back until then."""
    hold = Hold(house)
    wire = house.line()
    wire.send(b"one\ntwo\n/who\n")
    house.chat.settle()
    assert wire.received() == b""
    assert wire.producerState == "paused"
    hold.release()
    *_, first, second, who = wire.received().decode().splitlines()
    assert [first, second] == ["<guest-0001> one", "<guest-0001> two"]
    assert who == "== 1 here: guest-0001"
    assert wire.producerState == "producing"


@pytest.mark.parametrize("sent", [b"", b"hello"], ids=["nothing", "half-a-line"])
def test_a_client_that_goes_before_the_greeting_leaves_nobody_behind(
    house: House, sent: bytes
) -> None:
    """The person who comes in nevertheless leaves at once."""
    hold = Hold(house)
    wire = house.line()
    wire.send(sent)
    house.chat.settle()
    wire.hang_up()
    hold.release()
    assert nobody_is_left(house.chat)
    assert len(house.peers) == 0


def test_lines_of_a_client_that_has_gone_before_the_greeting_are_said(house: House) -> None:
    """They were received."""
    hold = Hold(house)
    for _ in range(30):
        wire = house.line()
        wire.send(b"hello\n")
        wire.hang_up()
    hold.release()
    assert house.chat.texts("lobby") == ["hello"] * 30
    assert nobody_is_left(house.chat)


def test_an_end_of_input_before_the_greeting_waits_for_it(house: House) -> None:
    """`printf 'hello' | nc -N` sees its echo."""
    hold = Hold(house)
    wire = house.line()
    wire.send(b"hello")
    wire.end_input()
    house.chat.settle()
    assert not wire.lost
    hold.release()
    assert wire.received().endswith(b"\r\n<guest-0001> hello\r\n")
    assert wire.lost


def test_another_protocol_before_the_greeting_leaves_nobody_behind(house: House) -> None:
    """It gets its one line, and is closed without waiting for the store."""
    hold = Hold(house)
    wire = house.line()
    wire.send(b"GET / HTTP/1.1\r\n\r\n")
    assert wire.lost
    assert re.fullmatch(rb"!! [^\r]*HTTP[^\r]*\r\n", wire.received())
    hold.release()
    assert nobody_is_left(house.chat)


def test_a_client_that_is_not_let_in_is_told_why() -> None:
    """In a line, and the connection closes; nothing of what it sent is said."""
    house = House(policy=denying(Action.ENTER))
    wire = house.line()
    wire.send(b"hello\n")
    house.chat.settle()
    assert wire.received() == b"!! you may not come in\r\n"
    assert wire.lost
    assert house.chat.texts("lobby") == []
    assert nobody_is_left(house.chat)


def test_a_server_that_takes_no_more_says_so_to_a_client_that_comes(house: House) -> None:
    """At once."""
    house.chat.service.drain()
    wire = house.line()
    assert wire.received().startswith(b"!! the server is going down")
    assert wire.lost


def test_going_down_before_the_greeting_is_told(house: House) -> None:
    """And leaves nobody behind."""
    hold = Hold(house)
    wire = house.line()
    done = house.going_down().stopService()
    house.chat.advance(1)
    assert wire.received().startswith(b"!! the server is going down")
    assert wire.lost
    hold.release()
    house.chat.advance(10)
    assert done.called
    assert len(house.peers) == 0


# -- changes of names and rooms --------------------------------------------------------------------


def test_a_change_is_answered_when_it_is_shown(house: House) -> None:
    """And lines behind it wait for it: what they mean may depend on it."""
    wire = greeted(house)
    hold = Hold(house)
    wire.send(b"/nick ada\r\n/join dev\r\nhello\r\n/who\r\n")
    house.chat.settle()
    assert wire.received() == b""
    hold.release()
    assert wire.received().decode().splitlines() == [
        "== you are now ada",
        "-- ada joined #lobby",
        "== you are in #dev",
        "== 1 here: ada",
        "-- ada joined #dev",
        "<ada> hello",
        "== 1 here: ada",
    ]
    assert house.chat.texts("dev") == ["hello"]


def test_a_change_that_is_refused_later_leaves_all_as_it_was(house: House) -> None:
    """Two take one name in the same moment: one gets it, the other is told, and goes on."""
    ada, bob = Terminal(house), Terminal(house)
    for terminal in (ada, bob):
        terminal.wire.send(b"/nick eve\r\nhello\r\n")
    house.chat.settle()
    assert ada.heard()[0] == "== you are now eve"
    heard = bob.heard()
    assert any(re.fullmatch(r"!! .*eve is in use.*", line) for line in heard)
    assert "<guest-0002> hello" in heard


def test_a_paste_does_not_wait_for_the_store_line_by_line(house: House) -> None:
    """A thousand lines are under way together, as far as that is bounded."""
    wire = greeted(house)
    wire.send(b"first\n")
    house.chat.settle()
    hold = Hold(house)
    lines = [f"{number}" for number in range(1000)]
    wire.send("".join(f"{line}\n" for line in lines).encode())
    house.chat.settle()
    assert len(house.chat.service._journal._batch) == 0
    assert house.chat.service._journal._unstored == 500
    hold.release()
    assert house.chat.texts("lobby")[-1000:] == lines


def test_what_is_refused_later_counts_as_a_mistake(house: House) -> None:
    """Ten a second, forty at once; each line is told, and that the others wait is told once."""
    guest = Terminal(house)
    house.chat.service.readers.policy = denying(Action.SPEAK)
    told = guest.type(*["hello"] * 60)
    house.chat.advance(4)
    told += guest.heard()
    assert sum("too fast" in line for line in told) == 1
    assert sum("you may not speak here" in line for line in told) == 60
    house.chat.service.readers.policy = denying()
    assert guest.type("hello") == ["<guest-0001> hello"]


def test_a_room_is_read_from_ones_own_coming_on(house: House) -> None:
    """Though other rooms were read further by then, and more was said in the same moment."""
    ada, bob = Terminal(house, "/nick ada"), Terminal(house, "/nick bob", "/join dev")
    ada.heard()
    hold = Hold(house)
    ada.wire.send(b"/join dev\r\n")
    bob.wire.send(b"in dev\r\n")
    service = house.chat.service
    service.perform(service.visitor("eve"), Say("lobby", "in the lobby"))
    hold.release()
    lines = ada.heard()
    assert lines == [
        "<eve> in the lobby",
        "== you are in #dev",
        "== 2 here: ada, bob",
        "-- ada joined #dev",
        "<bob> in dev",
    ]


# -- the gate --------------------------------------------------------------------------------------


def test_a_reader_that_is_revoked_is_told_why_and_the_connection_ends(house: House) -> None:
    """Nothing that is said then comes any more, and the person has left."""
    ada, bob = Terminal(house, "/nick ada"), Terminal(house, "/nick bob")
    ada.heard()
    service = house.chat.service
    person = service.people.own("ada")
    assert person
    service.readers.revoke(BANNED, person=person)
    assert ada.wire.lost
    assert ada.heard() == ["!! you are banned from here"]
    house.chat.settle()
    assert bob.heard()[-1] == "-- ada left #lobby"


def test_a_full_connection_is_revoked_too(house: House) -> None:
    """And what it had not read yet never comes."""
    ada, bob = Terminal(house, "/nick ada"), Terminal(house, "/nick bob")
    ada.heard()
    ada.wire.fill()
    bob.type("secret")
    person = house.chat.service.people.own("ada")
    assert person
    house.chat.service.readers.revoke(BANNED, person=person)
    assert ada.wire.lost
    assert ada.heard() == ["!! you are banned from here"]


def test_a_room_that_is_taken_away_is_told_and_the_connection_goes_on(house: House) -> None:
    """In no room, or in another one, which stays the current one; it can be joined again."""
    ada, bob = Terminal(house, "/nick ada"), Terminal(house, "/nick bob")
    ada.type("/join dev")
    dev = house.chat.room("dev")
    house.chat.service.readers.revoke(BANNED, room=dev)
    assert ada.heard() == ["!! you are banned from here"]
    assert ada.type("hello")[0].startswith("!! you are in no room")
    assert ada.type("/room dev")[0].startswith("!! you are not in #dev")
    bob.type("hi", "/join dev", "unheard")
    assert ada.heard() == ["#lobby <bob> hi"]
    assert ada.type("/room lobby")[0] == "== you are in #lobby"
    ada.type("/nick eve")
    bob.type("unheard too")
    assert not any("unheard" in line for line in ada.heard())
    begin, _, *replay, _, here, _ = ada.type("/join dev")
    assert begin == "== the last 2 messages in #dev:"
    assert untimed(replay) == ["<bob> unheard", "<bob> unheard too"]
    assert here == "== you are in #dev"


def test_another_room_that_is_taken_away_leaves_the_current_one(house: House) -> None:
    """It is told all the same."""
    ada = Terminal(house, "/nick ada", "/join dev")
    ada.heard()
    house.chat.service.readers.revoke(BANNED, room=house.chat.room("lobby"))
    assert ada.heard() == ["!! you are banned from here"]
    assert ada.type("hello") == ["<ada> hello"]
    assert house.chat.texts("dev") == ["hello"]


def test_a_policy_that_forbids_everything_ends_every_connection(house: House) -> None:
    """Told once each."""
    ada, bob = Terminal(house, "/nick ada"), Terminal(house, "/nick bob", "/join dev", "/time on")
    ada.heard()
    house.chat.service.readers.policy = DenyAll()
    for terminal in (ada, bob):
        assert terminal.wire.lost
        assert len(terminal.heard()) == 1


@pytest.mark.parametrize(
    "line", ["/who dev", "/who", "/topic", "/history", "/since 0", "/rooms", "/join dev"]
)
def test_what_may_not_be_read_is_not_told(house: House, line: str) -> None:
    """Of a room, or of which rooms there are."""
    bob = Terminal(house, "/nick bob", "/join dev", "/topic secret", "secret")
    bob.heard()
    ada = Terminal(house, "/nick ada")
    # Readers are judged when they open; what is asked now is asked of this policy.
    house.chat.service.readers._policy = denying(Action.READ, Action.LIST)
    heard = ada.type(line)
    assert any(text.startswith("!! you may not ") for text in heard)
    assert not any("secret" in text or "bob" in text for text in heard)


def test_a_lobby_that_may_not_be_read_is_not_shown() -> None:
    """The client is greeted, in no room, and may go elsewhere."""
    house = House(policy=denying(Action.READ, room="lobby"))
    house.say("secret")
    ada = Terminal(house)
    assert ada.greeting[0] == "!! you may not read here"
    assert not any("secret" in line or "here:" in line for line in ada.greeting)
    house.say("secret")
    assert ada.heard() == []
    assert ada.type("/join dev", "hello")[-1] == "<guest-0001> hello"


# -- the past --------------------------------------------------------------------------------------


def test_history_and_since_read_on_where_memory_ends() -> None:
    """From the store; nothing is missing, and each tells where to go on."""
    house = remembering(5)
    texts = [f"{number}" for number in range(40)]
    house.say(*texts)
    ada = Terminal(house)
    heard = ada.type("/history 30")
    assert heard[0] == "== the last 30 events in #lobby:"
    assert untimed(heard[2:-1]) == [f"<bob> {text}" for text in texts[10:]]
    begin, *events, end = ada.type("/since 0")
    assert begin == "== 40 events in #lobby since then:"
    assert events == [f"<bob> {text}" for text in texts]
    assert re.fullmatch(r"== that is all; /since \d+ .*", end)


def test_since_is_gone_through_in_parts_that_follow_each_other() -> None:
    """At most 500 events each, in memory and behind it."""
    house = remembering(300)
    texts = [f"{number}" for number in range(1200)]
    house.say(*texts)
    ada = Terminal(house)
    place, found, parts = "0", [], 0
    while place:
        begin, *events, end = ada.type(f"/since {place}")
        assert not any(line.startswith(">>") for line in events)
        found += events
        parts += 1
        more = re.fullmatch(r"== there is more; /since (\d+) goes on from here", end)
        place = more[1] if more else ""
        assert begin.startswith("== the first 500 events") == bool(more)
    assert found == [f"<bob> {text}" for text in texts]
    assert parts == 3


def test_a_replay_is_completed_from_the_store() -> None:
    """If memory has fewer messages than are shown, and more are kept."""
    house = remembering(4)
    house.say(*(f"{number}" for number in range(12)))
    ada = Terminal(house)
    assert ada.greeting[0] == "== the last 10 messages in #lobby:"
    assert untimed(ada.greeting[2:12]) == [f"<bob> {number}" for number in range(2, 12)]
    house.say("new")
    assert ada.heard() == ["<bob> new"]


def test_what_is_said_while_a_replay_is_read_comes_behind_it() -> None:
    """Once."""
    house = remembering(4)
    house.say(*(f"{number}" for number in range(12)))
    lobby = house.chat.room("lobby")
    house.chat.store.hold("reads")
    ada = Terminal(house)
    assert ada.greeting == []
    house.say("new")
    house.chat.store.release()
    house.chat.settle()
    heard = ada.heard()
    assert heard[-1] == "<bob> new"
    assert sum("new" in line for line in heard) == 1
    assert untimed(heard[2:12]) == [f"<bob> {number}" for number in range(2, 12)]
    assert lobby.readers == 1


@pytest.mark.parametrize("line", ["/history", "/since 1", "/history 30"])
def test_a_past_that_cannot_be_read_is_told(line: str) -> None:
    """It is no gap: what is kept can be asked for again."""
    house = remembering(4)
    house.say(*(f"{number}" for number in range(12)))
    ada = Terminal(house)
    house.chat.store.unreadable = True
    (told,) = ada.type(line)
    assert told.startswith("!! ")
    house.chat.store.unreadable = False
    assert ada.type(line)[0].startswith("== ")


def test_a_replay_that_cannot_be_read_is_told_and_the_rest_is_shown() -> None:
    """What memory has."""
    house = remembering(4)
    house.say(*(f"{number}" for number in range(12)))
    lobby = house.chat.room("lobby")
    house.chat.store.unreadable = True
    ada = Terminal(house)
    assert ada.greeting[0].startswith("!! what was said in #lobby cannot be read now")
    assert ada.greeting[1] == "== the last 4 messages in #lobby:"
    assert lobby.readers == 1


def test_a_page_that_comes_when_the_client_has_become_full_waits_for_it() -> None:
    """Its answer is not written on top of what the client has to read first."""
    house = remembering(4)
    house.say(*(f"{number}" for number in range(12)))
    ada = Terminal(house)
    house.chat.store.hold("reads")
    ada.type("/since 0")
    ada.wire.fill()
    house.chat.store.release()
    house.chat.settle()
    assert ada.heard() == []
    ada.wire.drain()
    house.chat.settle()
    assert ada.heard()[0] == "== 12 events in #lobby since then:"
