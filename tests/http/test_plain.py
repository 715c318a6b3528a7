"""Plain requests: what the few expressions of `chatd.http.plain` read, `twisted.web` reads too."""

from __future__ import annotations

from typing import Any, cast

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request

from chatd.http.fields import HEADERS, PARAMETERS
from chatd.http.plain import (
    MAX_PLAIN,
    OF_BODIES,
    PLAIN,
    PlainPost,
    PlainRequest,
    plain,
    plain_post,
)
from chatd.http.site import ChatSite
from chatd.http.strict import MAX_HEADERS

from ..kit.http import head

POLL = "/rooms/lobby/events?since=1&limit=5"
SAY = "/rooms/lobby/messages?name=ada"


class Parsed(Resource):
    """Keeps the requests that reach it."""

    isLeaf = True

    def __init__(self) -> None:
        super().__init__()
        self.requests: list[Request] = []

    def render(self, request: Request) -> int:
        """Keep the request, and leave it unanswered."""
        self.requests.append(request)
        return NOT_DONE_YET


def request_in(packet: bytes) -> Request | None:
    """The packet as the full parser reads it; None if it is not one request that leaves its
    connection open, with at most one of each header that the server uses.
    """
    root = Parsed()
    channel: Any = ChatSite(root, cast(Any, Clock())).channel()
    transport = StringTransport()
    channel.makeConnection(transport)
    channel.dataReceived(packet)
    if len(root.requests) != 1 or transport.value() or channel.unparsed or any(channel.waiting):
        return None
    (request,) = root.requests
    fields = dict(request.requestHeaders.getAllRawHeaders())
    one_each = all(len(values) == 1 for name, values in fields.items() if used(name))
    return request if one_each and channel.persistent else None


def parameters_of(request: Request) -> dict[bytes, bytes]:
    """The parameters that the server uses; each has to be given once."""
    parameters = {}
    for name, values in request.args.items():
        if name.decode("latin-1") in PARAMETERS:
            (parameters[name],) = values
    return parameters


def body_of(request: Request) -> bytes:
    """The request's body."""
    assert request.content is not None
    body: bytes = request.content.read()
    return body


def parsed(packet: bytes) -> PlainRequest | None:
    """The packet as a GET without a body, as the full parser reads it."""
    request = request_in(packet)
    if request is None or request.method != b"GET":
        return None
    assert body_of(request) == b""
    fields = dict(request.requestHeaders.getAllRawHeaders())
    assert not [name for name in fields if used(name) and name.lower() not in PLAIN]
    host, accept = request.getHeader(b"host") or b"", request.getHeader(b"accept") or b""
    return PlainRequest(request.path, parameters_of(request), host.lower(), accept.lower())


def parsed_post(packet: bytes) -> tuple[PlainPost, bytes] | None:
    """The packet as a POST with its body, as the full parser reads it."""
    request = request_in(packet)
    if request is None or request.method != b"POST":
        return None
    body = body_of(request)
    fields = dict(request.requestHeaders.getAllRawHeaders())
    assert {name.lower() for name in fields} <= PLAIN | OF_BODIES
    assert int(request.getHeader(b"content-length") or b"") == len(body)
    content_type = (request.getHeader(b"content-type") or b"").lower().decode()
    host = (request.getHeader(b"host") or b"").lower()
    parameters = parameters_of(request)
    return PlainPost(request.path, parameters, host, content_type, len(body)), body


def used(name: bytes) -> bool:
    """Whether the server uses headers with that name."""
    return name.decode().lower() in HEADERS


def test_a_poll_as_programs_send_it_is_plain() -> None:
    """Also with headers and parameters that the server does not use."""
    packet = head("GET", f"{POLL}&_=17", "Accept: */*", "User-agent:x", "X-Any: 1, 2", "X-No:")
    parameters = {b"since": b"1", b"limit": b"5"}
    expected = PlainRequest(b"/rooms/lobby/events", parameters, b"chat.example", b"*/*")
    assert plain(packet) == parsed(packet) == expected


@pytest.mark.parametrize("name", sorted({*HEADERS} - {one.decode() for one in PLAIN}))
def test_a_request_with_a_header_that_the_server_uses_is_not_plain(name: str) -> None:
    """However it is spelt: it may show a session, a page or a proxy, or announce a body."""
    for spelling in (name, name.title(), name.upper()):
        assert plain(head("GET", POLL, f"{spelling}: 1")) is None


@pytest.mark.parametrize(
    "line",
    [
        "Cookie: chatd=x",
        "Forwarded: for=192.0.2.7",
        "Content-Length: 0",
        "Transfer-Encoding: chunked",
        "Connection: close",
        "Connection: keep-alive, close",
        "Accept: */*\r\nAccept: text/plain",
        "Host: chat.example",
        "X: \N{SNOWMAN}",
        "X: a\x00b",
        "X: a\x7fb",
        "X : b",
        " X: b",
        "X: a\r\n b",
        "X: a\nb: c",
        "no colon",
        ": no name",
    ],
)
def test_a_request_with_an_unusual_header_is_not_plain(line: str) -> None:
    """The full parser reads or refuses it."""
    assert plain(head("GET", POLL, line)) is None


@pytest.mark.parametrize(
    "target",
    [
        "/rooms/lobby/events?since=%31",
        "/rooms/lobby/events?since=1&since=2",
        "/rooms/lobby/events?since=",
        "/rooms/lobby/events?since",
        "/rooms/lobby/events?since=1;limit=2",
        "/rooms/lobby/events?since=1+2",
        "/rooms/lobby/events?since=1#2",
        "http://chat.example/rooms/lobby/events?since=1",
        "/rooms/l%6fbby/events?since=1",
        "*",
    ],
)
def test_a_request_with_an_unusual_target_is_not_plain(target: str) -> None:
    """Quoted, ambiguous or absolute targets are the full parser's."""
    assert plain(head("GET", target)) is None


@pytest.mark.parametrize(
    "packet",
    [
        head("POST", POLL),
        head("HEAD", POLL),
        head("GET", POLL).replace(b"1.1", b"1.0"),
        head("GET", POLL)[:-1],
        head("GET", POLL) + b"x",
        head("GET", POLL) * 2,
        b"\r\n" + head("GET", POLL),
        head("GET", POLL).replace(b"\r\n", b"\n"),
        head("GET", POLL).replace(b"Host: chat.example\r\n", b""),
        head("GET", POLL).replace(b"chat.example", b""),
        head("GET", POLL).replace(b"chat.example", b"chat/example"),
        head("GET", POLL, "X: " + "x" * MAX_PLAIN),
        head("GET", POLL, *["X: x"] * MAX_HEADERS),
    ],
    ids=range(13),
)
def test_only_a_whole_get_within_the_limits_is_plain(packet: bytes) -> None:
    """Not a part of a request, and nothing behind it."""
    assert plain(packet) is None


def post(body: bytes, *headers: str, target: str = SAY) -> bytes:
    """A POST as bytes."""
    return head("POST", target, *headers, f"Content-Length: {len(body)}") + body


@pytest.mark.parametrize("body", [b"", b"hello", b"\xff\r\n\r\n\x00"])
def test_a_post_as_programs_send_it_is_plain(body: bytes) -> None:
    """In one packet, or in two: then the first one is known to lack the body."""
    packet = post(body, "Content-Type: Text/Plain;charset=UTF-8", "Accept: */*", "user-agent:x")
    expected = PlainPost(
        *(b"/rooms/lobby/messages", {b"name": b"ada"}, b"chat.example"),
        *("text/plain;charset=utf-8", len(body)),
    )
    assert plain_post(packet) == parsed_post(packet) == (expected, body)
    if body:
        assert plain_post(packet.removesuffix(body)) == (expected, None)


@pytest.mark.parametrize(
    "name", sorted({*HEADERS, "x-a"} - {one.decode() for one in PLAIN | OF_BODIES})
)
def test_a_post_has_only_headers_that_are_allowed(name: str) -> None:
    """Others are the full parser's, even if the server uses none of that name."""
    for spelling in (name, name.title(), name.upper()):
        assert plain_post(post(b"hello", f"{spelling}: 1")) is None


@pytest.mark.parametrize(
    "packet",
    [
        head("POST", SAY),
        head("POST", SAY) + b"hello",
        post(b"hello") + b"x",
        post(b"hello")[:-1],
        post(b"hello") * 2,
        post(b"hello", "Content-Length: 5"),
        post(b"hello", "Transfer-Encoding: chunked"),
        post(b"hello", "Expect: 100-continue"),
        post(b"hello", "Connection: close"),
        *(
            post(b"hello").replace(b" 5\r", b" %b\r" % length)
            for length in [b"+5", b"5,5", b"", b"5x"]
        ),
        post(b"hello").replace(b"Length: 5", b"Length: 00005"),
        post(b"x" * MAX_PLAIN),
        post(b"x" * MAX_PLAIN)[:-MAX_PLAIN],
        post(b"hello", "Content-Type: " + "x" * 301),
        post(b"hello", target=SAY + "&name=b"),
        post(b"hello", target=SAY + "&access_token=x"),
        post(b"hello", target=SAY + "&ticket=x"),
        post(b"hello").replace(b"POST", b"PUT"),
        post(b"hello").replace(b"POST", b"post"),
        post(b"hello").replace(b"1.1", b"1.0"),
        post(b"hello").replace(b"\r\n", b"\n"),
        post(b"hello").replace(b"\r\n\r\n", b"\n\n"),
        b"",
    ],
    ids=range(26),
)
def test_a_post_of_another_form_is_not_plain(packet: bytes) -> None:
    """Two parsers might read it in two ways, or it is not whole, or too long."""
    assert plain_post(packet) is None


WORDS = st.text("abZ019._-/ =&%+;:?#\t\x00\xe9", max_size=8)
NAMES = st.sampled_from([*PARAMETERS, "_", "x", "Since", "%73ince"])
QUERIES = st.lists(
    st.tuples(NAMES, st.sampled_from(["=", "=", "=", ""]), st.text("019a._-", max_size=3) | WORDS)
)
FIELDS = st.lists(
    st.tuples(
        st.sampled_from(["X-Any", "Accept", "User-Agent", "connection", "X_1", *HEADERS, "Cookie"]),
        st.sampled_from([": ", ":", ":\t ", " :"]),
        st.sampled_from(["*/*", "close", "Keep-Alive", "text/plain ", "", "0", "a b"]) | WORDS,
    ),
    max_size=5,
)


@st.composite
def packets(draw: st.DrawFn) -> bytes:
    """Requests, plain and other, some of them damaged."""
    query = "&".join(map("".join, draw(QUERIES)))
    path = draw(st.sampled_from(["/rooms/lobby/events", "/", "//a", "a"]))
    lines = [draw(st.sampled_from(["GET", "GET", "GET", "HEAD"])) + f" {path}?{query} HTTP/1.1"]
    lines += [draw(st.sampled_from(["Host: chat.example", "HOST:a:80 ", "host: [::1]", "Hos: a"]))]
    packet = "\r\n".join([*lines, *map("".join, draw(FIELDS)), "", ""]).encode()
    begin = draw(st.integers(0, len(packet)))
    end = begin + draw(st.sampled_from([0, 0, 0, 0, 1, 2]))
    return packet[:begin] + draw(st.just(b"") | st.binary(max_size=2)) + packet[end:]


@given(packet=packets() | st.binary())
@example(packet=head("GET", POLL, "Accept: text/plain", "Connection: Keep-Alive"))
def test_what_is_plain_is_read_as_the_full_parser_reads_it(packet: bytes) -> None:
    """To the byte, for every packet: a plain request is valid, whole and alone."""
    request = plain(packet)
    if request is not None:
        assert request == parsed(packet)


@st.composite
def posts(draw: st.DrawFn) -> bytes:
    """POSTs, plain and other, some of them damaged."""
    body = draw(st.sampled_from([b"", b"hello", b"a\r\n\r\nb", b"5\r\nhello\r\n0\r\n\r\n"]))
    length = len(body) + draw(st.sampled_from([0, 0, 0, 0, 1, -1]))
    query = draw(st.just("name=ada&_") | QUERIES.map(lambda pairs: "&".join(map("".join, pairs))))
    usual = st.sampled_from([("User-Agent", ": ", "x"), ("content-type", ":\t", "Text/plain ")])
    lines = [
        f"POST /rooms/lobby/messages?{query} HTTP/1.1",
        "Host: chat.example",
        draw(st.sampled_from(["Content-Length: ", "content-length:", "CONTENT-LENGTH:\t"]))
        + draw(st.sampled_from(["", "", "", "0", "+"]))
        + str(length),
        *map("".join, draw(st.lists(usual, max_size=2, unique=True) | FIELDS)),
    ]
    packet = "\r\n".join([*lines, "", ""]).encode() + body
    begin = draw(st.integers(0, len(packet)))
    end = begin + draw(st.sampled_from([0, 0, 0, 0, 1, 2]))
    return packet[:begin] + draw(st.just(b"") | st.binary(max_size=2)) + packet[end:]


@given(packet=posts() | st.binary())
@example(packet=post(b"hello", "Content-Type: text/plain"))
def test_a_plain_post_is_read_as_the_full_parser_reads_it(packet: bytes) -> None:
    """With the same body; and of one that is still to come, the full parser wants as many bytes."""
    read = plain_post(packet)
    if read is not None:
        post, body = read
        if body is None:
            assert parsed_post(packet) is None
            body = b"x" * post.length
            packet += body
        assert (post, body) == parsed_post(packet)
