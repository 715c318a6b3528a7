"""The doors over a store that lasts: repeats over a restart, a slow disk, a full house, and clients
that go at the worst moment.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from twisted.internet.defer import fail
from wsproto import ConnectionType, WSConnection
from wsproto.events import Request, TextMessage

from chatd.chat.limits import REMEMBERED_SECONDS
from chatd.doors.api.tree import web_site
from chatd.doors.line.lines import LineFactory
from chatd.http.hosts import Hosts
from chatd.model.errors import Unavailable

from ..chat.lasting import LastingChat
from ..doors.house import NAMES, House, Http, written

MESSAGES = "/rooms/lobby/messages"
VISIT = f"{MESSAGES}?name=cy"


class LastingHouse(House):
    """Every door of a chat that lasts."""

    chat: LastingChat

    def __init__(self, path: Path, **options: Any) -> None:
        self.chat = LastingChat(path, **options)
        self.line_door = LineFactory(self.chat.service)
        self.hosts = Hosts(self.chat.clock, NAMES)
        self.http_door = web_site(self.chat.service, (), hosts=self.hosts)

    @property
    def history(self) -> list[str]:
        """The messages that the store has kept in the lobby, as anybody may read them."""
        http = self.http()
        http.send("GET", "/rooms/lobby/events?before=9000000000000000&limit=500")
        while not (answers := http.responses()):
            self.chat.advance(1)
        return [event["text"] for event in answers[0].json["events"] if event["type"] == "message"]


class Socket:
    """A WebSocket in the lobby."""

    def __init__(self, house: House, token: str = "") -> None:
        self._chat = house.chat
        self.wire = house.chat.connect(house.http_door)
        self._socket = WSConnection(ConnectionType.CLIENT)
        target = "/rooms/lobby/events" + (f"?access_token={token}" if token else "")
        self.wire.send(self._socket.send(Request(host="chat.example", target=target)))
        self._chat.settle()
        self.received()

    def say(self, text: str, ref: str) -> Any:
        """Say something; answers the ack, or the error."""
        told = json.dumps({"type": "say", "text": text, "ref": ref})
        self.wire.send(self._socket.send(TextMessage(data=told)))
        self._chat.settle()
        (answer,) = (frame for frame in self.received() if "ref" in frame)
        return answer

    def received(self) -> list[Any]:
        """The frames that have come."""
        self._socket.receive_data(self.wire.received())
        events = self._socket.events()
        return [json.loads(event.data) for event in events if isinstance(event, TextMessage)]


class Site:
    """A house that is built again where it stood."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.house = LastingHouse(path)

    def again(self, way: str = "kill", **options: Any) -> LastingHouse:
        """The process ends, and another begins."""
        getattr(self.house.chat, way)()
        self.house = LastingHouse(self._path, **options)
        return self.house


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path / "chat.db")
    yield site
    site.house.chat.stop()


def post(http: Http, text: str, key: str, target: str = MESSAGES) -> int:
    """Say something; answers its id."""
    answer = http.post(target, {"text": text}, Idempotency_Key=key)
    assert answer.status == 201
    return int(answer.json["id"])


# -- repeats over a restart ------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["stop", "kill"])
def test_a_repeat_is_known_after_a_restart(site: Site, way: str) -> None:
    """A visitor's and a session's, on every door that takes keys; it has the first id, and is not
    said again.
    """
    ada = site.house.http()
    token = ada.enter("ada")
    first = [post(site.house.http(), "one", "k", VISIT), post(ada, "two", "k")]
    acks = [Socket(site.house, token).say("three", "r")]
    for _ in range(2):
        house = site.again(way)
        ada = house.http()
        token = ada.enter("Ada")
        assert [post(house.http(), "one", "k", VISIT), post(ada, "two", "k")] == first
        assert Socket(house, token).say("three", "r") == acks[0]
        assert house.history == ["one", "two", "three"]


def test_what_is_no_repeat_is_said_after_a_restart(site: Site) -> None:
    """Another text, another key, another room, another person, or a guest: whose name was
    anybody's.
    """
    ada = site.house.http()
    ada.enter("ada")
    guest = site.house.http()
    guest.enter()
    ids = {post(ada, "hi", "k"), post(guest, "hi", "k"), Socket(site.house).say("hi", "k")["id"]}
    house = site.again()
    ada, bob, guest = house.http(), house.http(), house.http()
    for http, name in ((ada, "ada"), (bob, "bob"), (guest, "")):
        http.enter(name)
    ids |= {post(ada, "ho", "k"), post(ada, "hi", "other"), post(bob, "hi", "k")}
    ids |= {post(guest, "hi", "k"), Socket(house).say("hi", "k")["id"]}
    ids |= {post(ada, "hi", "k", "/rooms/dev/messages"), post(house.http(), "hi", "k", VISIT)}
    assert len(ids) == 10
    assert sorted(house.history) == ["hi"] * 8 + ["ho"]


def test_a_repeat_that_is_too_old_is_said_again_after_a_restart(site: Site) -> None:
    """As it would have been without one."""
    first = post(site.house.http(), "hi", "k", VISIT)
    house = site.again(wall=site.house.chat.now() + REMEMBERED_SECONDS + 1)
    assert post(house.http(), "hi", "k", VISIT) > first
    assert house.history == ["hi", "hi"]


def test_what_was_lost_with_the_process_may_be_said_again(site: Site) -> None:
    """It was never acknowledged; when it was stored, the repeat is answered with its id."""
    for turns in range(12):
        http = site.house.http()
        http.send("POST", VISIT, f"text={turns}", {**FORM, "Idempotency-Key": "k"})
        for _ in range(turns):
            site.house.chat.clock.advance(0)
        acknowledged = [answer.json["id"] for answer in http.responses()]
        house = site.again()
        id_ = post(house.http(), f"{turns}", "k", VISIT)
        assert acknowledged in ([], [id_])
    assert acknowledged, "it should have been answered in the end"
    assert house.history == [str(turns) for turns in range(12)]


FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def test_a_ref_is_said_once_in_its_session(site: Site) -> None:
    """Whichever socket it comes on; another text is something else."""
    ada = site.house.http()
    token = ada.enter("ada")
    first = Socket(site.house, token)
    ack = first.say("hi", "r")
    assert ack == {"type": "ack", "ref": "r", "id": ack["id"]}
    assert first.say("hi", "r") == Socket(site.house, token).say("hi", "r") == ack
    assert first.say("ho", "r")["id"] > ack["id"]
    assert site.house.history == ["hi", "ho"]


def test_a_ref_that_was_refused_may_be_tried_again(site: Site) -> None:
    """What the text was refused for is not remembered of it."""
    socket = Socket(site.house)
    assert socket.say(" ", "r")["code"] == "bad-text"
    refused = fail(Unavailable("the disk is full"))
    with patch.object(site.house.chat.store, "append", lambda units: refused):
        assert socket.say("hi", "r")["code"] == "unavailable"
    assert [socket.say("hi", "r")["type"] for _ in range(2)] == ["ack", "ack"]
    assert site.house.history == ["hi"]


# -- a slow store ----------------------------------------------------------------------------------


def test_a_slow_store_keeps_nobody_waiting_who_only_reads(site: Site) -> None:
    """Five seconds for a commit: what is there is read at once.  People come when the commit is
    done, and what is said comes in its order, to whoever waits for it, and then to who said it.
    """
    before = post(site.house.http(), "before", "k", VISIT)
    house = site.again("stop", seconds=5)
    line = house.line()
    line.send(b"/nick bob\r\n")
    house.chat.advance(20)
    line.received()
    speaker, poller = house.http(), house.http()
    place = house.chat.service.horizon
    speaker.send("POST", VISIT, "text=from%20http", FORM)
    line.send(b"from bob\r\n")
    poller.send("GET", f"/rooms/lobby/events?since={place}")
    house.chat.advance(4)
    assert (speaker.responses(), poller.responses()) == ([], [])
    newcomer = house.line()
    assert house.http().get("/rooms").json["rooms"][0]["people"] == 1
    texts = house.http().get(f"/rooms/lobby/events?since={before - 1}&wait=0").texts
    assert texts == ["before", "join"]
    for _ in range(5):
        house.chat.advance(2)
    assert speaker.response().status == 201
    heard = poller.response().texts
    heard += house.http().get(f"/rooms/lobby/events?since={place}&wait=0").texts[len(heard) :]
    assert heard == ["from http", "from bob"]
    assert b"== 2 here: bob, guest-0002" in newcomer.received()
    assert line.received().decode().splitlines()[-2:] == ["<cy> from http", "<bob> from bob"]


# -- a full house ----------------------------------------------------------------------------------


def test_a_room_too_many_is_told_on_every_door(site: Site) -> None:
    """With what to do; the connection goes on."""
    post(site.house.http(), "hi", "k", VISIT)
    house = site.again(max_rooms=2)
    ada = house.http()
    ada.enter("ada")
    assert post(ada, "hi", "k", "/rooms/dev/messages")
    for method, target in (
        ("PUT", "/rooms/third/membership"),
        ("POST", "/rooms/third/messages"),
    ):
        answer = ada.request(method, target, "hi" * (method == "POST"), TEXT)
        assert answer.refusal == (503, "unavailable")
        assert answer.headers["retry-after"]
        assert "2 rooms" in answer.json["error"]["message"]
    assert ada.get("/rooms/third/events?wait=0").texts == []
    line = house.line()
    line.send(b"/join third\r\nstill here\r\n")
    house.chat.settle()
    told = line.received().decode().splitlines()
    assert [entry for entry in told if entry.startswith("!! ")] == [
        "!! there are 2 rooms, the most here; use one of them"
    ]
    assert "<guest-0001> still here" in told
    socket = Socket(house)
    told_socket = json.dumps({"type": "join", "room": "third", "ref": "r"})
    socket.wire.send(socket._socket.send(TextMessage(data=told_socket)))
    house.chat.settle()
    (error,) = socket.received()
    assert (error["ref"], error["code"]) == ("r", "unavailable")
    assert "2 rooms" in error["message"]


TEXT = {"Content-Type": "text/plain"}


# -- clients that go -------------------------------------------------------------------------------


def test_a_client_that_goes_at_any_byte_or_turn_harms_nobody(site: Site) -> None:
    """What it said is there or not, whole and once; a repeat tells it which, and everybody else
    is served.
    """
    house = site.house
    whole = written("POST", VISIT, "hi", {**TEXT, "Idempotency-Key": "key-000"})
    said = []
    for size in range(len(whole) + 8):
        text, key = f"{size:02}"[-2:], f"key-{size:03}"
        data = whole.replace(b"key-000", key.encode())[:-2] + text.encode()
        client = house.chat.connect(house.http_door)
        client.send(data[:size])
        for _ in range(size - len(whole)):
            house.chat.clock.advance(0)
        client.hang_up()
        house.chat.settle()
        if size >= len(whole):
            # It was taken: that is what the repeat is told.
            said.append(text)
            assert house.history == said
        elif size % 10 == 0:
            post(house.http(), text, key, VISIT)
            said.append(text)
    assert house.history == said
    again = site.again()
    assert again.history == said


def test_a_reader_that_goes_while_it_is_stored_harms_nobody(site: Site) -> None:
    """Whatever it reads with; the others get it, and the speaker's answer."""
    house = site.house
    for turns in range(10):
        place = house.chat.service.horizon
        target = f"/rooms/lobby/events?since={place}"
        stays, goes, stream = house.http(), house.http(), house.http()
        stays.send("GET", target)
        goes.send("GET", target)
        stream.send("GET", target, headers={"Accept": "text/event-stream"})
        socket, line = Socket(house), house.line()
        speaker = house.http()
        speaker.send("POST", VISIT, f"text={turns}", FORM)
        for _ in range(turns):
            house.chat.clock.advance(0)
        for gone in (goes.wire, stream.wire, socket.wire, line):
            gone.hang_up()
        house.chat.settle()
        assert stays.response().texts == [str(turns)]
        assert speaker.response().status == 201
    assert house.history == [str(turns) for turns in range(10)]


@pytest.mark.parametrize("fate", ["stored", "lost"])
def test_a_message_in_doubt_is_found_out_by_repeating_it(house: House, fate: Any) -> None:
    """503 with `Retry-After`; the same key is answered with the id, and it is said once."""
    http = house.http()
    house.say("before")
    house.chat.store.doubting = fate
    send = {"Idempotency_Key": "k"}
    doubtful = http.post(VISIT, {"text": "hi"}, **send)
    assert doubtful.refusal == (503, "in-doubt")
    assert doubtful.headers["retry-after"]
    house.chat.store.doubting = None
    assert http.post(VISIT, {"text": "hi"}, **send).status == 201
    assert house.chat.texts("lobby") == ["before", "hi"]
