"""The parser of command lines, and its error messages."""

from __future__ import annotations

import pytest

from chatd.console.parser import PARSER, Parser, nearest, progress


def parser() -> Parser:
    top = Parser("chatd")
    made: Parser = top.add_subparsers().add_parser("run")
    made.set_defaults(**{PARSER: made})
    made.add_argument("--loud", action="store_true")
    return top


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["run", "--lout"], "chatd run: there is no option --lout; did you mean --loud?"),
        (["run", "--lout=x"], "chatd run: there is no option --lout; did you mean --loud?"),
        (["run", "-x"], "chatd run: there is no option -x; see chatd run --help"),
        (["run", "on"], "chatd run: there is a word too many: on; see chatd run --help"),
        (["run", "--lou"], "chatd run: there is no option --lou; did you mean --loud?"),
    ],
)
def test_a_wrong_command_line_is_told_in_one_line(
    capsys: pytest.CaptureFixture[str], words: list[str], line: str
) -> None:
    """The message suggests the most similar option; abbreviated options are refused."""
    with pytest.raises(SystemExit) as ended:
        parser().parse(words)
    assert ended.value.code == 2
    assert capsys.readouterr().err == f"{line}\n"


def test_only_similar_words_are_suggested() -> None:
    """Any other suggestion would mislead."""
    assert nearest("bans", ["ban", "audit"]) == "; did you mean ban?"
    assert nearest("xyz", ["ban", "audit"]) == ""


def test_progress_is_shown_to_a_terminal_only(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a log, the lines of progress would be noise."""
    progress("half")
    assert capsys.readouterr().err == ""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    progress("half")
    assert capsys.readouterr().err == "\r\x1b[Khalf"


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("say room a b", ["a", "b"]),
        ("say room --name ci a b", ["a", "b"]),
        ("say --name ci room a", ["a"]),
        ("say room --name ci -- -a --b", ["-a", "--b"]),
        ("say room -- --name", ["--name"]),
        ("say room", []),
    ],
)
def test_options_may_stand_among_the_words(words: str, text: list[str]) -> None:
    """After `--` a text may begin with a dash."""
    top = Parser("chatd")
    made: Parser = top.add_subparsers().add_parser("say")
    made.set_defaults(**{PARSER: made})
    made.rest = "text"
    made.add_argument("room")
    made.add_argument("--name")
    made.add_argument("text", nargs="*")
    assert top.parse(words.split()).text == text
