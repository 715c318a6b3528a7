"""RFC 6455 against strict and hostile clients: what is answered, and with which close code.
Headings have the numbers of Autobahn's test groups.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd.http.wsprotocol import CLOSE_SECONDS, FRAMES_A_TURN, MAX_MESSAGE

from ..kit.echo import (
    BINARY,
    CLOSE,
    CONTINUATION,
    HANDSHAKE,
    PING,
    PONG,
    TEXT,
    EchoConnection,
    EchoWebSocket,
    Frame,
    asked,
    closed_with,
    closing,
    fragments,
    frame,
)
from ..kit.packets import cut, packets
from ..kit.timers import timers

GOODBYE = Frame(CLOSE, b"\x03\xe8")
PROTOCOL_ERROR, BAD_DATA, TOO_BIG = 1002, 1007, 1009

either = pytest.mark.parametrize("opcode", [TEXT, BINARY], ids=["text", "binary"])
chopped = pytest.mark.parametrize("chop", [0, 1, 997])


def close_code_of(peer: EchoWebSocket, *frames: bytes, chop: int = 0) -> int | None:
    """The code with which the server closes on these frames, without sending anything else."""
    (answer,) = peer.send(*frames, chop=chop)
    assert peer.closed
    return closed_with(answer)


# -- the opening handshake -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"Upgrade": "WebSocket"}, id="upgrade-case"),
        pytest.param({"Upgrade": "h2c, websocket"}, id="upgrade-list"),
        pytest.param({"Connection": "keep-alive, UPGRADE"}, id="connection-list"),
        pytest.param({"Sec-WebSocket-Protocol": "chat"}, id="subprotocol"),
        pytest.param({"Sec-WebSocket-Extensions": "permessage-deflate"}, id="extension"),
        pytest.param({"Content-Length": "0"}, id="no-body"),
    ],
)
def test_a_valid_handshake_negotiates_nothing(changes: dict[str, str]) -> None:
    """No subprotocol, and no extension such as compression."""
    data = EchoConnection().talk(asked("GET", "/ws", (HANDSHAKE | changes).items()))
    assert data.startswith(b"HTTP/1.1 101 ")
    assert b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in data
    assert b"Sec-WebSocket-Protocol" not in data
    assert b"Sec-WebSocket-Extensions" not in data


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"Upgrade": None}, id="no-upgrade"),
        pytest.param({"Upgrade": "foo"}, id="another-upgrade"),
        pytest.param({"Upgrade": "websocketx"}, id="nearly-upgrade"),
        pytest.param({"Connection": None}, id="no-connection"),
        pytest.param({"Connection": "keep-alive"}, id="no-connection-upgrade"),
        pytest.param({"Connection": "upgrades"}, id="nearly-connection-upgrade"),
        pytest.param({"Sec-WebSocket-Key": None}, id="no-key"),
        pytest.param({"Sec-WebSocket-Key": ""}, id="empty-key"),
        pytest.param({"Sec-WebSocket-Key": "AQIDBAUGBwgJCgsMDQ4P"}, id="short-key"),
        pytest.param({"Sec-WebSocket-Key": "AQIDBAUGBwgJCgsMDQ4PEBE="}, id="long-key"),
        pytest.param({"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=!"}, id="garbled-key"),
        pytest.param({"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZ\xe9=="}, id="latin-1-key"),
        pytest.param({"sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ=="}, id="two-keys"),
        pytest.param({"Sec-WebSocket-Version": None}, id="no-version"),
        pytest.param({"Sec-WebSocket-Version": "8"}, id="version-8"),
        pytest.param({"Sec-WebSocket-Version": "25"}, id="version-25"),
        pytest.param({"Sec-WebSocket-Version": "13, 8"}, id="versions"),
        pytest.param({"Sec-WebSocket-Version": "13a"}, id="garbled-version"),
        pytest.param({"sec-websocket-version": "13"}, id="two-versions"),
        pytest.param({"Host": None}, id="no-host"),
        pytest.param({"Host": ""}, id="empty-host"),
        pytest.param({"host": "other.example"}, id="two-hosts"),
    ],
)
def test_an_invalid_handshake_is_refused(changes: dict[str, str | None]) -> None:
    """With 400."""
    wanted: dict[str, str | None] = {**HANDSHAKE, **changes}
    headers = [(name, value) for name, value in wanted.items() if value is not None]
    assert EchoConnection().statuses(asked("GET", "/ws", headers)) == [400]


def test_a_handshake_of_another_version_is_told_version_13() -> None:
    """RFC 6455, section 4.4."""
    headers = HANDSHAKE | {"Sec-WebSocket-Version": "25"}
    answer = EchoConnection().talk(asked("GET", "/ws", headers.items()))
    assert b"\r\nsec-websocket-version: 13\r\n" in answer.lower()


@pytest.mark.parametrize("method", ["POST", "HEAD", "PUT", "OPTIONS"])
def test_a_handshake_with_another_method_is_refused(method: str) -> None:
    """Only a GET opens a WebSocket."""
    (status,) = EchoConnection().statuses(asked(method, "/ws", HANDSHAKE.items()))
    assert status == {"OPTIONS": 204, "HEAD": 400}.get(method, 405)


def test_a_handshake_in_http_1_0_is_refused() -> None:
    """HTTP/1.0 has no Upgrade."""
    request = asked("GET", "/ws", HANDSHAKE.items()).replace(b"HTTP/1.1", b"HTTP/1.0")
    assert EchoConnection().statuses(request) == [400]


def test_a_connection_continues_after_a_refused_handshake() -> None:
    """It was a request like any other."""
    wire = EchoConnection()
    bad = asked("GET", "/ws", (HANDSHAKE | {"Upgrade": "foo"}).items())
    good = asked("GET", "/", [("Host", "chat.example")])
    assert wire.statuses(bad + good) == [400, 200]
    assert not wire.closed


@chopped
def test_a_handshake_may_arrive_in_pieces(chop: int) -> None:
    """Like any request."""
    data = asked("GET", "/ws", HANDSHAKE.items()) + frame(PING, b"hi")
    wire = EchoConnection()
    step = chop or len(data)
    answer = wire.talk(*(data[at : at + step] for at in range(0, len(data), step)))
    assert answer.endswith(b"\r\n\r\n\x8a\x02hi")


def test_a_frame_may_follow_the_handshake_in_the_same_packet() -> None:
    """It is not lost."""
    peer = EchoWebSocket(frame(TEXT, b"early") + closing(1000))
    assert peer.frames() == [Frame(TEXT, b"early"), GOODBYE]
    assert peer.closed


# -- 1: framing ------------------------------------------------------------------------------------


@either
@chopped
@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 128, 65535, 65536])
def test_messages_of_every_size_are_echoed(opcode: int, size: int, chop: int) -> None:
    """At the borders of the three length encodings, at any packet boundaries."""
    message = (b"*" if opcode == TEXT else b"\xfe") * size
    peer = EchoWebSocket()
    sent = frame(opcode, message) + closing(1000)
    head, middle, tail = sent[:200], sent[200:-200], sent[200:][-200:]
    cut_up = [*packets(head, chop), *packets(middle, chop and 997), *packets(tail, chop)]
    assert peer.frames(peer.talk(*cut_up)) == [Frame(opcode, message), GOODBYE]
    assert peer.closed


@either
@pytest.mark.parametrize(("size", "width"), [(3, 16), (125, 16), (3, 64), (65535, 64)])
def test_a_length_that_is_not_minimal_is_refused(opcode: int, size: int, width: int) -> None:
    """RFC 6455, section 5.2."""
    assert close_code_of(EchoWebSocket(), frame(opcode, b"*" * size, width=width)) == PROTOCOL_ERROR


@either
def test_a_length_whose_highest_bit_is_set_is_refused(opcode: int) -> None:
    """RFC 6455, section 5.2."""
    assert close_code_of(EchoWebSocket(), frame(opcode, size=1 << 63)) == PROTOCOL_ERROR


@either
def test_a_frame_without_a_mask_is_refused(opcode: int) -> None:
    """RFC 6455, section 5.1."""
    assert close_code_of(EchoWebSocket(), frame(opcode, b"hello", masked=False)) == PROTOCOL_ERROR


def test_many_messages_in_one_packet_are_echoed_in_order() -> None:
    """Two thousand of them."""
    texts = [b"%d" % number for number in range(2000)]
    assert EchoWebSocket().send(*(frame(TEXT, text) for text in texts)) == [
        Frame(TEXT, t) for t in texts
    ]


# -- too big ---------------------------------------------------------------------------------------

SNOWMAN = "☃".encode()


@pytest.mark.parametrize(
    "frames",
    [
        pytest.param([frame(TEXT, b"*" * (MAX_MESSAGE + 1))], id="text"),
        pytest.param([frame(BINARY, b"*" * (MAX_MESSAGE + 1))], id="binary"),
        pytest.param([frame(TEXT, SNOWMAN * (MAX_MESSAGE // 3 + 1))], id="in-bytes"),
        pytest.param(fragments(TEXT, [b"*" * 1000] * 70), id="fragments"),
        pytest.param([frame(BINARY, b"*" * (MAX_MESSAGE + 1), size=1 << 62)], id="and-no-end"),
    ],
)
@pytest.mark.parametrize("chop", [0, 997])
def test_a_too_big_message_is_refused_with_1009(frames: list[bytes], chop: int) -> None:
    """While it arrives, counted in bytes; the server then waits for the client's close frame."""
    peer = EchoWebSocket()
    (answer,) = peer.send(*frames, chop=chop)
    assert closed_with(answer) == TOO_BIG
    assert not peer.closed


def test_the_connection_closes_when_the_client_answers_the_close() -> None:
    """The server closes the TCP connection first (RFC 6455, section 7.1.1)."""
    peer = EchoWebSocket()
    peer.send(frame(TEXT, b"*" * (MAX_MESSAGE + 1)))
    assert peer.send(frame(TEXT, b"what?"), closing(TOO_BIG)) == []
    assert peer.closed


def test_a_client_that_does_not_answer_the_close_is_cut() -> None:
    """After `CLOSE_SECONDS`."""
    peer = EchoWebSocket()
    peer.send(frame(TEXT, b"*" * (MAX_MESSAGE + 1)))
    peer.chat.advance(CLOSE_SECONDS - 1)
    assert not peer.closed
    peer.chat.advance(1)
    assert peer.closed


def test_a_text_of_exactly_the_limit_in_bytes_is_accepted() -> None:
    """Three bytes for each of its characters."""
    text = SNOWMAN * (MAX_MESSAGE // 3)
    assert EchoWebSocket().send(frame(TEXT, text)) == [Frame(TEXT, text)]


# -- 2: pings and pongs ----------------------------------------------------------------------------


@chopped
@pytest.mark.parametrize("payload", [b"", b"hello", b"\x00\xff\xfe\xfd", b"\xfe" * 125])
def test_a_ping_is_answered_with_its_payload(payload: bytes, chop: int) -> None:
    """Whatever its bytes."""
    assert EchoWebSocket().send(frame(PING, payload), chop=chop) == [Frame(PONG, payload)]


@chopped
def test_each_ping_is_answered(chop: int) -> None:
    """In order."""
    pings = [frame(PING, b"%d" % number) for number in range(10)]
    assert EchoWebSocket().send(*pings, chop=chop) == [
        Frame(PONG, b"%d" % number) for number in range(10)
    ]


def test_an_unsolicited_pong_is_ignored() -> None:
    """RFC 6455, section 5.5.3."""
    assert EchoWebSocket().send(frame(PONG, b"unasked"), frame(PING)) == [Frame(PONG, b"")]


@pytest.mark.parametrize("opcode", [PING, PONG, CLOSE])
def test_a_control_frame_above_125_bytes_is_refused(opcode: int) -> None:
    """RFC 6455, section 5.5."""
    assert (
        close_code_of(EchoWebSocket(), frame(opcode, b"\x03\xe8".ljust(126, b"x")))
        == PROTOCOL_ERROR
    )


# -- 3, 4: reserved bits ---------------------------------------------------------------------------


@pytest.mark.parametrize("reserved", range(1, 8))
@pytest.mark.parametrize("opcode", [CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG])
def test_reserved_bits_are_refused(opcode: int, reserved: int) -> None:
    """No extension gives them a meaning; earlier frames are answered."""
    first, last = EchoWebSocket().send(
        frame(TEXT, b"first"), frame(opcode, reserved=reserved), frame(PING)
    )
    assert first == Frame(TEXT, b"first")
    assert closed_with(last) == PROTOCOL_ERROR


@pytest.mark.parametrize("opcode", [3, 4, 5, 6, 7, 11, 12, 13, 14, 15])
@pytest.mark.parametrize("payload", [b"", b"hello"], ids=["empty", "hello"])
def test_reserved_opcodes_are_refused(opcode: int, payload: bytes) -> None:
    """Earlier frames are answered, later ones are not."""
    first, last = EchoWebSocket().send(frame(TEXT, b"first"), frame(opcode, payload), frame(PING))
    assert first == Frame(TEXT, b"first")
    assert closed_with(last) == PROTOCOL_ERROR


# -- 5: fragments ----------------------------------------------------------------------------------


@either
@chopped
@pytest.mark.parametrize(
    "parts",
    [[b"frag", b"ment"], [b"", b"", b""], [b"", b"middle", b""], [b"*"] * 500, [b"*" * 1300] * 8],
    ids=["two", "empty", "middle", "tiny", "large"],
)
def test_fragments_are_joined_into_one_message(opcode: int, parts: list[bytes], chop: int) -> None:
    """However many, and however many are empty."""
    assert EchoWebSocket().send(*fragments(opcode, parts), chop=chop) == [
        Frame(opcode, b"".join(parts))
    ]


@chopped
def test_a_ping_between_fragments_is_answered_at_once(chop: int) -> None:
    """RFC 6455, section 5.4."""
    one, two, three = fragments(TEXT, [b"a", b"b", b"c"])
    answers = EchoWebSocket().send(one, frame(PING, b"1"), two, frame(PING, b"2"), three, chop=chop)
    assert answers == [Frame(PONG, b"1"), Frame(PONG, b"2"), Frame(TEXT, b"abc")]


def test_a_close_between_fragments_closes_the_connection() -> None:
    """The rest of the message is ignored."""
    one, two = fragments(TEXT, [b"a", b"b"])
    assert EchoWebSocket().send(one, closing(1000), two) == [GOODBYE]


@pytest.mark.parametrize("opcode", [PING, PONG, CLOSE])
def test_a_fragmented_control_frame_is_refused(opcode: int) -> None:
    """RFC 6455, section 5.4."""
    assert close_code_of(EchoWebSocket(), *fragments(opcode, [b"frag", b"ment"])) == PROTOCOL_ERROR


@pytest.mark.parametrize("final", [True, False])
def test_a_continuation_without_a_message_is_refused(final: bool) -> None:
    """At the start, and after a finished message."""
    assert close_code_of(EchoWebSocket(), frame(CONTINUATION, b"x", final=final)) == PROTOCOL_ERROR
    first, last = EchoWebSocket().send(
        *fragments(TEXT, [b"a", b"b"]), frame(CONTINUATION, b"c", final=final)
    )
    assert first == Frame(TEXT, b"ab")
    assert closed_with(last) == PROTOCOL_ERROR


@either
def test_a_message_begun_within_another_is_refused(opcode: int) -> None:
    """The first one has to be finished."""
    begun = frame(TEXT, b"a", final=False)
    assert close_code_of(EchoWebSocket(), begun, frame(opcode, b"b")) == PROTOCOL_ERROR


message = st.one_of(
    st.tuples(st.just(TEXT), st.text(max_size=40).map(str.encode)),
    st.tuples(st.just(BINARY), st.binary(max_size=200)),
)


cuts = st.lists(st.integers(0, 200), max_size=4)


@given(
    st.lists(st.tuples(message, cuts), max_size=5), st.integers(0, 2**25 - 1), st.integers(0, 12)
)
def test_any_messages_in_any_fragments_and_packets_are_echoed(
    messages: list[tuple[tuple[int, bytes], list[int]]], pinged: int, chop: int
) -> None:
    """Fragments may split a character, and a ping may follow any frame: those whose bits are set in
    `pinged`.
    """
    frames = []
    pings = 0
    parts = [part for (code, text), at in messages for part in fragments(code, cut(text, at))]
    for number, part in enumerate(parts):
        frames.append(part)
        if pinged >> number & 1:
            frames.append(frame(PING, b"%d" % pings))
            pings += 1
    answers = EchoWebSocket().send(*frames, chop=chop)
    assert [a for a in answers if a.opcode != PONG] == [Frame(*sent) for sent, _ in messages]
    assert [a for a in answers if a.opcode == PONG] == [
        Frame(PONG, b"%d" % n) for n in range(pings)
    ]


# -- 6: UTF-8 --------------------------------------------------------------------------------------

GOOD = "κόσμε".encode()


@pytest.mark.parametrize("cut", [0, 1], ids=["whole", "bytewise"])
@chopped
@pytest.mark.parametrize(
    "text",
    [
        pytest.param("Hello-µ@ßöäüàá-UTF-8!!", id="latin"),
        pytest.param("κόσμε", id="greek"),
        pytest.param("\0\x7f", id="one-byte"),
        pytest.param("\x80\u07ff", id="two-bytes"),
        pytest.param("\u0800\ud7ff\ue000\uffff", id="three-bytes"),
        pytest.param("\U00010000\U0010ffff", id="four-bytes"),
        pytest.param("\ufffd\ufffe\ufdd0\U0001fffe", id="non-characters"),
    ],
)
def test_characters_of_every_utf8_length_are_echoed(text: str, cut: int, chop: int) -> None:
    """Non-characters too, at any fragment boundaries."""
    data = text.encode()
    parts = [data[at : at + 1] for at in range(len(data))] if cut else [data]
    assert EchoWebSocket().send(*fragments(TEXT, parts), chop=chop) == [Frame(TEXT, data)]


@pytest.mark.parametrize("cut", [0, 1], ids=["whole", "bytewise"])
@pytest.mark.parametrize(
    "data",
    [
        pytest.param(GOOD + b"\xed\xa0\x80edited", id="surrogate"),
        pytest.param(b"\xed\xbf\xbf", id="low-surrogate"),
        pytest.param(b"\xed\xa0\x80\xed\xb0\x80", id="surrogate-pair"),
        pytest.param(b"\xf4\x90\x80\x80", id="beyond-unicode"),
        pytest.param(b"\xf8\x88\x80\x80\x80", id="five-bytes"),
        pytest.param(b"\xfc\x84\x80\x80\x80\x80", id="six-bytes"),
        pytest.param(b"\x80", id="lone-continuation"),
        pytest.param(b"\xc0\xaf", id="overlong-2"),
        pytest.param(b"\xe0\x80\xaf", id="overlong-3"),
        pytest.param(b"\xf0\x8f\xbf\xbf", id="overlong-4"),
        pytest.param(b"\xc0\x80", id="overlong-nul"),
        pytest.param(b"\xfe", id="fe"),
        pytest.param(b"\xff", id="ff"),
        pytest.param(GOOD[:-1], id="cut-2"),
        pytest.param(b"abc\xe2\x98", id="cut-3"),
        pytest.param(b"\xf0\x9f\x98", id="cut-4"),
        pytest.param(b"\xc3 ", id="cut-by-space"),
    ],
)
def test_a_text_with_invalid_utf8_is_refused_with_1007(data: bytes, cut: int) -> None:
    """RFC 6455, section 8.1."""
    parts = [data[at : at + 1] for at in range(len(data))] if cut else [data]
    assert close_code_of(EchoWebSocket(), *fragments(TEXT, parts)) == BAD_DATA


@pytest.mark.parametrize("sent", [frame(TEXT, b"\xff"), closing(1000, b"\xff")])
def test_invalid_utf8_is_closed_with_an_explanation(sent: bytes) -> None:
    """The close reason says what to do, not how a library failed."""
    (answer,) = EchoWebSocket().send(sent)
    assert answer.payload[2:] == b"what is sent as text has to be UTF-8"


@pytest.mark.parametrize("whole", [True, False], ids=["in-a-frame", "in-fragments"])
def test_invalid_utf8_is_refused_before_the_message_ends(whole: bool) -> None:
    """Within a frame, and within a fragmented message."""
    if whole:
        beginning = frame(TEXT, GOOD + b"\xf4\x90", size=1000)
        assert close_code_of(EchoWebSocket(), beginning) == BAD_DATA
    else:
        beginning = frame(TEXT, GOOD, final=False)
        peer = EchoWebSocket()
        assert peer.send(beginning) == []
        assert close_code_of(peer, frame(CONTINUATION, b"\xf4\x90", final=False)) == BAD_DATA


# -- 7: closing ------------------------------------------------------------------------------------


@chopped
@pytest.mark.parametrize("reason", [b"", b"bye", b"*" * 123, SNOWMAN * 41])
@pytest.mark.parametrize(
    "code",
    [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 3000, 3999, 4000, 4999],
)
def test_a_close_is_answered_with_its_code(code: int, reason: bytes, chop: int) -> None:
    """Then the server closes the connection."""
    peer = EchoWebSocket()
    (answer,) = peer.send(closing(code, reason), chop=chop)
    assert closed_with(answer) == code
    assert peer.closed


def test_a_close_without_a_code_is_answered_without_one() -> None:
    """RFC 6455, section 5.5.1."""
    assert close_code_of(EchoWebSocket(), closing()) is None


@pytest.mark.parametrize(
    "code", [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535]
)
def test_a_close_with_a_reserved_code_is_refused(code: int) -> None:
    """RFC 6455, section 7.4."""
    assert close_code_of(EchoWebSocket(), closing(code)) == PROTOCOL_ERROR


def test_a_close_of_one_byte_is_refused() -> None:
    """A close code has two bytes."""
    assert close_code_of(EchoWebSocket(), frame(CLOSE, b"\x03")) == PROTOCOL_ERROR


def test_a_close_reason_with_invalid_utf8_is_refused() -> None:
    """RFC 6455, section 8.1."""
    assert close_code_of(EchoWebSocket(), closing(1000, GOOD + b"\xed\xa0\x80")) == BAD_DATA


@pytest.mark.parametrize(
    "more",
    [closing(1000), frame(PING), frame(TEXT, b"x"), b"\xff" * 20],
    ids=["close", "ping", "text", "junk"],
)
@pytest.mark.parametrize("together", [True, False], ids=["together", "later"])
def test_frames_after_a_close_are_ignored(more: bytes, together: bool) -> None:
    """RFC 6455, section 5.5.1."""
    peer = EchoWebSocket()
    assert peer.send(closing(1000), *([more] if together else [])) == [GOODBYE]
    assert peer.send(more) == []


def test_a_client_that_hangs_up_without_a_close_leaves_no_timer() -> None:
    """Also in the middle of a message."""
    peer = EchoWebSocket()
    peer.send(frame(TEXT, b"begun", final=False))
    peer.connection.hang_up()
    assert not timers(peer.chat.clock)


# -- flow control ----------------------------------------------------------------------------------


def test_frames_of_a_client_that_does_not_read_wait_in_tcp() -> None:
    """When it reads again, all of them are answered."""
    peer = EchoWebSocket()
    peer.connection.fill()
    assert peer.connection.producerState == "paused"
    texts = [b"%d" % number for number in range(100)]
    assert peer.send(*(frame(TEXT, text) for text in texts)) == []
    peer.connection.drain()
    answered = peer.connection.received()
    assert peer.connection.producerState == "paused"
    assert len(peer.frames(answered)) == FRAMES_A_TURN
    peer.chat.settle()
    assert peer.connection.producerState == "producing"
    answered += peer.connection.received()
    assert peer.frames(answered) == [Frame(TEXT, text) for text in texts]


def test_a_flooding_websocket_does_not_delay_others() -> None:
    """At most `FRAMES_A_TURN` frames are read per turn; a client that hangs up in between leaves no
    timer.
    """
    peer = EchoWebSocket()
    peer.connection.send(b"".join(frame(TEXT, b"hi") for _ in range(100)))
    assert len(peer.frames(peer.connection.received())) == FRAMES_A_TURN
    assert peer.connection.producerState == "paused"
    peer.connection.hang_up()
    assert not timers(peer.chat.clock)
