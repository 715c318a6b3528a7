"""JSON: events as objects, and the bodies that clients send."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Meta, Struct

from chatd.codecs.json import JSON, convert, decode, encode, error_body, poll_answer
from chatd.codecs.websocket import AnySent
from chatd.model.bounds import Key, Text
from chatd.model.errors import BadText, Malformed, NameInUse
from chatd.model.events import (
    Acted,
    Event,
    Joined,
    Left,
    Noticed,
    Renamed,
    Said,
    SentPrivately,
    Told,
    TopicSet,
)
from chatd.model.text import clean_text
from chatd.stream.batch import Batch, Gap
from chatd.stream.eventlog import Entry

ID = 1_763_819_000_123_456
HEAD, TAIL = b'{"id":1763819000123456,', b',"time":"2025-11-22T13:43:20.123456Z"}'


@pytest.mark.parametrize(
    ("event", "fields"),
    [
        (
            Said("lobby", "ada", "hello"),
            '"type":"message","room":"lobby","from":"ada","text":"hello"',
        ),
        (
            Acted("lobby", "ada", "waves"),
            '"type":"action","room":"lobby","from":"ada","text":"waves"',
        ),
        (Joined("lobby", "ada"), '"type":"join","room":"lobby","from":"ada"'),
        (Left("lobby", "ada"), '"type":"leave","room":"lobby","from":"ada","text":""'),
        (Renamed("lobby", "ada", "eve"), '"type":"nick","room":"lobby","from":"ada","to":"eve"'),
        (TopicSet("lobby", "ada", "é"), '"type":"topic","room":"lobby","from":"ada","text":"é"'),
        (Noticed("lobby", "2 left"), '"type":"notice","room":"lobby","text":"2 left"'),
        (Told("ada", "bob", "psst"), '"type":"private","from":"ada","to":"bob","text":"psst"'),
        (
            SentPrivately("ada", "bob", "a\nb"),
            '"type":"private","from":"ada","to":"bob","text":"a\\nb"',
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_json_of_an_event_is_stable_byte_for_byte(event: Event, fields: str) -> None:
    """Programs read it, so the order and spelling of the fields stay."""
    assert JSON.encode(Entry(ID, event)) == HEAD + fields.encode() + TAIL


texts = st.text(st.characters(exclude_categories=["Cs"]))


@given(
    st.lists(st.builds(Said, texts, texts, texts), max_size=5), st.integers(0, 2**53), st.booleans()
)
def test_a_poll_response_is_valid_json_for_any_batch(
    events: list[Said], cursor: int, gap: bool
) -> None:
    """On one line, with every text unchanged."""
    chunks = [JSON.encode(Entry(ID + n, event)) for n, event in enumerate(events)]
    gaps = (Gap("lobby", None),) * gap
    body = poll_answer(b'"room":"lobby"', Batch(JSON.join(chunks), len(chunks), cursor, gaps))
    answer = json.loads(body)
    assert {key: answer[key] for key in answer if key != "events"} == {
        "room": "lobby",
        "next": cursor,
        "gap": gap,
    }
    assert [(e["id"], e["room"], e["from"], e["text"]) for e in answer["events"]] == [
        (ID + n, event.room, event.sender, event.text) for n, event in enumerate(events)
    ]
    assert b"\n" not in body


def test_the_json_of_a_poll_response_is_stable_byte_for_byte() -> None:
    """Also of one without events."""
    assert (
        poll_answer(b'"rooms":["lobby","dev"]', Batch(b"", 0, 7))
        == b'{"rooms":["lobby","dev"],"events":[],"next":7,"gap":false}'
    )


def test_an_error_body_has_a_code_and_a_message() -> None:
    """`code` is for programs, `message` for people."""
    assert (
        error_body(NameInUse('the name "é" is in use'))
        == '{"error":{"code":"name-in-use","message":"the name \\"é\\" is in use"}}'.encode()
    )


# -- bodies from clients ---------------------------------------------------------------------------


class Post(Struct, forbid_unknown_fields=True):
    """A form as a door declares it, without unknown fields."""

    text: Text
    times: int = 1


class Ref(Struct):
    """A form that ignores unknown fields."""

    ref: Key = None


def test_a_valid_body_is_decoded() -> None:
    """With UTF-8, escapes and white space as in RFC 8259."""
    assert decode('{"text": "é\\n\\ud83d\\ude00"}\n'.encode(), Post) == Post("é\n😀")
    assert decode(b'{"ref":"a1","more":[1,{}]}', Ref) == Ref("a1")


INVALID_POSTS = {
    "nothing": b"",
    "no JSON": b"text=hi",
    "cut off": b'{"text":"hi',
    "two values": b'{"text":"hi"}{"text":"ho"}',
    "a trailing comma": b'{"text":"hi",}',
    "single quotes": b"{'text':'hi'}",
    "a comment": b'{"text":"hi"} // said',
    "a raw line break": b'{"text":"a\nb"}',
    "a raw NUL": b'{"text":"a\0b"}',
    "a byte-order mark": b'\xef\xbb\xbf{"text":"hi"}',
    "another encoding": '{"text":"hi"}'.encode("utf-16"),
    "invalid UTF-8": b'{"text":"\xff\xfe"}',
    "UTF-8 of a surrogate": b'{"text":"\xed\xa0\x80"}',
    "overlong UTF-8": b'{"text":"\xc0\xaf"}',
    "invalid UTF-8 in a name": b'{"te\xffxt":"hi"}',
    "an array": b'["hi"]',
    "a string": b'"hi"',
    "null": b"null",
    "a number for a text": b'{"text":1}',
    "null for a text": b'{"text":null}',
    "a text for a number": b'{"text":"hi","times":"2"}',
    "a missing field": b"{}",
    "an unknown field": b'{"text":"hi","colour":"red"}',
    "NaN": b'{"text":"hi","times":NaN}',
    "infinity": b'{"text":"hi","times":Infinity}',
    "a fraction": b'{"text":"hi","times":1.5}',
    "a huge exponent": b'{"text":"hi","times":1e400}',
    "a broken escape": b'{"text":"\\u12"}',
    "deep brackets": b"[" * 100_000,
    "deep objects": b'{"text":' * 100_000,
    "deep in an unknown field": b'{"colour":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "deep for a text": b'{"text":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
}


@pytest.mark.parametrize("body", INVALID_POSTS.values(), ids=INVALID_POSTS)
def test_an_invalid_body_is_malformed(body: bytes) -> None:
    """The error is a single printable line."""
    with pytest.raises(Malformed) as problem:
        decode(body, Post)
    assert json.loads(error_body(problem.value))["error"]["code"] == "malformed"
    assert problem.value.message.isprintable()
    assert len(problem.value.message) < 300


class Kinds(Struct):
    kind: Literal["a", "b"]


@pytest.mark.parametrize(
    "piece", ["x" * 60_000, "a\\u001b[31m\\n\\u202eb"], ids=["long", "unprintable"]
)
@pytest.mark.parametrize("body", ['{{"text":"hi","{}":1}}', '{{"kind":"{}"}}', '{{"type":"{}"}}'])
def test_an_error_quotes_the_body_shortened_and_printable(piece: str, body: str) -> None:
    """As one line of text."""
    form = Kinds if "kind" in body else AnySent if "type" in body else Post
    with pytest.raises(Malformed) as problem:
        decode(body.format(piece).encode(), form)  # type: ignore[arg-type]
    assert problem.value.message.isprintable()
    assert len(problem.value.message) < 150


def test_a_body_that_is_not_utf_8_has_an_error_of_its_own() -> None:
    """The message says what is wrong with the body, not how a library failed."""
    with pytest.raises(Malformed, match=r"^the JSON is no valid UTF-8$"):
        decode(b'{"text":"\xff"}', Post)


def test_ignored_values_may_not_be_nested_deeply() -> None:
    """Skipping an unknown field must not exhaust the stack."""
    with pytest.raises(Malformed, match="nested too deeply"):
        decode(b'{"more":' + b"[" * 100_000 + b"]" * 100_000 + b"}", Ref)


@pytest.mark.parametrize("digits", [30, 400, 5000])
def test_a_huge_number_is_malformed(digits: int) -> None:
    """Where a number has bounds, whatever its number of digits."""

    class Bounded(Struct):
        times: Annotated[int, Meta(ge=0, le=10)]

    with pytest.raises(Malformed):
        decode(b'{"times":' + b"9" * digits + b"}", Bounded)


@pytest.mark.parametrize(
    "text",
    [
        "\\ud800",
        "\\uD800 x",
        "\\ude00\\ud83d",
        "a\\udfff",
        "\\ud800\\u0041",
        "\\ud83d\\ude00\\ud8ff",
    ],
)
def test_a_lone_surrogate_is_refused_by_the_form_or_the_text(text: str) -> None:
    """Before it is stored, because no door could encode it; the error names it."""
    with pytest.raises((Malformed, BadText), match="half a surrogate pair") as problem:
        clean_text(decode(b'{"text":"%b"}' % text.encode(), Post).text, 4096)
    assert error_body(problem.value)


@pytest.mark.parametrize(
    "body", [b'{"text":"\\ud83d\\ude00', b'{"text":"\\ud8', b'{"text":"\\ud800"']
)
def test_json_that_is_cut_off_is_not_said_to_have_a_lone_surrogate(body: bytes) -> None:
    """Although an escape may be what was cut."""
    with pytest.raises(Malformed, match="not understood"):
        decode(body, Post)


@given(st.binary() | st.text(st.sampled_from('{}[]":,\\utexi0123e.-nulltrfas ')).map(str.encode))
def test_any_body_is_decoded_or_malformed(body: bytes) -> None:
    """No input raises anything else."""
    for form in (Post, Ref):
        try:
            decode(body, form)
        except Malformed as problem:
            error_body(problem)


@pytest.mark.parametrize(
    "fields",
    [{}, {"text": "hi", "colour": "red"}, {"txt": "hi"}, {"text": "hi", "times": "many"}],
    ids=["empty", "unknown", "misspelt", "wrong"],
)
def test_an_invalid_web_form_is_malformed(fields: dict[str, str]) -> None:
    """Form fields are checked like a JSON body."""
    with pytest.raises(Malformed, match=r"form|field"):
        convert(fields, Post)


def test_a_valid_web_form_is_converted() -> None:
    """Its fields are texts."""
    assert convert({"text": "hi"}, Post) == Post("hi")


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | texts,
    lambda values: st.lists(values) | st.dictionaries(texts, values),
    max_leaves=10,
)


@given(json_values)
@settings(max_examples=50)
def test_encoded_values_are_json(value: Any) -> None:
    """Any JSON parser reads back the same value."""
    assert json.loads(encode(value)) == value
