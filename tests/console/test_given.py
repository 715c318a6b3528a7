"""The options of the server on the command line of `chatd serve`."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

import pytest

from chatd.console.given import add_settings, settings_given, words_given
from chatd.console.refused import Refused
from chatd.server.options import Options
from chatd.server.settings import Settings, options, spelt


def parsed(*words: str) -> Namespace:
    parser = ArgumentParser()
    add_settings(parser)
    return parser.parse_args(words)


WORDS = (
    "--history=5",
    "--line=tcp:1",
    "--line=tcp:2",
    "--log-people",
    "--host=chat.example.org",
    "--store=memory:",
)


def test_the_settings_are_those_of_twistd() -> None:
    """For the same words."""
    twistd = Options()
    twistd.parseOptions(list(WORDS))
    assert settings_given(parsed(*WORDS)) == twistd.settings
    assert settings_given(parsed()) == Settings()


def test_the_words_can_be_given_to_another_process() -> None:
    """The other process then has the same settings."""
    words = words_given(parsed(*WORDS, "--config", "chatd.toml"))
    assert sorted(words) == sorted([*WORDS, "--config=chatd.toml"])


def test_the_file_is_beaten_by_the_command_line(tmp_path: Path) -> None:
    """As with twistd."""
    file = tmp_path / "chatd.toml"
    file.write_text("history = 10\nmax-rooms = 7\n")
    settings = settings_given(parsed("--config", str(file), "--history", "5"))
    assert (settings.history, settings.max_rooms) == (5, 7)


def test_a_bad_value_names_its_option() -> None:
    """In one line."""
    with pytest.raises(Refused, match=r"^--history '0' is not a number from 1 to \d+$"):
        settings_given(parsed("--history", "0"))


def test_the_help_has_every_option_with_its_default() -> None:
    """As `twistd chatd --help` has."""
    parser = ArgumentParser()
    add_settings(parser)
    text = "".join(parser.format_help().split())
    for name, option in options():
        assert f"--{spelt(name)}" in text
        assert f"[{''.join(option.default.split())}]" in text
