"""However the page is connected, the chat is the same; and it finds out by itself what works."""

from playwright.sync_api import BrowserContext, WebSocketRoute

from ..kit.processes import Netcat
from .network import block_streams, block_websockets, hurry
from .people import People
from .server import Server


def mute_websockets(context: BrowserContext) -> None:
    """As a proxy does that takes them and forwards nothing."""
    hurry(context, OPENING=1)

    def swallow(socket: WebSocketRoute) -> None:
        socket.on_message(lambda message: None)

    context.route_web_socket("**/events?*", swallow)


def test_pages_and_netcat_talk(people: People, house: Server):
    """What one says in a room, two pages and somebody at a socket all see, in one order."""
    ada = people.come(house.url, "ada", room="talk")
    bob = people.come(house.url, "bob", room="talk")
    tel = Netcat(house.line)
    tel.say("/nick tel")
    tel.say("/join talk")
    tel.hear("-- tel joined")
    bob.is_over("websocket")
    ada.say("from ada")
    tel.hear("<ada> from ada")
    tel.say("from tel")
    ada.sees("from tel")
    bob.say("from bob")
    tel.hear("<bob> from bob")
    for person in (ada, bob):
        person.sees("from bob")
        told = person.told()
        assert told == ["from ada", "from tel", "from bob"]
    tel.close()


def test_pinned(people: People, house: Server):
    """`/?transport=` says how to connect, and everything works over it."""
    bob = people.come(house.url, "bob", room="pinned")
    pinned = {
        transport: people.come(house.url, transport, room="pinned", transport=transport)
        for transport in ("websocket", "sse", "poll")
    }
    for transport, person in pinned.items():
        person.is_over(transport)
        bob.say(f"hello {transport}")
        person.sees(f"hello {transport}")
        person.say(f"{transport} says hello")
        bob.sees(f"{transport} says hello")
        person.say(f"/msg bob psst from {transport}")
        bob.opens_talk(transport)
        bob.sees(f"psst from {transport}")
        bob.goes_to("pinned")
        person.goes_to("pinned")
        person.is_over(transport)


def test_no_url_holds_a_token(people: People, house: Server):
    """A proxy would log it.  A WebSocket's URL holds a ticket, which is good once."""
    ada = people.come(house.url, "ada", room="urls")
    ada.is_over("websocket")
    ada.say("hello")
    ada.sees("hello")
    assert any("ticket=" in socket.url for socket in ada.sockets)
    assert not any("access_token=" in socket.url for socket in ada.sockets)


def test_an_older_server_without_tickets_is_sent_the_token(people: People, house: Server):
    """The page may be newer than the server that it speaks to."""

    def without_tickets(context: BrowserContext) -> None:
        context.route("**/session/ticket", lambda route: route.fulfill(status=404, json={}))

    ada = people.come(house.url, "ada", room="urls", prepare=without_tickets)
    ada.is_over("websocket")
    ada.say("hello again")
    ada.sees("hello again")
    assert any("access_token=" in socket.url for socket in ada.sockets)


def test_steps_down_to_sse(people: People, house: Server):
    """Where WebSockets are blocked, the page goes over to SSE."""
    ada = people.come(house.url, "ada", room="sse", prepare=block_websockets)
    ada.is_over("sse")
    ada.say("hello")
    ada.sees("hello")


def test_steps_down_to_polls(people: People, house: Server):
    """Where SSE is blocked too, the page polls."""
    ada = people.come(house.url, "ada", room="polls", prepare=block_streams)
    ada.is_over("poll")
    ada.say("hello")
    ada.sees("hello")


def test_notices_silence(people: People, house: Server):
    """A WebSocket that opens and then says nothing is given up; what is said meanwhile is said."""
    ada = people.come(house.url, "ada", room="mute", prepare=mute_websockets)
    ada.say("hello")
    ada.is_over("sse")
    ada.sees("hello")


def unblock_websockets(context: BrowserContext) -> None:
    """As when one has come home from a hotel."""
    context.route_web_socket("**/events?*", lambda socket: socket.connect_to_server())


def test_climbs_when_the_network_changes(people: People, house: Server):
    """When the browser says that it is online, the best transport is tried at once."""
    ada = people.come(house.url, "ada", room="climb", prepare=block_websockets)
    ada.is_over("sse")
    unblock_websockets(ada.page.context)
    ada.page.evaluate("dispatchEvent(new Event('online'))")
    ada.is_over("websocket")
    ada.say("hello")
    ada.sees("hello")


def test_climbs_by_itself(people: People, house: Server):
    """From time to time the better transport is tried, while what works goes on."""

    def prepare(context: BrowserContext) -> None:
        block_websockets(context)
        hurry(context, CLIMB=1)  # five minutes

    ada = people.come(house.url, "ada", room="hurry", prepare=prepare)
    bob = people.come(house.url, "bob", room="hurry")
    ada.is_over("sse")
    bob.say("over this")
    ada.sees("over this")
    unblock_websockets(ada.page.context)
    ada.is_over("websocket")
    bob.say("over that")
    ada.sees("over that")
    assert ada.told() == ["over this", "over that"]
