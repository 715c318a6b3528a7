"""The example of a configuration."""

from __future__ import annotations

import tomllib

from chatd.console.example import WIDTH, example
from chatd.server.settings import options, spelt, written_default


def test_every_option_is_in_the_example_with_its_help_values_and_default() -> None:
    """In the order of `--help`."""
    _, *entries = example().split("\n\n")
    for (name, option), entry in zip(options(), entries, strict=True):
        *comments, line = entry.strip().splitlines()
        told = " ".join(comment.removeprefix("# ") for comment in comments)
        assert told.startswith(" ".join(option.help.split()))
        assert told.endswith(f"Default: {' '.join(option.default.split())}.")
        assert option.valid in told
        assert line.startswith(f"#{spelt(name)} = ")


def test_a_value_is_the_default_if_there_is_one() -> None:
    """Otherwise the value is an example."""
    lines = [line for line in example().splitlines() if line.startswith("#") and line[1] != " "]
    given = tomllib.loads("\n".join(line.removeprefix("#") for line in lines))
    for name, option in options():
        default = written_default(name)
        value = given[spelt(name)]
        if isinstance(default, tuple):
            assert value == list(default or (option.example,))
        elif default is None:
            assert str(value) == option.example != ""
        else:
            assert value == default


def test_no_line_is_long() -> None:
    """It is read in a terminal."""
    assert all(len(line) <= WIDTH + 10 for line in example().splitlines())
