"""Rate limits and quotas of people, as clients meet them at the doors."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

import pytest

from chatd.chat.limits import NOTES_AT_ONCE
from chatd.chat.person import Person
from chatd.chat.sessions import GRACE_SECONDS
from chatd.doors.classic import classic_site

from ..kit.chat import PASSWORD, registered
from ..kit.http import HttpClient, Response
from ..kit.push import Browser, pushing
from ..kit.server import MemoryServer
from ..kit.terminal import Terminal

OFFICE = "192.0.2.7"
HOME = "192.0.2.8"
EVENTS = "/rooms/lobby/events"
MESSAGES = "/rooms/lobby/messages"
SOCKET = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
}
STREAM = {"Accept": "text/event-stream"}


def entered(server: MemoryServer, name: str, host: str = OFFICE) -> HttpClient:
    """A connection in a session of that name."""
    http = server.http(host)
    http.enter(name)
    return http


def say(http: HttpClient) -> Response:
    return http.post(MESSAGES, {"text": "hi"})


# -- rate limit of an address ----------------------------------------------------------------------


@pytest.fixture
def busy() -> MemoryServer:
    """A server where one address has used up its message rate."""
    server = MemoryServer(message_rate=5, address_rate=5)
    for _ in range(2):
        line = server.line(OFFICE)
        for number in range(10):
            line.send(b"%d\n" % number)
        server.chat.settle()
    assert len(server.chat.texts("lobby")) == 20
    return server


@pytest.mark.parametrize("how", ["session", "visitor"])
def test_http_message_over_the_address_rate_is_refused(busy: MemoryServer, how: str) -> None:
    """429 with `Retry-After`; other addresses are not affected."""
    other = entered(busy, "bob", HOME)
    ada = entered(busy, "ada", HOME)
    office = busy.http(OFFICE)
    if how == "session":
        office.headers = ada.headers  # the session moves to the other address
    target = MESSAGES if how == "session" else f"{MESSAGES}?name=eve"
    response = office.post(target, {"text": "hi"})
    assert response.refusal == (429, "rate-limited")
    assert "address" in response.json["error"]["message"]
    wait = int(response.headers["retry-after"])
    assert say(other).status == 201
    busy.chat.advance(wait)
    assert office.post(target, {"text": "hi"}).status == 201


def test_websocket_message_over_the_address_rate_is_refused(busy: MemoryServer) -> None:
    """In an error frame; a guest on a WebSocket counts like one on the line door."""
    http = busy.http(OFFICE)
    http.send("GET", EVENTS, headers=SOCKET)
    busy.chat.settle()
    http.wire.received()
    http.wire.send(masked({"type": "say", "text": "hi", "ref": "a"}))
    busy.chat.settle()
    frame = http.wire.received()
    told = json.loads(frame[frame.index(b"{") :])
    assert (told["type"], told["ref"], told["code"]) == ("error", "a", "rate-limited")
    assert "address" in told["message"]


def test_lines_over_the_address_rate_wait(busy: MemoryServer) -> None:
    """The client is told once, and no line is lost; clients of other addresses do not wait."""
    line, elsewhere = busy.line(OFFICE), busy.line(HOME)
    line.received()
    line.send(b"one\ntwo\n")
    elsewhere.send(b"hello\n")
    busy.chat.settle()
    assert line.received().count(b"!! ") == 1
    assert busy.chat.texts("lobby")[20:] == ["hello"]
    for _ in range(2):
        busy.chat.advance(10)
    assert busy.chat.texts("lobby")[20:] == ["hello", "one", "two"]
    assert b"!! " not in line.received()


def test_clients_waiting_for_their_address_retry_rarely() -> None:
    """Each tries again as often as it may speak, and all are served in the end."""
    server = MemoryServer(message_rate=1, address_rate=10)
    asked: list[Person] = []
    spend = server.chat.service.admission.spend

    def counted(person: Person) -> None:
        asked.append(person)
        spend(person)

    server.chat.service.admission.spend = counted  # type: ignore[method-assign]
    for line in [server.line(OFFICE) for _ in range(40)]:
        line.send(b"x\n" * 4)
    for _ in range(20 * 50):
        server.chat.advance(1 / 50)
    assert len(server.chat.texts("lobby")) == 40 * 4
    assert len(asked) <= 40 * 15  # seconds


# -- sessions --------------------------------------------------------------------------------------


def test_sessions_beyond_the_limit_of_an_address_are_refused() -> None:
    """429 until one of them ends; the error says what to do."""
    server = MemoryServer(sessions_per_address=2)
    ada = entered(server, "ada")
    entered(server, "bob")
    response = server.http(OFFICE).post("/session", {"name": "eve"})
    assert response.refusal == (429, "too-many")
    assert "DELETE /session" in response.json["error"]["message"]
    assert int(response.headers["retry-after"]) >= 1
    entered(server, "cy", HOME)
    assert ada.request("DELETE", "/session").status == 204
    entered(server, "eve")


def test_sessions_beyond_the_limit_of_the_server_are_refused() -> None:
    """503 for every address; reading, and speaking as a visitor, still work."""
    server = MemoryServer(sessions=2)
    entered(server, "ada")
    entered(server, "bob")
    response = server.http(HOME).post("/session", {})
    assert response.refusal == (503, "unavailable")
    assert int(response.headers["retry-after"]) >= 1
    assert server.http(HOME).post(f"{MESSAGES}?name=eve", {"text": "hi"}).status == 201
    assert server.http(HOME).get(f"{EVENTS}?since=0").texts[-1] == "hi"
    server.chat.advance(GRACE_SECONDS)
    entered(server, "eve", HOME)


def test_flood_of_sessions_is_limited_and_expires() -> None:
    """The memory it takes is bounded by the session limit and the grace period."""
    server = MemoryServer(message_rate=1, sessions_per_address=50)
    http = server.http(OFFICE)
    statuses = [http.post("/session", {}).status for _ in range(60)]
    assert statuses == [201] * 50 + [429] * 10
    server.chat.advance(GRACE_SECONDS)
    assert len(server.chat.service.people.held) == 0


def test_names_of_the_classic_door_count_as_sessions() -> None:
    """So a client cannot take thousands of names there."""
    server = MemoryServer(sessions_per_address=2)
    server.http_door = classic_site(server.chat.service, hosts=server.hosts)
    for name in ("ada", "bob"):
        server.http(OFFICE).send("GET", f"/?name={name}")
    response = server.http(OFFICE).get("/?name=eve")
    assert response.status == 429
    assert b"2 sessions" in response.body
    server.http(HOME).send("GET", "/?name=eve")
    server.chat.settle()
    assert server.here == ["ada", "bob", "eve"]
    server.chat.advance(GRACE_SECONDS * 2)


# -- names and rooms -------------------------------------------------------------------------------


def test_fast_name_changes_are_refused_over_http_and_wait_on_the_line_door() -> None:
    """Name changes have the same limits as messages."""
    server = MemoryServer(message_rate=5)
    ada = entered(server, "ada")
    answers = [ada.send_json("PATCH", "/session", {"name": f"a{n}"}) for n in range(11)]
    assert [answer.status for answer in answers] == [200] * 10 + [429]
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 3
    line = server.line(HOME)
    line.send(b"".join(b"/nick b%d\n" % n for n in range(11)))
    server.chat.settle()
    assert server.here == ["a9", "b9"]
    server.chat.advance(2.001)
    assert server.here == ["a9", "b10"]


def test_room_beyond_rooms_per_session_is_refused() -> None:
    """409, and on the line door an error that says what to do; the session's rooms stay."""
    server = MemoryServer(rooms_per_session=2)
    ada, line = entered(server, "ada"), server.line(HOME)
    assert ada.request("PUT", "/rooms/dev/membership").status == 200
    for method, target in (("PUT", "/rooms/ops/membership"), ("POST", "/rooms/ops/messages")):
        response = ada.send_json(method, target, {"text": "hi"})
        assert response.refusal == (409, "too-many-rooms")
    assert ada.get("/session").json["rooms"] == ["lobby", "dev"]
    line.send(b"/join dev\n")
    server.chat.settle()
    line.received()
    line.send(b"/join ops\nstill in dev\n")
    server.chat.settle()
    told = line.received().decode().splitlines()
    assert told[0] == "!! you are in 2 rooms, the most there may be; leave one first"
    assert server.chat.texts("dev") == ["still in dev"]


# -- readers ---------------------------------------------------------------------------------------


@pytest.fixture
def crowded() -> MemoryServer:
    """A server where a session may have three readers."""
    return MemoryServer(readers_per_session=3)


def reading(
    server: MemoryServer, ada: HttpClient, word: str, place: int, headers: Mapping[str, str] = {}
) -> HttpClient:
    """Another reader of a session, beginning at a cursor."""
    http = server.http(OFFICE)
    target = f"{EVENTS}?since={place}&reader={word}"
    http.send("GET", target, headers={**ada.headers, **headers})
    return http


@pytest.mark.parametrize("rounds", [0, 3], ids=["new", "learned"])
def test_poll_beyond_readers_per_session_ends_the_oldest_poll(
    crowded: MemoryServer, rounds: int
) -> None:
    """The oldest is answered without events, as always when a newer poll takes its place; the
    newest is held.
    """
    ada = entered(crowded, "ada")
    polls = [reading(crowded, ada, f"tab-{n}", 0) for n in range(5)]
    for _ in range(rounds):
        for number, poll in enumerate(polls):
            assert poll.response().texts == ["join"]
            poll.send("GET", f"{EVENTS}?since=0&reader=tab-{number}", headers=ada.headers)
    assert all(poll.response().texts == ["join"] for poll in polls)
    place = crowded.say("before")
    for number, poll in enumerate(polls):
        poll.send("GET", f"{EVENTS}?since={place}&reader=tab-{number}", headers=ada.headers)
    assert [poll.response().texts for poll in polls[:2]] == [[], []]
    crowded.say("hello")
    assert [poll.response().texts for poll in polls[2:]] == [["hello"]] * 3


@pytest.mark.parametrize("headers", [STREAM, SOCKET], ids=["sse", "websocket"])
def test_stream_beyond_readers_per_session_is_refused(
    crowded: MemoryServer, headers: dict[str, str]
) -> None:
    """Until one of them is closed; other sessions, and clients without one, are not affected."""
    ada, eve = entered(crowded, "ada"), entered(crowded, "eve")
    place = crowded.say("before")
    streams = [reading(crowded, ada, "", place, kind) for kind in (STREAM, SOCKET, STREAM)]
    response = reading(crowded, ada, "", place, headers).response()
    if headers is STREAM:
        # An EventSource gives up for good on any other status.
        assert response.status == 200
        assert re.fullmatch(rb": .*close one first\nretry: \d{5}\n", response.body)
    else:
        assert response.refusal == (429, "too-many")
        assert "close one" in response.json["error"]["message"]
    assert int(response.headers["retry-after"]) >= 1
    for other in (eve, crowded.http()):
        assert opened(reading(crowded, other, "", place, headers))
    streams[0].wire.hang_up()
    assert opened(reading(crowded, ada, "", place, headers))


def test_session_with_the_most_streams_can_still_poll(
    crowded: MemoryServer,
) -> None:
    """One poll at a time, so that a client whose streams are dead can fall back to polling."""
    ada = entered(crowded, "ada")
    place = crowded.say("before")
    for _ in range(3):
        reading(crowded, ada, "", place, STREAM)
    older, newer = reading(crowded, ada, "a", place), reading(crowded, ada, "b", place)
    assert older.response().texts == []
    crowded.say("hello")
    assert newer.response().texts == ["hello"]


def test_readers_without_a_session_are_limited_by_connections_only(crowded: MemoryServer) -> None:
    """A poll without a session needs nothing but its connection."""
    place = crowded.say("before")
    polls = [crowded.http(OFFICE) for _ in range(100)]
    for poll in polls:
        poll.send("GET", f"{EVENTS}?since={place}")
    crowded.say("hello")
    assert all(poll.response().texts == ["hello"] for poll in polls)


def opened(http: HttpClient) -> bool:
    """Whether a stream or a WebSocket has begun."""
    return http.wire.received().split(b"\r\n")[0].split()[1] in (b"200", b"101")


def masked(command: dict[str, str]) -> bytes:
    """A client's text frame, whose mask is 0 (RFC 6455, section 5.3)."""
    payload = json.dumps(command).encode()
    assert len(payload) < 126
    return bytes([0x81, 0x80 | len(payload), 0, 0, 0, 0]) + payload


# -- what is stored of an account ------------------------------------------------------------------


def signed_in(server: MemoryServer, name: str = "ada") -> HttpClient:
    """A connection in a session of a new account, which may push."""
    http = server.http("127.0.0.1")
    made = http.post("/accounts", {"name": name, "password": PASSWORD})
    http.headers["Authorization"] = f"Bearer {made.json['token']}"
    return http


CHANGES = {
    "ignore": ("PUT", "/account/ignores/eve", None),
    "hear again": ("DELETE", "/account/ignores/eve", None),
    "token": ("POST", "/account/tokens", {"label": "bot"}),
    "push": ("PUT", "/push", Browser().form),
    "no push": ("DELETE", "/push", None),
}
REVOCATIONS = {
    "no token": ("DELETE", "/account/tokens/nothing", None),
    "no session": ("DELETE", "/account/sessions/nothing", None),
}
NOTES = {
    "marker": ("PUT", "/rooms/lobby/marker", {"id": 1}),
    "conversation": ("PUT", "/people/bob/marker", {"id": 1}),
    "view": ("PUT", "/push/view", {"here": True, "page": "1"}),
}


def asked(http: HttpClient, method: str, path: str, body: object) -> Response:
    return http.request(method, path) if body is None else http.send_json(method, path, body)


@pytest.mark.parametrize("what", CHANGES)
def test_change_of_what_is_kept_of_an_account_counts_as_a_message(what: str) -> None:
    """So no account can fill the store, though other people do not see such changes."""
    server = MemoryServer(message_rate=5)
    pushing(server.chat)
    http = signed_in(server)
    answers = [asked(http, *CHANGES[what]) for _ in range(21)]
    assert 429 not in [answer.status for answer in answers[:20]]
    assert (answers[20].refusal, answers[20].headers["retry-after"]) == ((429, "rate-limited"), "1")
    assert say(http).refusal == (429, "rate-limited")
    server.chat.advance(1)
    assert asked(http, *CHANGES[what]).status != 429


@pytest.mark.parametrize("what", REVOCATIONS)
def test_whoever_uses_up_the_rate_of_an_account_cannot_keep_what_it_uses(what: str) -> None:
    """Somebody who has stolen a session may speak all the time; the owner ends it all the same.  It
    counts, so it does not serve to be faster.
    """
    server = MemoryServer(message_rate=5)
    http = signed_in(server)
    assert 429 in [say(http).status for _ in range(21)]
    assert [asked(http, *REVOCATIONS[what]).status for _ in range(10)] == [404] * 10
    server.chat.advance(1)
    assert say(http).refusal == (429, "rate-limited")


@pytest.mark.parametrize("what", NOTES)
def test_note_of_a_page_has_a_limit_of_its_own(what: str) -> None:
    """So reading leaves what a person may say."""
    server = MemoryServer(message_rate=5)
    pushing(server.chat)
    registered(server.chat, "bob")
    http = signed_in(server)
    assert http.send_json("PUT", "/push", Browser().form).status == 204
    answers = [asked(http, *NOTES[what]) for _ in range(NOTES_AT_ONCE + 1)]
    assert {answer.status for answer in answers[:-1]} == {204}
    assert (answers[-1].refusal, answers[-1].headers["retry-after"]) == ((429, "rate-limited"), "1")
    assert say(http).status == 201
    server.chat.advance(1)
    assert asked(http, *NOTES[what]).status == 204


def test_fast_changes_of_an_ignore_list_wait_on_the_line_door() -> None:
    """None is lost."""
    server = MemoryServer(message_rate=1)
    zoe = Terminal(server, "/nick zoe", host=HOME)
    server.chat.advance(10)
    told = zoe.type(*(f"/ignore spam-{number}" for number in range(8)))
    assert told.count("!! too fast; the rest of your lines will follow one by one") == 1
    person = server.chat.service.people.person("zoe")
    assert isinstance(person, Person)
    assert len(person.ignored) == 4
    for _ in range(8):
        server.chat.advance(1)
    assert len(person.ignored) == 8
