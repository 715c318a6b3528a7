"""Other protocols are recognized by the first line of a connection to the line door."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chatd.codecs.opening import BINARY, HTTP, MAX_OPENING, SSH, TLS, Opening

from ..kit.packets import cut, places


def judged(*packets: bytes) -> str | None:
    """The problem that is found in a connection that sends these packets and ends."""
    opening = Opening()
    for packet in packets:
        if problem := opening.feed(packet):
            return problem
        if opening.done:
            return None
    return opening.finish()


FOREIGN = [
    (b"\x16\x03\x01\x02\x00\x01", TLS),
    (b"\x16", TLS),
    (b"SSH-2.0-OpenSSH_9.6\r\n", SSH),
    (b"GET / HTTP/1.1\r\n", HTTP),
    (b"get / http/1.1\r\n", HTTP),
    (b"GET\t/ HTTP/1.1\r\n", HTTP),
    (b"GET \t/\tHTTP/1.1 \r\n", HTTP),
    (b"GET / HTTP/3\n", HTTP),
    (b"\r\nGET / HTTP/1.1\r\n", HTTP),
    (b"POST /a b HTTP/1.1\r\n", HTTP),
    (b"POST /" + b"x" * 6000, HTTP),
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", HTTP),
    (b"OPTIONS * HTTP/1.1\r\n", HTTP),
    (b"OPTIONS sip:nm SIP/2.0\r\n", HTTP),
    (b"CONNECT example.org:443 HTTP/1.1\r\n", HTTP),
    (b"GET http://example.org/ HTTP/1.0\r\n", HTTP),
    (b"BREW /pot HTTP/1.1\r\n", HTTP),
    (b"brew coffee://pot HTTP/1.1", HTTP),
    (b"HTTP/1.1 200 OK\r\n", HTTP),
    (b"\0", BINARY),
    (b"\0\0\0\x2f\xffSMB", BINARY),
    (b"\x03\0\0\x2f\x2a\xe0", BINARY),
    (b"\x05\x01\0", BINARY),
    (b"\x10\x10\0\x04MQTT\x04\x02", BINARY),
    (b"h\0i\0\r\0\n\0", BINARY),
    (b"\x80\x2e\x01\x03\x01\0", BINARY),
    (b"\x8f\x01\xfe\x1f\x03\n", BINARY),
]


@pytest.mark.parametrize(("first", "problem"), FOREIGN, ids=lambda value: repr(value)[:24])
def test_other_protocols_are_recognized_at_any_packet_boundaries(
    first: bytes, problem: str
) -> None:
    """In one packet, byte by byte, and at the end of the connection."""
    assert judged(first) == problem
    assert judged(*(bytes([byte]) for byte in first)) == problem


@pytest.mark.parametrize(
    "first",
    [
        b"hello\r\n",
        b"hello\r\0how are you\r\0",
        b"\r\0hello\r\0",
        b"caf\xe9\n",
        b"\xc3\xbcber\n",
        b"/nick ada\r\n",
        b"GET well soon\n",
        b"POST it to bob\n",
        b"Options: tea or coffee?\n",
        b"does it speak HTTP/2?\n",
        b"why does curl send HTTP/1.1\n",
        b"GET /dev/null\n",
        b"get /dev/null\n",
        b"put /etc/hosts back\n",
        b"see http://example.org/ about HTTP/1.1\n",
        b"get ready for HTTP/1.1\n",
        b"HTTP/2 is faster than HTTP/1.1\n",
        b"SSH is down\n",
        b"helo\x08lo\x15hello\x17\x7f\x1b[A\n",
        b"\x03\x04\x1ahello\n",
        b"",
        b"\r\n\r\n",
        b"x" * (MAX_OPENING + 1),
    ],
    ids=repr,
)
def test_first_lines_that_people_type_are_accepted(first: bytes) -> None:
    """Latin-1, editing keys, and words that only resemble another protocol."""
    assert judged(first) is None
    assert judged(*(bytes([byte]) for byte in first)) is None


@given(st.lists(st.sampled_from([b"\r", b"\n", b"\0", b"GET /", b"a", b"\xff"])), places)
@example([b"\r", b"\0", b"a"], [1])
def test_recognition_does_not_depend_on_packet_boundaries(
    parts: list[bytes], at: list[int]
) -> None:
    """TCP may split the bytes anywhere."""
    first = b"".join(parts)
    assert judged(*cut(first, at)) == judged(first)


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=40))
def test_only_the_first_line_is_examined(text: str) -> None:
    """Later lines may quote an HTTP request."""
    opening = Opening()
    assert opening.feed(f"hello {text}\nGET / HTTP/1.1\n".encode()) is None or "HTTP/" in text
