"""The search panel: what it asks, marks and shows."""

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, Route, expect

from .modules import modules
from .people import People
from .server import Server

MARKED = [
    ("Hello World", "world", ["Hello ", "World"]),
    ("Café au lait", "cafe", ["", "Café", " au lait"]),
    ("cafe\u0301 noir", "CAFÉ", ["", "cafe\u0301", " noir"]),
    ("aXbXc", "x", ["a", "X", "b", "X", "c"]),
    ("one two one", '"two one"', ["one ", "two one"]),
    ("nothing", "else", ["nothing"]),
    ("東京タワー", "タワー", ["東京", "タワー"]),
]


@pytest.mark.parametrize(("text", "words", "parts"), MARKED)
def test_words_are_found_in_either_case_and_without_accents(
    browser: Browser, shared_server: Server, text: str, words: str, parts: list[str]
):
    """Every second part is one of the words; no character is lost."""
    with modules(browser, shared_server) as found:
        assert found.call("searching.js", "found", text, words) == parts


def answered(person: Any, events: list[Any]) -> list[dict[str, str]]:
    """Answer searches as the server does, newest first; returns what was asked for."""
    asked: list[dict[str, str]] = []

    def answer(route: Route) -> None:
        url = urlsplit(route.request.url)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        asked.append({**query, "room": url.path.split("/")[2]})
        below = int(query.get("before", 10**18))
        hits = [
            event
            for event in reversed(events)
            if query["q"] in event["text"] and event["id"] < below and event["room"] in url.path
        ]
        page, rest = hits[:2], hits[2:]
        body = {"events": page, "next": page[-1]["id"] if rest else None}
        route.fulfill(body=json.dumps(body), content_type="application/json")

    person.page.route("**/rooms/*/search?*", answer)
    return asked


def test_search_shows_messages_and_jumps_to_them(people: People, shared_server: Server):
    """Page by page, in one room or in all; a store that cannot search says so."""
    ada = people.come(shared_server.url, "ada", room="sought", bypass_csp=True)
    ada.is_connected_over("websocket")
    for n in range(5):
        ada.say(f"needle {n}")
        ada.sees(f"needle {n}")
    events = ada.page.evaluate(
        """async () => (await (await fetch("/rooms/sought/events?wait=0")).json()).events"""
    )
    asked = answered(ada, [event for event in events if event["type"] == "message"])
    ada.page.get_by_role("button", name="Search", exact=True).click()
    dialog = ada.page.get_by_role("dialog", name="Search")
    dialog.get_by_label("Words").fill("needle")
    dialog.get_by_label("Words").press("Enter")
    hits = dialog.locator(".hit")
    expect(hits).to_have_count(2)
    expect(hits.first).to_contain_text("needle 4")
    expect(hits.first.locator("mark")).to_have_text("needle")
    dialog.get_by_role("button", name="Search further back").click()
    expect(hits).to_have_count(4)
    assert [one["room"] for one in asked] == ["sought", "sought"]
    assert Axe().run(ada.page).violations_count == 0
    people.shoot(ada, "found")
    dialog.get_by_label("Where").select_option("in all my rooms")
    dialog.get_by_role("button", name="Search", exact=True).click()
    expect(hits).to_have_count(2)
    hits.last.click()
    expect(dialog).to_have_count(0)
    expect(ada.log.locator(".sought")).to_contain_text("needle 3")
    ada.page.unroute("**/rooms/*/search?*")
    refusal = {"error": {"code": "no-search", "message": "this server's store cannot search"}}
    ada.page.route("**/rooms/*/search?*", lambda route: route.fulfill(status=501, json=refusal))
    ada.say("/search needle")
    expect(dialog.get_by_role("alert")).to_contain_text("cannot search")
