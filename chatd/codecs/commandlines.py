"""Command lines: `/name words`, as typed on the line door and in the terminal client.

1. A command is one `Usage`: its form, its help text, the parser of its arguments, and the function
   that runs it.  `/help`, aliases, suggestions for misspelt names and error texts come from it.
2. A parser turns the words after a command into arguments, or raises `Malformed` with a text that
   completes `/name …; type /name FORM`.  It compares names with their bounds.
3. A `CommandTable` decides whether a line is a command or a message.  It runs nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Generic, TypeVar

from ..model.bounds import CODE, NAME, PASSWORD, Bound
from ..model.errors import Malformed, UnknownCommand
from ..model.text import printable, seen

FORM_COLUMN = 20
"""Characters of the column of forms in `/help`: the help texts beside it fit into 80."""
MOST_WORD = 32
"""Characters of a command's name that are looked up."""

_SPACE = re.compile(r"\s")
_SEEN = re.compile("[!-~]")
"""Characters that are certainly visible."""


@dataclass(frozen=True)
class Usage:
    """One command: its form, its help text, the parser of its arguments, and what runs it."""

    form: str
    """The command with its arguments, as in `/who [ROOM]`; it begins with a slash and the name."""
    help: str
    """What the command does, in one line; empty: `/help` does not list it."""
    read: Callable[[str], tuple[Any, ...]]
    """Parser: from the text after the name to the arguments of `do`; raises a `ChatError`."""
    do: Callable[..., Any]
    """What runs the command."""
    aliases: tuple[str, ...] = ()
    """Other names, without a slash."""

    @property
    def name(self) -> str:
        """The name, without its slash."""
        return self.form.split()[0][1:]


Row_co = TypeVar("Row_co", bound=Usage, covariant=True)


class CommandTable(Generic[Row_co]):
    """All commands of one client, in the order in which `/help` lists them."""

    def __init__(self, rows: Iterable[Row_co]) -> None:
        """Raises `ValueError` if two commands have the same name."""
        self._rows: dict[str, Row_co] = {}
        self._named: dict[str, Row_co] = {}
        for row in rows:
            self._rows[row.name] = row
            for name in (row.name, *row.aliases):
                if name in self._named:
                    raise ValueError(f"two commands are called /{name}")
                self._named[name] = row

    def __iter__(self) -> Iterator[Row_co]:
        return iter(self._rows.values())

    def __getitem__(self, name: str) -> Row_co:
        return self._rows[name]

    def parse(self, line: str) -> str | tuple[Row_co, tuple[Any, ...]]:
        """A line, parsed: the text of a message, or a command with its arguments.

        If the first word contains a second slash, as a path does, the line is a message.  Words
        are separated by white space.  A line is refused if its slash follows white space or other
        invisible characters, such as a byte order mark or an arrow key: the user meant a command,
        perhaps with a password, which must not be sent as a message.  Raises `UnknownCommand`,
        `Malformed`, and the errors of the bounds of names.
        """
        if not line.startswith("/"):
            if not _SEEN.match(line) and seen(line).startswith("/"):
                raise Malformed(
                    "that was not said: a command begins without blanks before it; "
                    "/literal on says such lines"
                )
            return line
        if line.startswith("//"):
            return line[1:]
        word, rest = first_word(line[1:])
        if "/" in word:
            return line
        row = self.find(word)
        try:
            return row, row.read(rest)
        except Malformed as problem:
            raise Malformed(f"/{row.name} {problem.message}; type {row.form}") from None

    def find(self, word: str) -> Row_co:
        """The command with that name or alias, given without its slash.

        Raises `UnknownCommand`, whose message suggests the nearest name.
        """
        name = word[:MOST_WORD].lower()
        row = self._named.get(name) if len(word) <= MOST_WORD else None
        if row is None:
            short = [alias for row in self for alias in row.aliases]
            known = [name for name in [*self._rows, *short] if len(name) > 1]
            near = get_close_matches(name, known, 1)
            meant = f" (did you mean /{near[0]}?)" if near else ""
            raise UnknownCommand(
                f"no such command /{printable(word[:MOST_WORD])}{meant}; /help lists them"
            )
        return row

    def help(self, topic: str = "") -> Iterator[str]:
        """The lines of the answer to `/help`: all commands, or one.  Raises `UnknownCommand`."""
        if topic:
            row = self.find(topic)
            yield f"{row.form}: {row.help}"
            return
        yield "what you type is said in the current room; // says a line that starts with /"
        yield from self.forms()
        short = [f"/{alias} for /{row.name}" for row in self for alias in row.aliases if row.help]
        yield f"short: {', '.join(short)}"

    def forms(self) -> Iterator[str]:
        """For each command its form and its help text, in two columns: on one line, or on two if
        the form is too long for its column.
        """
        for row in self:
            if row.help:
                form = row.form
                if len(form) > FORM_COLUMN:
                    yield form
                    form = ""
                yield f"{form:{FORM_COLUMN}} {row.help}"


# -- parsers ---------------------------------------------------------------------------------------


_INVITE = "#invite="
"""The part of an invite's link before the code."""
_REGISTERING = Bound(PASSWORD.most + NAME.most + 1, PASSWORD.error, PASSWORD.message)


def first_word(text: str) -> tuple[str, str]:
    """The text before the first white space, and the rest without white space around it."""
    word, *rest = _SPACE.split(text, 1)
    return word, "".join(rest).strip()


def nothing(rest: str) -> tuple[()]:
    """Parser of a command without arguments."""
    if rest:
        raise Malformed("takes nothing behind it")
    return ()


def anything(rest: str) -> tuple[str]:
    """Parser of an optional text."""
    return (rest,)


def text(rest: str) -> tuple[str]:
    """Parser of a text that is not empty."""
    if not rest:
        raise Malformed("needs a text")
    return (rest,)


def word(what: str, bound: Bound) -> Callable[[str], tuple[str]]:
    """Parser of one word; `what` names it in errors."""

    def read(rest: str) -> tuple[str]:
        if not rest:
            raise Malformed(f"needs a {what}")
        if _SPACE.search(rest):
            raise Malformed(f"takes one {what}, which has no blanks, and nothing was done")
        return (bound.check(rest),)

    return read


def optional(read: Callable[[str], tuple[str]]) -> Callable[[str], tuple[str]]:
    """The parser `read`, for an argument that may be missing: it is then the empty text."""
    return lambda rest: read(rest) if rest else ("",)


def name_and_text(rest: str) -> tuple[str, str]:
    """Parser of a person's name and a text."""
    name, text = first_word(rest)
    if not text:
        raise Malformed("needs a name and a text")
    return NAME.check(name), text


def name_and_secret(rest: str) -> tuple[str, str]:
    """Parser of a person's name and an optional password, which may contain blanks."""
    name, secret = first_word(rest)
    if not name:
        raise Malformed("needs a name and a password")
    return NAME.check(name), PASSWORD.check(secret)


def secret(rest: str) -> tuple[str]:
    """Parser of an optional password."""
    return (PASSWORD.check(rest),)


def secret_and_invite(rest: str) -> tuple[str, str]:
    """Parser of an optional password, which a name may precede, and of an optional last word with
    the link of an invite: the second value is the code in the link, or empty.
    """
    before, _, last = rest.rpartition(" ")
    _, link, code = last.partition(_INVITE)
    if not link:
        before, code = rest, ""
    return _REGISTERING.check(before.strip()), CODE.check(code)


def number(what: str, default: int | None = None) -> Callable[[str], tuple[int]]:
    """Parser of a whole number, which may be missing if there is a default."""

    def read(rest: str) -> tuple[int]:
        if not rest and default is not None:
            return (default,)
        if not (rest.isascii() and rest.isdigit() and len(rest) <= 18):
            raise Malformed(f"takes {what}, a whole number")
        return (int(rest),)

    return read


def name_and_number(what: str) -> Callable[[str], tuple[str, int]]:
    """A person's name behind an `@`, and a whole number; each may be left out, and is empty or 0
    then.
    """

    def read(rest: str) -> tuple[str, int]:
        name = ""
        if rest.startswith("@"):
            name, rest = first_word(rest[1:])
            if not name:
                raise Malformed("needs a name directly behind the @")
        return (NAME.check(name), *number(what, default=0)(rest))

    return read


def choice(told: str, *words: str) -> Callable[[str], tuple[str]]:
    """Parser of one of these words; `told` lists them in the error."""

    def read(rest: str) -> tuple[str]:
        if rest not in words:
            raise Malformed(f"takes {told}")
        return (rest,)

    return read


_DURATION = re.compile(r"(\d{1,9})([smhdw])")
_LIKE_A_DURATION = re.compile(r"[-+]?[\d.,]+[smhdw]?")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def duration_and_text(
    what: str, bound: Bound, *, durations: bool = True
) -> Callable[[str], tuple[str, int | None, str]]:
    """Parser of one word, an optional duration (`30m`, `12h`, `7d`; in seconds), and a text."""

    def read(rest: str) -> tuple[str, int | None, str]:
        if not rest:
            raise Malformed(f"needs a {what}")
        name, behind = first_word(rest)
        word, text = first_word(behind)
        found = _DURATION.fullmatch(word) if durations else None
        if found is None:
            if durations and _LIKE_A_DURATION.fullmatch(word):
                raise Malformed(f"{word[:20]} is no duration; one is 30m, 12h or 7d")
            return bound.check(name), None, behind
        return bound.check(name), int(found[1]) * _UNITS[found[2]], text

    return read
