"""The tabs of one browser are one person with one connection, unless they have different names."""

from functools import partial

from playwright.sync_api import BrowserContext, expect

from .network import block_streams, hurry
from .people import People
from .server import Server

quick = partial(hurry, ASK=0.3, ANSWER=0.5)
"""Short timeouts, for tabs whose leader is frozen on purpose."""


def test_tabs_share_one_person_and_one_websocket(people: People, shared_server: Server):
    """When the tab with the connection is closed, another one takes over without a loss."""
    bob = people.come(shared_server.url, "bob", room="share")
    first = people.come(shared_server.url, "ada", room="share")
    first.is_connected_over("websocket")
    second = people.open_tab(first, shared_server.url, room="share")
    bob.say("one")
    second.say("two")
    for person in (bob, first, second):
        person.sees("one")
        person.sees("two")
    second.is_connected_over("websocket")
    expect(bob.page.locator("#people li")).to_have_count(2)
    expect(second.page.locator("#people .self")).to_have_text("adayou")
    assert (first.open_sockets, second.open_sockets) == (1, 0)
    first.page.close()
    for n in range(10):
        bob.say(f"more {n}")
    second.sees("more 9")
    assert second.texts() == ["one", "two", *(f"more {n}" for n in range(10))]
    assert second.open_sockets == 1
    expect(bob.page.locator("#people li")).to_have_count(2)


def test_another_tab_takes_over_from_a_frozen_leader(people: People, shared_server: Server):
    """The leader is the tab that has the connection."""
    bob = people.come(shared_server.url, "bob", room="frozen")
    first = people.come(shared_server.url, "ada", room="frozen", prepare=quick)
    first.is_connected_over("websocket")
    second = people.open_tab(first, shared_server.url, room="frozen")
    second.is_connected_over("websocket")
    assert second.open_sockets == 0
    freeze = "setTimeout(() => { for (const end = Date.now() + 3000; Date.now() < end; ); })"
    first.page.evaluate(freeze)
    bob.say("is it cold?")
    second.sees("is it cold?", 2.5)
    first.sees("is it cold?")
    second.say("not here")
    for person in (bob, first, second):
        person.sees("not here")
        assert person.texts() == ["is it cold?", "not here"]
    assert second.open_sockets == 1


def test_tabs_share_one_poll(people: People, shared_server: Server):
    """If only polls get through, the leading tab polls for all."""

    def prepare(context: BrowserContext) -> None:
        block_streams(context)
        quick(context)

    bob = people.come(shared_server.url, "bob", room="one-poll")
    first = people.come(shared_server.url, "ada", room="one-poll", prepare=prepare)
    first.is_connected_over("poll")
    second = people.open_tab(first, shared_server.url, room="one-poll")
    second.is_connected_over("poll")
    held: list[str] = []
    second.page.on("request", lambda asked: held.append(asked.url))
    for n in range(8):
        bob.say(f"number {n}")
        second.sees(f"number {n}")
    first.sees("number 7")
    assert first.texts() == second.texts() == [f"number {n}" for n in range(8)]
    assert [url for url in held if "events?" in url and "wait=25" in url] == []


def test_tabs_share_one_person_after_server_restart(people: People, server: Server):
    """They reconnect as one person, not one each."""
    first = people.come(server.url, "ada", prepare=partial(hurry, LONGEST_PAUSE=1))
    first.is_connected_over("websocket")
    second = people.open_tab(first, server.url)
    second.is_connected_over("websocket")
    server.kill()
    second.say("typed meanwhile")
    expect(first.page.locator("#state")).to_contain_text("Reconnecting")
    server.start()
    for person in (first, second):
        person.sees("typed meanwhile", 20)
        person.is_connected_over("websocket")
    expect(first.page.locator("#people li")).to_have_count(1)


def test_second_tab_has_the_name_of_the_first(people: People, shared_server: Server):
    """Without asking for it; a rename in one tab is a rename in both."""
    bob = people.come(shared_server.url, "bob", room="second")
    first = people.come(shared_server.url, "ada", room="second")
    second = people.open_tab(first, shared_server.url, room="second")
    expect(second.name_box).to_have_value("ada")
    second.say("from the second")
    expect(bob.log.locator(".message .who")).to_contain_text("ada")
    expect(bob.page.locator("#people li")).to_have_count(2)
    second.take_name("zoe")
    expect(first.name_box).to_have_value("zoe")
    first.say("from the first")
    bob.sees("from the first")
    expect(bob.page.locator("#people")).to_have_text("bobyouzoe")


def test_name_taken_in_one_tab_is_the_name_in_all(people: People, shared_server: Server):
    """Also in a tab that was opened before."""
    first = people.come(shared_server.url, room="late")
    second = people.open_tab(first, shared_server.url, room="late")
    first.take_name("ada")
    expect(second.name_box).to_have_value("ada")
    second.say("hello")
    first.sees("hello")
    expect(first.page.locator("#people li")).to_have_text(["adayou"])


def test_reopened_tab_is_the_same_person(people: People, shared_server: Server):
    """With the name, the rooms and the unread counts; nobody is shown a leave."""
    bob = people.come(shared_server.url, "bob", room="back")
    first = people.come(shared_server.url, "ada", room="back")
    first.say("/join other")
    first.is_in("#other")
    first.goes_to("back")
    bob.say("read")
    first.sees("read")
    context = first.page.context
    context.new_page()  # a browser context without a page may drop its storage
    first.page.close()
    bob.say("while you were away")
    bob.say("twice")
    bob.sees("twice")
    again = people.open_tab(first, shared_server.url)
    expect(again.name_box).to_have_value("ada")
    rooms = again.page.get_by_role("navigation", name="Rooms")
    expect(rooms.get_by_role("link", name="#back 2 new")).to_be_visible()
    expect(rooms.get_by_role("link", name="#other")).to_be_visible()
    again.goes_to("back")
    expect(again.log.locator(".line + .event")).to_contain_text("while you were away")
    again.say("here again")
    bob.sees("here again")
    expect(bob.log.locator(".leave")).to_have_count(0)


def test_tabs_share_rooms_and_unread_counts(people: People, shared_server: Server):
    """Joining, leaving and reading in one tab hold in the others."""
    bob = people.come(shared_server.url, "bob", room="shared-news")
    first = people.come(shared_server.url, "ada", room="shared-here")
    second = people.open_tab(first, shared_server.url, room="shared-here")
    second.say("/join shared-news")
    second.is_in("#shared-news")
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


def test_quit_in_one_tab_quits_all_tabs(people: People, shared_server: Server):
    """No other tab opens the session again."""
    bob = people.come(shared_server.url, "bob", room="quit")
    first = people.come(shared_server.url, "ada", room="quit")
    second = people.open_tab(first, shared_server.url, room="quit")
    second.is_connected_over("websocket")
    first.say("/quit")
    for person in (first, second):
        expect(person.box).to_have_attribute("placeholder", "Choose a name, and write")
    expect(bob.page.locator("#people")).to_have_text("bobyou")
    people.come(shared_server.url, "ada", room="quit")


def test_room_may_be_called_like_an_object_property(people: People, shared_server: Server):
    """`constructor` and `__proto__` are ordinary names."""
    ada = people.come(shared_server.url, "ada", room="constructor", transport="toString")
    ada.is_connected_over("websocket")
    expect(ada.box).to_have_value("")
    ada.box.fill("draft")
    ada.say("/join __proto__")
    ada.is_in("#__proto__")
    bob = people.come(shared_server.url, "bob", room="constructor", transport="constructor")
    bob.say("hello")
    rooms = ada.page.get_by_role("navigation", name="Rooms")
    expect(rooms.get_by_role("link", name="#constructor 1 new")).to_be_visible()
    ada.page.reload()
    expect(rooms.get_by_role("link", name="#constructor 1 new")).to_be_visible()
