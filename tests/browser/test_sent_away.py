"""A server that sends readers away says whether and when to come back; `chat.js` does so.

What the server says is played by the browser's own routes, so that each word is said when a test
wants it.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, JSHandle, Page, Route, WebSocketRoute

from .server import Server

CHAT = """async ({ room, transport }) => {
  const { Chat } = await import("/chat.js");
  const chat = new Chat({ name: `ada-${room}`, room, transport });
  const one = { chat, states: [], heard: [], refusals: [] };
  (window.all ??= {})[room] = one;
  chat.on("message", event => one.heard.push(event.text));
  chat.on("error", error => one.refusals.push(error.message));
  chat.on("state", now => one.states.push({ ...now, at: performance.now() }));
}"""


class Reader:
    """A `Chat` in a room of its own."""

    def __init__(self, page: Page, room: str, transport: str = "") -> None:
        self.room = room
        self._page = page
        page.evaluate(CHAT, {"room": room, "transport": transport})

    def tell(self, what: str) -> Any:
        """Something of it, in JavaScript."""
        return self._page.evaluate(f"({{ chat, states, heard, refusals }}) => {what}", self._one)

    def until(self, what: str) -> None:
        """Wait until that is so."""
        condition = f"({{ chat, states, heard, refusals }}) => {what}"
        self._page.wait_for_function(condition, arg=self._one)

    def is_over(self, transport: str) -> None:
        """Wait until it is connected over that transport."""
        self.until(
            f"states.at(-1)?.state === 'online' && states.at(-1).transport === '{transport}'"
        )

    def says(self, text: str) -> None:
        """Say something, and hear it."""
        self.tell(f"void chat.send('{text}')")
        self.until(f"heard.includes('{text}')")

    @property
    def away(self) -> list[dict[str, Any]]:
        """The pauses that were told."""
        told: list[dict[str, Any]] = self.tell("states.filter(now => now.retryIn !== undefined)")
        return told

    @property
    def _one(self) -> JSHandle:
        return self._page.evaluate_handle("room => all[room]", self.room)


@pytest.fixture
def page(browser: Browser, house: Server) -> Iterator[Page]:
    """A page of the server's, without the chat page on it."""
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(f"{house.url}healthz")
        yield page
        page.evaluate("Promise.all(Object.values(all).map(({ chat }) => chat.close()))")


class Sockets:
    """The WebSockets of a page, which can be closed for the server."""

    def __init__(self, page: Page) -> None:
        self.of: dict[str, list[WebSocketRoute]] = defaultdict(list)
        page.route_web_socket("**/events?*", self._opened)

    def _opened(self, socket: WebSocketRoute) -> None:
        socket.connect_to_server()
        [room] = parse_qs(urlsplit(socket.url).query)["rooms"]
        self.of[room].append(socket)


def test_comes_back_to_the_same_transport(page: Page):
    """After the end of a session, a restart or an overload the WebSocket is opened again, soon, but
    not by all readers at once; no other transport is tried."""
    sockets = Sockets(page)
    readers = {code: Reader(page, f"away-{code}") for code in (1000, 1001, 1012, 1013)}
    for code, reader in readers.items():
        reader.is_over("websocket")
        sockets.of[reader.room][0].close(code=code, reason="the server is going down")
    for reader in readers.values():
        reader.until("states.some(now => now.state === 'reconnecting')")
        reader.is_over("websocket")
        reader.says("back")
        [away] = reader.away
        assert 0.2 < away["retryIn"] < 2.5
        assert reader.tell("states.every(now => now.transport === 'websocket')")
        assert reader.tell("[heard, refusals]") == [["back"], []]
        assert len(sockets.of[reader.room]) == 2
    assert len({reader.away[0]["retryIn"] for reader in readers.values()}) == 4


def test_again_and_again(page: Page):
    """A server that always sends one away at once is asked less and less often."""
    sockets = Sockets(page)
    reader = Reader(page, "again")
    for n in range(1, 4):
        reader.is_over("websocket")
        sockets.of["again"][-1].close(code=1013)
        reader.until(f"states.filter(now => now.retryIn).length === {n}")
    first, _, third = [one["retryIn"] for one in reader.away]
    assert first < 2 < third


def test_does_not_come_back(page: Page):
    """Who is told that what it does is wrong says so, and goes on in another way."""
    sockets = Sockets(page)
    readers = {code: Reader(page, f"wrong-{code}") for code in (1003, 1008, 1009)}
    for code, reader in readers.items():
        reader.is_over("websocket")
        sockets.of[reader.room][0].close(code=code, reason="none of that here")
    for reader in readers.values():
        reader.is_over("sse")
        reader.says("over here")
        assert reader.tell("refusals") == ["none of that here"]
        assert len(sockets.of[reader.room]) == 1


@pytest.mark.parametrize("transport", ["sse", "poll"])
def test_retry_after(page: Page, transport: str):
    """503 with `Retry-After` is told as a pause, and nothing is asked sooner; what is said
    meanwhile is said once, then."""
    # Once the request that is held is under way, no other one is until it is over.
    with page.expect_request(re.compile(r"/events\?(?!.*\bwait=0\b)")):
        reader = Reader(page, f"full-{transport}", transport)
        reader.is_over(transport)
    refused: list[str] = []

    def refuse(route: Route) -> None:
        refused.append(route.request.url)
        error = {"error": {"code": "unavailable", "message": "the server is going down"}}
        route.fulfill(status=503, headers={"Retry-After": "1"}, json=error)

    page.route("**/events?*", refuse)
    page.evaluate("dispatchEvent(new Event('online'))")
    reader.until("states.at(-1).state === 'reconnecting'")
    page.unroute("**/events?*")
    reader.says("when you can")
    reader.is_over(transport)
    [away] = reader.away
    assert 1 <= away["retryIn"] < 3
    assert reader.tell("states.at(-1).at") - away["at"] >= 990
    assert len(refused) == 1
    assert reader.tell("heard") == ["when you can"]


def test_writing_waits(page: Page):
    """A message that is answered 503 is sent again when the server said, with its key, in order."""
    reader = Reader(page, "post")
    reader.is_over("websocket")
    keys: list[str] = []

    def refuse_once(route: Route) -> None:
        keys.append(route.request.headers["idempotency-key"])
        if len(keys) == 1:
            route.fulfill(status=503, headers={"Retry-After": "1"}, json={})
        else:
            route.continue_()

    page.route("**/messages", refuse_once)
    reader.tell("void (chat.began = performance.now(), chat.send('one'), chat.send('two'))")
    reader.until("heard.length === 2")
    assert reader.tell("performance.now() - chat.began") >= 990
    assert reader.tell("heard") == ["one", "two"]
    assert keys[0] == keys[1] != keys[2]


def test_retry_of_a_stream(page: Page):
    """A stream that ends with `retry:` is opened again after that time, and is still SSE."""
    asked: list[str] = []

    def end_first(route: Route) -> None:
        if route.request.headers["accept"] != "text/event-stream":
            route.continue_()
            return
        asked.append(route.request.url)
        if len(asked) == 1:
            route.fulfill(content_type="text/event-stream", body=": hello\n\nretry: 700\n\n")
        else:
            route.continue_()

    page.route("**/events?*", end_first)
    reader = Reader(page, "stream", "sse")
    reader.until("states.some(now => now.state === 'reconnecting')")
    reader.is_over("sse")
    reader.says("again")
    [away] = reader.away
    assert 0.7 < away["retryIn"] < 3
    assert len(asked) == 2


READY = """id: {id}
event: ready
data: {{"next":{id}}}

"""


def test_ready_is_no_gap_and_moves_the_cursor(page: Page):
    """On SSE and on a WebSocket a server may say that all was sent up to some id."""
    asked: list[str] = []
    later = 4102444800000000  # an id of the year 2100

    def answer(route: Route) -> None:
        if route.request.headers["accept"] != "text/event-stream":
            # The real server never gave that id, and would tell a gap.
            batch = {"events": [], "next": later, "gap": False}
            route.fulfill(json=batch) if str(later) in route.request.url else route.continue_()
            return
        asked.append(parse_qs(urlsplit(route.request.url).query)["since"][0])
        body = READY.format(id=later) + ":\n\nretry: 100\n\n"
        route.fulfill(content_type="text/event-stream; charset=utf-8", body=body)

    page.route("**/events?*", answer)
    told: list[str] = []

    def take(socket: WebSocketRoute) -> None:
        told.append(parse_qs(urlsplit(socket.url).query)["since"][0])
        socket.send(f'{{"type":"ready","next":{later}}}')
        socket.close(code=1012)

    page.route_web_socket("**/events?*", take)
    for transport, cursors in (("sse", asked), ("websocket", told)):
        reader = Reader(page, f"ready-{transport}", transport)
        reader.tell("chat.on('gap', () => refusals.push('gap'))")
        reader.until("states.some(now => now.state === 'reconnecting')")
        with page.expect_request(re.compile(f"since={later}")):
            pass
        assert reader.tell("refusals") == []
        assert int(cursors[0]) < later


@pytest.mark.parametrize("paged", ["by length", "with next", ""])
def test_list_of_rooms_is_read_page_by_page(page: Page, paged: str):
    """Whether the server has pages, or answers with all rooms however it is asked."""
    names = [f"room-{n:03}" for n in range(250)]

    def answer(route: Route) -> None:
        query = parse_qs(urlsplit(route.request.url).query)
        after = query.get("after", [""])[0]
        rooms = [name for name in names if name > after][:100] if paged else names
        found: dict[str, Any] = {"rooms": [{"room": name} for name in rooms]}
        if paged == "with next":
            found["next"] = rooms[-1] if rooms[-1] != names[-1] else None
        route.fulfill(json=found)

    page.route(re.compile(r"/rooms(\?.*)?$"), answer)
    reader = Reader(page, f"list-{len(paged)}")
    assert [one["room"] for one in reader.tell("chat.list()")] == names
    assert len(reader.tell("chat.list(150)")) == (200 if paged else 250)
