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
    """Connections that have all learned the same question, and the cursor they stand at."""

    def __init__(self, server: MemoryServer, size: int) -> None:
        self.server = server
        self.place = server.say("before") - 1
        self.all = [server.http() for _ in range(size)]
        for connection in self.all:
            for _ in range(2):
                assert connection.get(f"{EVENTS}?since={self.place}").texts == ["before"]
        self.place += 1

    def ask(self, *connections: HttpClient) -> None:
        """Let them ask, or all."""
        for connection in connections or self.all:
            connection.send("GET", f"{EVENTS}?since={self.place}")

    @property
    def readers(self) -> int:
        """How many read the room."""
        return self.server.chat.room("lobby").readers


@pytest.fixture
def group(server: MemoryServer) -> Group:
    """Some more than are answered at a stretch."""
    return Group(server, 2 * GROUP_SIZE + 3)


def test_all_are_answered_in_one_turn_with_the_same_bytes(group: Group) -> None:
    """However many they are; they stand in the room as a few readers."""
    group.ask()
    group.server.chat.settle()
    assert group.readers == 3
    group.server.say("hello")
    answers = {connection.wire.received() for connection in group.all}
    assert len(answers) == 1
    assert b'"text":"hello"' in answers.pop()
    assert group.readers == 0


def test_who_asks_late_is_answered_with_the_others_of_the_turn(group: Group) -> None:
    """From wherever each goes on."""
    group.server.say("one", "two")
    early, late = group.all[::2], group.all[1::2]
    group.ask(*early)
    group.place += 1
    group.ask(*late)
    group.server.chat.settle()
    assert {tuple(connection.response().texts) for connection in early} == {("one", "two")}
    assert {tuple(connection.response().texts) for connection in late} == {("two",)}


def test_those_who_go_leave_the_others_alone(group: Group) -> None:
    """And when all have gone, nobody reads."""
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


def test_one_who_goes_in_the_turn_in_which_it_asked_is_not_missed(group: Group) -> None:
    """There was something for it already, which nobody reads now."""
    group.server.say("hello")
    first, *others = group.all
    group.ask(first)
    first.wire.hang_up()
    group.server.chat.settle()
    assert (first.wire.received(), group.readers) == (b"", 0)
    group.ask(*others)
    assert {connection.response().texts[0] for connection in others} == {"hello"}


def test_one_that_cannot_be_answered_is_let_go_and_the_others_are_answered(
    group: Group, logged_errors: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One bad connection silences nobody."""

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


def test_nobody_s_time_is_up_early_nor_much_late(group: Group) -> None:
    """A quarter of a second at the most, whenever in a group's life one came."""
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


def test_what_one_sends_meanwhile_is_answered_behind_its_poll(group: Group) -> None:
    """And is no matter to the others."""
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


def test_they_may_ask_again_at_once(group: Group) -> None:
    """In the turn in which they are answered, and each time anew."""
    for number in range(5):
        group.ask()
        group.server.say(f"{number}")
        group.place += 1
        for connection in group.all:
            assert connection.response().texts == [f"{number}"]


def test_each_connection_is_closed_when_it_was_idle_for_long(group: Group) -> None:
    """Counted from its last answer; those who ask again stay."""
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


def test_going_down_answers_each_for_the_last_time(group: Group) -> None:
    """With what there is, be it nothing, and closes."""
    group.ask()
    group.server.going_down().stopService()
    for connection in group.all:
        answer = connection.response()
        assert answer.headers["connection"] == "close"
        assert answer.json == {**EMPTY, "next": group.place}
        assert connection.closed


def test_what_the_others_are_about_to_be_woken_for_is_not_missed(
    group: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By one that does not wait, on either road, nor by one that is answered for the last time."""
    quick = [f"{EVENTS}?since={group.place}&wait=0", f"{EVENTS}?since={group.place}&wait=0.0"]
    learned, new = group.all[0], group.server.http()
    for _ in range(2):
        assert learned.get(quick[0]).texts == []
    group.ask(*group.all[1:])
    notifier = group.server.chat.service.rooms._notifier
    monkeypatch.setattr(notifier, "_call_soon", lambda wake: None)
    group.server.say("acknowledged")
    for connection, target in zip((learned, new), quick, strict=True):
        assert connection.get(target).texts == ["acknowledged"]
    group.server.going_down().stopService()
    for connection in group.all[1:]:
        assert connection.response().texts == ["acknowledged"]


def test_two_ways_to_name_the_room_are_answered_each_in_its_own(server: MemoryServer) -> None:
    """Though they are about the same, from the same cursor."""
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


def test_an_answer_s_date_is_when_it_is_given(
    group: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when the room has been quiet since the last one who got those bytes."""
    clock = group.server.chat.clock
    now = "chatd.doors.polls.groups.datetimeToString"
    monkeypatch.setattr(now, lambda: b"second %d" % clock.seconds())
    group.server.say("hello")
    for connection in group.all[:2]:
        group.ask(connection)
        assert connection.response().headers["date"] == f"second {clock.seconds():.0f}"
        group.server.chat.advance(5)


def test_another_question_is_another_crowd(group: Group) -> None:
    """Whoever asks with other words is answered as those words want it."""
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
