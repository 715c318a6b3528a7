"""RFC 9112, as a careless or hostile client finds it: what is no HTTP, or could be read in two
ways, is refused, and nothing that follows it is carried out.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd.net.connections import LINGER_SECONDS

from ..kit.echo import CHUNKED, GET, NEXT, POST, EchoConnection, assert_refused, raw
from ..kit.http import HttpClient
from ..kit.server import MemoryServer

# -- what is no HTTP -------------------------------------------------------------------------------


@raw(
    http_0_9=b"GET /\r\n",
    http_2=b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    http_9=GET.replace(b"1.1", b"9.9") + b"\r\n",
    lower_case=GET.replace(b"HTTP/", b"http/") + b"\r\n",
    more_words=b"Extra line" + NEXT,
    two_spaces=GET.replace(b" /", b"  /") + b"\r\n",
    tabs=GET.replace(b" / ", b"\t/\t") + b"\r\n",
    space_behind=GET.replace(b"1.1\r", b"1.1 \r") + b"\r\n",
    space_before=b" " + NEXT,
    bad_method=b"GE[T" + NEXT[3:],
    no_colon=GET + b"nonsense\r\n\r\n",
    no_name=GET + b": value\r\n\r\n",
    bad_name=GET + b"X-[]: value\r\n\r\n",
    latin_1_name=GET + b"X-\xe9: value\r\n\r\n",
    space_in_name=GET + b"X Y: value\r\n\r\n",
    space_before_colon=GET + b"X : value\r\n\r\n",
    tab_before_colon=GET + b"X\t: value\r\n\r\n",
    space_before_first=b"GET / HTTP/1.1\r\n Host: chat.example\r\n\r\n",
    nul=GET + b"X: a\0b\r\n\r\n",
    bell=GET + b"X: a\x07b\r\n\r\n",
    delete=GET + b"X: a\x7fb\r\n\r\n",
    cr_in_value=GET + b"X: a\rb\r\n\r\n",
    lf_in_value=GET + b"X: a\nb: c\r\n\r\n",
    cr_in_line=GET + b"\rX: a\r\n\r\n",
    folded=GET + b"X: a\r\n b\r\n\tc\r\n\r\n",
    lf_in_target=b"GET /\n HTTP/1.1\r\nHost: chat.example\r\n\r\n",
)
def test_a_malformed_request_is_refused(wire: EchoConnection, request_: bytes) -> None:
    """RFC 9112, sections 2 to 5; RFC 9110, section 5.5."""
    assert_refused(wire, request_)


@raw(
    all=b"GET / HTTP/1.1\nHost: chat.example\n\n",
    the_last=b"GET / HTTP/1.1\r\nHost: chat.example\n\n",
    the_end=GET + b"\n",
)
def test_lines_that_end_in_bare_lf_are_refused_at_once(
    wire: EchoConnection, request_: bytes
) -> None:
    """The server does not wait for a CR that never comes (RFC 9112, section 2.2)."""
    assert wire.statuses(request_) == [400]


def test_crlf_may_be_split_between_packets(wire: EchoConnection) -> None:
    """It is no bare LF."""
    request = GET.replace(b"\r\n", b"\r|\n") + b"\r|\n"
    assert wire.statuses(*request.split(b"|")) == [200]


def test_a_body_may_contain_any_line_ends(wire: EchoConnection) -> None:
    """The rule about bare LF is for the head only."""
    body = b"a\nb\rc\n\nd"
    assert wire.talk(POST + b"Content-Length: %d\r\n\r\n" % len(body), body).endswith(body)


# -- how long a body is ----------------------------------------------------------------------------


@raw(
    both=POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    both_reversed=POST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    both_identity=POST + b"Content-Length: 5\r\nTransfer-Encoding: identity\r\n\r\nhello",
    two_lengths=POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    same_length_twice=POST + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
    list_of_lengths=POST + b"Content-Length: 5, 5\r\n\r\nhello",
    negative=POST + b"Content-Length: -5\r\n\r\nhello",
    plus=POST + b"Content-Length: +5\r\n\r\nhello",
    hexadecimal=POST + b"Content-Length: 0x5\r\n\r\nhello",
    underscore=POST + b"Content-Length: 1_0\r\n\r\nhello",
    words=POST + b"Content-Length: five\r\n\r\nhello",
    no_length=POST + b"Content-Length:\r\n\r\nhello",
    arabic=POST + "Content-Length: ٥\r\n\r\nhello".encode(),
    endless=POST + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\nhello",
    identity=POST + b"Transfer-Encoding: identity\r\n\r\n",
    identity_then_chunked=POST + b"Transfer-Encoding: identity\r\n" + CHUNKED[len(POST) :],
    gzip=POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    chunked_twice=POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    chunked_in_two_headers=POST + b"Transfer-Encoding: chunked\r\n" + CHUNKED[len(POST) :],
    nearly_chunked=POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    quoted=POST + b'Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n',
    vertical_tab=POST + b"Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
    space_before_colon=POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    folded=POST + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    folded_length=POST + b"Content-Length:\r\n\t5\r\n\r\nhello",
    no_coding=POST + b"Transfer-Encoding:\r\n\r\n0\r\n\r\n",
)
def test_an_ambiguous_body_length_is_refused(wire: EchoConnection, request_: bytes) -> None:
    """Request smuggling: a proxy could see other requests than this server (RFC 9112, sections 6
    and 11.2).
    """
    assert_refused(wire, request_)


@raw(
    prefix=b"0x5\r\nhello\r\n",
    space_behind=b"5 \r\nhello\r\n",
    space_before=b" 5\r\nhello\r\n",
    plus=b"+5\r\nhello\r\n",
    negative=b"-5\r\nhello\r\n",
    underscore=b"0_5\r\nhello\r\n",
    none=b"\r\nhello\r\n",
    word=b"five\r\nhello\r\n",
    arabic="٥\r\nhello\r\n".encode(),
    too_short=b"5\r\nhello!\r\n",
    too_long=b"5\r\nhel\r\n",
    lf=b"5\nhello\r\n",
    lf_behind=b"5\r\nhello\n",
    nul_in_extension=b"5;\0\r\nhello\r\n",
    lf_in_extension=b"5;a\nb\r\nhello\r\n",
    long_extension=b"5;" + b"a" * 2000 + b"\r\nhello\r\n",
    no_extension=b"5;\r\nhello\r\n",
    extension_behind_none=b"5;a;\r\nhello\r\n",
    bad_extension=b"5;bad[=x\r\nhello\r\n",
    nameless_extension=b"5;=x\r\nhello\r\n",
    valueless_extension=b"5;a=\r\nhello\r\n",
    half_quoted_extension=b'5;a="x\r\nhello\r\n',
    extension_behind_quotes=b'5;a="x"y\r\nhello\r\n',
    extension_with_space=b"5;a b\r\nhello\r\n",
    trailer_without_colon=b"0\r\nnonsense\r\n",
    trailer_without_name=b"0\r\n: x\r\n",
    trailer_with_space=b"0\r\nX : y\r\n",
    trailer_folded=b"0\r\nX: y\r\n z\r\n",
    trailer_with_nul=b"0\r\nX: \0\r\n",
    trailer_with_cr=b"0\r\nX: a\rb\r\n",
    trailers_without_end=b"0\r\n" + b"X: y\r\n" * 10_000,
)
def test_a_malformed_chunk_is_refused(wire: EchoConnection, request_: bytes) -> None:
    """RFC 9112, section 7.1."""
    assert_refused(wire, CHUNKED + request_ + b"0\r\n\r\n")


@raw(
    size=b"5\nhello",
    end_of_size=b"5;a\n",
    last_size=b"5\r\nhello\r\n0\n",
    trailer=b"5\r\nhello\r\n0\r\nX: y\n",
    end_of_trailers=b"5\r\nhello\r\n0\r\n\n",
    behind_a_chunk=b"5\r\nhello\n",
)
def test_a_chunked_body_with_bare_lf_is_refused_at_once(
    wire: EchoConnection, request_: bytes
) -> None:
    """The server does not wait for a CR that never comes."""
    assert wire.statuses(CHUNKED + request_) == [400]


@raw(
    chunks=b"3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n",
    hexadecimal=b"005\r\nhello\r\n000\r\n\r\n",
    extension=b'5;a=b;c="d"\r\nhello\r\n0\r\n\r\n',
    bare_extension=b"5;a\r\nhello\r\n0;b\r\n\r\n",
    spaced_extension=b'5 ; a = "\\"b;" ;c\r\nhello\r\n0\r\n\r\n',
    trailer=b"5\r\nhello\r\n0\r\nX: y\r\n\r\n",
    trailer_that_counts_for_nothing=b"5\r\nhello\r\n0\r\nContent-Length: 3\r\n\r\n",
)
@pytest.mark.parametrize("header", [b"chunked", b"CHUNKED", b" chunked\t"])
def test_a_chunked_body_is_decoded(wire: EchoConnection, request_: bytes, header: bytes) -> None:
    """RFC 9112, section 7.1."""
    answer = wire.talk(CHUNKED.replace(b" chunked", header) + request_ + NEXT)
    assert answer.count(b"HTTP/1.1 200 OK") == 2
    assert b"\r\n\r\nhelloHTTP/1.1" in answer


# -- who is asked, and for what --------------------------------------------------------------------


@raw(
    no_host=b"GET / HTTP/1.1\r\nContent-Length: 5\r\n\r\n",
    bad_host=b"GET / HTTP/1.1\r\nHost: a b\r\nContent-Length: 5\r\n\r\n",
    bad_target=b"POST x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
    two_types=POST + b"Content-Type: a/b\r\nContent-Type: c/d\r\nContent-Length: 5\r\n\r\n",
    expecting=b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n",
)
def test_a_bad_head_is_refused_before_its_body_arrives(
    wire: EchoConnection, request_: bytes
) -> None:
    """The body would be discarded anyway."""
    assert wire.statuses(request_) == [400]


@pytest.mark.parametrize(
    ("method", "target", "headers", "status"),
    [
        ("DELETE", "/session", {}, 204),
        ("DELETE", "/rooms/lobby/membership", {}, 204),
        ("OPTIONS", "/rooms", {}, 204),
        ("OPTIONS", "/", {}, 204),
        ("GET", "/", {"If-None-Match": "*"}, 304),
    ],
)
def test_responses_without_a_body_have_no_content_length(
    ada: HttpClient, method: str, target: str, headers: dict[str, str], status: int
) -> None:
    """RFC 9110, section 8.6, for 204 and 304."""
    response = ada.request(method, target, headers=headers)
    assert (response.status, response.body) == (status, b"")
    assert "content-length" not in response.headers


def test_no_response_reveals_the_server_software(
    server: MemoryServer, http: HttpClient, wire: EchoConnection
) -> None:
    """A version helps attackers: not in polls, files, errors, nor for `OPTIONS *`."""
    server.say("hello")
    for target in ("/", "/healthz", "/nowhere", "/rooms/lobby/events?since=0&wait=0") * 3:
        assert "server" not in http.get(target).headers
    for request in (b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", b"nonsense\r\n\r\n"):
        assert b"twisted" not in wire.talk(request).lower()


def test_the_head_of_an_answer_is_written_with_its_body(
    server: MemoryServer, ada: HttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One write is one system call, and nearly always one packet."""
    written: list[bytes] = []
    write = ada.wire.write

    def noted(data: bytes) -> None:
        written.append(data)
        write(data)

    monkeypatch.setattr(ada.wire, "write", noted)
    assert ada.post("/rooms/lobby/messages", {"text": "hello"}).status == 201
    assert ada.get("/rooms").status == 200
    assert ada.request("HEAD", "/rooms").status == 200
    assert ada.request("DELETE", "/session").status == 204
    assert [data.count(b"HTTP/1.1 ") for data in written] == [1, 1, 1, 1]


@pytest.mark.parametrize(
    ("coding", "status"),
    [("gzip", 415), ("br", 415), ("identity, gzip", 415), ("x", 415), ("", 201), ("Identity", 201)],
)
def test_a_body_with_a_content_coding_is_refused(
    server: MemoryServer, ada: HttpClient, coding: str, status: int
) -> None:
    """The response names the coding that is accepted (RFC 9110, section 15.5.16)."""
    requests = [
        ("POST", "/rooms/lobby/messages", "hello", "text/plain"),
        ("PUT", "/rooms/lobby/topic", "hello", "text/plain"),
        ("POST", "/session", '{"name":"bob"}', "application/json"),
    ]
    for method, target, body, kind in requests:
        headers = {"Content-Type": kind, "Content-Encoding": coding}
        response = ada.request(method, target, body, headers)
        if status == 415:
            assert response.refusal == (415, "unsupported-media-type")
            assert response.headers["accept-encoding"] == "identity"
        else:
            assert response.status in (200, 201)
    assert server.chat.texts("lobby") == (["hello"] if status == 201 else [])


def test_options_asterisk_is_answered(wire: EchoConnection) -> None:
    """`OPTIONS *` (RFC 9112, section 3.2.4)."""
    assert wire.statuses(b"OPTIONS * HTTP/1.1\r\nHost: chat.example\r\n\r\n") == [200]


# -- how much --------------------------------------------------------------------------------------


@raw(
    target=b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\n\r\n",
    header=GET + b"X: " + b"x" * 20_000 + b"\r\n\r\n",
    header_without_end=GET + b"X: " + b"x" * 200_000,
    headers=GET + b"X: y\r\n" * 501 + b"\r\n",
    all_headers=GET + (b"X: " + b"y" * 1000 + b"\r\n") * 20 + b"\r\n",
)
def test_too_large_headers_are_refused_with_431(wire: EchoConnection, request_: bytes) -> None:
    """RFC 6585, section 5."""
    assert_refused(wire, request_, 431)


@raw(
    target=b"GET /?" + b"x" * 16_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    header=GET + b"X: " + b"x" * 16_000 + b"\r\n\r\n",
    headers=GET + b"X: y\r\n" * 90 + b"\r\n",
)
def test_large_headers_within_the_limits_are_accepted(
    wire: EchoConnection, request_: bytes
) -> None:
    """Up to 16 KiB and a hundred headers."""
    assert wire.statuses(request_) == [200]


def test_a_refusal_half_closes_the_connection_at_once(wire: EchoConnection) -> None:
    """The server still reads for a while, so that the response is not lost to a reset."""
    closes: list[bool] = []
    wire.connection.loseWriteConnection = lambda: closes.append(wire.closed)  # type: ignore[method-assign]
    assert wire.statuses(b"nonsense\r\n") == [400]
    assert closes == [False]
    wire.connection.hang_up()


# -- what is allowed -------------------------------------------------------------------------------


@raw(
    case=b"GET / HTTP/1.1\r\nhOsT:chat.example\r\n\r\n",
    tabs=b"GET / HTTP/1.1\r\nHost:\tchat.example \t\r\n\r\n",
    empty=GET + b"X:\r\nY: \r\n\r\n",
    latin_1=GET + b"X: caf\xe9\r\n\r\n",
    tab_inside=GET + b"X: a\tb\r\n\r\n",
    blank_line_before=b"\r\n" + NEXT,
    body_of_a_get=GET + b"Content-Length: 5\r\n\r\nhello",
    another_upgrade=GET + b"Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
    unknown_expectation=GET + b"Expect: miracles\r\n\r\n",
)
def test_unusual_but_valid_requests_are_answered(wire: EchoConnection, request_: bytes) -> None:
    """So is the next request."""
    assert wire.statuses(request_ + NEXT) == [200, 200]


NAMES = ["Accept", "Authorization", "Content-Type", "Cookie", "Idempotency-Key", "Last-Event-ID"]


@pytest.mark.parametrize("name", [*NAMES, "Origin", "Upgrade", "Connection", "Expect"])
@pytest.mark.parametrize("value", [b"\xe9", b"\xff\xfe", b"\xed\xa0\x80", "☃".encode()], ids=ascii)
def test_no_bytes_in_a_header_cause_a_5xx(server: MemoryServer, name: str, value: bytes) -> None:
    """Bytes that are no ASCII or no UTF-8 are accepted or refused with 4xx."""
    http = server.http()
    line = b"%b: %b\r\n\r\n" % (name.encode(), value)
    for request in ("GET /rooms/lobby/events?wait=0", "POST /rooms/lobby/messages?name=ada"):
        http.send_raw(f"{request} HTTP/1.1\r\nHost: a\r\n".encode() + line, request.split()[0])
        server.chat.settle()
        assert http.response().status < 500


@pytest.mark.parametrize(
    "headers",
    [
        [b"close"],
        [b"Close"],
        [b"close, te"],
        [b"te,close"],
        [b"te", b"close"],
    ],
    ids=repr,
)
def test_connection_close_is_found_anywhere_in_its_list(
    wire: EchoConnection, headers: Sequence[bytes]
) -> None:
    """RFC 9112, section 9.6; later requests on the connection are not answered."""
    lines = b"".join(b"Connection: %b\r\n" % header for header in headers)
    assert wire.statuses(GET + lines + b"\r\n" + NEXT) == [200]
    assert wire.closed


def test_a_thousand_requests_in_one_packet_are_answered_in_order(wire: EchoConnection) -> None:
    """RFC 9112, section 9.3.2."""
    requests = [POST + b"Content-Length: 5\r\n\r\n%05d" % number for number in range(1000)]
    bodies = wire.talk(b"".join(requests)).split(b"HTTP/1.1 200 OK\r\n")
    assert [body[-5:] for body in bodies[1:]] == [b"%05d" % number for number in range(1000)]


def test_valid_requests_before_a_malformed_one_are_answered(wire: EchoConnection) -> None:
    """Those after it are not."""
    assert wire.statuses(NEXT + NEXT + b"nonsense\r\n\r\n" + NEXT) == [200, 200, 400]
    wire.chat.advance(LINGER_SECONDS)
    assert wire.closed


def test_a_refused_connection_answers_no_learned_poll(
    server: MemoryServer, http: HttpClient
) -> None:
    """The fast path obeys the refusal too."""
    poll = b"GET /rooms/lobby/events?since=0&wait=0 HTTP/1.1\r\nHost: a\r\n\r\n"
    for _ in range(3):
        http.wire.send(poll)
        server.chat.settle()
        assert http.wire.received().startswith(b"HTTP/1.1 200 OK\r\n")
    http.wire.send(b"nonsense\n")
    assert http.wire.received().startswith(b"HTTP/1.1 400 Bad Request\r\n")
    http.wire.send(poll)
    assert http.wire.received() == b""
    server.chat.advance(LINGER_SECONDS)
    assert http.closed


@given(st.lists(st.integers(1, 30), max_size=20))
def test_requests_are_parsed_at_any_packet_boundaries(sizes: list[int]) -> None:
    """Within a line end, a length or a chunk."""
    data = NEXT + CHUNKED + b"5\r\nhello\r\n0\r\n\r\n" + POST + b"Content-Length: 3\r\n\r\nbye"
    parts = []
    for size in sizes:
        parts.append(data[:size])
        data = data[size:]
    wire = EchoConnection()
    answer = wire.talk(*parts, data)
    assert answer.count(b"HTTP/1.1 200 OK\r\n") == 3
    assert [word in answer for word in (b"OK", b"hello", b"bye")] == [True, True, True]
    wire.connection.hang_up()
