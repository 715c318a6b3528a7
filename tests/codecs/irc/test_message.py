from __future__ import annotations

from collections.abc import Mapping

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

READ = {
    # words
    "foo bar baz asdf": Message("foo", ("bar", "baz", "asdf")),
    ":ada foo bar baz asdf": Message("foo", ("bar", "baz", "asdf"), "ada"),
    "COMMAND": Message("COMMAND"),
    ":src AWAY": Message("AWAY", (), "src"),
    ":src AWAY ": Message("AWAY", (), "src"),
    # a text as the last parameter
    "foo bar baz :asdf quux": Message("foo", ("bar", "baz", "asdf quux")),
    ":ada foo bar baz :asdf quux": Message("foo", ("bar", "baz", "asdf quux"), "ada"),
    "foo bar baz :": Message("foo", ("bar", "baz", "")),
    "foo bar baz ::asdf": Message("foo", ("bar", "baz", ":asdf")),
    ":ada foo bar baz :  asdf quux ": Message("foo", ("bar", "baz", "  asdf quux "), "ada"),
    ":ada PRIVMSG bar :lol :) ": Message("PRIVMSG", ("bar", "lol :) "), "ada"),
    ":ada foo bar baz :": Message("foo", ("bar", "baz", ""), "ada"),
    ":ada foo bar baz :  ": Message("foo", ("bar", "baz", "  "), "ada"),
    ":src JOIN #chan": Message("JOIN", ("#chan",), "src"),
    ":src JOIN :#chan": Message("JOIN", ("#chan",), "src"),
    ":op MODE #channel :+i": Message("MODE", ("#channel", "+i"), "op"),
    ":op MODE #c +oo ada :bob": Message("MODE", ("#c", "+oo", "ada", "bob"), "op"),
    # blanks where none are needed, as some servers write them
    ":irc.example 432  #momo :Bad nick: illegal": Message(
        "432", ("#momo", "Bad nick: illegal"), "irc.example"
    ),
    ":irc.example MODE #tckk +n ": Message("MODE", ("#tckk", "+n"), "irc.example"),
    ":irc.example MODE #a-b +o ada  ": Message("MODE", ("#a-b", "+o", "ada"), "irc.example"),
    # a tab, and formatting codes, are letters like any other
    ":cool\tguy foo bar baz": Message("foo", ("bar", "baz"), "cool\tguy"),
    ":ada!ag@net\x035w\x03ork.admin PRIVMSG foo :bar baz": Message(
        "PRIVMSG", ("foo", "bar baz"), "ada!ag@net\x035w\x03ork.admin"
    ),
    ":ada!~ag@n\x02et\x0305w\x0fork.admin PRIVMSG foo :bar baz": Message(
        "PRIVMSG", ("foo", "bar baz"), "ada!~ag@n\x02et\x0305w\x0fork.admin"
    ),
    # tags
    "@a=b;c=32;k;rt=ql7 foo": Message("foo", tags={"a": "b", "c": "32", "k": "", "rt": "ql7"}),
    r"@a=b\\and\nk;c=72\s45;d=gh\:764 foo": Message(
        "foo", tags={"a": "b\\and\nk", "c": "72 45", "d": "gh;764"}
    ),
    "@c;h=;a=b :quux ab cd": Message("ab", ("cd",), "quux", {"c": "", "h": "", "a": "b"}),
    "@t1=v1;t2;vendor1/t3=v2;vendor2/t4= :irc.example COMMAND p1 p2 :p3 p3": Message(
        "COMMAND",
        ("p1", "p2", "p3 p3"),
        "irc.example",
        {"t1": "v1", "t2": "", "vendor1/t3": "v2", "vendor2/t4": ""},
    ),
    "@t1=v1;t2;vendor1/t3=v2;vendor2/t4 COMMAND p1 p2 :p3 p3": Message(
        "COMMAND",
        ("p1", "p2", "p3 p3"),
        tags={"t1": "v1", "t2": "", "vendor1/t3": "v2", "vendor2/t4": ""},
    ),
    r"@foo=\\\\\:\\s\s\r\n COMMAND": Message("COMMAND", tags={"foo": "\\\\;\\s \r\n"}),
    r"@tag1=value\\ntest COMMAND": Message("COMMAND", tags={"tag1": "value\\ntest"}),
    r"@tag1=value\1 COMMAND": Message("COMMAND", tags={"tag1": "value1"}),
    "@tag1=value1\\ COMMAND": Message("COMMAND", tags={"tag1": "value1"}),
    # of a tag that is repeated, the last one counts
    "@t1=1;t2=3;t3=4;t1=5 COMMAND": Message("COMMAND", tags={"t1": "5", "t2": "3", "t3": "4"}),
    "@t1=1;t2=3;t1=5;vendor/t2=8 COMMAND": Message(
        "COMMAND", tags={"t1": "5", "t2": "3", "vendor/t2": "8"}
    ),
}

WRITTEN = [
    (Message("foo", ("bar", "baz", "asdf")), "foo bar baz :asdf"),
    (Message("AWAY", (), "src"), ":src AWAY"),
    (Message("AWAY", ("",), "src"), ":src AWAY :"),
    (Message("foo", ("bar", "baz", "asdf"), "ada"), ":ada foo bar baz :asdf"),
    (Message("foo", ("bar", "baz", "asdf quux")), "foo bar baz :asdf quux"),
    (Message("foo", ("bar", "baz", "")), "foo bar baz :"),
    (Message("foo", ("bar", "baz", ":asdf")), "foo bar baz ::asdf"),
    (Message("foo", ("bar", "  asdf quux "), "ada"), ":ada foo bar :  asdf quux "),
    (Message("PRIVMSG", ("bar", "lol :) "), "ada"), ":ada PRIVMSG bar :lol :) "),
    (Message("foo", ("b\tar", "baz"), "ada"), ":ada foo b\tar :baz"),
    (Message("foo", ("bar", "  "), "ada", {"asd": ""}), "@asd :ada foo bar :  "),
    (Message("foo", tags={"a": "b\\and\nk", "d": "gh;764"}), r"@a=b\\and\nk;d=gh\:764 foo"),
    (Message("COMMAND", tags={"foo": "\\\\;\\s \r\n"}), r"@foo=\\\\\:\\s\s\r\n COMMAND"),
]


@pytest.mark.parametrize("line", READ)
def test_lines_of_all_clients_are_parsed(line: str) -> None:
    assert parse(line) == READ[line]
    assert read(line.encode()) == READ[line]


def written(message: Message) -> str:
    *words, text = message.params or (None,)
    return form(
        message.command,
        *(word or "" for word in words),
        text=text,
        source=message.source,
        tags=message.tags,
    )


@pytest.mark.parametrize(("message", "line"), WRITTEN)
def test_a_text_is_formatted_with_a_colon_before_it(message: Message, line: str) -> None:
    assert written(message) == line


words = st.text(st.characters(codec="utf-8", exclude_characters="\0\r\n :"), min_size=1, max_size=9)
texts = st.text(st.characters(codec="utf-8", exclude_characters="\0\r\n"), max_size=60)
values = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=9)
keys = st.from_regex(r"\A\+?[a-z]{1,8}(/[a-z-]{1,8})?\Z")


@given(words, st.lists(words, max_size=4), texts, st.dictionaries(keys, values, max_size=4))
def test_a_formatted_line_is_parsed_as_it_was(
    command: str, given: list[str], text: str, tags: Mapping[str, str]
) -> None:
    command = command.lstrip("@") or "X"
    message = Message(command, (*given, text), "", tags)
    line = form(command, *given, text=text, tags=tags)
    assert parse(line) == message


@given(st.text(), st.text(), st.dictionaries(keys, st.text(st.characters(codec="utf-8"))))
def test_a_formatted_line_contains_no_line_break(
    word: str, text: str, tags: Mapping[str, str]
) -> None:
    word, text = (one.encode(errors="replace").decode() for one in (word, text))
    line = form("PRIVMSG", word, text=text, source="ada", tags=tags)
    assert not set(line) & {"\r", "\n", "\0"}


@given(st.binary(max_size=700))
def test_any_bytes_are_parsed_or_refused(line: bytes) -> None:
    try:
        message = read(line)
    except (TooLong, NoUtf8):
        return
    assert message is None or message.command


def test_a_line_of_510_bytes_is_accepted_and_a_longer_one_refused() -> None:
    fits = b"PRIVMSG #lobby :" + b"x" * (MAX_BODY - 16)
    assert read(fits)
    with pytest.raises(TooLong):
        read(fits + b"x")


def test_tags_have_their_own_length_limit() -> None:
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
    if command is None:
        assert read(line) is None
        return
    with pytest.raises(NoUtf8) as refused:
        read(line)
    assert refused.value.command == command


@pytest.mark.parametrize("line", ["", " ", "@a=b", ":ada", ":ada ", "@a :ada "])
def test_a_line_without_a_command_is_ignored(line: str) -> None:
    assert parse(line) is None


def test_a_formatted_line_is_truncated_between_characters() -> None:
    line = form("PRIVMSG", "#lobby", text="é" * 400)
    assert len(line.encode()) in (MAX_BODY, MAX_BODY - 1)
    assert cut("é", 1) == ""


@pytest.mark.parametrize("param", ["", ":x", "a b"])
def test_a_parameter_that_cannot_be_one_word_becomes_a_star(param: str) -> None:
    assert form("401", param, text="x") == "401 * :x"
