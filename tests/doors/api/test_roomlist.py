"""`GET /rooms` in cached pages, and `GET /rooms/{room}` with thousands of people."""

from __future__ import annotations

import json
from unittest.mock import patch

import pytest

from chatd.doors.api.roomlist import (
    CACHED_PAGES,
    CACHED_SECONDS,
    MOST_ROOMS,
    ROOMS,
    RoomList,
)
from chatd.model.commands import Join, Leave, SetTopic
from chatd.testing import result_of

from ...kit.http import HttpClient, Response
from ...kit.server import MemoryServer

MOST = 256 * 1024


@pytest.fixture
def many(server: MemoryServer) -> MemoryServer:
    """A server with 250 rooms, each with a message."""
    for number in range(250):
        server.say("hi", room=f"r{number:03}")
    return server


def names(answer: Response) -> list[str]:
    return [room["room"] for room in answer.json["rooms"]]


def test_rooms_come_in_pages_of_a_hundred(many: MemoryServer, http: HttpClient) -> None:
    """In alphabetical order, each once; the last page has no `next`."""
    read, after = list[str](), ""
    for length in (ROOMS, ROOMS, 50):
        answer = http.get(f"/rooms?after={after}")
        assert len(names(answer)) == length
        read += names(answer)
        after = answer.json.get("next", "")
    assert after == ""
    assert read == [f"r{number:03}" for number in range(250)]


@pytest.mark.parametrize(
    ("query", "first", "last"),
    [
        ("limit=3", "r000", "r002"),
        ("limit=2&after=r100", "r101", "r102"),
        ("limit=2&after=%23R100", "r101", "r102"),
        ("limit=1&after=r100x", "r101", "r101"),
        ("limit=100000", "r000", "r249"),
        ("after=r240", "r241", "r249"),
    ],
)
def test_page_begins_after_a_name(
    many: MemoryServer, http: HttpClient, query: str, first: str, last: str
) -> None:
    """In any spelling; the room need not exist. `limit` is the length of the page."""
    found = names(http.get(f"/rooms?{query}"))
    assert (found[0], found[-1]) == (first, last)
    assert len(found) <= MOST_ROOMS


def test_page_after_the_last_room_is_empty(many: MemoryServer, http: HttpClient) -> None:
    """It is no error."""
    assert http.get("/rooms?after=z").json == {"rooms": []}


@pytest.mark.parametrize(
    ("query", "code"),
    [("limit=0", "malformed"), ("limit=x", "malformed"), ("after=%20", "bad-room")],
)
def test_invalid_page_is_refused(http: HttpClient, query: str, code: str) -> None:
    """The error says what to do."""
    assert http.get(f"/rooms?{query}").refusal == (400, code)


def test_page_of_rooms_holds_at_most_256_kib(server: MemoryServer, http: HttpClient) -> None:
    """Even if names and topics are as long as they may be."""
    topic = '"' * 400
    for number in range(400):
        room = f"{number:03}{'界' * 61}"
        visitor = server.chat.service.visitor("bob")
        server.chat.service.perform(visitor, SetTopic(room, topic))
    server.chat.settle()
    read, after = list[str](), ""
    while len(read) < 400:
        answer = http.get(f"/rooms?limit=500&after={after}")
        assert len(answer.body) <= MOST
        read += names(answer)
        after = answer.json.get("next", "").encode().hex("%")
        after = f"%{after}" if after else ""
    assert len(set(read)) == 400


def test_unchanged_page_is_cached_and_answered_304(many: MemoryServer, http: HttpClient) -> None:
    """Its `ETag` is answered `304`; the page is made again only after a change, or when the cache
    expires.
    """
    rooms = type(many.chat.service.rooms)
    with patch.object(rooms, "listings", autospec=True, side_effect=rooms.listings) as made:
        answer = http.get("/rooms")
        tag = answer.headers["etag"]
        assert answer.headers["cache-control"] == "no-cache"
        for _ in range(5):
            again = http.get("/rooms", If_None_Match=tag)
            assert (again.status, again.body, again.headers["etag"]) == (304, b"", tag)
            assert many.http().get("/rooms").body == answer.body
        assert made.call_count == 1
        many.chat.advance(CACHED_SECONDS)
        assert many.http().get("/rooms", If_None_Match=tag).status == 304
        assert made.call_count == 2


@pytest.mark.parametrize("change", ["message", "topic", "guest", "gone"])
def test_page_shows_every_change_at_once(many: MemoryServer, http: HttpClient, change: str) -> None:
    """Events, and joins and leaves of guests, which are no events."""
    chat = many.chat
    guest = chat.enter()
    chat.perform(guest, Join("r007"))
    tag = http.get("/rooms").headers["etag"]
    if change == "message":
        many.say("more", room="r008")
    elif change == "topic":
        chat.perform(chat.service.visitor("bob"), SetTopic("r008", "tea"))
    elif change == "guest":
        chat.perform(guest, Join("r008"))
    else:
        chat.perform(guest, Leave("r007"))
    answer = http.get("/rooms", If_None_Match=tag)
    assert answer.status == 200
    assert answer.headers["etag"] != tag


def test_room_of_a_guest_is_listed_while_it_exists(server: MemoryServer, http: HttpClient) -> None:
    """A cached page does not hide it, or show it longer."""
    chat = server.chat
    assert http.get("/rooms").json["rooms"] == []
    guest = chat.enter()
    for _ in range(2):
        chat.perform(guest, Join("dev"))
        assert names(http.get("/rooms")) == ["dev", "lobby"]
        chat.perform(guest, Leave("dev"))
        assert names(http.get("/rooms")) == ["lobby"]
    chat.service.end(guest)
    ada = chat.enter("ada")
    chat.perform(ada, Join("dev"))
    chat.perform(ada, Leave("dev"))
    assert names(http.get("/rooms")) == ["dev", "lobby"]


def test_number_of_cached_pages_is_bounded(many: MemoryServer) -> None:
    """A client that asks for many different pages does not fill the memory."""
    rooms = RoomList(many.chat.service)
    for limit in range(1, 60):
        rooms._page("", limit, ())
    assert len(rooms._pages) == CACHED_PAGES


def test_head_of_a_page_has_its_etag(many: MemoryServer, http: HttpClient) -> None:
    """It is the same one as for a GET."""
    head = http.request("HEAD", "/rooms")
    assert (head.status, head.body) == (200, b"")
    assert head.headers["etag"] == http.get("/rooms").headers["etag"]


def test_line_door_lists_a_hundred_rooms_and_says_that_there_are_more(
    many: MemoryServer,
) -> None:
    """No client is sent thousands of lines."""
    wire = many.line()
    wire.received()
    wire.send(b"/rooms\r\n")
    many.chat.settle()
    *listed, more = wire.received().decode().splitlines()
    assert len(listed) == 100
    assert more == "== more than 100 rooms; GET /rooms over HTTP lists the others"


def test_people_of_a_room_come_in_pages(server: MemoryServer, http: HttpClient) -> None:
    """Each person once, with names as long as names may be."""
    crowd = 2400
    entering = [server.chat.service.enter(f"{number:04}{'𠀀' * 28}") for number in range(crowd)]
    server.chat.settle()
    everybody = {result_of(entered).name for entered in entering}
    read, query, pages = list[str](), "", 0
    while pages == 0 or query:
        answer = http.get(f"/rooms/lobby{query}")
        assert len(answer.body) <= MOST
        read += answer.json["here"]
        after = json.loads(answer.body).get("next")
        query = f"?after=%{after.encode().hex('%')}" if after else ""
        pages += 1
    assert pages == 2
    assert len(read) == crowd
    assert set(read) == everybody
    assert "people" not in http.get("/rooms/dev").json
    assert http.get("/rooms/lobby").json["people"] == crowd
