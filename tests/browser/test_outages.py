"""Servers die, networks go; what was typed is said, once, and what was said meanwhile is seen."""

import re
from functools import partial
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Route, WebSocketRoute, expect

from ..kit.processes import Netcat
from .network import Network, hurry
from .people import People
from .server import Server


def test_server_killed_with_text_unsent(people: People, server: Server):
    """What is said while the server is down is said when it is back, whatever the transport: in
    order, each once."""
    transports = ("websocket", "sse", "poll")
    prepare = partial(hurry, LONGEST_PAUSE=1)
    everybody = [
        people.come(server.url, name, transport=name, prepare=prepare) for name in transports
    ]
    for person in everybody:
        person.is_over(person.name_box.input_value())
    everybody[0].say("before")
    for person in everybody:
        person.sees("before")
    server.kill()
    for name, person in zip(transports, everybody, strict=True):
        person.say(f"{name} 1")
        person.say(f"{name} 2")
        person.box.fill(f"{name} 3")
        expect(person.page.get_by_text("Not sent yet")).to_have_count(2)
        expect(person.page.locator("#state")).to_contain_text("Reconnecting")
    server.start()
    for name, person in zip(transports, everybody, strict=True):
        person.sees(f"{name} 2", 40)
        expect(person.page.get_by_text("Not sent yet")).to_have_count(0)
        person.box.press("Enter")
    for person in everybody:
        for name in transports:
            person.sees(f"{name} 3", 40)
    for name, person in zip(transports, everybody, strict=True):
        person.is_over(name)
        told = person.told()
        assert len(told) == 10, told
        for own in transports:
            assert [one for one in told if own in one] == [f"{own} {n}" for n in (1, 2, 3)]
    assert len({tuple(person.told()) for person in everybody}) == 1


def test_server_killed_before_it_answered(people: People, tmp_path: Path):
    """What was stored by then is not said again, though the server knows no keys any more; and
    nobody has to wait until it is time to see that it is back."""
    server = Server(tmp_path, "sqlite:chat.sqlite")
    prepare = partial(hurry, FIRST_PAUSE=60, LONGEST_PAUSE=60)
    ada = people.come(server.url, "ada", prepare=prepare)
    ada.is_over("websocket")

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
    assert ada.told() == ["stored", "not stored"]
    expect(ada.page.get_by_text("Not sent yet")).to_have_count(0)
    server.kill()


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
"""One somebody over each transport, who will talk for two seconds."""


def test_rough_network(browser: Browser, house: Server):
    """Connections that are cut, half closed, late or mute lose nothing, double nothing, turn
    nothing around; and soon after the last of that everybody has heard everything."""
    count = 40
    network = Network(house.http, seed=7)
    with browser.new_context() as context:
        hurry(context, PATIENCE=1, OPENING=1, ECHO=1)
        page = context.new_page()
        page.goto(f"{network.url}healthz")
        page.evaluate(CHATS, {"room": "rough", "count": count})
        network.be_rough()
        page.evaluate("talk()")
        network.be_fair()
        # Who only listens to a mute poll learns of it when that is overdue; who speaks, at once.
        page.evaluate("count => say(count)", count)
        page.wait_for_function(
            "count => Object.values(heard).every(all => all.length >= count)",
            arg=3 * (count + 1),
            timeout=20_000,
        )
        heard = page.evaluate("heard")
        assert page.evaluate("problems") == []
        page.evaluate("Promise.all(chats.map(chat => chat.close()))")
    network.close()
    assert set(network.fates) == {"cut", "half-close", "late", "mute"}
    assert heard["websocket"] == heard["sse"] == heard["poll"]
    for name in ("websocket-rough", "sse-rough", "poll-rough"):
        own = [text for text in heard["poll"] if text.startswith(name)]
        assert own == [f"{name} {n}" for n in range(count + 1)]


def test_deaf_connection(people: People, house: Server):
    """When what one said is stored and yet not heard, the page does not wait for the poll's end."""
    prepare = partial(hurry, ECHO=0.5)
    ada = people.come(house.url, "ada", room="deaf", transport="poll", prepare=prepare)
    ada.is_over("poll")
    ada.page.route("**/events?*wait=25*", lambda route: None)
    ada.page.evaluate("dispatchEvent(new Event('online'))")
    ada.say("can you hear me")
    ada.sees("can you hear me")


def test_answer_lost_before_a_long_absence(people: People, house: Server):
    """A message whose answer was lost is not sent again by whoever comes back so late that the
    server does not know its key any more: it is looked up, however much was said since."""
    prepare = partial(hurry, KEY_LIFE=0)
    ada = people.come(house.url, "ada", room="absent", prepare=prepare)
    bob = people.come(house.url, "bob", room="absent")
    ada.is_over("websocket")
    sent: list[str | None] = []

    def lose(route: Route) -> None:
        ada.page.context.set_offline(True)
        assert route.fetch().status == 201
        flood = Netcat(house.line)
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


def test_sleep(people: People, house: Server):
    """Whose computer slept comes back over the same transport, however dead that is by then."""
    sockets: list[WebSocketRoute] = []
    muted: list[WebSocketRoute] = []

    def mute(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()
        server.on_message(lambda message: None if socket in muted else socket.send(message))
        sockets.append(socket)

    def prepare(context: BrowserContext) -> None:
        context.route_web_socket("**/events?*", mute)
        context.clock.install()

    ada = people.come(house.url, "ada", room="sleep", prepare=prepare)
    bob = people.come(house.url, "bob", room="sleep")
    ada.is_over("websocket")
    bob.say("before")
    ada.sees("before")
    muted.extend(sockets)
    bob.say("meanwhile")
    bob.sees("meanwhile")
    ada.page.clock.fast_forward("10:00")
    ada.sees("meanwhile")
    ada.is_over("websocket")
    bob.say("after")
    ada.sees("after")
    ada.is_over("websocket")
