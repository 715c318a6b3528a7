"""The past: CHATHISTORY and MARKREAD."""

from __future__ import annotations

import pytest
from twisted.internet.defer import fail

from chatd.chat.limits import NOTES_AT_ONCE
from chatd.chat.person import Person
from chatd.codecs.irc.moments import server_time
from chatd.model.errors import Unavailable
from chatd.model.policy import Action
from chatd.testing import result_of
from chatd.testing.policies import DenyIf

from ....kit.chat import registered, settled
from ....kit.irc import NEAR, IrcWire, of_account, register, signing_in
from ....kit.server import MemoryServer

CAPS = ("batch", "server-time", "message-tags", "draft/chathistory")


def texts(client: IrcWire, line: str) -> list[str]:
    """What is told between the opening and the end of one batch."""
    opening, *messages, end = client.messages(line)
    assert (opening.command, opening.params[1]) == ("BATCH", "chathistory")
    assert end.params == (f"-{opening.params[0][1:]}",)
    assert all(message.tags["batch"] == opening.params[0][1:] for message in messages)
    return [message.params[-1] for message in messages]


def past(server: MemoryServer, count: int) -> list[int]:
    """The ids of messages that are a millisecond apart and more."""
    ids = []
    for number in range(count):
        ids.append(server.say(str(number), room="dev", name="bob"))
        server.chat.advance(0.01)
    return ids


def test_every_chathistory_subcommand_accepts_ids(server: MemoryServer) -> None:
    """Bounds are exclusive; BETWEEN takes them in either order."""
    ada = register(server, "ada", *CAPS, rooms="#dev")
    ids = past(server, 9)
    ada.read()
    assert texts(ada, "CHATHISTORY LATEST #dev * 2") == ["7", "8"]
    assert texts(ada, f"CHATHISTORY LATEST #dev msgid={ids[6]} 9") == ["7", "8"]
    assert texts(ada, f"CHATHISTORY BEFORE #dev msgid={ids[3]} 2") == ["1", "2"]
    assert texts(ada, f"CHATHISTORY AFTER #dev msgid={ids[3]} 2") == ["4", "5"]
    assert texts(ada, f"CHATHISTORY AROUND #dev msgid={ids[3]} 3") == ["2", "3", "4"]
    between = f"CHATHISTORY BETWEEN #dev msgid={ids[2]} msgid={ids[7]} 3"
    assert texts(ada, between) == ["3", "4", "5"]
    backwards = f"CHATHISTORY BETWEEN #dev msgid={ids[7]} msgid={ids[2]} 3"
    assert texts(ada, backwards) == ["4", "5", "6"]


def test_a_page_holds_the_rest_of_the_millisecond(server: MemoryServer) -> None:
    """A client that pages by time would lose it."""
    ada = register(server, "ada", *CAPS, rooms="#dev")
    server.say("a", "b", "c", room="dev", name="bob")
    server.chat.advance(1)
    server.say("d", room="dev", name="bob")
    ada.read()
    assert texts(ada, "CHATHISTORY LATEST #dev * 2") == ["a", "b", "c", "d"]


def test_history_reaches_behind_what_is_in_memory() -> None:
    """Older messages are read from the store."""
    server = MemoryServer(history=5)
    ada = register(server, "ada", *CAPS, rooms="#dev")
    past(server, 30)
    ada.read()
    assert texts(ada, "CHATHISTORY LATEST #dev * 4") == ["26", "27", "28", "29"]


def test_history_contains_other_events_only_with_event_playback(server: MemoryServer) -> None:
    """Joins and topics among them."""
    ada = register(server, "ada", *CAPS, "draft/event-playback", rooms="#dev")
    eve = register(server, "eve", *CAPS, rooms="#dev")
    ada.ask("TOPIC #dev :tea", "PRIVMSG #dev :hi")
    eve.read()
    assert texts(eve, "CHATHISTORY LATEST #dev * 9") == ["hi"]
    commands = ada.commands("CHATHISTORY LATEST #dev * 9")
    assert commands == ["BATCH", "JOIN", "JOIN", "TOPIC", "PRIVMSG", "BATCH"]


@pytest.mark.parametrize("target", ["#other", "#nowhere", "bob", "x y"])
def test_history_of_a_channel_needs_membership(server: MemoryServer, target: str) -> None:
    """A room that does not exist is answered like one that the client is not in."""
    register(server, "bob", rooms="#other").ask("PRIVMSG #other :secret")
    ada = register(server, "ada", *CAPS, "standard-replies", rooms="#dev")
    (line,) = ada.ask(f"CHATHISTORY LATEST {target.split()[0]} * 9")
    assert line.startswith(f"FAIL CHATHISTORY INVALID_TARGET LATEST {target.split()[0]} :")


def correspondence(server: MemoryServer, *capabilities: str) -> tuple[IrcWire, list[int]]:
    """A client of ada's account, and the ids of four messages between ada and bob, 10 milliseconds
    and more apart: 0 and 2 are ada's.
    """
    for name in ("ada", "bob"):
        registered(server.chat, name)
    ada = of_account(server, "ada", *capabilities)
    bob = of_account(server, "bob")
    for number in range(4):
        by, to = (bob, "ada") if number % 2 else (ada, "Bob")
        by.ask(f"PRIVMSG {to} :{number}")
        server.chat.advance(0.01)
    ada.read()
    talk = server.chat.service.letters.conversation("ada", "bob", "bob")
    page = server.chat.service.letters.page(talk, server.chat.service.horizon + 1, 9)
    return ada, [entry.id for entry in settled(server.chat, page).entries]


def test_every_chathistory_subcommand_works_for_private_conversations(server: MemoryServer) -> None:
    """Under the other account's name, in any case."""
    ada, ids = correspondence(server, *CAPS)
    assert texts(ada, "CHATHISTORY LATEST bob * 3") == ["1", "2", "3"]
    assert texts(ada, f"CHATHISTORY LATEST BOB msgid={ids[1]} 9") == ["2", "3"]
    assert texts(ada, f"CHATHISTORY BEFORE bob msgid={ids[2]} 9") == ["0", "1"]
    assert texts(ada, f"CHATHISTORY AFTER bob msgid={ids[0]} 2") == ["1", "2"]
    assert texts(ada, f"CHATHISTORY AROUND bob msgid={ids[1]} 3") == ["0", "1", "2"]
    between = f"CHATHISTORY BETWEEN bob msgid={ids[0]} msgid={ids[3]} 9"
    assert texts(ada, between) == ["1", "2"]
    by_time = f"CHATHISTORY AFTER bob timestamp={server_time(ids[1])} 9"
    assert texts(ada, by_time) == ["2", "3"]


@pytest.mark.parametrize("own", [(), ("echo-message",), ("znc.in/self-message",)])
def test_own_private_messages_are_in_the_history_once(
    server: MemoryServer, own: tuple[str, ...]
) -> None:
    """Whether or not the client is told of them as they are sent; those to oneself too."""
    ada, ids = correspondence(server, *CAPS, *own)
    _, first, second, *_ = ada.messages("CHATHISTORY LATEST bob * 9")
    assert (first.source.split("!")[0], first.params) == ("ada", ("bob", "0"))
    assert (second.source.split("!")[0], second.params) == ("bob", ("ada", "1"))
    assert [first.tags["msgid"], second.tags["msgid"]] == [str(ids[0]), str(ids[1])]
    ada.ask("PRIVMSG ada :milk")
    assert texts(ada, "CHATHISTORY LATEST ada * 9") == ["milk"]


def test_only_its_two_accounts_can_read_a_private_conversation(server: MemoryServer) -> None:
    """A third account has another conversation with each of them, and a guest has none."""
    correspondence(server, *CAPS)
    registered(server.chat, "eve")
    eve = of_account(server, "eve", *CAPS)
    for name in ("ada", "bob"):
        assert texts(eve, f"CHATHISTORY LATEST {name} * 9") == []
    guest = register(server, "mallory", *CAPS, "standard-replies")
    (line,) = guest.ask("CHATHISTORY LATEST ada * 9")
    assert line.startswith("FAIL CHATHISTORY INVALID_TARGET LATEST ada :")
    (line,) = eve.ask("CHATHISTORY LATEST mallory * 9")
    assert line.startswith("FAIL CHATHISTORY INVALID_TARGET LATEST mallory :")


def test_a_private_conversation_leaves_out_whom_the_account_ignores(server: MemoryServer) -> None:
    """What came while bob was ignored was never told; what came before is left out."""
    ada, _ = correspondence(server, *CAPS)
    person = server.chat.service.people.own("ada")
    assert person is not None
    settled(server.chat, server.chat.service.ignores.ignore(person, "bob"))
    assert texts(ada, "CHATHISTORY LATEST bob * 9") == ["0", "2"]


@pytest.mark.parametrize("call", ["page", "partners"])
def test_private_history_that_cannot_be_read_is_an_error(
    server: MemoryServer, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """With the store's reason; the client may ask again."""
    ada, _ = correspondence(server, *CAPS, "standard-replies")
    letters = server.chat.service.letters
    monkeypatch.setattr(letters, call, lambda *_: fail(Unavailable("not now")))
    day = "timestamp=2020-01-01T00:00:00.000Z timestamp=2200-01-01T00:00:00.000Z"
    words = "LATEST bob" if call == "page" else "TARGETS"
    lines = ada.ask(f"CHATHISTORY {words} {'*' if call == 'page' else day} 9")
    assert lines == [f"FAIL CHATHISTORY MESSAGE_ERROR {words} :not now"]


def test_private_history_is_not_told_where_the_policy_forbids_it(server: MemoryServer) -> None:
    """The policy is asked for each request, not only when the client comes."""
    ada, _ = correspondence(server, *CAPS, "standard-replies")
    forbidden: set[Action] = set()
    server.chat.service.readers.policy = DenyIf(lambda who, what, room: what in forbidden)
    assert texts(ada, "CHATHISTORY LATEST bob * 1") == ["3"]
    forbidden.add(Action.READ_PRIVATELY)
    (line,) = ada.ask("CHATHISTORY LATEST bob * 9")
    assert line.startswith("FAIL CHATHISTORY INVALID_TARGET LATEST bob :")
    day = "timestamp=2020-01-01T00:00:00.000Z timestamp=2200-01-01T00:00:00.000Z"
    assert len(ada.ask(f"CHATHISTORY TARGETS {day} 9")) == 2  # the batch's begin and end


def test_targets_are_private_conversations_too(server: MemoryServer) -> None:
    """Ordered by their newest message, and limited at the end that was asked for."""
    ada, ids = correspondence(server, *CAPS)
    ada.ask("JOIN #dev", "PRIVMSG #dev :x")
    server.chat.advance(1)
    registered(server.chat, "eve")
    of_account(server, "eve").ask("PRIVMSG ada :hi")
    ada.read()

    def targets(begin: str, end: str, limit: int) -> list[str]:
        _, *found, _ = ada.messages(f"CHATHISTORY TARGETS {begin} {end} {limit}")
        return [message.params[1] for message in found]

    never, ever = "timestamp=2020-01-01T00:00:00.000Z", "timestamp=2200-01-01T00:00:00.000Z"
    assert targets(never, ever, 9) == ["bob", "#dev", "eve"]
    assert targets(never, ever, 1) == ["bob"]
    assert targets(ever, never, 1) == ["eve"]
    assert targets(ever, never, 0) == []
    assert targets(f"timestamp={server_time(ids[3])}", ever, 9) == ["#dev", "eve"]
    assert targets(never, f"timestamp={server_time(ids[3])}", 9) == []


def test_requests_of_another_form_are_refused(server: MemoryServer) -> None:
    """With a standard reply."""
    ada = register(server, "ada", *CAPS, "standard-replies", rooms="#dev")
    for words in ("", " WHAT #dev 1", " LATEST #dev * x", " BEFORE #dev soon 1"):
        (line,) = ada.ask(f"CHATHISTORY{words}")
        assert line.startswith("FAIL CHATHISTORY ")


def test_targets_are_the_channels_in_which_something_was_said(server: MemoryServer) -> None:
    """A quiet channel is left out."""
    ada = register(server, "ada", *CAPS, rooms="#dev,#lobby,#quiet")
    server.say("x", room="lobby", name="bob")
    server.chat.advance(1)
    server.say("y", room="dev", name="bob")
    ada.read()
    day = "timestamp=2020-01-01T00:00:00.000Z timestamp=2200-01-01T00:00:00.000Z"
    _, *found, _ = ada.messages(f"CHATHISTORY TARGETS {day} 9")
    assert [message.params[1] for message in found] == ["#lobby", "#dev"]


def test_a_marker_never_goes_back(server: MemoryServer) -> None:
    """The answer to an older one is the newer one."""
    ada = register(server, "ada", "draft/read-marker", "standard-replies", rooms="#dev")
    newer, older = "timestamp=2019-06-01T12:00:00.000Z", "timestamp=2019-01-01T00:00:00.000Z"
    assert ada.ask("MARKREAD #dev") == ["MARKREAD #dev *"]
    assert ada.ask(f"MARKREAD #dev {newer}") == [f"MARKREAD #dev {newer}"]
    assert ada.ask(f"MARKREAD #dev {older}") == [f"MARKREAD #dev {newer}"]
    (line,) = ada.ask("MARKREAD #dev *")
    assert line.startswith("FAIL MARKREAD INVALID_PARAMS #dev :")
    (line,) = ada.ask("MARKREAD")
    assert line.startswith("FAIL MARKREAD NEED_MORE_PARAMS :")


@pytest.mark.parametrize("target", ["#dev", "bob"])
def test_markers_that_come_too_fast_wait(server: MemoryServer, target: str) -> None:
    """None is lost, and each is answered when it is stored."""
    registered(server.chat, "bob")
    registered(server.chat, "ada")
    ada = of_account(server, "ada", "draft/read-marker")
    ada.ask("JOIN #dev")
    id_ = server.say("hi", room="dev", name="eve")
    ada.read()
    admission, person = server.chat.service.admission, server.chat.service.people.person("ada")
    assert isinstance(person, Person)
    for _ in range(NOTES_AT_ONCE):
        admission.spend_note(person)
    line = f"MARKREAD {target} timestamp={server_time(id_)}"
    assert ada.ask(line) == []
    server.chat.advance(1)
    assert ada.read() == [line]


def test_an_accounts_markers_are_the_same_in_all_its_sessions(server: MemoryServer) -> None:
    """On the page too, and after signing in again."""
    registered(server.chat, "ada")
    one = of_account(server, "ada", "draft/read-marker")
    one.ask("JOIN #dev")
    other = of_account(server, "ada", "draft/read-marker")
    id_ = server.say("hi", room="dev", name="bob")
    one.read()
    other.read()
    told = f"MARKREAD #dev timestamp={server_time(id_)}"
    assert one.ask(f"MARKREAD #dev timestamp={server_time(id_)}") == [told]
    assert other.read() == [told]
    assert one.ask("MARKREAD #dev timestamp=2011-01-01T00:00:00.000Z") == [told]
    assert other.read() == []
    markers = server.chat.service.markers.of("ada")
    server.chat.settle()
    assert result_of(markers)["dev"] >= id_
    third = IrcWire(server, NEAR)
    assert told in third.ask(*signing_in("ada", "draft/read-marker"))


def test_markers_of_private_conversations_are_kept(server: MemoryServer) -> None:
    """Of accounts with accounts, however the name is written; in all sessions, and afterwards."""
    for name in ("ada", "bob"):
        registered(server.chat, name)
    one = of_account(server, "ada", "draft/read-marker")
    other = of_account(server, "ada", "draft/read-marker")
    of_account(server, "bob").ask("PRIVMSG ada :hi")
    one.read()
    other.read()
    now = server_time(server.chat.service.horizon)
    assert one.ask("MARKREAD bob") == ["MARKREAD bob *"]
    assert one.ask(f"MARKREAD BOB timestamp={now}") == [f"MARKREAD BOB timestamp={now}"]
    assert other.read() == [f"MARKREAD bob timestamp={now}"]
    third = of_account(server, "ada", "draft/read-marker")
    assert third.ask("MARKREAD bob") == [f"MARKREAD bob timestamp={now}"]
    assert third.ask("MARKREAD bob timestamp=2011-01-01T00:00:00.000Z") == [
        f"MARKREAD bob timestamp={now}"
    ]


@pytest.mark.parametrize("target", ["guest", "nobody", "a!b", "#none"])
def test_other_markers_last_as_long_as_the_connection(server: MemoryServer, target: str) -> None:
    register(server, "guest")
    registered(server.chat, "ada")
    old = "timestamp=2019-06-01T12:00:00.000Z"
    ada = of_account(server, "ada", "draft/read-marker")
    assert ada.ask(f"MARKREAD {target} {old}") == [f"MARKREAD {target} {old}"]
    assert ada.ask(f"MARKREAD {target}") == [f"MARKREAD {target} {old}"]
    again = of_account(server, "ada", "draft/read-marker")
    assert again.ask(f"MARKREAD {target}") == [f"MARKREAD {target} *"]


def test_a_marker_that_cannot_be_stored_is_an_error(
    server: MemoryServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client learns that other sessions will not see it."""
    registered(server.chat, "ada")
    ada = of_account(server, "ada", "draft/read-marker", "standard-replies")
    ada.ask("JOIN #dev")
    markers = server.chat.service.markers
    monkeypatch.setattr(markers, "mark", lambda *_: fail(Unavailable("not now")))
    (line,) = ada.ask("MARKREAD #dev timestamp=2019-06-01T12:00:00.000Z")
    assert line == "FAIL MARKREAD INTERNAL_ERROR #dev :not now"


def test_a_client_remembers_so_many_markers_and_no_more(
    server: MemoryServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that were set last."""
    monkeypatch.setattr("chatd.doors.irc.client.MOST_MARKERS", 10)
    ada = register(server, "ada", "draft/read-marker")
    ada.ask(*(f"MARKREAD n{n} timestamp=2019-06-01T12:00:00.000Z" for n in range(11)))
    assert ada.ask("MARKREAD n0") == ["MARKREAD n0 *"]
    assert ada.ask("MARKREAD n1") != ["MARKREAD n1 *"]
