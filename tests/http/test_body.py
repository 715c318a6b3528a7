"""Bodies of requests: JSON, a form, or the text itself (`chatd.http.body`)."""

from __future__ import annotations

import json

import pytest

from ..kit.http import HttpClient
from ..kit.server import MemoryServer

MESSAGES = "/rooms/lobby/messages"
JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
TEXT = {"Content-Type": "text/plain"}


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", '{"text": "fish & chips ☕"}'),
        ("application/json; charset=utf-8", '{"text":"fish \\u0026 chips \\u2615"}'),
        ("Application/JSON", ' {"type":"message","text":"fish & chips ☕"}\n'),
        ("application/x-www-form-urlencoded", "text=fish+%26+chips+%E2%98%95"),
        ("application/x-www-form-urlencoded;charset=UTF-8", "text=fish%20%26%20chips%20☕"),
        ("text/plain", "fish & chips ☕"),
        ("text/plain", "\ufefffish & chips ☕"),
        ("application/json", '\ufeff{"text": "fish & chips ☕"}'),
        ('text/plain;charset="utf-8"', "fish & chips ☕\r\n"),
    ],
    ids=[
        "json",
        "json-charset",
        "json-type",
        "form",
        "form-charset",
        "text",
        "text-bom",
        "json-bom",
        "text-charset",
    ],
)
def test_message_body_may_be_json_a_form_or_text(
    server: MemoryServer, ada: HttpClient, kind: str, body: str
) -> None:
    """Each is answered with the id of the stored message."""
    response = ada.request("POST", MESSAGES, body, {"Content-Type": kind})
    assert response.status == 201
    assert server.chat.texts("lobby") == ["fish & chips ☕"]
    assert response.json == {"id": server.chat.entries("lobby")[-1].id}


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        ("", JSON, 400, "malformed"),
        ("", {}, 400, "malformed"),
        ("{", JSON, 400, "malformed"),
        ("[]", JSON, 400, "malformed"),
        ('"text"', JSON, 400, "malformed"),
        ("null", JSON, 400, "malformed"),
        ("{}", JSON, 400, "malformed"),
        ('{"text":5}', JSON, 400, "malformed"),
        ('{"text":null}', JSON, 400, "malformed"),
        ('{"text":["hi"]}', JSON, 400, "malformed"),
        ('{"text":NaN}', JSON, 400, "malformed"),
        ('{"text":"hi","txet":"hi"}', JSON, 400, "malformed"),
        ('{"text":"hi","type":"join"}', JSON, 400, "malformed"),
        ('{"text":"hi","id":1}', JSON, 400, "malformed"),
        ('{"text":"hi"} trailing', JSON, 400, "malformed"),
        ("{'text':'hi'}", JSON, 400, "malformed"),
        ('{"text":' + "[" * 30_000, JSON, 400, "malformed"),
        ('{"x":' * 10_000, JSON, 400, "malformed"),
        (b'{"text":"\xff"}', JSON, 400, "malformed"),
        (b"\xff\xfe", JSON, 400, "malformed"),
        ('{"text":"\\ud800"}', JSON, 400, None),
        ('{"text":"\\udc00\\ud800"}', JSON, 400, None),
        ('{"text":""}', JSON, 400, "bad-text"),
        ('{"text":" \\n\\t "}', JSON, 400, "bad-text"),
        ('{"text":"\\u0000\\u001b"}', JSON, 400, "bad-text"),
        ('{"text":"\\u200b"}', JSON, 400, "bad-text"),
        (json.dumps({"text": "é" * 2049}), JSON, 413, "text-too-long"),
        (json.dumps({"text": "x\n" * 51 + "x"}), JSON, 413, "text-too-long"),
        ("text=one&text=two", FORM, 400, "malformed"),
        ("text=hi&type=join", FORM, 400, "malformed"),
        ("&".join(f"a{n}=1" for n in range(1000)), FORM, 413, "text-too-long"),
        ("text=", FORM, 400, "bad-text"),
        ("", FORM, 400, "bad-text"),
        ("", TEXT, 400, "bad-text"),
        ("<text>hi</text>", {"Content-Type": "application/xml"}, 415, "unsupported-media-type"),
        ("hi", {"Content-Type": "text/html"}, 415, "unsupported-media-type"),
        ("hi", {"Content-Type": "application/octet-stream"}, 415, "unsupported-media-type"),
        ("hi", {"Content-Type": "text/plain; charset=latin-1"}, 415, "unsupported-media-type"),
        ("hi", {"Content-Type": "multipart/form-data; boundary=x"}, 415, "unsupported-media-type"),
    ],
)  # fmt: skip
def test_invalid_message_body_is_refused(
    server: MemoryServer,
    ada: HttpClient,
    body: str | bytes,
    headers: dict[str, str],
    status: int,
    code: str | None,
) -> None:
    """The error says why; no message is stored, and the connection stays open."""
    response = ada.request("POST", MESSAGES, body, headers)
    assert response.status == status
    assert response.error == (code or response.error)
    assert ada.post(MESSAGES, {"text": "next"}).status == 201
    assert server.chat.texts("lobby") == ["next"]


LOOKS = [
    ("any text at all", "any text at all"),
    ("1+1=2", "1+1=2"),
    ("txet=hi", "txet=hi"),
    ("text", "text"),
    ("text=fish & chips", "text=fish & chips"),
    ("a=1&b=2", "a=1&b=2"),
    ("type=action", "type=action"),
    ("name=ada&text=hi", "name=ada&text=hi"),
    ("100% true", "100% true"),
    ("%41 &amp; +", "%41 &amp; +"),
    ('{"text":"hi"}', '{"text":"hi"}'),
    ("grüß dich", "grüß dich"),
    ("&".join(["text=x"] * 30), "&".join(["text=x"] * 30)),
    ("text=hi", "hi"),
    ("text=1%2B1=2", "1+1=2"),
    ("text=a+b", "a b"),
]
"""Bodies that curl calls forms, and the texts that they are."""


@pytest.mark.parametrize(("body", "text"), [*LOOKS, ("text=hi&type=message", "hi")])
def test_form_body_without_form_fields_is_the_text(
    server: MemoryServer, ada: HttpClient, body: str, text: str
) -> None:
    """A body that has unknown fields, or no `text`, is the text itself, to the byte."""
    assert ada.request("POST", MESSAGES, body, FORM).status == 201
    assert server.chat.texts("lobby") == [text]


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("PUT", "/rooms/lobby/topic"),
        ("POST", "/people/bob/messages"),
        ("DELETE", "/rooms/lobby/membership"),
    ],
)
@pytest.mark.parametrize(("body", "text"), [*LOOKS, ("text=hi&type=message",) * 2])
def test_every_endpoint_with_a_text_takes_it_raw(
    server: MemoryServer, ada: HttpClient, method: str, target: str, body: str, text: str
) -> None:
    """A topic, a private message, a parting text; only a message has the field `type`."""
    bob = server.line()
    bob.send(b"/nick bob\r\n")
    server.chat.settle()
    assert ada.request(method, target, body, FORM).status in (200, 201, 204)
    assert text in bob.received().decode()


def test_body_without_a_content_type_is_the_text(server: MemoryServer, ada: HttpClient) -> None:
    """As `curl -H 'Content-Type:' --data-binary @file` sends it."""
    for headers in ({}, {"Content-Type": ""}):
        assert ada.request("POST", MESSAGES, "1+1=2", headers).status == 201
    assert server.chat.texts("lobby") == ["1+1=2"] * 2


HOW = "send text=…, JSON, or the text itself"


@pytest.mark.parametrize(
    ("method", "target", "body", "message"),
    [
        ("POST", MESSAGES, '{"hello":1}', f'unknown field "hello": {HOW}'),
        ("POST", MESSAGES, "{}", f'the field "text" is missing: {HOW}'),
        ("POST", "/session", '{"user":"ada"}', 'unknown field "user": send name=…, or JSON'),
        ("PATCH", "/session", "{}", 'the field "name" is missing: send name=…, or JSON'),
    ],
)
def test_error_of_an_invalid_body_says_what_to_send(
    ada: HttpClient, method: str, target: str, body: str, message: str
) -> None:
    """It names the field that is wrong or missing."""
    response = ada.request(method, target, body, JSON)
    assert response.refusal == (400, "malformed")
    assert response.json["error"]["message"] == message


def test_error_of_an_invalid_body_names_the_field_or_the_syntax(ada: HttpClient) -> None:
    """An unknown field, a field of a wrong type, or JSON itself."""
    for body, word in (('{"txet":"hi"}', "txet"), ('{"text":5}', "text"), ("{,", "JSON")):
        response = ada.request("POST", MESSAGES, body, JSON)
        assert word in response.json["error"]["message"]
