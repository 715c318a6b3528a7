"""Options that `chatd say` and `chatd tail` share; `tests/e2e` tests both with a server."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

import pytest

from chatd.console.refused import Refused
from chatd.console.remote import TOKEN, add_server, token_of
from chatd.server import sources


def given(*words: str) -> Namespace:
    parser = ArgumentParser()
    add_server(parser)
    return parser.parse_args(["http://localhost", "lobby", *words])


def test_a_token_comes_from_a_file_or_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Never from the command line, which other users see."""
    monkeypatch.delenv(TOKEN, raising=False)
    assert token_of(given()) == ""
    monkeypatch.setenv(TOKEN, " abc\n")
    assert token_of(given()) == "abc"
    (tmp_path / "token").write_text("def\n")
    assert token_of(given("--token-file", str(tmp_path / "token"))) == "def"


@pytest.mark.parametrize("data", [b"", b"two words", b"\xff", b"two\nlines"])
def test_a_file_without_a_token_is_refused(tmp_path: Path, data: bytes) -> None:
    """Before anything is sent."""
    (tmp_path / "token").write_bytes(data)
    with pytest.raises(Refused, match="token"):
        token_of(given("--token-file", str(tmp_path / "token")))


def test_the_server_knows_that_the_variable_is_no_setting() -> None:
    """The server does not report the variable as a misspelt setting."""
    assert sources.TOKEN == TOKEN
    assert sources.look_around({TOKEN: "x"}) == sources.Found()
