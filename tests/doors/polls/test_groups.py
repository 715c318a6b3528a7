"""Polls that ask the same: answered together, and each as if it were alone."""

from __future__ import annotations

import pytest

from chatd.doors.polls.groups import GROUP_SIZE
from chatd.http.bounds import IDLE_SECONDS, LATE_SECONDS
from chatd.net.connections import LINGER_SECONDS

from ...kit.http import HttpClient
from ...kit.server import MemoryServer

EVENTS = "/rooms/lobby/events"
EMPTY = {"room": "lobby", "events": [], "gap": False}


class Group:
    """Connections that have all learned the same poll, and their cursor."""

    def __init__(self, server: MemoryServer, size: int) -> None:
        self.server = server
        self.place = server.say("before") - 1
        self.all = [server.http() for _ in range(size)]
        for connection in self.all:
            for _ in range(2):
                assert connection.get(f"{EVENTS}?since={self.place}").texts == ["before"]
        self.place += 1

    def ask(self, *connections: HttpClient) -> None:
        """Send the poll on these connections, or on all."""
        for connection in connections or self.all:
            connection.send("GET", f"{EVENTS}?since={self.place}")

    @property
    def readers(self) -> int:
        """How many readers the room has."""
        return self.server.chat.room("lobby").readers


@pytest.fixture
def group(server: MemoryServer) -> Group:
    """Three connections more than fill two groups."""
    return Group(server, 2 * GROUP_SIZE + 3)


def test_all_are_answered_in_one_turn_with_the_same_bytes(group: Group) -> None:
    """The room has one reader for each group, however many polls wait."""
    group.ask()
    group.server.chat.settle()
    assert group.readers == 3
    group.server.say("hello")
    answers = {connection.wire.received() for connection in group.all}
    assert len(answers) == 1
    assert b'"text":"hello"' in answers.pop()
    assert group.readers == 0


def test_polls_of_one_turn_are_answered_from_their_own_cursors(group: Group) -> None:
    """Polls at different cursors are different groups."""
    group.server.say("one", "two")
    early, late = group.all[::2], group.all[1::2]
    group.ask(*early)
    group.place += 1
    group.ask(*late)
    group.server.chat.settle()
    assert {tuple(connection.response().texts) for connection in early} == {("one", "two")}
    assert {tuple(connection.response().texts) for connection in late} == {("two",)}


def test_clients_that_disconnect_do_not_affect_their_group(group: Group) -> None:
    """When all have disconnected, the room has no reader."""
    group.ask()
    gone, here = group.all[: GROUP_SIZE + 2], group.all[GROUP_SIZE + 2 :]
    for connection in gone:
        connection.wire.hang_up()
    assert group.readers == 2
    group.server.say("hello")
    assert {connection.response().texts[0] for connection in here} == {"hello"}
    assert not any(connection.wire.received() for connection in gone)
    group.place += 1
    group.ask(*here)
    for connection in here:
        connection.wire.hang_up()
    assert group.readers == 0


def test_client_that_disconnects_in_the_turn_of_its_poll_does_no_harm(group: Group) -> None:
    """Its poll has an event to be answered with, and no connection to send it on."""
    group.server.say("hello")
    first, *others = group.all
    group.ask(first)
    first.wire.hang_up()
    group.server.chat.settle()
    assert (first.wire.received(), group.readers) == (b"", 0)
    group.ask(*others)
    assert {connection.response().texts[0] for connection in others} == {"hello"}


def test_connection_whose_send_fails_does_not_affect_its_group(
    group: Group, logged_errors: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is closed and the error logged; the others get their answers."""

    def fail(data: bytes) -> None:
        raise ZeroDivisionError

    broken = group.all[GROUP_SIZE // 2]
    monkeypatch.setattr(broken.wire.protocol.learned, "send", fail)
    group.ask()
    group.server.say("hello")
    for connection in group.all:
        if connection is not broken:
            assert connection.response().texts == ["hello"]
    assert broken.closed
    assert len(logged_errors) == 1
    assert "ZeroDivisionError" in logged_errors[0]
    logged_errors.clear()


def test_waits_of_a_group_end_on_time(group: Group) -> None:
    """At most a quarter of a second late, whenever a poll joined its group."""
    began = {}
    clock = group.server.chat.clock
    for number, connection in enumerate(group.all):
        group.ask(connection)
        began[number] = clock.seconds()
        group.server.chat.advance(0.03)
    group.server.chat.advance(25 - clock.seconds() + began[0] - 0.01)
    took: dict[int, float] = {}
    while len(took) < len(group.all):
        group.server.chat.advance(0.01)
        for number, connection in enumerate(group.all):
            if number not in took and connection.wire.received():
                took[number] = clock.seconds() - began[number]
    assert min(took.values()) >= 25
    assert max(took.values()) <= 25.27


def test_requests_pipelined_behind_a_grouped_poll_are_answered_after_it(group: Group) -> None:
    """The other connections of the group are not affected."""
    group.ask()
    busy = group.all[3]
    busy.send("GET", "/healthz")
    group.ask(busy)
    assert busy.responses() == []
    group.server.say("hello")
    group.server.chat.settle()
    polled, health, again = busy.responses()
    assert (polled.texts, health.json, again.texts) == (["hello"], {"status": "ok"}, ["hello"])
    others = [connection for connection in group.all if connection is not busy]
    assert {connection.response().texts[0] for connection in others} == {"hello"}


def test_clients_of_a_group_may_poll_again_at_once(group: Group) -> None:
    """In the turn in which they are answered, any number of times."""
    for number in range(5):
        group.ask()
        group.server.say(f"{number}")
        group.place += 1
        for connection in group.all:
            assert connection.response().texts == [f"{number}"]


def test_idle_connections_of_a_group_are_closed(group: Group) -> None:
    """The time counts from the last answer; a connection that polls again stays open."""
    group.ask()
    group.server.say("hello")
    group.place += 1
    first, *others = group.all
    group.server.chat.advance(IDLE_SECONDS + LATE_SECONDS - 1)
    assert not any(connection.closed for connection in group.all)
    group.ask(first)
    group.server.chat.advance(2 + LINGER_SECONDS)
    assert all(connection.closed for connection in others)
    assert not first.closed


def test_shutdown_answers_every_poll_of_a_group(group: Group) -> None:
    """With the events that there are, or none; then it closes the connections."""
    group.ask()
    group.server.going_down().stopService()
    for connection in group.all:
        answer = connection.response()
        assert answer.headers["connection"] == "close"
        assert answer.json == {**EMPTY, "next": group.place}
        assert connection.closed


def test_event_that_is_stored_and_not_yet_fanned_out_is_in_every_answer(
    group: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a poll that does not wait, parsed or learned, and of one that a shutdown answers."""
    quick = [f"{EVENTS}?since={group.place}&wait=0", f"{EVENTS}?since={group.place}&wait=0.0"]
    learned, new = group.all[0], group.server.http()
    for _ in range(2):
        assert learned.get(quick[0]).texts == []
    group.ask(*group.all[1:])
    notifier = group.server.chat.service.rooms._loader._notifier
    monkeypatch.setattr(notifier, "_call_soon", lambda wake: None)
    group.server.say("acknowledged")
    for connection, target in zip((learned, new), quick, strict=True):
        assert connection.get(target).texts == ["acknowledged"]
    group.server.going_down().stopService()
    for connection in group.all[1:]:
        assert connection.response().texts == ["acknowledged"]


def test_polls_that_name_the_room_differently_are_answered_each_in_its_form(
    server: MemoryServer,
) -> None:
    """Although they read the same room from the same cursor."""
    place = server.say("before")
    ways = {f"{EVENTS}?since=": "room", "/events?rooms=lobby&since=": "rooms"}
    connections = {target: server.http() for target in ways}
    for target, connection in connections.items():
        for _ in range(2):
            assert connection.get(f"{target}{place - 1}").texts == ["before"]
        connection.send("GET", f"{target}{place}")
    server.say("hello")
    for target, connection in connections.items():
        answer = connection.response()
        assert answer.texts == ["hello"]
        assert ways[target] in answer.json


def test_date_of_an_answer_is_the_time_of_that_answer(
    group: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Although its other bytes were made for an earlier poll."""
    clock = group.server.chat.clock
    now = "chatd.doors.polls.groups.datetimeToString"
    monkeypatch.setattr(now, lambda: b"second %d" % clock.seconds())
    group.server.say("hello")
    for connection in group.all[:2]:
        group.ask(connection)
        assert connection.response().headers["date"] == f"second {clock.seconds():.0f}"
        group.server.chat.advance(5)


def test_polls_with_other_parameters_are_another_group(group: Group) -> None:
    """Each is answered as its own parameters say."""
    short = group.all[: GROUP_SIZE + 1]
    for connection in short:
        for _ in range(2):
            assert connection.get(f"{EVENTS}?since=1&limit=1").texts == ["before"]
    group.server.say("one", "two")
    for connection in short:
        connection.send("GET", f"{EVENTS}?since={group.place}&limit=1")
    others = group.all[GROUP_SIZE + 1 :]
    group.ask(*others)
    assert {tuple(connection.response().texts) for connection in short} == {("one",)}
    assert {tuple(connection.response().texts) for connection in others} == {("one", "two")}
