"""Lines of the line door, parsed as commands."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chatd.codecs.commandlines import (
    FORM_COLUMN,
    CommandTable,
    Usage,
    duration_and_text,
    nothing,
)
from chatd.doors.line.commands import COMMANDS
from chatd.model.bounds import NAME
from chatd.model.errors import ChatError, Malformed, UnknownCommand
from chatd.model.text import seen

NAMES = [row.name for row in COMMANDS]


def parse(line: str) -> str | tuple[Any, ...]:
    """The text that a line says, or the name of its command and the arguments."""
    parsed = COMMANDS.parse(line)
    return parsed if isinstance(parsed, str) else (parsed[0].name, *parsed[1])


COMMAND_LINES: list[tuple[str, tuple[Any, ...]]] = [
    ("/nick eve", ("nick", "eve")),
    ("/join #dev", ("join", "#dev")),
    ("/leave", ("leave", "")),
    ("/leave dev", ("leave", "dev")),
    ("/room dev", ("room", "dev")),
    ("/who", ("who", "")),
    ("/who #dev", ("who", "#dev")),
    ("/rooms", ("rooms",)),
    ("/me waves  twice", ("me", "waves  twice")),
    ("/msg bob psst, you", ("msg", "bob", "psst, you")),
    ("/r yes", ("r", "yes")),
    ("/time on", ("time", "on")),
    ("/time utc", ("time", "utc")),
    ("/time off", ("time", "off")),
    ("/literal on", ("literal", "on")),
    ("/topic", ("topic", "")),
    ("/topic tea at five", ("topic", "tea at five")),
    ("/topic -", ("topic", "-")),
    ("/history", ("history", 20)),
    ("/history 40", ("history", 40)),
    ("/history 99999", ("history", 99999)),
    ("/since 1763819000123456", ("since", 1763819000123456)),
    ("/echo on", ("echo", "on")),
    ("/echo off", ("echo", "off")),
    ("/help", ("help", "")),
    ("/help nick", ("help", "nick")),
    ("/help /NICK", ("help", "nick")),
    ("/register sesame street", ("register", "sesame street", "")),
    ("/register", ("register", "", "")),
    ("/register sesame street #invite=xyz", ("register", "sesame street", "xyz")),
    ("/register http://chat.example/#invite=xyz", ("register", "", "xyz")),
    ("/login ada sesame street", ("login", "ada", "sesame street")),
    ("/login ada", ("login", "ada", "")),
    ("/password new words", ("password", "new words")),
    ("/logout", ("logout",)),
    ("/ignore bob", ("ignore", "bob")),
    ("/unignore bob", ("unignore", "bob")),
    ("/owner bob", ("owner", "bob")),
    ("/op bob", ("op", "bob")),
    ("/deop bob", ("deop", "bob")),
    ("/voice bob", ("voice", "bob")),
    ("/devoice bob", ("devoice", "bob")),
    ("/kick bob so there", ("kick", "bob", None, "so there")),
    ("/ban bob", ("ban", "bob", None, "")),
    ("/ban 192.0.2.0/24 12h spam again", ("ban", "192.0.2.0/24", 43_200, "spam again")),
    ("/unban bob", ("unban", "bob")),
    ("/bans", ("bans",)),
    ("/mute bob 30m", ("mute", "bob", 1800, "")),
    ("/unmute bob", ("unmute", "bob")),
    ("/invite", ("invite", "")),
    ("/invite bob", ("invite", "bob")),
    ("/access members", ("access", "members")),
    ("/posting voices", ("posting", "voices")),
    ("/slow 10", ("slow", 10)),
    ("/delete", ("delete", "", 0)),
    ("/delete 1763819000123456", ("delete", "", 1763819000123456)),
    ("/quit", ("quit", "")),
    ("/quit so long", ("quit", "so long")),
]


@pytest.mark.parametrize(("line", "command"), COMMAND_LINES, ids=lambda value: str(value)[:30])
def test_a_line_with_a_slash_is_a_command(line: str, command: tuple[Any, ...]) -> None:
    """In any case, and with any blanks around its words."""
    assert parse(line) == command
    word, _, rest = line.partition(" ")
    for blank in (" ", "\t", "\u00a0", "\u3000"):
        assert parse(f"{word.upper()}{blank} {rest}{blank}") == command


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("/msg\tbob\thi  there", ("msg", "bob", "hi  there")),
        ("/msg \u3000bob\u00a0 hi\tthere", ("msg", "bob", "hi\tthere")),
        ("/join\tdev", ("join", "dev")),
        ("/quit\t", ("quit", "")),
        ("/quit\tso\tlong", ("quit", "so\tlong")),
    ],
)
def test_any_blank_separates_the_words_of_a_command(line: str, command: tuple[Any, ...]) -> None:
    """Such as a pasted tab, or the wide space of an input method."""
    assert parse(line) == command


@pytest.mark.parametrize("blank", ["\t", "\u00a0", "\u3000"], ids=ascii)
def test_a_name_with_any_blank_in_it_is_refused(blank: str) -> None:
    """A name is one word, and a blank of any kind ends it."""
    with pytest.raises(Malformed, match="takes one name, which has no blanks"):
        parse(f"/nick ada{blank}lovelace")


INVISIBLE = [
    " ",
    "\t",
    "\ufeff",
    "\u200b",
    "\u3164",
    "\u00ad",
    "\U00016fe4",
    "\x01",
    "\x7f",
    "\x1b[A",
]


@pytest.mark.parametrize("unseen", INVISIBLE, ids=ascii)
def test_a_command_after_invisible_characters_is_refused(unseen: str) -> None:
    """Otherwise a line that looks like a command, such as `/nick ada secret`, would be sent to the
    room.
    """
    for line in (f"{unseen}/nick ada secret", f"{unseen} {unseen}/quit", f"{unseen}//me"):
        with pytest.raises(Malformed, match="that was not said: a command begins without blanks"):
            parse(line)
    assert parse(f"{unseen}and/or") == f"{unseen}and/or"


def test_every_command_has_an_example_above() -> None:
    """So a new command needs one."""
    assert {line[1:].split()[0] for line, _ in COMMAND_LINES} == set(NAMES)


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("hello", "hello"),
        ("/usr/bin/ld: x", "/usr/bin/ld: x"),
        ("/msg/", "/msg/"),
        (" me/", " me/"),
        ("//me", "/me"),
        ("///", "//"),
        ("//", "/"),
        ("#x", "#x"),
    ],
)
def test_any_other_line_is_a_message(line: str, text: str) -> None:
    """Unchanged, except that `//` at its start means one slash."""
    assert parse(line) == text


@pytest.mark.parametrize(
    "line",
    [
        "/nick",
        "/nick ada lovelace",
        "/join",
        "/join a b",
        "/leave a b",
        "/room",
        "/room a b",
        "/who a b",
        "/rooms all",
        "/me",
        "/msg",
        "/msg bob",
        "/history many",
        "/history -1",
        "/history 1.5",
        "/history ١",
        "/history 9999999999999999999",
        "/since",
        "/since yesterday",
        "/since -1",
        "/echo",
        "/echo maybe",
    ],
)
def test_a_malformed_command_is_answered_with_its_usage(line: str) -> None:
    """So users need not look it up."""
    with pytest.raises(Malformed) as problem:
        parse(line)
    form = COMMANDS[line[1:].split()[0]].form
    assert problem.value.message.endswith(f"; type {form}")
    assert form.split()[0] == line.split()[0]


@pytest.mark.parametrize("line", ["/", "/foo", "/nickname x", "/ nick eve", "/" + "x" * 5000])
def test_an_unknown_command_is_named_with_a_hint_to_help(line: str) -> None:
    """It is not sent to the room, because it was meant for the server."""
    with pytest.raises(UnknownCommand) as problem:
        parse(line)
    assert problem.value.message.endswith("; /help lists them")
    assert ("did you mean /nick?" in problem.value.message) == (line == "/nickname x")
    assert problem.value.message.startswith(f"no such command {line.split(' ')[0][:20]}")
    assert len(problem.value.message) < 100


@given(st.text())
@example("/help " + "x" * 1000)
def test_any_line_is_parsed_or_raises_chat_error(line: str) -> None:
    """`Malformed` and `UnknownCommand` are `ChatError`s; nothing else is raised."""
    try:
        parse(line)
    except ChatError:
        assert seen(line).startswith("/")


@given(st.sampled_from([f"/{word}" for word in NAMES]), st.text("ab #/-019 é\u2003\ufeff"))
def test_any_arguments_of_a_command_are_parsed_or_malformed(word: str, rest: str) -> None:
    """No input raises anything but a `ChatError`."""
    try:
        command = parse(f"{word} {rest}")
    except Malformed:
        return
    assert not isinstance(command, str)


@pytest.mark.parametrize("word", NAMES)
def test_every_command_has_a_short_help_line(word: str) -> None:
    """Its usage begins with its name, and its help fits one line of a terminal."""
    usage = COMMANDS[word]
    assert usage.form.split()[0] == f"/{word}"
    assert usage.help.isprintable()
    assert len(f"== {usage.form}: {usage.help}") < 80


def test_help_has_two_columns() -> None:
    """A form that is too long for the first has a line of its own, and all fit a terminal."""
    helps = {row.help for row in COMMANDS if row.help}
    lines = list(COMMANDS.forms())
    beside = [line for line in lines if line[FORM_COLUMN + 1 :] in helps]
    assert len(beside) == len(helps)
    assert all(line[FORM_COLUMN] == " " for line in beside)
    assert all(len(f"== {line}") < 80 for line in lines)
    at = lines.index("/ban WHO [DURATION] [REASON]")
    assert lines[at + 1] == f"{'':{FORM_COLUMN}} put out for 30m, 12h, 7d, or for good"


def test_two_commands_cannot_have_the_same_name() -> None:
    """An alias that equals another command's name is an error of the table."""
    one = Usage("/one", "the first", nothing, print, ("two",))
    with pytest.raises(ValueError, match="two commands are called /two"):
        CommandTable([one, Usage("/two", "the second", nothing, print)])


@pytest.mark.parametrize("word", ["-1h", "99999999999d", "1.5h", "30"])
def test_a_word_meant_as_a_duration_that_is_none_is_refused(word: str) -> None:
    """Else it would be taken for the reason, and the ban would be for good."""
    read = duration_and_text("name", NAME)
    with pytest.raises(Malformed, match="is no duration; one is 30m, 12h or 7d"):
        read(f"eve {word} spam")
    assert read("eve 30m spam") == ("eve", 1800, "spam")
    assert read("eve spam 30") == ("eve", None, "spam 30")
