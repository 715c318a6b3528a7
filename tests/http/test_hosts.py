"""Host names that a server answers to: the defence against DNS rebinding."""

from __future__ import annotations

import socket

import pytest

from chatd.doors.api.tree import web_site
from chatd.doors.classic import classic_site
from chatd.http.hosts import Hosts, host_name, without_port
from chatd.http.proxies import Proxies
from chatd.model.addresses import parse_network
from chatd.testing import FakeConnection
from chatd.testing.clock import StrictClock

from ..kit.http import HttpClient
from ..kit.server import MemoryServer, peer

EVIL = "evil.example:8080"
PROXY = "10.0.0.1"
MESSAGES = "/rooms/lobby/messages?name=ada"
POLL = "/rooms/lobby/events?since=0&wait=0"
MACHINE = socket.gethostname().lower()
UPGRADE = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version": "13",
}
KNOWN = [
    "127.0.0.1",
    "127.0.0.1:8080",
    "192.0.2.55:80",
    "[::1]",
    "[::1]:8080",
    "[2001:db8::7]",
    "localhost",
    "localhost:8080",
    "LOCALHOST.:1",
    "chat.example",
    "Chat.Example.:8443",
    "friend.example:9",
    MACHINE,
    f"{MACHINE}:8080",
]
UNKNOWN = [
    "evil.example",
    EVIL,
    "localhost.evil.example",
    "chat.example.evil.example",
    "evil.chat.example",
    "127.0.0.1.evil.example",
    "127.0.0.1.nip.io:8080",
    "127.1",
    "0x7f.0.0.1",
    "2130706433",
    "localhost..",
    "a" * 300,
    "1" * 5000,
]


def server_with_a_name(proxies: Proxies | None = None) -> MemoryServer:
    """A server that is known by one name, and by that of an allowed web site."""
    return MemoryServer(
        ["https://friend.example:8443"], proxies or Proxies(), names=["chat.example"]
    )


@pytest.fixture
def server() -> MemoryServer:
    """A server that is known by one name."""
    return server_with_a_name()


@pytest.fixture
def proxied() -> MemoryServer:
    """The same server, behind the operator's proxies."""
    return server_with_a_name(Proxies([parse_network("10.0.0.0/8")]))


@pytest.mark.parametrize("host", KNOWN)
def test_a_known_host_is_served(http: HttpClient, host: str) -> None:
    """Whatever the port, the case, and a trailing dot."""
    assert http.get("/healthz", Host=host).status == 200


@pytest.mark.parametrize("host", UNKNOWN)
def test_an_unknown_host_is_refused_with_421(http: HttpClient, host: str) -> None:
    """Then the connection is closed."""
    response = http.get("/healthz", Host=host)
    assert response.refusal == (421, "wrong-host")
    assert response.headers["connection"] == "close"


@pytest.mark.parametrize("host", ["[::1].evil.example", "::1", "[evil.example]", "a b", "a@b"])
def test_a_malformed_host_is_refused_with_400(
    server: MemoryServer, http: HttpClient, host: str
) -> None:
    """And does not count as known."""
    assert http.get("/healthz", Host=host).refusal == (400, "malformed")
    assert not server.hosts.knows(host)


def test_the_refusal_names_the_options_that_would_help(http: HttpClient) -> None:
    """With the requested host name, without its port."""
    message = http.get("/", Host=EVIL).json["error"]["message"]
    assert "--host evil.example," in message
    assert "--trust-proxy" in message


@pytest.mark.parametrize(
    ("method", "target", "headers"),
    [
        ("GET", "/", {}),
        ("GET", "/page.js", {}),
        ("GET", "/nowhere", {}),
        ("GET", "/rooms/lobby/events", {}),
        ("GET", "/rooms/lobby/events", {"Accept": "text/event-stream"}),
        ("GET", "/rooms/lobby/events", UPGRADE),
        ("GET", "/rooms/lobby/events?limit=none", {}),
        ("POST", MESSAGES, {"Content-Type": "text/plain"}),
        ("POST", MESSAGES, {"Content-Type": "image/png"}),
        ("POST", "/session", {}),
        ("DELETE", "/session", {"Authorization": "Bearer nonsense"}),
        ("OPTIONS", MESSAGES, {"Access-Control-Request-Method": "POST"}),
        ("BREW", "/", {}),
    ],
)
def test_the_host_is_checked_before_anything_else(
    server: MemoryServer, http: HttpClient, method: str, target: str, headers: dict[str, str]
) -> None:
    """A rebound page is refused whatever it requests, although its Origin matches its Host."""
    page = {"Host": EVIL, "Origin": f"http://{EVIL}", "Sec-Fetch-Site": "same-origin"}
    body = "hello" if method == "POST" else ""
    response = http.request(method, target, body, {**headers, **page})
    assert response.refusal == (421, "wrong-host")
    assert not any(name.startswith("access-control") for name in response.headers)
    assert server.chat.texts("lobby") == []


def test_a_head_request_is_refused_without_a_body(http: HttpClient) -> None:
    """Otherwise the client would take the body for the next response."""
    response = http.request("HEAD", "/", headers={"Host": EVIL})
    assert (response.status, response.body) == (421, b"")


def test_options_asterisk_checks_the_host(http: HttpClient) -> None:
    """`OPTIONS *`."""
    http.send_raw(f"OPTIONS * HTTP/1.1\r\nHost: {EVIL}\r\n\r\n".encode(), "OPTIONS")
    assert http.response().refusal == (421, "wrong-host")


def test_an_unknown_host_is_refused_before_the_body_arrives(http: HttpClient) -> None:
    """The head is enough."""
    head = f"POST {MESSAGES} HTTP/1.1\r\nHost: {EVIL}\r\nContent-Length: 5\r\n\r\n"
    http.send_raw(head.encode(), "POST")
    assert http.response().refusal == (421, "wrong-host")


@pytest.mark.parametrize(("url", "status"), [(EVIL, 421), ("chat.example", 200)])
def test_the_host_of_an_absolute_url_is_checked(http: HttpClient, url: str, status: int) -> None:
    """It overrides the Host header (RFC 9112, section 3.2.2)."""
    other = {EVIL: "chat.example", "chat.example": EVIL}[url]
    http.send_raw(f"GET http://{url}/healthz HTTP/1.1\r\nHost: {other}\r\n\r\n".encode())
    assert http.response().status == status


def test_an_http_1_0_request_without_a_host_is_served(http: HttpClient) -> None:
    """No browser sends one; a load balancer may check /healthz so."""
    http.send_raw(b"GET /healthz HTTP/1.0\r\n\r\n")
    assert http.response().status == 200


# -- the fast path ---------------------------------------------------------------------------------


def test_the_fast_path_refuses_an_unknown_host(server: MemoryServer, http: HttpClient) -> None:
    """A refused poll is not learned by other connections either."""
    server.say("hello")
    for _ in range(3):
        assert http.get(POLL, Host="chat.example").texts == ["hello"]
    assert http.get(POLL, Host=EVIL).refusal == (421, "wrong-host")
    for _ in range(2):
        assert server.http().get(POLL, Host=EVIL).refusal == (421, "wrong-host")


def test_a_poll_learned_behind_a_proxy_is_not_shared_with_direct_clients(
    proxied: MemoryServer,
) -> None:
    """A rebound page could send the same bytes directly."""
    proxied.say("hello")
    proxy = proxied.http(PROXY)
    for _ in range(3):
        assert proxy.get(POLL, Host=EVIL).texts == ["hello"]
    assert proxied.http().get(POLL, Host=EVIL).refusal == (421, "wrong-host")


# -- proxies and origins ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "talk.example"},
        {"Host": "backend", "X-Forwarded-Host": "talk.example"},
        {"Host": "backend"},
    ],
)
def test_any_host_is_served_behind_a_trusted_proxy(
    proxied: MemoryServer, headers: dict[str, str]
) -> None:
    """With `--trust-proxy` the proxy checks the host."""
    assert proxied.http(PROXY).request("GET", "/rooms", headers=headers).status == 200
    assert proxied.http().request("GET", "/rooms", headers=headers).status == 421


def test_x_forwarded_host_of_an_untrusted_client_is_ignored(
    server: MemoryServer, proxied: MemoryServer
) -> None:
    """A rebound page can set that header."""
    headers = {"Host": EVIL, "X-Forwarded-Host": "chat.example"}
    for doors in (server, proxied):
        assert doors.http().request("GET", "/rooms", headers=headers).status == 421


def test_hosts_over_a_unix_socket_are_checked_unless_it_is_trusted() -> None:
    """`--trust-proxy unix`."""
    for sockets, status in ((False, 421), (True, 200)):
        doors = server_with_a_name(Proxies(sockets=sockets))
        assert doors.http("unix").get("/rooms", Host="talk.example").status == status


# -- the classic door ------------------------------------------------------------------------------


def test_the_classic_door_checks_the_host(server: MemoryServer) -> None:
    """Against the same names."""
    site = classic_site(server.chat.service, peers=server.peers, hosts=server.hosts)
    for host, status in ((EVIL, b"421"), ("chat.example", b"200"), ("127.0.0.1:1", b"200")):
        client = FakeConnection(site, peer("192.0.2.1"))
        request = f"GET /?name=ada&message=x HTTP/1.1\r\nHost: {host}\r\n\r\n"
        client.send(request.encode())
        server.chat.settle()
        assert client.received().split()[1] == status
    assert server.chat.texts("lobby") == ["x", "x"]


# -- names -----------------------------------------------------------------------------------------


def test_a_site_knows_its_machine_s_name_by_default(server: MemoryServer) -> None:
    """And the hosts of the allowed origins."""
    server.http_door = web_site(server.chat.service, ["https://friend.example"])
    for host, status in ((MACHINE, 200), ("friend.example", 200), ("chat.example", 421)):
        assert server.http().get("/healthz", Host=host).status == status


def test_a_host_may_be_added_later(server: MemoryServer) -> None:
    """As when a name server answers after the start."""
    server.hosts.add("Chat.Corp.Example")
    assert server.http().get("/healthz", Host="chat.corp.example").status == 200


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("chat.example", "chat.example"),
        ("Chat.Example.", "chat.example"),
        ("chat_1", "chat_1"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("192.0.2.1", "192.0.2.1"),
    ],
)
def test_a_host_is_normalized_as_browsers_send_it(text: str, name: str) -> None:
    """In ASCII and lower case."""
    assert host_name(text) == name


@pytest.mark.parametrize(
    "text", ["", " ", ".", "http://chat.example", "chat.example:80", "a/b", "*", "a b", "a..b"]
)
def test_an_invalid_host_name_raises_value_error(text: str) -> None:
    """Also one with a port or a scheme, which would never match."""
    with pytest.raises(ValueError, match=r".+"):
        host_name(text)


def test_checking_a_long_host_takes_bounded_work() -> None:
    """Only its last colon is searched for."""
    assert without_port(":" * 16_000) == ":" * 15_999
    assert not Hosts(StrictClock()).knows("9." * 8_000)
