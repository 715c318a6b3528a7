"""`/push`: subscribing to notifications over HTTP."""

from __future__ import annotations

import pytest

from chatd.chat.push_watch import DELAY_SECONDS, QUIET_SECONDS
from chatd.testing.policies import DenyAll

from ...kit.chat import PASSWORD, registered
from ...kit.http import HttpClient
from ...kit.push import Browser, FakeDelivery, pushing, said_by, told
from ...kit.server import MemoryServer

JSON = {"Content-Type": "application/json"}


@pytest.fixture
def delivery(server: MemoryServer) -> FakeDelivery:
    """Push is on, and ada has an account."""
    registered(server.chat, "ada")
    return pushing(server.chat)


def account(server: MemoryServer) -> HttpClient:
    """A connection in a new session of ada's account."""
    http = server.http("127.0.0.1")
    token = http.post("/session", {"name": "ada", "password": PASSWORD}).json["token"]
    http.headers["Authorization"] = f"Bearer {token}"
    return http


def test_a_browser_subscribes_and_is_notified(server: MemoryServer, delivery: FakeDelivery) -> None:
    """With the key that the server tells; until it unsubscribes."""
    http = account(server)
    before = http.get("/push").json
    assert before == {
        "on": True,
        "key": server.chat.service.push.public_key,
        "text": False,
        "subscribed": False,
        "subscriptions": 0,
    }
    assert http.send_json("PUT", "/push", Browser().form).status == 204
    assert http.get("/push").json == {**before, "subscribed": True, "subscriptions": 1}
    assert account(server).get("/push").json == {**before, "subscriptions": 1}
    said_by(server.chat, "eve", "ada!")
    assert len(told(server.chat, delivery)) == 1
    assert http.request("DELETE", "/push").status == 204
    assert http.request("DELETE", "/push").status == 204
    assert http.get("/push").json == before


def test_levels_come_with_the_subscription(server: MemoryServer, delivery: FakeDelivery) -> None:
    """Everything, or nothing, of some places; a later one that leaves them out changes nothing."""
    http = account(server)
    assert (
        http.send_json(
            "PUT", "/push", {**Browser().form, "all": "lobby", "none": "#dev,@Bob"}
        ).status
        == 204
    )
    said_by(server.chat, "eve", "hello all")
    server.chat.advance(DELAY_SECONDS)
    (sent,) = delivery.sent
    assert (sent.to.all, sent.to.none) == (("lobby",), ("dev", "@bob"))
    delivery.sent.clear()
    renewed = Browser("https://push.example.net/renewed")
    assert http.send_json("PUT", "/push", {**renewed.form, "none": ""}).status == 204
    server.chat.advance(QUIET_SECONDS)
    said_by(server.chat, "eve", "hello again")
    server.chat.advance(DELAY_SECONDS)
    (sent,) = delivery.sent
    assert (sent.to.endpoint, sent.to.all, sent.to.none) == (renewed.endpoint, ("lobby",), ())


def test_a_page_in_view_says_so(server: MemoryServer, delivery: FakeDelivery) -> None:
    """And when it is not any more."""
    http = account(server)
    http.send_json("PUT", "/push", Browser().form)
    assert http.send_json("PUT", "/push/view", {"here": True}).status == 204
    said_by(server.chat, "eve", "ada!")
    assert told(server.chat, delivery) == []
    assert http.send_json("PUT", "/push/view", {"here": False}).status == 204
    said_by(server.chat, "eve", "ada!")
    assert len(told(server.chat, delivery)) == 1


def test_where_push_is_off_the_server_says_so(server: MemoryServer) -> None:
    """And takes no subscription."""
    registered(server.chat, "ada")
    http = account(server)
    assert http.get("/push").json == {"on": False}
    assert http.send_json("PUT", "/push", Browser().form).refusal == (404, "not-found")
    assert http.request("DELETE", "/push").status == 204
    assert http.send_json("PUT", "/push/view", {"here": True}).status == 204


REQUESTS = (("GET", "/push"), ("PUT", "/push"), ("DELETE", "/push"), ("PUT", "/push/view"))


@pytest.mark.parametrize(("method", "path"), REQUESTS)
def test_push_is_for_accounts_that_signed_in(
    server: MemoryServer, delivery: FakeDelivery, method: str, path: str
) -> None:
    """Not for strangers, guests, and programs with a personal token."""
    assert server.http().request(method, path, "{}", JSON).refusal == (401, "no-session")
    guest = server.http()
    guest.enter("eve")
    assert guest.request(method, path, "{}", JSON).refusal == (401, "no-session")
    http = account(server)
    token = http.post("/account/tokens", {"label": "ci", "scope": "all"}).json["token"]
    http.headers["Authorization"] = f"Bearer {token}"
    assert http.request(method, path, "{}", JSON).refusal == (403, "not-allowed")


@pytest.mark.parametrize(("method", "path"), REQUESTS)
def test_the_policy_is_asked_for_every_request(
    server: MemoryServer, delivery: FakeDelivery, method: str, path: str
) -> None:
    """Whoever may not read private messages is not notified of them."""
    http = account(server)
    server.chat.service.readers.policy = DenyAll()
    assert http.request(method, path, "{}", JSON).refusal == (403, "not-allowed")


GOOD = Browser().form


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"endpoint": "http://push.example.net/x"}, "malformed"),
        ({"endpoint": "https://169.254.169.254/latest"}, "malformed"),
        ({"endpoint": "https://localhost/x"}, "malformed"),
        ({"endpoint": f"https://push.example.net/{'x' * 2000}"}, "malformed"),
        ({"endpoint": None}, "malformed"),
        ({"p256dh": "AAAA"}, "malformed"),
        ({"auth": "x" * 101}, "malformed"),
        ({"auth": 7}, "malformed"),
        ({"all": "a b"}, "bad-room"),
        ({"all": "@a b"}, "bad-name"),
        ({"none": ",".join(["x"] * 301)}, "malformed"),
        ({"expirationTime": None}, "malformed"),
    ],
)
def test_a_bad_subscription_is_refused(
    server: MemoryServer, delivery: FakeDelivery, changed: dict[str, object], code: str
) -> None:
    """With a code, and words that say what is wrong."""
    http = account(server)
    assert http.send_json("PUT", "/push", {**GOOD, **changed}).refusal == (400, code)
    assert http.get("/push").json["subscribed"] is False


def test_a_subscription_is_json(server: MemoryServer, delivery: FakeDelivery) -> None:
    """A page of another origin cannot send it without this server's consent."""
    http = account(server)
    assert http.request("PUT", "/push", "endpoint=x").refusal == (415, "unsupported-media-type")
    assert http.send_json("PUT", "/push/view", {}).refusal == (400, "malformed")


def test_a_tab_that_is_left_does_not_hide_one_that_is_in_view(
    server: MemoryServer, delivery: FakeDelivery
) -> None:
    """Both are of one session; a page's id has a bound."""
    http = account(server)
    assert http.send_json("PUT", "/push", Browser().form).status == 204
    for page, here in (("a", True), ("b", True), ("b", False)):
        form = {"here": here, "page": page}
        assert http.send_json("PUT", "/push/view", form).status == 204
    said_by(server.chat, "eve", "ada!")
    assert told(server.chat, delivery) == []
    form = {"here": True, "page": "x" * 101}
    assert http.send_json("PUT", "/push/view", form).refusal == (400, "malformed")
