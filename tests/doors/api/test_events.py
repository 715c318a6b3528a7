"""`/rooms/{room}/events` and `/events`: what a request may say, and the styles of the answer."""

from __future__ import annotations

import gc
from itertools import chain

import pytest

from chatd.http.media import preferred

from ...kit.http import HttpClient
from ...kit.server import MemoryServer

EVENTS = "/rooms/lobby/events"
PLAIN = {"Accept": "text/plain"}


# -- what a request may say ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value", ["x", "", "nan", "inf", "-inf", "1e3", "1,5", "0x10", "--1", "%00"]
)
def test_wait_that_is_not_a_number_is_refused(http: HttpClient, value: str) -> None:
    """The poll is never held."""
    response = http.get(f"{EVENTS}?wait={value}")
    assert response.refusal == (400, "malformed")
    assert "wait" in response.json["error"]["message"]


@pytest.mark.parametrize("name", ["since", "before", "limit", "wait", "reader"])
def test_repeated_parameter_is_refused(ada: HttpClient, name: str) -> None:
    """The server cannot know which one is meant."""
    response = ada.get(f"{EVENTS}?{name}=1&{name}=2")
    assert response.refusal == (400, "malformed")
    assert name in response.json["error"]["message"]


def test_before_and_since_together_are_refused(http: HttpClient) -> None:
    """Neither is ignored; but a browser adds `Last-Event-ID` by itself, so that is."""
    response = http.get(f"{EVENTS}?before=1&since=1")
    assert response.refusal == (400, "malformed")
    assert "not both" in response.json["error"]["message"]
    assert http.get(f"{EVENTS}?before=1", Last_Event_ID="1").status == 200


@pytest.mark.parametrize("target", ["/rooms", "/rooms/lobby"])
def test_error_of_an_overlong_after_names_the_parameter(http: HttpClient, target: str) -> None:
    """It is a room in one list, and a person in another."""
    response = http.get(f"{target}?after={'x' * 300}")
    assert response.refusal == (400, "malformed")
    assert response.json["error"]["message"].startswith("after has at most")


@pytest.mark.parametrize(
    ("room", "status"),
    [
        ("%23dev", 200),
        ("DEV", 200),
        ("caf%C3%A9", 200),
        ("x" * 64, 200),
        ("x" * 65, 400),
        ("a%20b", 400),
        ("a%2Fb", 400),
        ("%FF", 400),
        ("%00", 400),
        ("..", 400),
        ("%E2%80%8B", 400),
        ("%3Cscript%3E", 400),
        ("%ED%A0%80", 400),
    ],
)
def test_invalid_room_name_is_refused(http: HttpClient, room: str, status: int) -> None:
    """Both in the path and in the parameter `rooms`."""
    for target in (f"/rooms/{room}/events?wait=0", f"/events?rooms=lobby,{room}&wait=0"):
        response = http.get(target)
        assert response.status == status
        if status == 400:
            assert response.error in ("bad-room", "malformed")


def test_requests_about_an_empty_room_do_not_create_it(
    server: MemoryServer, http: HttpClient
) -> None:
    """Held or not, a reader of a room without events leaves nothing behind."""
    for number in range(20):
        for query in ("wait=0", "since=1", "wait=x", "before=5"):
            http.get(f"/rooms/quiet-{number}/events?{query}")
        http.get(f"/rooms/quiet-{number}")
        http.post(f"/rooms/quiet-{number}/messages?name=bob", {"text": " "})
        http.send("GET", f"/rooms/quiet-{number}/events?wait=1")
        server.chat.advance(2)
        http.responses()
    line = server.line()
    line.send(b"/who quiet-who\r\n/join quiet-join\r\n/leave\r\n")
    server.chat.settle()
    line.hang_up()
    http.get("/rooms/lobby/events?since=1")
    gc.collect()
    kept = [room.name for room in server.chat.service.rooms]
    assert [name for name in kept if name.startswith("quiet")] == []


# -- paging back -----------------------------------------------------------------------------------


def test_pages_of_history_reach_the_first_event(server: MemoryServer, http: HttpClient) -> None:
    """Each page is in ascending order, each event comes once, and a page beyond the first event is
    empty.
    """
    texts = [f"{number}" for number in range(10)]
    before = server.say(*texts) + 1
    pages: list[list[str]] = []
    while (page := http.get(f"{EVENTS}?before={before}&limit=4")).texts:
        ids = [event["id"] for event in page.json["events"]]
        assert ids == sorted(ids)
        assert page.json["next"] == ids[-1]
        before = ids[0]
        pages.insert(0, page.texts)
    assert [len(page) for page in pages] == [2, 4, 4]
    assert list(chain(*pages)) == texts
    assert page.json == {"room": "lobby", "events": [], "next": before - 1, "gap": False}


@pytest.mark.parametrize("before", ["0", "1", "999999999999999999"])
def test_page_before_any_id_is_answered(
    server: MemoryServer, http: HttpClient, before: str
) -> None:
    """An id before the first event gives an empty page, one from the future the newest events."""
    server.say("hello")
    assert http.get(f"{EVENTS}?before={before}").texts == ([] if len(before) == 1 else ["hello"])


def test_page_of_several_rooms_is_refused(http: HttpClient) -> None:
    """Their histories are separate."""
    assert http.get("/events?rooms=lobby,dev&before=5").refusal == (400, "malformed")


def test_page_of_history_in_text_is_lines(server: MemoryServer, http: HttpClient) -> None:
    """`Accept` chooses the format of pages too."""
    before = server.say("one", "two")
    assert http.get(f"{EVENTS}?before={before}", **PLAIN).body == b"<bob> one\n"


# -- styles ----------------------------------------------------------------------------------------


def test_text_is_what_the_line_door_shows(server: MemoryServer, http: HttpClient) -> None:
    """Each line ends in LF; the poll is held like any other."""
    server.say("zero")  # of the messages with which a room begins, the first is shown alone
    http.send("GET", f"{EVENTS}?since=now", headers=PLAIN)
    server.chat.settle()
    assert http.responses() == []
    server.say("one\ntwo", "three")
    response = http.response()
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    assert response.body.decode() == "<bob> one\n<bob> two\n<bob> three\n"


def test_text_answer_links_to_the_next_poll(server: MemoryServer, http: HttpClient) -> None:
    """In a `Link` header (RFC 8288), also if there were no events."""
    wanted = server.say("one")
    seen: list[bytes] = []
    target = EVENTS
    for text in ("two", "three", "four"):
        response = http.get(f"{target}{'&' if '?' in target else '?'}wait=0", **PLAIN)
        seen.append(response.body)
        target = response.headers["link"].split(">")[0].removeprefix("<")
        assert target == f"{EVENTS}?since={wanted}"
        assert response.headers["link"] == f'<{target}>; rel="next"'
        wanted = server.say(text)
    assert seen == [b"<bob> one\n", b"<bob> two\n", b"<bob> three\n"]


def test_text_answer_without_events_is_empty(server: MemoryServer, http: HttpClient) -> None:
    """Its header still links to the next poll."""
    place = server.say("one")
    response = http.get(f"{EVENTS}?since={place}&wait=0", **PLAIN)
    assert (response.status, response.body) == (200, b"")
    assert f"since={place}" in response.headers["link"]


def test_text_answer_begins_with_the_gap(server: MemoryServer, http: HttpClient) -> None:
    """It is the same line as on the line door."""
    server.say("hello")
    lines = http.get(f"{EVENTS}?since=1", **PLAIN).body.decode().split("\n")
    assert lines[0].startswith(">> events were missed here")
    assert lines[1:] == ["<bob> hello", ""]


def test_text_answer_of_several_rooms_has_the_room_before_each_line(
    server: MemoryServer, http: HttpClient
) -> None:
    """The link names the rooms too."""
    place = http.get("/events?rooms=lobby,dev&wait=0").json["next"]
    server.say("one")
    last = server.say("two", room="dev")
    response = http.get(f"/events?rooms=lobby,dev&since={place}", **PLAIN)
    assert response.body == b"#lobby <bob> one\n#dev <bob> two\n"
    assert f"</events?rooms=lobby,dev&since={last}>" in response.headers["link"]


STYLES = ("application/json", "text/event-stream", "text/plain", "application/x-ndjson")


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        ("", "application/json"),
        ("*/*", "application/json"),
        ("application/json", "application/json"),
        ("text/plain", "text/plain"),
        ("TEXT/Plain", "text/plain"),
        ("text/plain; charset=utf-8", "text/plain"),
        ("text/plain;q=0.5, application/json", "application/json"),
        ("text/plain, application/json;q=0.9", "text/plain"),
        ("text/plain ; q=1.0 , application/json ; q=0.999", "text/plain"),
        ("text/plain;q=0", "application/json"),
        ("text/plain;q=x", "application/json"),
        ("text/event-stream", "text/event-stream"),
        ("application/x-ndjson", "application/x-ndjson"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "application/json"),
        ("image/png", "application/json"),
        (",;,q=;", "application/json"),
    ],
)
def test_accept_chooses_the_format(accept: str, media: str) -> None:
    """JSON unless another format is preferred."""
    assert preferred(accept, STYLES) == media


@pytest.mark.parametrize(
    "style", ["*/*", "text/plain", "text/event-stream", "application/x-ndjson"]
)
def test_head_of_events_is_never_held(server: MemoryServer, http: HttpClient, style: str) -> None:
    """It has no body that could show an event."""
    for _ in range(2):
        response = http.request("HEAD", f"{EVENTS}?wait=60", headers={"Accept": style})
        assert (response.status, response.body) == (200, b"")
        get = http.get(f"{EVENTS}?wait=0") if style == "*/*" else None
        if get:
            assert get.headers["content-type"] == response.headers["content-type"]
