"""Outages of servers and networks: typed messages are sent once, and missed ones are shown."""

import re
from functools import partial
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Route, WebSocketRoute, expect

from ..kit.processes import Netcat
from .network import Network, hurry
from .people import People
from .server import Server
from .waiting import until


def test_messages_typed_during_an_outage_are_sent_once_in_order(people: People, server: Server):
    """Over every transport, when the server is back."""
    transports = ("websocket", "sse", "poll")
    prepare = partial(hurry, LONGEST_PAUSE=1)
    all_people = [
        people.come(server.url, name, transport=name, prepare=prepare) for name in transports
    ]
    for person in all_people:
        person.is_connected_over(person.name_box.input_value())
    all_people[0].say("before")
    for person in all_people:
        person.sees("before")
    server.kill()
    for name, person in zip(transports, all_people, strict=True):
        person.say(f"{name} 1")
        person.say(f"{name} 2")
        person.box.fill(f"{name} 3")
        expect(person.page.get_by_text("Not sent yet")).to_have_count(2)
        expect(person.page.locator("#state")).to_contain_text("Reconnecting")
    server.start()
    for name, person in zip(transports, all_people, strict=True):
        person.sees(f"{name} 2", 40)
        expect(person.page.get_by_text("Not sent yet")).to_have_count(0)
        person.box.press("Enter")
    for person in all_people:
        for name in transports:
            person.sees(f"{name} 3", 40)
    for name, person in zip(transports, all_people, strict=True):
        person.is_connected_over(name)
        told = person.texts()
        assert len(told) == 10, told
        for own in transports:
            assert [one for one in told if own in one] == [f"{own} {n}" for n in (1, 2, 3)]
    assert len({tuple(person.texts()) for person in all_people}) == 1


def test_message_stored_before_a_kill_is_not_sent_again(people: People, tmp_path: Path):
    """Although the restarted server has forgotten its idempotency key; a click on the countdown
    reconnects at once.
    """
    server = Server(tmp_path, "sqlite:chat.sqlite")
    prepare = partial(hurry, FIRST_PAUSE=60, LONGEST_PAUSE=60)
    ada = people.come(server.url, "ada", prepare=prepare)
    ada.is_connected_over("websocket")

    def lose(route: Route) -> None:
        assert route.fetch().status == 201
        server.kill()
        route.abort()

    ada.page.route("**/messages", lose, times=1)
    ada.say("stored")
    expect(ada.page.get_by_text("Not sent yet")).to_be_visible()
    ada.say("not stored")
    expect(ada.page.locator("#state")).to_contain_text("Reconnecting")
    server.start()
    ada.page.get_by_role("button", name=re.compile(r"in \d+ s")).click()
    ada.sees("not stored")
    assert ada.texts() == ["stored", "not stored"]
    expect(ada.page.get_by_text("Not sent yet")).to_have_count(0)
    server.kill()


def test_offline_page_says_so_and_catches_up(people: People, shared_server: Server):
    """When the browser reports that it is online again."""
    ada = people.come(shared_server.url, "ada", room="offline")
    bob = people.come(shared_server.url, "bob", room="offline")
    bob.is_connected_over("websocket")
    ada.is_connected_over("websocket")
    ada.page.context.set_offline(True)
    expect(ada.page.locator("#state")).to_contain_text("Offline")
    ada.say("from afar")
    bob.say("meanwhile")
    bob.sees("meanwhile")
    ada.page.context.set_offline(False)
    for person in (ada, bob):
        person.sees("from afar")
        person.sees("meanwhile")
    ada.is_connected_over("websocket")


CHATS = """async ({room, count}) => {
  const { Chat } = await import("/chat.js");
  window.problems = [];
  window.heard = {};
  window.chats = ["websocket", "sse", "poll"].map(transport => {
    const chat = new Chat({ name: `${transport}-${room}`, room, transport });
    heard[transport] = [];
    chat.on("message", event => heard[transport].push(event.text));
    chat.on("gap", () => problems.push("gap"));
    chat.on("error", error => problems.push(error.message));
    return chat;
  });
  await Promise.all(chats.map(chat => new Promise(resolve => {
    chat.on("state", ({ state }) => state === "online" && resolve());
  })));
  window.say = n => {
    for (const chat of chats) {
      chat.send(`${chat.name} ${n}`).catch(error => problems.push(error.message));
    }
  };
  window.talk = async () => {
    for (let n = 0; n < count; n++) {
      say(n);
      await new Promise(resolve => setTimeout(resolve, 2000 / count));
    }
  };
}"""
"""One chat over each transport, which will send messages for two seconds."""


def test_faulty_network_loses_duplicates_and_reorders_nothing(
    browser: Browser, shared_server: Server
):
    """Connections are cut, half closed, delayed or mute; soon after the last fault every chat has
    all messages.
    """
    count = 40
    network = Network(shared_server.http, seed=7)
    with browser.new_context() as context:
        hurry(context, PATIENCE=1, OPENING=1, ECHO=1)
        page = context.new_page()
        page.goto(f"{network.url}healthz")
        page.evaluate(CHATS, {"room": "rough", "count": count})
        network.add_faults()
        page.evaluate("talk()")
        network.remove_faults()
        # A mute poll is noticed when it is overdue, or at once if an own message is not echoed.
        page.evaluate("count => say(count)", count)
        until(
            page,
            "count => Object.values(heard).every(all => all.length >= count)",
            3 * (count + 1),
        )
        heard = page.evaluate("heard")
        assert page.evaluate("problems") == []
        page.evaluate("Promise.all(chats.map(chat => chat.close()))")
    network.close()
    assert set(network.faults) == {"cut", "half-close", "late", "mute"}
    assert heard["websocket"] == heard["sse"] == heard["poll"]
    for name in ("websocket-rough", "sse-rough", "poll-rough"):
        own = [text for text in heard["poll"] if text.startswith(name)]
        assert own == [f"{name} {n}" for n in range(count + 1)]


def test_mute_poll_is_replaced_if_an_own_message_is_not_echoed(
    people: People, shared_server: Server
):
    """The page does not wait for the end of the poll."""
    prepare = partial(hurry, ECHO=0.5)
    ada = people.come(shared_server.url, "ada", room="deaf", transport="poll", prepare=prepare)
    ada.is_connected_over("poll")
    ada.page.route("**/events?*wait=25*", lambda route: None)
    ada.page.evaluate("dispatchEvent(new Event('online'))")
    ada.say("can you hear me")
    ada.sees("can you hear me")


def test_message_with_a_lost_response_is_looked_up_after_a_long_absence(
    people: People, shared_server: Server
):
    """The server may have forgotten its idempotency key, so the page searches the history instead
    of sending it again.
    """
    prepare = partial(hurry, KEY_LIFE=0)
    ada = people.come(shared_server.url, "ada", room="absent", prepare=prepare)
    bob = people.come(shared_server.url, "bob", room="absent")
    ada.is_connected_over("websocket")
    sent: list[str | None] = []

    def lose(route: Route) -> None:
        ada.page.context.set_offline(True)
        assert route.fetch().status == 201
        flood = Netcat(shared_server.line)
        flood.say("/nick absent-flood")
        flood.say("/join absent")
        flood.say("\r\n".join([*(f"number {n}" for n in range(800)), "the end"]))
        flood.hear("the end")
        flood.close()
        route.abort()
        ada.page.on("request", lambda request: sent.append(request.post_data))

    ada.page.route("**/rooms/absent/messages", lose, times=1)
    ada.say("once only")
    bob.sees("the end", 30)
    ada.page.context.set_offline(False)
    ada.sees("the end", 30)
    ada.say("back")
    bob.sees("back")
    assert [body for body in sent if body and "text" in body] == ['{"text":"back"}']
    expect(ada.page.get_by_text("Not sent yet")).to_have_count(0)


def test_page_reconnects_after_sleep_over_the_same_transport(people: People, shared_server: Server):
    """Even though its connection is dead by then."""
    sockets: list[WebSocketRoute] = []
    muted: list[WebSocketRoute] = []

    def mute(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()
        server.on_message(lambda message: None if socket in muted else socket.send(message))
        sockets.append(socket)

    def prepare(context: BrowserContext) -> None:
        context.route_web_socket("**/events?*", mute)
        context.clock.install()

    ada = people.come(shared_server.url, "ada", room="sleep", prepare=prepare)
    bob = people.come(shared_server.url, "bob", room="sleep")
    ada.is_connected_over("websocket")
    bob.say("before")
    ada.sees("before")
    muted.extend(sockets)
    bob.say("meanwhile")
    bob.sees("meanwhile")
    ada.page.clock.fast_forward("10:00")
    ada.sees("meanwhile")
    ada.is_connected_over("websocket")
    bob.say("after")
    ada.sees("after")
    ada.is_connected_over("websocket")
