"""Servers die, networks go; what was typed is said, once, and what was said meanwhile is seen."""

import pytest
from playwright.sync_api import expect

from .people import People
from .server import Server


@pytest.mark.parametrize("transport", ["websocket", "sse", "poll"])
def test_server_killed_with_text_unsent(people: People, server: Server, transport: str):
    """What is said while the server is down is said when it is back: in order, each once."""
    ada = people.come(server.url, "ada", transport=transport)
    bob = people.come(server.url, "bob", transport=transport)
    ada.say("before")
    bob.sees("before")
    server.kill()
    ada.say("first, unsent")
    ada.say("second, unsent")
    ada.box.fill("half a thou")
    expect(ada.page.get_by_text("Not sent yet")).to_have_count(2)
    expect(ada.page.locator("#state")).to_contain_text("Reconnecting")
    server.start()
    bob.sees("second, unsent", 40)
    ada.sees("second, unsent")
    expect(ada.page.get_by_text("Not sent yet")).to_have_count(0)
    ada.is_over(transport)
    ada.box.press("Enter")
    bob.sees("half a thou")
    for person in (ada, bob):
        told = person.log.locator(".message .text").all_inner_texts()
        assert told == ["before", "first, unsent", "second, unsent", "half a thou"]


def test_offline_and_back(people: People, house: Server):
    """Without a network the page says so, and catches up when there is one."""
    ada = people.come(house.url, "ada", room="offline")
    bob = people.come(house.url, "bob", room="offline")
    bob.is_over("websocket")
    ada.is_over("websocket")
    ada.page.context.set_offline(True)
    expect(ada.page.locator("#state")).to_contain_text("Offline")
    ada.say("from afar")
    bob.say("meanwhile")
    bob.sees("meanwhile")
    ada.page.context.set_offline(False)
    for person in (ada, bob):
        person.sees("from afar")
        person.sees("meanwhile")
    ada.is_over("websocket")
