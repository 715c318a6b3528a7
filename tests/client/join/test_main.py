"""The command line of `chatd join`."""

from __future__ import annotations

import pytest

from chatd.client import __main__ as pipe
from chatd.client.join.arguments import parser, wants_colour
from chatd.client.join.main import main


def test_without_a_terminal_the_client_for_pipes_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the same options."""
    asked: list[list[str]] = []

    def run(options: list[str]) -> int:
        asked.append(options)
        return 0

    monkeypatch.setattr(pipe, "main", run)
    url = "http://chat.example"
    assert main([url, "--name", "ci", "--room", "dev", "--quiet", "--literal"]) == 0
    assert asked == [[url, "--name", "ci", "--room", "dev", "--quiet", "--literal"]]


def test_no_color_is_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment variable, and the option `--no-color`."""
    given = parser().parse_args(["http://chat.example"])
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert wants_colour(given)
    monkeypatch.setenv("NO_COLOR", "1")
    assert not wants_colour(given)
    assert not wants_colour(parser().parse_args(["http://chat.example", "--no-color"]))
