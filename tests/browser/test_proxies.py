"""The page behind proxies with a sign-in of their own, or with another Host header."""

import json
from collections.abc import Callable
from typing import Any

from playwright.sync_api import BrowserContext, Route, WebSocketRoute, expect

from .people import People
from .server import Server

API = "**/{events?*,rooms/**,session,session/**}"


def answer_with(**answer: object) -> Callable[[Route], None]:
    """A route that answers in the server's place, as a proxy does."""

    def fulfil(route: Route) -> None:
        route.fulfill(**answer)  # type: ignore[arg-type]

    return fulfil


ANSWERS = {
    "basic": {"status": 401, "headers": {"WWW-Authenticate": "Basic"}, "body": "<h1>401</h1>"},
    "forbidden": {"status": 403, "content_type": "text/html", "body": "<h1>sign in</h1>"},
    "redirect": {"status": 302, "headers": {"Location": "https://sso.example/login"}},
    "page": {"status": 200, "content_type": "text/html", "body": "<h1>welcome to this hotel</h1>"},
}


def test_sign_in_of_a_proxy_is_reported_and_offers_a_reload(people: People, shared_server: Server):
    """Whether the proxy refuses, redirects or answers with a page; the unsent text is kept."""
    ada = people.come(shared_server.url, "ada", room="sso")
    for answer in ANSWERS.values():
        ada.is_connected_over("websocket")
        ada.page.route(API, answer_with(**answer))
        ada.page.evaluate("dispatchEvent(new Event('online'))")
        problem = ada.page.get_by_role("alert")
        expect(problem).to_contain_text("sign in again")
        ada.say("kept")
        expect(ada.page.get_by_text("Not sent yet")).to_be_visible()
        problem.get_by_role("button", name="Sign in again").click()
        expect(ada.page.get_by_text("Not sent yet")).to_have_count(0)
        expect(ada.box).to_have_value("kept")
        ada.page.unroute(API)
        ada.box.fill("")


def test_page_works_behind_basic_auth(people: People, shared_server: Server):
    """The browser's own credentials are sent, and the session does not replace them."""
    seen: list[str] = []

    def guard(route: Route) -> None:
        header = route.request.headers.get("authorization", "")
        seen.append(header)
        if header.startswith("Bearer") or not has_cookie(route):
            route.fulfill(status=401, body="no", headers={"WWW-Authenticate": "Basic"})
        else:
            route.continue_()

    def has_cookie(route: Route) -> bool:
        return "sso=yes" in (route.request.all_headers().get("cookie") or "")

    def prepare(context: BrowserContext) -> None:
        context.add_cookies([{"name": "sso", "value": "yes", "url": shared_server.url}])
        context.route(API, guard)

    ada = people.come(shared_server.url, "ada", room="basic", prepare=prepare)
    ada.is_connected_over("websocket")
    ada.say("hello")
    ada.sees("hello")
    assert len(seen) > 3


def refuse_with(code: str, status: int) -> Callable[[Route], None]:
    """A route that refuses, as the server does behind a proxy that changes Host."""
    body = json.dumps({"error": {"code": code, "message": "see --allow-origin"}})
    return answer_with(status=status, content_type="application/json", body=body)


def test_page_says_that_a_proxy_changes_host(people: People, shared_server: Server):
    """With advice, instead of retrying for ever."""
    for code, status in (("foreign-origin", 403), ("wrong-host", 421)):
        refusal = refuse_with(code, status)

        def prepare(context: BrowserContext, refusal: Callable[[Route], None] = refusal) -> None:
            context.route(API, refusal)

        ada = people.come(shared_server.url, prepare=prepare)
        ada.name_box.fill("ada")
        ada.name_box.press("Enter")
        expect(ada.page.get_by_role("alert")).to_contain_text("proxy_set_header Host")


def test_page_says_that_its_scripts_did_not_load(people: People, shared_server: Server):
    """Instead of seeming to connect."""

    def prepare(context: BrowserContext) -> None:
        context.route("**/server.js", answer_with(status=403, body="no"))

    ada = people.come(shared_server.url, room="unloaded", prepare=prepare, expecting="#lobby")
    expect(ada.page.locator("#unloaded")).to_be_visible(timeout=10_000)
    expect(ada.page.locator("#unloaded")).to_contain_text("have not come in")


def test_websocket_url_has_a_ticket_instead_of_the_token(people: People, shared_server: Server):
    """Proxies log URLs. A server without tickets is sent the token."""
    for status, word in ((201, "ticket=once"), (404, "access_token=")):
        asked: list[str] = []

        def take(socket: WebSocketRoute, asked: list[str] = asked) -> None:
            asked.append(socket.url)
            if "ticket=" in socket.url or "access_token=" in socket.url:
                socket.close()
            else:
                socket.connect_to_server()

        def prepare(context: BrowserContext, status: int = status, take: Any = take) -> None:
            context.route("**/session/ticket", answer_with(status=status, json={"ticket": "once"}))
            context.route_web_socket("**/events?*", take)

        ada = people.come(shared_server.url, "ada", room="tickets", prepare=prepare)
        ada.is_connected_over("sse")
        assert word in asked[-1]
        assert ada.token not in asked[-1] or status == 404
        ada.leave()
