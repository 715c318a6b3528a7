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


@pytest.mark.parametrize("body", [": hello\n\nretry: 700\n\n", ": hello\nretry: 700\n"])
def test_retry_of_a_stream(page: Page, body: str):
    """A stream that ends with `retry:` is opened again after that time, and is still SSE; that it
    is ready is no gap.
    """
    asked: list[str] = []

    def end_first(route: Route) -> None:
        if route.request.headers["accept"] != "text/event-stream":
            route.continue_()
            return
        asked.append(route.request.url)
        if len(asked) == 1:
            route.fulfill(content_type="text/event-stream", body=body)
        else:
            route.continue_()

    page.route("**/events?*", end_first)
    reader = Reader(page, "stream", "sse")
    reader.tell("void chat.on('gap', () => heard.push('a gap'))")
    reader.until("states.some(now => now.state === 'reconnecting')")
    reader.is_over("sse")
    reader.says("again")
    [away] = reader.away
    assert 0.7 < away["retryIn"] < 3
    assert len(asked) == 2
    assert not reader.tell("heard.includes('a gap')")
