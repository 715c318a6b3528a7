"""Lines of IRC: parsing, formatting, and the limits of their length."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd.codecs.irc.message import (
    MAX_BODY,
    MAX_CLIENT_TAGS,
    Message,
    NoUtf8,
    TooLong,
    cut,
    form,
    parse,
    read,
)

from ...kit.vectors import vectors

READ = {
    "foo bar ::asdf": Message("foo", ("bar", ":asdf")),
    "COMMAND  a   b ": Message("COMMAND", ("a", "b")),
    "@c;h=;=x;a=b :quux ab cd": Message("ab", ("cd",), "quux", {"c": "", "h": "", "a": "b"}),
    "@t1=1;t2=3;t1 COMMAND": Message("COMMAND", tags={"t1": "", "t2": "3"}),
    "@+typing=active TAGMSG #c": Message("TAGMSG", ("#c",), tags={"+typing": "active"}),
}


@pytest.mark.parametrize("line", READ)
def test_a_line_is_taken_apart(line: str) -> None:
    """As a client may write it too."""
    assert parse(line) == READ[line]
    assert read(line.encode()) == READ[line]


@pytest.mark.parametrize("vector", vectors("reading"), ids=lambda vector: vector["input"])
def test_a_line_is_taken_apart_as_every_client_does_it(vector: dict[str, Any]) -> None:
    """The community's vectors."""
    atoms = vector["atoms"]
    message = Message(
        atoms["verb"], (*atoms.get("params", ()),), atoms.get("source", ""), atoms.get("tags", {})
    )
    assert parse(vector["input"]) == message
    assert read(vector["input"].encode()) == message


@pytest.mark.parametrize("vector", vectors("writing"), ids=lambda vector: vector["desc"])
def test_a_line_is_written_in_a_way_that_every_client_reads(vector: dict[str, Any]) -> None:
    """With a colon before its last parameter."""
    atoms = vector["atoms"]
    *words, text = atoms.get("params", ()) or (None,)
    line = form(
        atoms["verb"],
        *words,
        text=text,
        source=atoms.get("source", ""),
        tags=atoms.get("tags", {}),
    )
    assert line in vector["matches"]
    assert text is None or f" :{text}" in line


words = st.text(st.characters(codec="utf-8", exclude_characters="\0\r\n :"), min_size=1, max_size=9)
texts = st.text(st.characters(codec="utf-8", exclude_characters="\0\r\n"), max_size=60)
values = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=9)
keys = st.from_regex(r"\A\+?[a-z]{1,8}(/[a-z-]{1,8})?\Z")


@given(words, st.lists(words, max_size=4), texts, st.dictionaries(keys, values, max_size=4))
def test_a_formatted_line_is_parsed_as_it_was(
    command: str, given: list[str], text: str, tags: Mapping[str, str]
) -> None:
    """Whatever its words, text and tags, escapes included."""
    command = command.lstrip("@") or "X"
    message = Message(command, (*given, text), "", tags)
    line = form(command, *given, text=text, tags=tags)
    assert parse(line) == message


@given(st.text(), st.text(), st.dictionaries(keys, st.text(st.characters(codec="utf-8"))))
def test_a_formatted_line_contains_no_line_break(
    word: str, text: str, tags: Mapping[str, str]
) -> None:
    """So nobody can make another's client read a line that the server did not write."""
    word, text = (one.encode(errors="replace").decode() for one in (word, text))
    line = form("PRIVMSG", word, text=text, source="ada", tags=tags)
    assert not set(line) & {"\r", "\n", "\0"}


@given(st.binary(max_size=700))
def test_any_bytes_are_parsed_or_refused(line: bytes) -> None:
    """No input raises another exception than the two refusals."""
    try:
        message = read(line)
    except (TooLong, NoUtf8):
        return
    assert message is None or message.command


def test_a_line_of_510_bytes_is_accepted_and_a_longer_one_refused() -> None:
    """With CR LF these are the 512 bytes of RFC 1459."""
    fits = b"PRIVMSG #lobby :" + b"x" * (MAX_BODY - 16)
    assert read(fits)
    with pytest.raises(TooLong):
        read(fits + b"x")


def test_tags_have_their_own_length_limit() -> None:
    """4,094 bytes, beside the 510 of the line after them."""
    tags = b"@+a=" + b"x" * (MAX_CLIENT_TAGS - 3)
    body = b"PRIVMSG #lobby :" + b"x" * (MAX_BODY - 16)
    assert read(tags + b" " + body)
    with pytest.raises(TooLong):
        read(tags + b"x PING x")
    with pytest.raises(TooLong):
        read(b"@" + b"x" * 5000)


@pytest.mark.parametrize(
    ("line", "command"),
    [
        (b"PRIVMSG #lobby :caf\xe9", "PRIVMSG"),
        (b"@+a=\xff privmsg #lobby :x", "PRIVMSG"),
        (b"\xff\xfe x", "*"),
        (b"", None),
    ],
)
def test_the_refusal_of_invalid_utf_8_names_the_command(line: bytes, command: str | None) -> None:
    """`*` if the command itself is broken; `FAIL` repeats it."""
    if command is None:
        assert read(line) is None
        return
    with pytest.raises(NoUtf8) as refused:
        read(line)
    assert refused.value.command == command


@pytest.mark.parametrize("line", ["", " ", "@a=b", ":ada", ":ada ", "@a :ada "])
def test_a_line_without_a_command_is_ignored(line: str) -> None:
    """Like an empty line, even if it has tags or a source."""
    assert parse(line) is None


def test_a_formatted_line_is_truncated_between_characters() -> None:
    """A client would have to show the half of a character."""
    line = form("PRIVMSG", "#lobby", text="é" * 400)
    assert len(line.encode()) in (MAX_BODY, MAX_BODY - 1)
    assert cut("é", 1) == ""


@pytest.mark.parametrize("param", ["", ":x", "a b"])
def test_a_parameter_that_cannot_be_one_word_becomes_a_star(param: str) -> None:
    """Otherwise it would shift the parameters after it."""
    assert form("401", param, text="x") == "401 * :x"
