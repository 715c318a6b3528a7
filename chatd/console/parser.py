"""The parser of command lines: reports an error in one line, with the most similar known word."""

from __future__ import annotations

import sys
from argparse import SUPPRESS, ArgumentParser, Namespace
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Any, NoReturn

from .status import USAGE

PARSER = "parser"
"""The attribute of a parsed command line that holds the parser of its command."""


class Parser(ArgumentParser):
    """The parser of one command, or of all commands."""

    wrong = USAGE
    """The exit status for a wrong command line."""
    rest = ""
    """The argument that takes all remaining words, even if options stand among them."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{"allow_abbrev": False, **options})

    def error(self, message: str) -> NoReturn:
        """Print an error about the command line in one line, and exit."""
        end = "" if message.endswith("?") else f"; see {self.prog} --help"
        self.exit(self.wrong, f"{self.prog}: {message}{end}\n")

    def parse(self, words: Sequence[str] | None) -> Namespace:
        """Parse a command line.  Raises `SystemExit` if it is wrong, or asks for help only."""
        given, unknown = self.parse_known_args(words)
        if not unknown:
            return given
        chosen: Parser = getattr(given, PARSER, self)
        # If an argument may be empty, argparse leaves words that follow an option unparsed.
        options, words = _parted(unknown)
        if chosen.rest and not getattr(given, chosen.rest):
            left = [word for word in options if not word.startswith("-")]
            if len(left) == len(options):
                setattr(given, chosen.rest, [*left, *words])
                return given
        chosen.error(chosen.unknown(options or words))

    def unknown(self, words: Sequence[str]) -> str:
        """The message about words that belong to no option and no argument."""
        options = [word for word in words if word.startswith("-")]
        if not options:
            return f"there is a word too many: {words[0]}"
        word = options[0].partition("=")[0]
        return f"there is no option {word}{nearest(word, self.options())}"

    def options(self) -> list[str]:
        """All options of this command, as they are written."""
        return [
            word
            for action in self._actions
            if action.help != SUPPRESS
            for word in action.option_strings
        ]


def _parted(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """The words before a `--`, and the words after it."""
    at = words.index("--") if "--" in words else len(words)
    return [*words[:at]], [*words[at + 1 :]]


def nearest(word: str, known: Iterable[str]) -> str:
    """The end of an error message about an unknown word, which suggests the most similar known one;
    empty if none is similar.
    """
    near = get_close_matches(word, [*known], 1)
    return f"; did you mean {near[0]}?" if near else ""


def add_place(parser: ArgumentParser) -> None:
    """Add the options that select one server of this machine."""
    from ..server.settings import Settings

    parser.add_argument("--store", metavar="URL", help=f"the server's store: {Settings().store}")
    parser.add_argument("--config", metavar="FILE", help="the server's configuration")


def place(given: Namespace) -> dict[str, str]:
    """The settings in the options that `add_place` has added."""
    return {} if given.store is None else {"store": given.store}


def progress(text: str) -> None:
    """Show the progress of a long command on one line of a terminal; elsewhere show nothing."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{text}")
        sys.stderr.flush()
