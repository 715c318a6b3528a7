"""A server that closes connections says whether and when to reconnect, and `chat.js` obeys. The
browser's own routes play the server, so that each case happens when a test wants it.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, JSHandle, Page, Route, WebSocketRoute

from .server import Server
from .waiting import until

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
    """A `Chat` of `chat.js` in a room of its own."""

    def __init__(self, page: Page, room: str, transport: str = "") -> None:
        self.room = room
        self._page = page
        page.evaluate(CHAT, {"room": room, "transport": transport})

    def evaluate(self, what: str) -> Any:
        """The value of a JavaScript expression about the chat."""
        return self._page.evaluate(f"({{ chat, states, heard, refusals }}) => {what}", self._one)

    def until(self, what: str) -> None:
        """Wait until a JavaScript condition holds."""
        condition = f"({{ chat, states, heard, refusals }}) => {what}"
        until(self._page, condition, self._one)

    def is_connected_over(self, transport: str) -> None:
        """Wait until the chat is connected over that transport."""
        self.until(
            f"states.at(-1)?.state === 'online' && states.at(-1).transport === '{transport}'"
        )

    def says(self, text: str) -> None:
        """Send a message, and wait for its echo."""
        self.evaluate(f"void chat.send('{text}')")
        self.until(f"heard.includes('{text}')")

    @property
    def pauses(self) -> list[dict[str, Any]]:
        """The reported pauses before reconnects."""
        told: list[dict[str, Any]] = self.evaluate(
            "states.filter(now => now.retryIn !== undefined)"
        )
        return told

    @property
    def _one(self) -> JSHandle:
        return self._page.evaluate_handle("room => all[room]", self.room)


@pytest.fixture
def page(browser: Browser, shared_server: Server) -> Iterator[Page]:
    """A page from the server, without the chat page on it."""
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(f"{shared_server.url}healthz")
        yield page
        page.evaluate("Promise.all(Object.values(all).map(({ chat }) => chat.close()))")


class Sockets:
    """The WebSockets of a page, which a test can close in the server's place."""

    def __init__(self, page: Page) -> None:
        self.of: dict[str, list[WebSocketRoute]] = defaultdict(list)
        page.route_web_socket("**/events?*", self._opened)

    def _opened(self, socket: WebSocketRoute) -> None:
        socket.connect_to_server()
        [room] = parse_qs(urlsplit(socket.url).query)["rooms"]
        self.of[room].append(socket)


def test_reconnects_over_websocket_after_restart_and_overload_codes(page: Page):
    """Codes 1000, 1001, 1012 and 1013: soon, with jitter, and without trying another transport."""
    sockets = Sockets(page)
    readers = {code: Reader(page, f"away-{code}") for code in (1000, 1001, 1012, 1013)}
    for code, reader in readers.items():
        reader.is_connected_over("websocket")
        sockets.of[reader.room][0].close(code=code, reason="the server is going down")
    for reader in readers.values():
        reader.until("states.some(now => now.state === 'reconnecting')")
        reader.is_connected_over("websocket")
        reader.says("back")
        [pause] = reader.pauses
        assert 0.2 < pause["retryIn"] < 2.5
        assert reader.evaluate("states.every(now => now.transport === 'websocket')")
        assert reader.evaluate("[heard, refusals]") == [["back"], []]
        assert len(sockets.of[reader.room]) == 2
    assert len({reader.pauses[0]["retryIn"] for reader in readers.values()}) == 4


def test_repeated_closes_back_off(page: Page):
    """A server that closes every connection at once is asked less and less often."""
    sockets = Sockets(page)
    reader = Reader(page, "again")
    for n in range(1, 4):
        reader.is_connected_over("websocket")
        sockets.of["again"][-1].close(code=1013)
        reader.until(f"states.filter(now => now.retryIn).length === {n}")
    first, _, third = [one["retryIn"] for one in reader.pauses]
    assert first < 2 < third


def test_falls_back_to_sse_after_codes_for_client_errors(page: Page):
    """Codes 1003, 1008 and 1009: the reason is shown, and the WebSocket is not opened again."""
    sockets = Sockets(page)
    readers = {code: Reader(page, f"wrong-{code}") for code in (1003, 1008, 1009)}
    for code, reader in readers.items():
        reader.is_connected_over("websocket")
        sockets.of[reader.room][0].close(code=code, reason="none of that here")
    for reader in readers.values():
        reader.is_connected_over("sse")
        reader.says("over here")
        assert reader.evaluate("refusals") == ["none of that here"]
        assert len(sockets.of[reader.room]) == 1


@pytest.mark.parametrize("transport", ["sse", "poll"])
def test_retry_after_of_a_503_is_obeyed(page: Page, transport: str):
    """No request is made sooner, and a message sent meanwhile is sent once, then."""
    # While the held request is pending, the chat makes no other one.
    with page.expect_request(re.compile(r"/events\?(?!.*\bwait=0\b)")):
        reader = Reader(page, f"full-{transport}", transport)
        reader.is_connected_over(transport)
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
    reader.is_connected_over(transport)
    [pause] = reader.pauses
    assert 1 <= pause["retryIn"] < 3
    assert reader.evaluate("states.at(-1).at") - pause["at"] >= 990
    assert len(refused) == 1
    assert reader.evaluate("heard") == ["when you can"]


def test_message_answered_503_is_retried_with_its_key(page: Page):
    """At the time that Retry-After says, and in order."""
    reader = Reader(page, "post")
    reader.is_connected_over("websocket")
    keys: list[str] = []

    def refuse_once(route: Route) -> None:
        keys.append(route.request.headers["idempotency-key"])
        if len(keys) == 1:
            route.fulfill(status=503, headers={"Retry-After": "1"}, json={})
        else:
            route.continue_()

    page.route("**/messages", refuse_once)
    reader.evaluate("void (chat.began = performance.now(), chat.send('one'), chat.send('two'))")
    reader.until("heard.length === 2")
    assert reader.evaluate("performance.now() - chat.began") >= 990
    assert reader.evaluate("heard") == ["one", "two"]
    assert keys[0] == keys[1] != keys[2]


@pytest.mark.parametrize("body", [": hello\n\nretry: 700\n\n", ": hello\nretry: 700\n"])
def test_retry_of_an_event_stream_is_obeyed(page: Page, body: str):
    """The stream is opened again after that time, and `ready` is no gap."""
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
    reader.evaluate("void chat.on('gap', () => heard.push('a gap'))")
    reader.until("states.some(now => now.state === 'reconnecting')")
    reader.is_connected_over("sse")
    reader.says("again")
    [pause] = reader.pauses
    assert 0.3 < pause["retryIn"] < 3  # it is what is left when the pause is told
    assert len(asked) == 2
    assert not reader.evaluate("heard.includes('a gap')")
