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
    second = people.open_tab(first, house.url, room="share")
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
    second = people.open_tab(first, house.url, room="frozen")
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
    second = people.open_tab(first, house.url, room="one-poll")
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
    second = people.open_tab(first, server.url)
    second.is_over("websocket")
    server.kill()
    second.say("typed meanwhile")
    expect(first.page.locator("#state")).to_contain_text("Reconnecting")
    server.start()
    for person in (first, second):
        person.sees("typed meanwhile", 20)
        person.is_over("websocket")
    expect(first.page.locator("#people li")).to_have_count(1)


def test_second_tab_is_the_same_person_at_once(people: People, house: Server):
    """It has the name without asking, and what it says is said by that person; a new name in one
    tab is the name in both."""
    bob = people.come(house.url, "bob", room="second")
    first = people.come(house.url, "ada", room="second")
    second = people.open_tab(first, house.url, room="second")
    expect(second.name_box).to_have_value("ada")
    second.say("from the second")
    expect(bob.log.locator(".message .who")).to_contain_text("ada")
    expect(bob.page.locator("#people li")).to_have_count(2)
    second.take_name("zoe")
    expect(first.name_box).to_have_value("zoe")
    first.say("from the first")
    bob.sees("from the first")
    expect(bob.page.locator("#people")).to_have_text("bobzoe")


def test_tab_without_a_name_has_that_of_the_other(people: People, house: Server):
    """A tab that was there before the name was taken has it too."""
    first = people.come(house.url, room="late")
    second = people.open_tab(first, house.url, room="late")
    first.take_name("ada")
    expect(second.name_box).to_have_value("ada")
    second.say("hello")
    first.sees("hello")
    expect(first.page.locator("#people li")).to_have_text(["ada"])


def test_closed_tab_that_is_opened_again_is_the_same_person(people: People, house: Server):
    """With the name, the rooms, and what is unread in them; the others hear nothing of it."""
    bob = people.come(house.url, "bob", room="back")
    first = people.come(house.url, "ada", room="back")
    first.say("/join other")
    expect(first.page.get_by_role("heading", name="#other")).to_be_visible()
    first.goes_to("back")
    bob.say("read")
    first.sees("read")
    context = first.page.context
    context.new_page()  # a browser without any page may forget all
    first.page.close()
    bob.say("while you were away")
    bob.say("twice")
    bob.sees("twice")
    again = people.open_tab(first, house.url)
    expect(again.name_box).to_have_value("ada")
    rooms = again.page.get_by_role("navigation", name="Rooms")
    expect(rooms.get_by_role("link", name="#back 2 new")).to_be_visible()
    expect(rooms.get_by_role("link", name="#other")).to_be_visible()
    again.goes_to("back")
    expect(again.log.locator(".line + .event")).to_contain_text("while you were away")
    again.say("here again")
    bob.sees("here again")
    expect(bob.log.locator(".leave")).to_have_count(0)


def test_tabs_share_rooms_and_what_was_read(people: People, house: Server):
    """A room that is joined or left in one tab is so in the other, and what one reads is read."""
    bob = people.come(house.url, "bob", room="shared-news")
    first = people.come(house.url, "ada", room="shared-here")
    second = people.open_tab(first, house.url, room="shared-here")
    second.say("/join shared-news")
    expect(second.page.get_by_role("heading", name="#shared-news")).to_be_visible()
    second.goes_to("shared-here")
    rooms = [one.page.get_by_role("navigation", name="Rooms") for one in (first, second)]
    expect(rooms[0].get_by_role("link", name="#shared-news")).to_be_visible()
    bob.say("news")
    for links in rooms:
        expect(links.get_by_role("link", name="#shared-news 1 new")).to_be_visible()
    first.goes_to("shared-news")
    expect(rooms[1].get_by_role("link", name="#shared-news", exact=True)).to_be_visible()
    first.say("/leave")
    for links in rooms:
        expect(links.get_by_role("link", name="#shared-news")).to_have_count(0)


def test_quit_in_one_tab_is_quit_in_all(people: People, house: Server):
    """The person leaves, and no tab brings them back."""
    bob = people.come(house.url, "bob", room="quit")
    first = people.come(house.url, "ada", room="quit")
    second = people.open_tab(first, house.url, room="quit")
    second.is_over("websocket")
    first.say("/quit")
    for person in (first, second):
        expect(person.box).to_have_attribute("placeholder", "Choose a name, and write")
    expect(bob.page.locator("#people")).to_have_text("bob")
    people.come(house.url, "ada", room="quit")


def test_room_called_like_a_property_of_every_object(people: People, house: Server):
    """`constructor` and the like are names as others are, in the address and as rooms."""
    ada = people.come(house.url, "ada", room="constructor", transport="toString")
    ada.is_over("websocket")
    expect(ada.box).to_have_value("")
    ada.box.fill("draft")
    ada.say("/join __proto__")
    expect(ada.page.get_by_role("heading", name="#__proto__")).to_be_visible()
    bob = people.come(house.url, "bob", room="constructor", transport="constructor")
    bob.say("hello")
    rooms = ada.page.get_by_role("navigation", name="Rooms")
    expect(rooms.get_by_role("link", name="#constructor 1 new")).to_be_visible()
    ada.page.reload()
    expect(rooms.get_by_role("link", name="#constructor 1 new")).to_be_visible()
