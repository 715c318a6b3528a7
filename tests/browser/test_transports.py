"""Transports of the page: the chat is the same over each, and the page finds the best by itself."""

from playwright.sync_api import BrowserContext, WebSocketRoute

from ..kit.processes import Netcat
from .network import block_streams, block_websockets, hurry
from .people import People
from .server import Server


def mute_websockets(context: BrowserContext) -> None:
    """Accept WebSockets and forward nothing, as some proxies do."""
    hurry(context, OPENING=1)

    def swallow(socket: WebSocketRoute) -> None:
        socket.on_message(lambda message: None)

    context.route_web_socket("**/events?*", swallow)


def test_pages_and_netcat_share_a_room(people: People, shared_server: Server):
    """All see all messages in one order."""
    ada = people.come(shared_server.url, "ada", room="talk")
    bob = people.come(shared_server.url, "bob", room="talk")
    tel = Netcat(shared_server.line)
    tel.say("/nick tel")
    tel.say("/join talk")
    tel.hear("-- tel joined")
    bob.is_connected_over("websocket")
    ada.say("from ada")
    tel.hear("<ada> from ada")
    tel.say("from tel")
    ada.sees("from tel")
    bob.say("from bob")
    tel.hear("<bob> from bob")
    for person in (ada, bob):
        person.sees("from bob")
        told = person.texts()
        assert told == ["from ada", "from tel", "from bob"]
    tel.close()


def test_transport_parameter_pins_the_transport(people: People, shared_server: Server):
    """Rooms and private messages work over each of them."""
    bob = people.come(shared_server.url, "bob", room="pinned")
    people_by_transport = {
        transport: people.come(shared_server.url, transport, room="pinned", transport=transport)
        for transport in ("websocket", "sse", "poll")
    }
    for transport, person in people_by_transport.items():
        person.is_connected_over(transport)
        bob.say(f"hello {transport}")
        person.sees(f"hello {transport}")
        person.say(f"{transport} says hello")
        bob.sees(f"{transport} says hello")
        person.say(f"/msg bob psst from {transport}")
        bob.opens_private_messages(transport)
        bob.sees(f"psst from {transport}")
        bob.goes_to("pinned")
        person.goes_to("pinned")
        person.is_connected_over(transport)


def test_no_url_contains_a_token(people: People, shared_server: Server):
    """A proxy would log it. A WebSocket's URL has a ticket, which is valid once."""
    ada = people.come(shared_server.url, "ada", room="urls")
    ada.is_connected_over("websocket")
    ada.say("hello")
    ada.sees("hello")
    assert any("ticket=" in socket.url for socket in ada.sockets)
    assert not any("access_token=" in socket.url for socket in ada.sockets)


def test_an_older_server_without_tickets_is_sent_the_token(people: People, shared_server: Server):
    """The page may be newer than its server."""

    def without_tickets(context: BrowserContext) -> None:
        context.route("**/session/ticket", lambda route: route.fulfill(status=404, json={}))

    ada = people.come(shared_server.url, "ada", room="urls", prepare=without_tickets)
    ada.is_connected_over("websocket")
    ada.say("hello again")
    ada.sees("hello again")
    assert any("access_token=" in socket.url for socket in ada.sockets)


def test_falls_back_to_sse_if_websockets_are_blocked(people: People, shared_server: Server):
    """And chats over it."""
    ada = people.come(shared_server.url, "ada", room="sse", prepare=block_websockets)
    ada.is_connected_over("sse")
    ada.say("hello")
    ada.sees("hello")


def test_falls_back_to_polls_if_sse_is_blocked_too(people: People, shared_server: Server):
    """And chats over them."""
    ada = people.come(shared_server.url, "ada", room="polls", prepare=block_streams)
    ada.is_connected_over("poll")
    ada.say("hello")
    ada.sees("hello")


def test_falls_back_to_sse_if_a_websocket_is_mute(people: People, shared_server: Server):
    """A message sent meanwhile arrives."""
    ada = people.come(shared_server.url, "ada", room="mute", prepare=mute_websockets)
    ada.say("hello")
    ada.is_connected_over("sse")
    ada.sees("hello")


def unblock_websockets(context: BrowserContext) -> None:
    """Let WebSockets through, as after leaving a network that blocked them."""
    context.route_web_socket("**/events?*", lambda socket: socket.connect_to_server())


def test_returns_to_websockets_at_an_online_event(people: People, shared_server: Server):
    """At once."""
    ada = people.come(shared_server.url, "ada", room="climb", prepare=block_websockets)
    ada.is_connected_over("sse")
    unblock_websockets(ada.page.context)
    ada.page.evaluate("dispatchEvent(new Event('online'))")
    ada.is_connected_over("websocket")
    ada.say("hello")
    ada.sees("hello")


def test_returns_to_websockets_by_itself(people: People, shared_server: Server):
    """It tries from time to time, while the working transport continues."""

    def prepare(context: BrowserContext) -> None:
        block_websockets(context)
        hurry(context, CLIMB=1)  # instead of five minutes

    ada = people.come(shared_server.url, "ada", room="hurry", prepare=prepare)
    bob = people.come(shared_server.url, "bob", room="hurry")
    ada.is_connected_over("sse")
    bob.say("over this")
    ada.sees("over this")
    unblock_websockets(ada.page.context)
    ada.is_connected_over("websocket")
    bob.say("over that")
    ada.sees("over that")
    assert ada.texts() == ["over this", "over that"]
