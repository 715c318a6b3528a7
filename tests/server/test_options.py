"""The command line (`chatd.server.options`), made from the settings."""

from __future__ import annotations

import pytest

from chatd.server.options import Options
from chatd.server.settings import Settings, options, spelt
from chatd.server.startup import StartupError


def parsed(*arguments: str) -> Settings:
    line = Options()
    line.parseOptions(list(arguments))
    return line.settings


def test_an_empty_command_line_gives_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    """So `twistd chatd` runs as it is."""
    assert parsed() == Settings()


def test_every_setting_is_an_option_with_its_default_in_the_help() -> None:
    """So a new option takes only a new field."""
    text = " ".join(str(Options()).split())
    for name, option in options():
        assert f"--{spelt(name)}{' ' if option.flag else '='}" in text
        assert f"[default: {' '.join(option.default.split())}]" in text


def test_a_repeated_option_collects_its_values() -> None:
    """They replace the default."""
    assert parsed("--line", "tcp:1", "--line", "tcp:2").doors["line"] == ("tcp:1", "tcp:2")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--history", "0"], "--history '0' is not a number from 1"),
        (["--allow-origin", "example.org"], "--allow-origin 'example.org' is no origin"),
        (["--host", "http://x"], "--host 'http://x' is no host name"),
        (["--line", "none", "--http", "none"], "every door is closed"),
        (["--histroy", "1"], "histroy"),
        (["--config", "/nowhere/chatd.toml"], "cannot read the configuration"),
    ],
)
def test_an_invalid_option_ends_startup_with_a_one_line_error(
    arguments: list[str], told: str
) -> None:
    """Without a traceback."""
    with pytest.raises(StartupError) as raised:
        parsed(*arguments)
    assert told in str(raised.value)
    assert "\n" not in str(raised.value)
