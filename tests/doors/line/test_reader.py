"""What a line connection may read, from which cursor, and what the client gets when its reader
ends.
"""

from __future__ import annotations

import re

import pytest
from twisted.internet.defer import Deferred

from chatd.doors import history
from chatd.model.commands import Say
from chatd.model.errors import NotAllowed
from chatd.model.identity import Identity
from chatd.model.moderation import Kick
from chatd.model.policy import Action, RoomView
from chatd.testing import InMemoryChat
from chatd.testing.policies import DenyAll, DenyIf

from ...kit.chat import looked_up, with_account
from ...kit.server import MemoryServer
from ...kit.terminal import Terminal, greeted, untimed

BANNED = NotAllowed("you are banned from here")


def denying(*actions: Action, room: str = "") -> DenyIf:
    """A policy that forbids these actions, in one room or in all."""

    def forbidden(identity: Identity, action: Action, where: RoomView | None) -> bool:
        return action in actions and (not room or (where is not None and where.name == room))

    return DenyIf(forbidden)


def with_window(window: int) -> MemoryServer:
    """A server that keeps `window` events of a room in memory, and all in its store."""
    server = MemoryServer(history=window)
    server.chat.store.engine._history = 100_000
    return server


def nothing_is_left(chat: InMemoryChat) -> bool:
    """Whether no name is held, and no timer runs."""
    chat.settle()
    return not chat.service.people.held and chat.clock.getDelayedCalls() == []


# -- before the greeting ---------------------------------------------------------------------------


def test_lines_before_the_greeting_wait(server: MemoryServer) -> None:
    """They are carried out in order after the person has entered; until then, input is paused
    behind the first piece.
    """
    server.hold_appends()
    wire = server.line()
    wire.send(b"one\ntwo\n")
    server.chat.settle()
    assert wire.received() == b""
    assert wire.producerState == "producing"
    wire.send(b"/who\n")
    assert wire.producerState == "paused"
    server.release_appends()
    *_, first, second, who = wire.received().decode().splitlines()
    assert [first, second] == ["<guest-0001> one", "<guest-0001> two"]
    assert who == "== 1 here: guest-0001"
    assert wire.producerState == "producing"


def test_guest_who_is_put_out_before_the_greeting_is_not_shown_the_room(
    server: MemoryServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last messages may have to be read from a disk, which gives time for a kick."""
    reading: Deferred[history.Replay] = Deferred()
    monkeypatch.setattr(history, "remembered", lambda *given: None)
    monkeypatch.setattr(history, "replay", lambda *given: reading)
    wire = server.line()
    server.chat.settle()
    server.chat.perform(with_account(server.chat, "ruth", admin=True), Kick("lobby", "guest-0001"))
    reading.callback(history.Replay(()))
    refused, welcome = wire.received().decode().splitlines()
    assert refused == "!! you are not in #lobby any more; /join lobby"
    assert welcome.startswith("== welcome, guest-0001")
    wire.send(b"hello\n")
    assert wire.received().startswith(b"!! you are in no room")


@pytest.mark.parametrize("sent", [b"", b"hello"], ids=["nothing", "half-a-line"])
def test_client_that_disconnects_before_the_greeting_leaves_nothing(
    server: MemoryServer, sent: bytes
) -> None:
    """The person whose entering is under way leaves at once."""
    server.hold_appends()
    wire = server.line()
    wire.send(sent)
    server.chat.settle()
    wire.hang_up()
    server.release_appends()
    assert nothing_is_left(server.chat)
    assert len(server.peers) == 0


def test_lines_of_a_client_that_closed_before_the_greeting_are_carried_out(
    server: MemoryServer,
) -> None:
    """The server had received them."""
    server.hold_appends()
    for _ in range(30):
        wire = server.line()
        wire.send(b"hello\n")
        wire.hang_up()
    server.release_appends()
    assert server.chat.texts("lobby") == ["hello"] * 30
    assert nothing_is_left(server.chat)


def test_end_of_input_before_the_greeting_waits_for_it(server: MemoryServer) -> None:
    """`printf 'hello' | nc -N` shows its echo."""
    server.hold_appends()
    wire = server.line()
    wire.send(b"hello")
    wire.end_input()
    server.chat.settle()
    assert not wire.lost
    server.release_appends()
    assert wire.received().endswith(b"\r\n<guest-0001> hello\r\n")
    assert wire.lost


def test_another_protocol_before_the_greeting_leaves_nothing(server: MemoryServer) -> None:
    """The client gets one line, and the connection is closed without waiting for the store."""
    server.hold_appends()
    wire = server.line()
    wire.send(b"GET / HTTP/1.1\r\n\r\n")
    assert wire.lost
    assert re.fullmatch(rb"!! [^\r]*HTTP[^\r]*\r\n", wire.received())
    server.release_appends()
    assert nothing_is_left(server.chat)


def test_client_that_may_not_enter_gets_the_reason() -> None:
    """In one line, and the connection closes; its lines are not carried out."""
    server = MemoryServer(policy=denying(Action.ENTER))
    wire = server.line()
    wire.send(b"hello\n")
    server.chat.settle()
    assert wire.received() == b"!! you may not come in\r\n"
    assert wire.lost
    assert server.chat.texts("lobby") == []
    assert nothing_is_left(server.chat)


def test_draining_server_refuses_a_new_client(server: MemoryServer) -> None:
    """At once, with the reason."""
    server.chat.service.drain()
    wire = server.line()
    assert wire.received().startswith(b"!! the server is going down")
    assert wire.lost


def test_client_gets_the_reason_of_a_shutdown_before_the_greeting(server: MemoryServer) -> None:
    """The person who is still entering does not stay behind."""
    server.hold_appends()
    wire = server.line()
    done = server.going_down().stopService()
    server.chat.advance(1)
    assert wire.received().startswith(b"!! the server is going down")
    assert wire.lost
    server.release_appends()
    server.chat.advance(10)
    assert done.called
    assert len(server.peers) == 0


# -- changes of names and rooms --------------------------------------------------------------------


def test_change_of_name_or_room_is_answered_when_it_is_shown(server: MemoryServer) -> None:
    """The lines after it wait, because their meaning may depend on it."""
    wire = greeted(server)
    server.hold_appends()
    wire.send(b"/nick ada\r\n/join dev\r\nhello\r\n/who\r\n")
    server.chat.settle()
    assert wire.received() == b""
    server.release_appends()
    assert wire.received().decode().splitlines() == [
        "== you are now ada",
        "-- ada joined #lobby",
        "== you are in #dev",
        "== 1 here: ada",
        "-- ada joined #dev",
        "<ada> hello",
        "== 1 here: ada",
    ]
    assert server.chat.texts("dev") == ["hello"]


def test_loser_of_a_race_for_a_name_keeps_the_old_one(server: MemoryServer) -> None:
    """Of two clients that take a name in one turn, one gets it; the other gets an error and goes
    on.
    """
    ada, bob = Terminal(server), Terminal(server)
    for terminal in (ada, bob):
        terminal.wire.send(b"/nick eve\r\nhello\r\n")
    server.chat.settle()
    assert ada.heard()[0] == "== you are now eve"
    heard = bob.heard()
    assert any(re.fullmatch(r"!! .*eve is in use.*", line) for line in heard)
    assert "<guest-0002> hello" in heard


def test_lines_of_a_paste_are_stored_together(server: MemoryServer) -> None:
    """A thousand lines are under way at once, up to the bound of unstored commands."""
    wire = greeted(server)
    wire.send(b"first\n")
    server.chat.settle()
    server.hold_appends()
    lines = [f"{number}" for number in range(1000)]
    wire.send("".join(f"{line}\n" for line in lines).encode())
    server.chat.settle()
    assert len(server.chat.service._journal._batch) == 0
    assert server.chat.service._journal.unstored == 500
    server.release_appends()
    assert server.chat.texts("lobby")[-1000:] == lines


def test_lines_that_the_policy_refuses_count_as_errors_for_the_rate(server: MemoryServer) -> None:
    """Ten a second, with a burst of forty; each line has its error, and one more says that the rest
    waits.
    """
    guest = Terminal(server)
    server.chat.service.readers.policy = denying(Action.SPEAK)
    told = guest.type(*["hello"] * 60)
    server.chat.advance(4)
    told += guest.heard()
    assert sum("too fast" in line for line in told) == 1
    assert sum("you may not speak here" in line for line in told) == 60
    server.chat.service.readers.policy = denying()
    assert guest.type("hello") == ["<guest-0001> hello"]


def test_room_is_read_from_ones_own_join_on(server: MemoryServer) -> None:
    """Although other rooms were read further by then, and messages came in the same turn."""
    ada, bob = Terminal(server, "/nick ada"), Terminal(server, "/nick bob", "/join dev")
    ada.heard()
    looked_up(server.chat, "eve")
    server.hold_appends()
    ada.wire.send(b"/join dev\r\n")
    bob.wire.send(b"in dev\r\n")
    service = server.chat.service
    service.perform(service.visitor("eve"), Say("lobby", "in the lobby"))
    server.release_appends()
    lines = ada.heard()
    assert lines == [
        "<eve> in the lobby",
        "== you are in #dev",
        "== 2 here: ada, bob",
        "-- ada joined #dev",
        "<bob> in dev",
    ]


# -- the gate --------------------------------------------------------------------------------------


def test_revoked_reader_gets_the_reason_and_the_connection_ends(server: MemoryServer) -> None:
    """Later messages do not come any more, and the person has left."""
    ada, bob = Terminal(server, "/nick ada"), Terminal(server, "/nick bob")
    ada.heard()
    service = server.chat.service
    person = service.people.own("ada")
    assert person
    service.readers.revoke(BANNED, person=person)
    assert ada.wire.lost
    assert ada.heard() == ["!! you are banned from here"]
    server.chat.settle()
    assert bob.heard()[-1] == "-- ada left #lobby"


def test_reader_under_backpressure_is_revoked_too(server: MemoryServer) -> None:
    """Events that were held back never come."""
    ada, bob = Terminal(server, "/nick ada"), Terminal(server, "/nick bob")
    ada.heard()
    ada.wire.fill()
    bob.type("secret")
    person = server.chat.service.people.own("ada")
    assert person
    server.chat.service.readers.revoke(BANNED, person=person)
    assert ada.wire.lost
    assert ada.heard() == ["!! you are banned from here"]


def test_client_gets_the_reason_of_a_revoked_room_and_stays_connected(server: MemoryServer) -> None:
    """The client is in no room, or in another one, which stays current; it can join the room
    again.
    """
    ada, bob = Terminal(server, "/nick ada"), Terminal(server, "/nick bob")
    ada.type("/join dev")
    dev = server.chat.room("dev")
    server.chat.service.readers.revoke(BANNED, room=dev)
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


def test_revoking_another_room_keeps_the_current_one(server: MemoryServer) -> None:
    """The client gets the reason all the same."""
    ada = Terminal(server, "/nick ada", "/join dev")
    ada.heard()
    server.chat.service.readers.revoke(BANNED, room=server.chat.room("lobby"))
    assert ada.heard() == ["!! you are banned from here"]
    assert ada.type("hello") == ["<ada> hello"]
    assert server.chat.texts("dev") == ["hello"]


def test_policy_that_denies_everything_ends_every_connection(server: MemoryServer) -> None:
    """Each client gets one line."""
    ada, bob = Terminal(server, "/nick ada"), Terminal(server, "/nick bob", "/join dev", "/time on")
    ada.heard()
    server.chat.service.readers.policy = DenyAll()
    for terminal in (ada, bob):
        assert terminal.wire.lost
        assert len(terminal.heard()) == 1


@pytest.mark.parametrize(
    "line", ["/who dev", "/who", "/topic", "/history", "/since 0", "/rooms", "/join dev"]
)
def test_commands_do_not_reveal_rooms_that_may_not_be_read(server: MemoryServer, line: str) -> None:
    """Neither their events, people and topics, nor their names."""
    bob = Terminal(server, "/nick bob", "/join dev", "/topic secret", "secret")
    bob.heard()
    ada = Terminal(server, "/nick ada")
    # Open readers were judged by the old policy; commands are judged by this one.
    server.chat.service.readers._policy = denying(Action.READ, Action.LIST)
    heard = ada.type(line)
    assert any(text.startswith("!! you may not ") for text in heard)
    assert not any("secret" in text or "bob" in text for text in heard)


def test_client_that_may_not_read_the_lobby_is_greeted_in_no_room() -> None:
    """It may join another room."""
    server = MemoryServer(policy=denying(Action.READ, room="lobby"))
    server.say("secret")
    ada = Terminal(server)
    assert ada.greeting[0] == "!! you may not read here"
    assert not any("secret" in line or "here:" in line for line in ada.greeting)
    server.say("secret")
    assert ada.heard() == []
    assert ada.type("/join dev", "hello")[-1] == "<guest-0001> hello"


# -- history ---------------------------------------------------------------------------------------


def test_history_and_since_read_from_the_store_where_memory_ends() -> None:
    """No event is missing, and each says where to continue."""
    server = with_window(5)
    texts = [f"{number}" for number in range(40)]
    server.say(*texts)
    ada = Terminal(server)
    heard = ada.type("/history 30")
    assert heard[0] == "== the last 30 events in #lobby:"
    assert untimed(heard[2:-1]) == [f"<bob> {text}" for text in texts[10:]]
    begin, *events, end = ada.type("/since 0")
    assert begin == "== 40 events in #lobby since then:"
    assert events == [f"<bob> {text}" for text in texts]
    assert re.fullmatch(r"== that is all; /since \d+ .*", end)


def test_since_shows_all_events_in_consecutive_parts() -> None:
    """At most 500 events each, from memory and from the store."""
    server = with_window(300)
    texts = [f"{number}" for number in range(1200)]
    server.say(*texts)
    ada = Terminal(server)
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


def test_replay_is_completed_from_the_store() -> None:
    """If memory has fewer messages than the replay shows."""
    server = with_window(4)
    server.say(*(f"{number}" for number in range(12)))
    ada = Terminal(server)
    assert ada.greeting[0] == "== the last 10 messages in #lobby:"
    assert untimed(ada.greeting[2:12]) == [f"<bob> {number}" for number in range(2, 12)]
    server.say("new")
    assert ada.heard() == ["<bob> new"]


def test_message_sent_while_a_replay_is_loaded_follows_it() -> None:
    """It comes once."""
    server = with_window(4)
    server.say(*(f"{number}" for number in range(12)))
    lobby = server.chat.room("lobby")
    server.chat.store.hold("reads")
    ada = Terminal(server)
    assert ada.greeting == []
    server.say("new")
    server.chat.store.release()
    server.chat.settle()
    heard = ada.heard()
    assert heard[-1] == "<bob> new"
    assert sum("new" in line for line in heard) == 1
    assert untimed(heard[2:12]) == [f"<bob> {number}" for number in range(2, 12)]
    assert lobby.readers == 1


@pytest.mark.parametrize("line", ["/history", "/since 1", "/history 30"])
def test_unreadable_history_is_an_error(line: str) -> None:
    """It is no gap, because the kept events can be asked for again."""
    server = with_window(4)
    server.say(*(f"{number}" for number in range(12)))
    ada = Terminal(server)
    server.chat.store.unreadable = True
    (told,) = ada.type(line)
    assert told.startswith("!! ")
    server.chat.store.unreadable = False
    assert ada.type(line)[0].startswith("== ")


def test_unreadable_replay_is_an_error_before_the_messages_in_memory() -> None:
    """The client reads live events all the same."""
    server = with_window(4)
    server.say(*(f"{number}" for number in range(12)))
    lobby = server.chat.room("lobby")
    server.chat.store.unreadable = True
    ada = Terminal(server)
    assert ada.greeting[0].startswith("!! what was said in #lobby cannot be read now")
    assert ada.greeting[1] == "== the last 4 messages in #lobby:"
    assert lobby.readers == 1


def test_page_that_is_loaded_under_backpressure_waits() -> None:
    """Its answer is written when the client has read what was sent before."""
    server = with_window(4)
    server.say(*(f"{number}" for number in range(12)))
    ada = Terminal(server)
    server.chat.store.hold("reads")
    ada.type("/since 0")
    ada.wire.fill()
    server.chat.store.release()
    server.chat.settle()
    assert ada.heard() == []
    ada.wire.drain()
    server.chat.settle()
    assert ada.heard()[0] == "== 12 events in #lobby since then:"
