"""Commands of owners and ops on the line door (`chatd.doors.line.commands.moderation`)."""

from __future__ import annotations

import re

import pytest

from ....kit.moderators import person_of
from ....kit.server import MemoryServer
from ....kit.terminal import Terminal


def terminal(server: MemoryServer, name: str, *typed: str) -> Terminal:
    """A client that is signed in to the account of that name, in #dev."""
    client = Terminal(server, f"/nick {name}")
    person = person_of(server, name)
    person.account = person.key
    client.type("/join dev", *typed)
    return client


@pytest.fixture
def ada(server: MemoryServer) -> Terminal:
    """The owner of #dev."""
    return terminal(server, "ada")


@pytest.fixture
def bob(server: MemoryServer, ada: Terminal) -> Terminal:
    """An account in #dev."""
    client = terminal(server, "bob")
    ada.heard()
    return client


def test_roles_are_given_and_taken(ada: Terminal, bob: Terminal) -> None:
    """Everybody in the room reads the event."""
    told = {
        "/op bob": "-- ada made bob an op of #dev",
        "/deop bob": "-- ada took the role of bob in #dev",
        "/voice bob": "-- ada made bob a voice of #dev",
        "/devoice bob": "-- ada took the role of bob in #dev",
        "/owner bob": "-- ada made bob an owner of #dev",
    }
    for typed, line in told.items():
        assert ada.type(typed) == [line]
        assert bob.heard() == [line]
    assert ada.type("/owner bob") == ["== nothing has changed by that"]
    assert ada.type("/op zoe") == [
        "!! nobody of that name is here or has an account; look at the spelling"
    ]


def test_kicked_person_gets_the_reason_and_stays_connected(ada: Terminal, bob: Terminal) -> None:
    """Later messages of the room do not come."""
    assert ada.type("/kick bob too loud") == ["-- ada kicked bob from #dev: too loud"]
    assert bob.heard() == [
        "-- ada kicked bob from #dev: too loud",
        "!! you were put out of #dev by ada: too loud",
    ]
    ada.type("behind")
    assert bob.heard() == []
    assert bob.type("hello")[0].startswith("!! you are in no room now; /room lobby")
    assert "== 2 here: ada, bob" in bob.type("/join dev")


def test_banned_person_gets_the_end_of_the_ban_and_the_reason(ada: Terminal, bob: Terminal) -> None:
    """But not the event of the ban, which belongs to a room that they may not read."""
    (line,) = ada.type("/ban bob 30m too loud")
    assert re.fullmatch(r"-- ada banned bob from #dev until .* UTC: too loud", line)
    (told,) = bob.heard()
    assert re.fullmatch(r"!! you are banned from #dev until .* UTC: too loud", told)
    (refused,) = bob.type("/join dev")
    assert refused == told
    (banned,) = ada.type("/bans")
    assert re.fullmatch(r"== banned: bob \(~\w+\) by ada until .*: too loud", banned)
    assert ada.type("/unban bob") == ["-- ada lifted the ban of bob from #dev"]
    assert ada.type("/bans") == ["== nobody is banned from #dev or muted in it"]
    assert ada.type("/ban bob forever annoying") == [
        "-- ada banned bob from #dev: forever annoying"
    ]


def test_muted_person_gets_an_error_when_speaking(ada: Terminal, bob: Terminal) -> None:
    """`/unmute` ends that."""
    ada.type("/mute bob 12h")
    bob.heard()
    assert bob.type("hello")[0].startswith("!! you are muted here until ")
    assert ada.type("/unmute bob") == ["-- ada lets bob speak again in #dev"]
    bob.heard()
    assert bob.type("hello") == ["<bob> hello"]


def test_commands_change_the_settings_of_a_room(ada: Terminal, bob: Terminal) -> None:
    """Each setting has its own command and values."""
    assert ada.type("/slow 5") == ["-- ada changed the settings of #dev: slow 5"]
    assert ada.type("/posting voices") == ["-- ada changed the settings of #dev: posting voices"]
    assert bob.type("hello")[-1] == "!! only a voice, op or owner of #dev may speak here"
    assert ada.type("/access members") == ["-- ada changed the settings of #dev: access members"]
    assert ada.type("/access shut") == [
        "!! /access takes open or members; type /access open|members"
    ]
    assert bob.type("/slow 1")[-1] == (
        "!! only an op or owner of #dev may slow the room down, or say who sets the topic"
    )


def test_closed_room_is_hidden_from_others(server: MemoryServer, ada: Terminal) -> None:
    """Until they are invited, by name or by a link."""
    ada.type("/access members")
    eve = Terminal(server, "/nick eve")
    refused = "!! there is no such room, or it is not open to you; ask for an invite"
    for typed in ("/join dev", "/who dev"):
        assert eve.type(typed) == [refused]
    assert not any("dev" in line for line in eve.type("/rooms"))
    assert any("dev" in line for line in ada.type("/rooms"))
    assert ada.type("/invite eve") == ["-- ada made eve a member of #dev"]
    assert "== you are in #dev" in eve.type("/join dev")
    ada.heard()
    (link,) = ada.type("/invite")
    assert re.search(r"#invite=[\w-]{22}", link)


def test_delete_redacts_a_message(ada: Terminal, bob: Terminal) -> None:
    """One's own last one without an id; an op any message by its id."""
    bob.type("oops", "fine")
    ada.heard()
    (line,) = bob.type("/delete")
    assert re.fullmatch(r"-- bob deleted the message \d+", line)
    history = bob.type("/history 5")
    assert not any("fine" in line for line in history)
    assert any("a message of bob was deleted" in line for line in history)
    ada.heard()
    assert ada.type("/delete") == ["!! you have said nothing in #dev lately; type /delete ID"]
    assert ada.type("/delete 17") == ["!! #dev has no message of that id"]
