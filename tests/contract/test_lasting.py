"""The doors over a store that lasts: repeats over a restart, a slow disk, a full server, and
clients that go at the worst moment.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from twisted.internet.defer import fail

from chatd.chat.limits import REMEMBERED_SECONDS
from chatd.chat.sessions import GRACE_SECONDS
from chatd.model.errors import Unavailable

from ..kit.file_chat import FileServer
from ..kit.http import HttpClient, written
from ..kit.server import MemoryServer
from ..kit.websocket import WebSocket

MESSAGES = "/rooms/lobby/messages"
VISIT = f"{MESSAGES}?name=cy"


def history(server: FileServer) -> list[str]:
    """The messages that the store has kept in the lobby, as anybody may read them."""
    http = server.http()
    http.send("GET", "/rooms/lobby/events?before=9000000000000000&limit=500")
    while not (answers := http.responses()):
        server.chat.advance(1)
    return [event["text"] for event in answers[0].json["events"] if event["type"] == "message"]


class Site:
    """A server that is built again where it stood."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.server = FileServer(path)

    def again(self, way: str = "kill", **options: Any) -> FileServer:
        """The process ends, and another begins."""
        getattr(self.server.chat, way)()
        self.server = FileServer(self._path, **options)
        return self.server


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path / "chat.db")
    yield site
    site.server.chat.stop()


def post(http: HttpClient, text: str, key: str, target: str = MESSAGES) -> int:
    """Say something; answers its id."""
    answer = http.post(target, {"text": text}, Idempotency_Key=key)
    assert answer.status == 201
    return int(answer.json["id"])


def say(socket: WebSocket, text: str, ref: str) -> dict[str, Any]:
    """Say something; answers the ack, or the error."""
    return socket.answer(type="say", text=text, ref=ref)


# -- repeats over a restart ------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["stop", "kill"])
def test_a_repeat_is_known_after_a_restart(site: Site, way: str) -> None:
    """A visitor's and a session's, on every door that takes keys; it has the first id, and is not
    said again.
    """
    ada = site.server.http()
    token = ada.enter("ada")
    first = [post(site.server.http(), "one", "k", VISIT), post(ada, "two", "k")]
    acks = [say(WebSocket(site.server, token=token), "three", "r")]
    for _ in range(2):
        server = site.again(way)
        server.chat.advance(GRACE_SECONDS + 1)  # until then the name is the first session's
        ada = server.http()
        token = ada.enter("Ada")
        assert [post(server.http(), "one", "k", VISIT), post(ada, "two", "k")] == first
        assert say(WebSocket(server, token=token), "three", "r") == acks[0]
        assert history(server) == ["one", "two", "three"]


def test_what_is_no_repeat_is_said_after_a_restart(site: Site) -> None:
    """Another text, another key, another room, another person, or a guest: whose name was
    anybody's.
    """
    ada = site.server.http()
    ada.enter("ada")
    guest = site.server.http()
    guest.enter()
    ids = {
        post(ada, "hi", "k"),
        post(guest, "hi", "k"),
        say(WebSocket(site.server), "hi", "k")["id"],
    }
    server = site.again()
    server.chat.advance(GRACE_SECONDS + 1)
    ada, bob, guest = server.http(), server.http(), server.http()
    for http, name in ((ada, "ada"), (bob, "bob"), (guest, "")):
        http.enter(name)
    ids |= {post(ada, "ho", "k"), post(ada, "hi", "other"), post(bob, "hi", "k")}
    ids |= {post(guest, "hi", "k"), say(WebSocket(server), "hi", "k")["id"]}
    ids |= {post(ada, "hi", "k", "/rooms/dev/messages"), post(server.http(), "hi", "k", VISIT)}
    assert len(ids) == 10
    assert sorted(history(server)) == ["hi"] * 8 + ["ho"]


def test_a_repeat_that_is_too_old_is_said_again_after_a_restart(site: Site) -> None:
    """As it would have been without one."""
    first = post(site.server.http(), "hi", "k", VISIT)
    server = site.again(wall=site.server.chat.now() + REMEMBERED_SECONDS + 1)
    assert post(server.http(), "hi", "k", VISIT) > first
    assert history(server) == ["hi", "hi"]


def test_what_was_lost_with_the_process_may_be_said_again(site: Site) -> None:
    """It was never acknowledged; when it was stored, the repeat is answered with its id."""
    for turns in range(12):
        http = site.server.http()
        http.send("POST", VISIT, f"text={turns}", {**FORM, "Idempotency-Key": "k"})
        for _ in range(turns):
            site.server.chat.clock.advance(0)
        acknowledged = [answer.json["id"] for answer in http.responses()]
        server = site.again()
        id_ = post(server.http(), f"{turns}", "k", VISIT)
        assert acknowledged in ([], [id_])
    assert acknowledged, "it should have been answered in the end"
    assert history(server) == [str(turns) for turns in range(12)]


FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def test_a_ref_is_said_once_in_its_session(site: Site) -> None:
    """Whichever socket it comes on; another text is something else."""
    ada = site.server.http()
    token = ada.enter("ada")
    first = WebSocket(site.server, token=token)
    ack = say(first, "hi", "r")
    assert ack == {"type": "ack", "ref": "r", "id": ack["id"]}
    assert say(first, "hi", "r") == say(WebSocket(site.server, token=token), "hi", "r") == ack
    assert say(first, "ho", "r")["id"] > ack["id"]
    assert history(site.server) == ["hi", "ho"]


def test_a_ref_that_was_refused_may_be_tried_again(site: Site) -> None:
    """What the text was refused for is not remembered of it."""
    socket = WebSocket(site.server)
    assert say(socket, " ", "r")["code"] == "bad-text"
    refused = fail(Unavailable("the disk is full"))
    with patch.object(site.server.chat.store, "append", lambda units: refused):
        assert say(socket, "hi", "r")["code"] == "unavailable"
    assert [say(socket, "hi", "r")["type"] for _ in range(2)] == ["ack", "ack"]
    assert history(site.server) == ["hi"]


# -- a slow store ----------------------------------------------------------------------------------


def test_a_slow_store_keeps_nobody_waiting_who_only_reads(site: Site) -> None:
    """Five seconds for a commit: what is there is read at once.  People come when the commit is
    done, and what is said comes in its order, to whoever waits for it, and then to who said it.
    """
    before = post(site.server.http(), "before", "k", VISIT)
    server = site.again("stop", seconds=5)
    server.chat.advance(60)
    line = server.line()
    line.send(b"/nick bob\r\n")
    server.chat.service.accounts.claim("cy")  # nobody has registered it
    server.chat.advance(60)
    line.received()
    speaker, poller = server.http(), server.http()
    place = server.chat.service.horizon
    speaker.send("POST", VISIT, "text=from%20http", FORM)
    line.send(b"from bob\r\n")
    poller.send("GET", f"/rooms/lobby/events?since={place}")
    server.chat.advance(4)
    assert (speaker.responses(), poller.responses()) == ([], [])
    newcomer = server.line()
    assert server.http().get("/rooms").json["rooms"][0]["people"] == 1
    texts = server.http().get(f"/rooms/lobby/events?since={before - 1}&wait=0").texts
    assert texts == ["before", "join"]
    for _ in range(5):
        server.chat.advance(2)
    assert speaker.response().status == 201
    heard = poller.response().texts
    heard += server.http().get(f"/rooms/lobby/events?since={place}&wait=0").texts[len(heard) :]
    assert heard == ["from http", "from bob"]
    assert b"== 2 here: bob, guest-0002" in newcomer.received()
    assert line.received().decode().splitlines()[-2:] == ["<cy> from http", "<bob> from bob"]


# -- a full server ---------------------------------------------------------------------------------


def test_a_room_too_many_is_told_on_every_door(site: Site) -> None:
    """With what to do; the connection goes on."""
    post(site.server.http(), "hi", "k", VISIT)
    server = site.again(max_rooms=2)
    ada = server.http()
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
    line = server.line()
    line.send(b"/join third\r\nstill here\r\n")
    server.chat.settle()
    told = line.received().decode().splitlines()
    assert [entry for entry in told if entry.startswith("!! ")] == [
        "!! there are 2 rooms, the most here; use one of them"
    ]
    assert "<guest-0001> still here" in told
    socket = WebSocket(server)
    error = socket.answer(type="join", room="third", ref="r")
    assert error["code"] == "unavailable"
    assert "2 rooms" in error["message"]


TEXT = {"Content-Type": "text/plain"}


# -- clients that go -------------------------------------------------------------------------------


def test_a_client_that_goes_at_any_byte_or_turn_harms_nobody(site: Site) -> None:
    """What it said is there or not, whole and once; a repeat tells it which, and everybody else
    is served.
    """
    server = site.server
    whole = written("POST", VISIT, "hi", {**TEXT, "Idempotency-Key": "key-000"})
    said = []
    for size in range(len(whole) + 8):
        text, key = f"{size:02}"[-2:], f"key-{size:03}"
        data = whole.replace(b"key-000", key.encode())[:-2] + text.encode()
        client = server.chat.connect(server.http_door)
        client.send(data[:size])
        for _ in range(size - len(whole)):
            server.chat.clock.advance(0)
        client.hang_up()
        server.chat.settle()
        if size >= len(whole):
            # It was taken: that is what the repeat is told.
            said.append(text)
            assert history(server) == said
        elif size % 10 == 0:
            post(server.http(), text, key, VISIT)
            said.append(text)
    assert history(server) == said
    again = site.again()
    assert history(again) == said


def test_a_reader_that_goes_while_it_is_stored_harms_nobody(site: Site) -> None:
    """Whatever it reads with; the others get it, and the speaker's answer."""
    server = site.server
    for turns in range(10):
        place = server.chat.service.horizon
        target = f"/rooms/lobby/events?since={place}"
        stays, goes, stream = server.http(), server.http(), server.http()
        stays.send("GET", target)
        goes.send("GET", target)
        stream.send("GET", target, headers={"Accept": "text/event-stream"})
        socket, line = WebSocket(server), server.line()
        speaker = server.http()
        speaker.send("POST", VISIT, f"text={turns}", FORM)
        for _ in range(turns):
            server.chat.clock.advance(0)
        for gone in (goes.wire, stream.wire, socket.wire, line):
            gone.hang_up()
        server.chat.settle()
        assert stays.response().texts == [str(turns)]
        assert speaker.response().status == 201
    assert history(server) == [str(turns) for turns in range(10)]


@pytest.mark.parametrize("fate", ["stored", "lost"])
def test_a_message_in_doubt_is_found_out_by_repeating_it(server: MemoryServer, fate: Any) -> None:
    """503 with `Retry-After`; the same key is answered with the id, and it is said once."""
    http = server.http()
    server.say("before")
    server.chat.store.doubting = fate
    send = {"Idempotency_Key": "k"}
    doubtful = http.post(VISIT, {"text": "hi"}, **send)
    assert doubtful.refusal == (503, "in-doubt")
    assert doubtful.headers["retry-after"]
    server.chat.store.doubting = None
    assert http.post(VISIT, {"text": "hi"}, **send).status == 201
    assert server.chat.texts("lobby") == ["before", "hi"]
