"""The commands of the terminal client."""

from __future__ import annotations

from chatd.client.join.commands import COMMANDS, ROOMS_SHOWN
from chatd.doors.line.commands import COMMANDS as LINE_DOOR

from ..network import Network
from .conftest import Enter, User

ELSEWHERE = {"since", "echo", "literal"}
"""Commands of the line door for programs, which make no sense in this client."""


def test_commands_are_those_of_the_line_door() -> None:
    """So that users need not learn two sets."""
    assert {row.name for row in LINE_DOOR} - {row.name for row in COMMANDS} == ELSEWHERE


def test_questions_are_answered_in_the_visible_place(network: Network, ada: User) -> None:
    """`/who`, `/rooms`, `/topic`, `/help`."""
    assert ada.type("/who")[-1] == "== 1 in #lobby: ada"
    ada.type("/topic tea time")
    assert ada.type("/topic")[-1] == "== the topic of #lobby: tea time"
    assert ada.type("/rooms")[-1] == "== #lobby: 1 here; tea time"
    assert ada.type("/topic -", "/topic")[-1] == "== #lobby has no topic"
    assert any(line.startswith("== /join ROOM") for line in ada.type("/help"))
    assert ada.type("/help who")[-1] == "== /who [ROOM]: who is in a room"


def test_search_shows_what_it_finds_oldest_first(network: Network, ada: User) -> None:
    """With the day of each message."""
    network.say("first tea")
    network.say("coffee")
    network.say("more tea")
    found = ada.type("/search tea")
    assert [line.split("<")[1] for line in found if line.startswith("== 2")] == [
        "eve> first tea",
        "eve> more tea",
    ]
    assert ada.type("/search water")[-1] == "== nothing in #lobby has these words"


def test_owner_moderates(network: Network, enter: Enter) -> None:
    """Roles, bans, settings, deletion."""
    ada, bob = enter(), enter("bob")
    ada.type("/join dev")
    bob.type("/join dev", "spam")
    ada.type("/voice bob", "/slow 5", "/mute bob 30m", "/unmute bob", "mine", "/delete")
    ada.type("/ban bob 1h spam", "/bans")
    shown = ada.shown()
    assert "-- ada made bob a voice of #dev" in shown
    assert "-- ada changed the settings of #dev: slow 5" in shown
    assert "-- a message of ada was deleted" in shown
    assert shown[-1].startswith("== banned: bob (")
    assert bob.live.places.rooms == ["lobby"]
    assert ada.type("/unban bob", "/bans")[-1] == "== nobody is banned from this room"


def test_actions_names_and_leaving(network: Network, ada: User) -> None:
    """`/quit` ends the client."""
    ada.type("/me waves", "/nick adele", "//slash")
    assert ada.shown()[-4:] == [
        "* ada waves",
        "-- ada is now adele",
        "== you are now adele",
        "<adele> /slash",
    ]
    ada.type("/leave", "hello")
    assert ada.live.places.place is None
    ada.type("/join dev", "/history", "/quit bye")
    assert ada.live.ended.called


def test_times_are_shown_or_not(ada: User) -> None:
    """In the user's zone, in UTC, or not at all: for screen readers."""
    ada.type("/time off")
    assert ada.live.places.times == "off"
    assert ada.type("/time utc")[-1] == "== times are UTC"
    assert ada.type("/time")[-1].startswith("!! /time takes on, off or utc")


def test_hundreds_of_rooms_are_known(network: Network, ada: User) -> None:
    """The server tells a hundred at a time; `/rooms` shows those with people last."""
    for number in range(210):
        network.say("hi", room=f"r{number}")
    shown = [line for line in ada.type("/rooms") if line.startswith("== ")]
    assert shown[-1] == "== and 161 more; Tab behind /join # completes their names"
    assert shown[-2] == "== #lobby: 1 here"
    assert len(shown) == ROOMS_SHOWN + 1
    assert len(network.result(ada.live.all_rooms())) == 211
