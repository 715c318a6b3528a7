"""Joins and leaves are summed up in one line."""

from functools import partial
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from ..kit.processes import Netcat
from .modules import Modules, modules
from .network import hurry
from .people import People
from .server import Server


@pytest.fixture(scope="module")
def comings(browser: Browser, modules_server: Server):
    """The module `comings.js`."""
    with modules(browser, modules_server) as found:
        yield found


def parsed_events(*steps: str) -> list[dict[str, Any]]:
    """Events from phrases such as `ada joins`, `ada leaves bye`, `ada is eve`."""
    kinds = {"joins": "join", "leaves": "leave", "is": "nick"}
    split = [[*step.split(" ", 2), ""][:3] for step in steps]
    return [
        {"type": kinds[kind], "from": who, "to": more, "text": more} for who, kind, more in split
    ]


@pytest.mark.parametrize(
    ("steps", "sums"),
    [
        (["ada joins"], ["ada joined "]),
        (["ada leaves bye"], ["ada left bye"]),
        (["ada joins", "ada leaves bye"], ["ada came and went "]),
        # the reconnects of a phone that is locked twice
        (["ada leaves", "ada joins", "ada leaves", "Ada joins"], ["ada left and came back "]),
        (["ada leaves", "ada joins", "ada leaves bye"], ["ada left bye"]),
        (["ada is eve", "eve is zoe"], ["ada is now zoe"]),
        (["ada is eve", "eve is ada"], []),
        (["ada joins", "ada is eve"], ["ada joined ", "ada is now eve"]),
        (["ada joins", "ada is eve", "eve leaves"], ["ada came and went ", "ada is now eve"]),
        (["ada is eve", "ada joins"], ["ada is now eve", "ada joined "]),
        (["ada joins", "bob leaves"], ["ada joined ", "bob left "]),
    ],
)  # fmt: skip
def test_joins_leaves_and_renames_are_summed_up_per_person(
    comings: Modules, steps: list[str], sums: list[str]
):
    """Only the result counts, not each step."""
    found = comings.call("comings.js", "sumUp", parsed_events(*steps))
    assert [f"{one['name']} {one['deed']} {one['more']}" for one in found] == sums


def test_many_joins_and_leaves_are_one_line(people: People, shared_server: Server):
    """Forty-five events are one line with their numbers; opened, it lists the names."""
    ada = people.come(shared_server.url, "ada", room="station")
    ada.is_connected_over("websocket")
    ada.say("quiet here")
    ada.sees("quiet here")
    crowd = []
    for n in range(30):
        person = Netcat(shared_server.line)
        person.say(f"/nick train-{n}")
        person.say("/join station")
        crowd.append(person)
    for n, person in enumerate(crowd):
        person.hear(f"train-{n} joined #station")
    for person in crowd[:15]:
        person.say("/leave station")
        person.hear("left #station")
    line = ada.log.locator(".message ~ .comings")
    expect(line.locator("summary")).to_contain_text("15 came and went, 15 joined")
    expect(line).to_have_count(1)
    assert line.evaluate("row => row.offsetHeight") < 40
    line.locator("summary").click()
    expect(line).to_contain_text("train-29")
    crowd[20].say("/leave station")
    expect(line.locator("summary")).to_contain_text("16 came and went, 14 joined")
    expect(line.get_by_text("train-29")).to_be_visible()
    for person in crowd:
        person.close()


def test_rejoins_after_a_server_restart_are_not_shown(people: People, server: Server):
    """People who were in the room before and after the restart have not joined."""
    prepare = partial(hurry, LONGEST_PAUSE=0.5)
    ada = people.come(server.url, "ada", prepare=prepare)
    bob = people.come(server.url, "bob", prepare=prepare)
    for person in (ada, bob):
        person.is_connected_over("websocket")
    bob.say("before")
    ada.sees("before")
    told = ada.log.locator(".comings").all_inner_texts()
    server.kill()
    for person in (ada, bob):
        expect(person.page.locator("#state")).to_contain_text("Reconnecting")
    server.start()
    for person in (ada, bob):
        person.is_connected_over("websocket", 20)
    bob.say("after")
    ada.sees("after", 20)
    expect(ada.page.locator("#people li")).to_have_count(2)
    eve = people.come(server.url, "eve")
    expect(ada.log.locator(".comings").last).to_contain_text("eve joined")
    eve.say("new here")
    ada.sees("new here")
    assert ada.log.locator(".comings").count() == len(told) + 1
