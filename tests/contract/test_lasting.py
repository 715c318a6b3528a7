"""The doors over a file store: repeated requests after a restart, a slow disk, a full server, and
clients that disconnect at the worst moment.
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
    """The messages of the lobby that the store has kept, as any client may read them."""
    http = server.http()
    http.send("GET", "/rooms/lobby/events?before=9000000000000000&limit=500")
    while not (answers := http.responses()):
        server.chat.advance(1)
    return [event["text"] for event in answers[0].json["events"] if event["type"] == "message"]


class RestartingServer:
    """A server that can be restarted on the same file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.server = FileServer(path)

    def restart(self, way: str = "kill", **options: Any) -> FileServer:
        """End the process by `way`, and start another."""
        getattr(self.server.chat, way)()
        self.server = FileServer(self._path, **options)
        return self.server


@pytest.fixture
def site(tmp_path: Path) -> Iterator[RestartingServer]:
    site = RestartingServer(tmp_path / "chat.db")
    yield site
    site.server.chat.stop()


def post(http: HttpClient, text: str, key: str, target: str = MESSAGES) -> int:
    """Send a message; returns its id."""
    answer = http.post(target, {"text": text}, Idempotency_Key=key)
    assert answer.status == 201
    return int(answer.json["id"])


def say(socket: WebSocket, text: str, ref: str) -> dict[str, Any]:
    """Send a message; returns the ack, or the error."""
    return socket.answer(type="say", text=text, ref=ref)


# -- repeats after a restart -----------------------------------------------------------------------


@pytest.mark.parametrize("way", ["stop", "kill"])
def test_repeated_request_is_known_after_a_restart(site: RestartingServer, way: str) -> None:
    """Of a visitor and of a session, at every door that takes idempotency keys: it is answered with
    the first id, and the message is not stored again.
    """
    ada = site.server.http()
    token = ada.enter("ada")
    first = [post(site.server.http(), "one", "k", VISIT), post(ada, "two", "k")]
    acks = [say(WebSocket(site.server, token=token), "three", "r")]
    for _ in range(2):
        server = site.restart(way)
        server.chat.advance(GRACE_SECONDS + 1)  # until then the name is the first session's
        ada = server.http()
        token = ada.enter("Ada")
        assert [post(server.http(), "one", "k", VISIT), post(ada, "two", "k")] == first
        assert say(WebSocket(server, token=token), "three", "r") == acks[0]
        assert history(server) == ["one", "two", "three"]


def test_request_that_is_no_repeat_is_stored_after_a_restart(site: RestartingServer) -> None:
    """Another text, key, room or person; or a guest, because any client may have had a guest's
    name.
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
    server = site.restart()
    server.chat.advance(GRACE_SECONDS + 1)
    ada, bob, guest = server.http(), server.http(), server.http()
    for http, name in ((ada, "ada"), (bob, "bob"), (guest, "")):
        http.enter(name)
    ids |= {post(ada, "ho", "k"), post(ada, "hi", "other"), post(bob, "hi", "k")}
    ids |= {post(guest, "hi", "k"), say(WebSocket(server), "hi", "k")["id"]}
    ids |= {post(ada, "hi", "k", "/rooms/dev/messages"), post(server.http(), "hi", "k", VISIT)}
    assert len(ids) == 10
    assert sorted(history(server)) == ["hi"] * 8 + ["ho"]


def test_repeat_after_its_key_expired_is_stored_again_after_a_restart(
    site: RestartingServer,
) -> None:
    """A restart does not make a key valid for longer."""
    first = post(site.server.http(), "hi", "k", VISIT)
    server = site.restart(wall=site.server.chat.now() + REMEMBERED_SECONDS + 1)
    assert post(server.http(), "hi", "k", VISIT) > first
    assert history(server) == ["hi", "hi"]


def test_message_lost_with_the_process_can_be_repeated(site: RestartingServer) -> None:
    """It was never acknowledged; if it was stored nevertheless, the repeat gets its id."""
    for turns in range(12):
        http = site.server.http()
        http.send("POST", VISIT, f"text={turns}", {**FORM, "Idempotency-Key": "k"})
        for _ in range(turns):
            site.server.chat.clock.advance(0)
        acknowledged = [answer.json["id"] for answer in http.responses()]
        server = site.restart()
        id_ = post(server.http(), f"{turns}", "k", VISIT)
        assert acknowledged in ([], [id_])
    assert acknowledged, "the last request should have been answered"
    assert history(server) == [str(turns) for turns in range(12)]


FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def test_websocket_ref_is_stored_once_in_its_session(site: RestartingServer) -> None:
    """Whichever WebSocket of the session it comes on; with another text it is another message."""
    ada = site.server.http()
    token = ada.enter("ada")
    first = WebSocket(site.server, token=token)
    ack = say(first, "hi", "r")
    assert ack == {"type": "ack", "ref": "r", "id": ack["id"]}
    assert say(first, "hi", "r") == say(WebSocket(site.server, token=token), "hi", "r") == ack
    assert say(first, "ho", "r")["id"] > ack["id"]
    assert history(site.server) == ["hi", "ho"]


def test_refused_websocket_ref_can_be_retried(site: RestartingServer) -> None:
    """A refusal is not remembered under the key."""
    socket = WebSocket(site.server)
    assert say(socket, " ", "r")["code"] == "bad-text"
    refused = fail(Unavailable("the disk is full"))
    with patch.object(site.server.chat.store, "append", lambda units: refused):
        assert say(socket, "hi", "r")["code"] == "unavailable"
    assert [say(socket, "hi", "r")["type"] for _ in range(2)] == ["ack", "ack"]
    assert history(site.server) == ["hi"]


# -- a slow store ----------------------------------------------------------------------------------


def test_slow_store_does_not_delay_reads(site: RestartingServer) -> None:
    """A commit takes five seconds; events in memory are read at once. Newcomers enter when the
    commit is done. A message reaches waiting readers first, in its order, and then its sender.
    """
    before = post(site.server.http(), "before", "k", VISIT)
    server = site.restart("stop", seconds=5)
    server.chat.advance(60)
    line = server.line()
    line.send(b"/nick bob\r\n")
    server.chat.service.accounts.claim("cy")  # no account has this name
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


def test_room_beyond_max_rooms_is_refused_on_every_door(site: RestartingServer) -> None:
    """The error says what to do, and the connection stays open."""
    post(site.server.http(), "hi", "k", VISIT)
    server = site.restart(max_rooms=2)
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


# -- clients that disconnect -----------------------------------------------------------------------


def test_client_that_disconnects_at_any_byte_or_turn_does_no_harm(site: RestartingServer) -> None:
    """Its message is stored whole and once, or not at all; a repeat tells which; other clients are
    served.
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
            # The request was complete, so it was stored.
            said.append(text)
            assert history(server) == said
        elif size % 10 == 0:
            post(server.http(), text, key, VISIT)
            said.append(text)
    assert history(server) == said
    restarted = site.restart()
    assert history(restarted) == said


def test_reader_that_disconnects_while_a_message_is_stored_does_no_harm(
    site: RestartingServer,
) -> None:
    """Whatever it reads with; other readers get the message, and the sender gets the answer."""
    server = site.server
    for turns in range(10):
        place = server.chat.service.horizon
        target = f"/rooms/lobby/events?since={place}"
        staying, leaving, stream = server.http(), server.http(), server.http()
        staying.send("GET", target)
        leaving.send("GET", target)
        stream.send("GET", target, headers={"Accept": "text/event-stream"})
        socket, line = WebSocket(server), server.line()
        speaker = server.http()
        speaker.send("POST", VISIT, f"text={turns}", FORM)
        for _ in range(turns):
            server.chat.clock.advance(0)
        for gone in (leaving.wire, stream.wire, socket.wire, line):
            gone.hang_up()
        server.chat.settle()
        assert staying.response().texts == [str(turns)]
        assert speaker.response().status == 201
    assert history(server) == [str(turns) for turns in range(10)]


@pytest.mark.parametrize("fate", ["stored", "lost"])
def test_repeat_of_a_message_in_doubt_resolves_it(server: MemoryServer, fate: Any) -> None:
    """503 with `Retry-After`; a repeat with the same key is answered with the id, and the message
    is stored once.
    """
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
