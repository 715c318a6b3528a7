"""Options: parsers of settings, whose errors say what is valid."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from chatd.server import option as module
from chatd.server.option import (
    Option,
    Read,
    checker,
    contact,
    endpoint,
    host,
    number,
    one_of,
    origin,
    proxy,
    read_lines,
    readable,
    shown,
    store,
    truth,
)


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (number(1), "5", 5),
        (number(0, kind=float), "0.5", 0.5),
        (truth, "ON", True),
        (truth, "no", False),
        (one_of("disk", "process"), "disk", "disk"),
        (origin, "https://example.org:8443", "https://example.org:8443"),
        (origin, "null", "null"),
        (host, "Bücher.Example.", "xn--bcher-kva.example"),
        (proxy, "unix", "unix"),
        (endpoint, "none", "none"),
        (endpoint, "tcp:8080:interface=127.0.0.1", "tcp:8080:interface=127.0.0.1"),
        (endpoint, "unix:door", "unix:door"),
        (store, "sqlite:chat.db", "sqlite:chat.db"),
        (readable, __file__, __file__),
    ],
)
def test_a_valid_text_is_parsed(read: Read, text: str, value: Any) -> None:
    """To the type that the setting has."""
    assert read(text) == value


@pytest.mark.parametrize(
    ("read", "text", "valid"),
    [
        (number(1, 9), "0", "a number from 1 to 9"),
        (number(1, 9), "10", "a number from 1 to 9"),
        (number(0, kind=float), "nan", "a number from 0"),
        (truth, "maybe", "neither true nor false"),
        (one_of("disk", "process"), "disc", "none of disk, process"),
        (origin, "example.org", "https://example.org"),
        (origin, "https://example.org/", "https://example.org"),
        (origin, "https://[", "https://example.org"),
        (host, "http://example.org", "chat.example.org"),
        (proxy, "10.0.0.0/99", "10.0.0.0/8"),
        (checker, "nothing:x", "file:passwd"),
        (checker, "anonymous", "file:passwd"),
        (endpoint, "tcp:80x", "tcp:8080:interface=127.0.0.1"),
        (endpoint, "nothing:1", "tcp:8080:interface=127.0.0.1"),
        (store, "sqlite:", "sqlite:PATH"),
        (store, "memory:x", "memory:"),
        (readable, "/nowhere/motd.txt", "No such file"),
    ],
)
def test_an_invalid_text_is_refused_with_what_is_valid(read: Read, text: str, valid: str) -> None:
    """The error quotes the text, on one line."""
    with pytest.raises(ValueError, match=re.escape(valid)) as refused:
        read(text)
    message = str(refused.value)
    assert text in message
    assert "\n" not in message


def test_defaults_are_shown_as_people_write_them() -> None:
    """`--help` shows them."""
    assert [shown(value) for value in (None, (), ("a", "b"), 2.0, 5, "disk")] == [
        "none", "none", "a, b", "2", "5", "disk",
    ]  # fmt: skip


def test_a_parser_says_what_it_takes() -> None:
    """For the example configuration."""
    said = [Option("", read).valid for read in (number(1), number(0, 9, float), one_of("a", "b"))]
    assert said == ["whole numbers from 1", "numbers from 0 to 9", "a, b"]
    assert Option("", truth, flag=True).valid == "true, false"
    assert Option("", host).valid == ""


@pytest.mark.parametrize("locale", ["C", "de_DE.ISO-8859-1"])
def test_a_text_is_read_as_utf_8_in_every_locale(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, locale: str
) -> None:
    """A service has often none; what is not UTF-8 is refused, and the line says where."""
    encoding = "ascii" if locale == "C" else "iso-8859-1"
    monkeypatch.setattr("io.text_encoding", lambda given, level=2: given or encoding)
    file = tmp_path / "motd.txt"
    file.write_bytes("\ufeffGrüße\nтук-тук\n".encode())
    assert read_lines(file) == ["Grüße", "тук-тук"]
    file.write_bytes("one\nGrüße\n".encode("latin-1"))
    with pytest.raises(ValueError, match=r"motd\.txt' cannot be read: line 2 is not UTF-8"):
        readable(str(file))


@pytest.mark.parametrize(
    "value", ["mailto:admin@example.org", "https://example.org", "https://example.org/about?x=1"]
)
def test_a_contact_for_push_services_is_taken(value: str) -> None:
    """By mail or on the web (RFC 8292, section 2.1)."""
    assert contact(value) == value


@pytest.mark.parametrize(
    "value",
    [
        "",
        "admin@example.org",
        "mailto:admin",
        "mailto:a b@example.org",
        "http://example.org",
        "https://",
        "https://u@example.org",
        "https://[",
        "mailto:é@example.org",
        f"https://example.org/{'x' * 300}",
    ],
)
def test_another_contact_is_refused_with_an_example(value: str) -> None:
    """It is signed, and sent with every notification."""
    with pytest.raises(ValueError, match=r"one looks like mailto:admin@example\.org"):
        contact(value)


def test_a_contact_without_the_libraries_is_refused_with_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """So the start ends with one line, and `chatd check` tells it."""
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"pip install 'chatd\[push\]'"):
        contact("mailto:admin@example.org")
