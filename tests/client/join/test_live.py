"""The terminal client over the real HTTP door: reading, rooms, the past, lost connections."""

from __future__ import annotations

from chatd.client.join.live import MARK_SECONDS, PAGE, PROBE_SECONDS
from chatd.model.commands import Join
from chatd.model.moderation import Kick

from ...kit.chat import PASSWORD
from ..network import Network
from .conftest import Enter, User


def test_past_and_present_of_a_room_are_shown_once(network: Network, enter: Enter) -> None:
    """In the order of their ids."""
    network.say("before")
    ada = enter()
    network.say("after")
    assert ada.type("mine") == ["<eve> before", "-- ada joined #lobby", "<eve> after", "<ada> mine"]


def test_scrolling_back_loads_the_past_in_pages(network: Network, enter: Enter) -> None:
    """Until there is no more."""
    for number in range(PAGE + 10):
        network.say(f"m{number}")
    ada = enter()
    place = ada.live.places.place
    assert place
    assert "<eve> m5" not in ada.shown()
    network.result(ada.live.earlier(place))
    assert ada.shown()[0] == "<eve> m0"
    network.result(ada.live.earlier(place))
    assert place.complete


def test_text_of_several_lines_is_one_message(network: Network, ada: User) -> None:
    """As from a bracketed paste; tabs stay."""
    ada.type("one\n\ttwo\nthree\n")
    assert network.texts == ["one\n\ttwo\nthree"]


def test_joined_room_is_read_and_shown(network: Network, ada: User) -> None:
    """Other rooms are still read; leaving a room ends its reading."""
    ada.type("/join dev")
    network.say("in dev", room="dev")
    network.say("in the lobby")
    assert ada.shown()[-1] == "<eve> in dev"
    lobby = ada.live.places.find("lobby")
    assert lobby
    assert lobby.unread == 1
    ada.type("/room lobby")
    assert (ada.shown()[-1], lobby.unread) == ("<eve> in the lobby", 0)
    ada.type("/leave dev")
    network.say("gone", room="dev")
    assert ada.live.places.rooms == ["lobby"]
    network.say("still here")
    assert ada.shown()[-1] == "<eve> still here"


def test_mention_and_private_message_call_the_user(network: Network, enter: Enter) -> None:
    """`/r` answers the sender of the last private message."""
    ada, bob = enter(), enter("bob")
    network.say("hello ada")
    bob.type("/msg ada psst")
    assert ada.calls == ["hello ada", "psst"]
    ada.type("/r what?")
    assert bob.shown("@ada") == ["[to ada] psst", "[ada] what?"]
    assert ada.shown() == ["[bob] psst", "[to bob] what?"]
    ada.type("more")
    assert bob.shown("@ada")[-1] == "[ada] more"


def test_lost_connection_is_shown_and_resumed(network: Network, ada: User) -> None:
    """Messages that were said meanwhile arrive then, each once."""
    network.up = False
    network.cut()
    network.advance(2)
    assert ada.live.trouble
    network.say("meanwhile")
    network.up = True
    network.advance(10 + PROBE_SECONDS)
    assert not ada.live.trouble
    shown = ada.shown()
    assert shown.count("<eve> meanwhile") == 1
    assert shown.count("== connected again") == 1


def test_restarted_server_is_joined_again(network: Network, ada: User) -> None:
    """With the same name and rooms."""
    ada.type("/join dev")
    network.restart()
    network.advance(40)
    network.say("hello", room="dev")
    assert ada.shown()[-1] == "<eve> hello"
    assert network.people == ["ada"]


def test_kicked_person_sees_who_did_it(network: Network, enter: Enter) -> None:
    """The room is closed, and not joined again."""
    owner = network.chat.enter("bob")
    network.chat.perform(owner, Join("dev"))
    ada = enter()
    ada.type("/join dev")
    network.chat.perform(owner, Kick("dev", "ada", "spam"))
    network.advance(1)
    assert ada.shown()[-1] == "!! bob has put you out of #dev: spam"
    assert ada.live.places.rooms == ["lobby"]
    network.say("on")
    assert ada.shown()[-1] == "<eve> on"


def test_conversation_of_accounts_has_its_past(network: Network, enter: Enter) -> None:
    """The past is loaded when the conversation is opened."""
    ada, bob = enter(), enter("bob")
    for user in (ada, bob):
        user.type(f"/register {PASSWORD}")
    bob.type("/msg ada one", "/msg ada two")
    ada.quit()
    again = enter("ada", password=PASSWORD)
    again.type("/msg bob")
    assert again.shown() == ["[bob] one", "[bob] two"]
    network.advance(MARK_SECONDS)


def test_refusal_is_a_line(ada: User) -> None:
    """The line says what to do."""
    assert ada.type("/join a b")[-1].startswith("!! /join takes one room")
    assert ada.type("/wo")[-1] == "!! no such command /wo (did you mean /who?); /help lists them"
    assert ada.type("/kick eve")[-1].startswith("!! ")


def test_paste_that_is_too_long_is_sent_in_parts_if_one_insists(
    network: Network, ada: User
) -> None:
    """So nobody floods a room by mistake; every line comes, in order."""
    paste = "\n".join(f"line {number}\tof a long paste" for number in range(200))
    assert ada.type(paste)[-1].endswith("or Enter again sends it in parts")
    assert network.texts == []
    ada.type(paste)
    assert "\n".join(network.texts) == paste
    assert 1 < len(network.texts) < 10
    assert ada.type("x" * 5000)[-1].startswith("!! a message has at most")
