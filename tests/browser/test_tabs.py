"""The tabs of one browser are one person with one connection, unless they have other names."""

from functools import partial

from playwright.sync_api import BrowserContext, expect

from .network import block_streams, hurry
from .people import People
from .server import Server

quick = partial(hurry, ASK=0.3, ANSWER=0.5)
"""For leaders that are frozen on purpose."""


def test_one_connection(people: People, house: Server):
    """Two tabs of one name are one person, who is here once and holds one WebSocket; when the tab
    that has it is closed, the other goes on where it was."""
    bob = people.come(house.url, "bob", room="share")
    first = people.come(house.url, "ada", room="share")
    first.is_over("websocket")
    second = people.open_tab(first, house.url, "ada", room="share")
    bob.say("one")
    second.say("two")
    for person in (bob, first, second):
        person.sees("one")
        person.sees("two")
    second.is_over("websocket")
    expect(bob.page.locator("#people li")).to_have_count(2)
    expect(second.page.locator("#people .self")).to_have_text("ada")
    assert (first.open_sockets, second.open_sockets) == (1, 0)
    first.page.close()
    for n in range(10):
        bob.say(f"more {n}")
    second.sees("more 9")
    assert second.told() == ["one", "two", *(f"more {n}" for n in range(10))]
    assert second.open_sockets == 1
    expect(bob.page.locator("#people li")).to_have_count(2)


def test_frozen_leader(people: People, house: Server):
    """When the tab that has the connection stands still, another takes it over."""
    bob = people.come(house.url, "bob", room="frozen")
    first = people.come(house.url, "ada", room="frozen", prepare=quick)
    first.is_over("websocket")
    second = people.open_tab(first, house.url, "ada", room="frozen")
    second.is_over("websocket")
    assert second.open_sockets == 0
    freeze = "setTimeout(() => { for (const end = Date.now() + 3000; Date.now() < end; ); })"
    first.page.evaluate(freeze)
    bob.say("is it cold?")
    second.sees("is it cold?", 2.5)
    first.sees("is it cold?")
    second.say("not here")
    for person in (bob, first, second):
        person.sees("not here")
        assert person.told() == ["is it cold?", "not here"]
    assert second.open_sockets == 1


def test_one_poll(people: People, house: Server):
    """Where only polls get through, one tab polls for all, and stays the one."""

    def prepare(context: BrowserContext) -> None:
        block_streams(context)
        quick(context)

    bob = people.come(house.url, "bob", room="one-poll")
    first = people.come(house.url, "ada", room="one-poll", prepare=prepare)
    first.is_over("poll")
    second = people.open_tab(first, house.url, "ada", room="one-poll")
    second.is_over("poll")
    held: list[str] = []
    second.page.on("request", lambda asked: held.append(asked.url))
    for n in range(8):
        bob.say(f"number {n}")
        second.sees(f"number {n}")
    first.sees("number 7")
    assert first.told() == second.told() == [f"number {n}" for n in range(8)]
    assert [url for url in held if "events?" in url and "wait=25" in url] == []


def test_all_tabs_come_back(people: People, server: Server):
    """After a restart of the server the tabs are one person again."""
    first = people.come(server.url, "ada", prepare=partial(hurry, LONGEST_PAUSE=1))
    first.is_over("websocket")
    second = people.open_tab(first, server.url, "ada")
    second.is_over("websocket")
    server.kill()
    second.say("typed meanwhile")
    expect(first.page.locator("#state")).to_contain_text("Reconnecting")
    server.start()
    for person in (first, second):
        person.sees("typed meanwhile", 20)
        person.is_over("websocket")
    expect(first.page.locator("#people li")).to_have_count(1)
