"""Labelled responses: how an answer repeats the label of its command."""

from __future__ import annotations

from chatd.codecs.irc.labels import label_of, labelled, tagged

SERVER = "irc.example"


def test_an_empty_answer_with_a_label_is_an_ack() -> None:
    """So the client knows that the command was carried out."""
    assert labelled([], "x", "r", SERVER) == ["@label=x :irc.example ACK"]


def test_an_answer_of_one_line_has_the_label() -> None:
    """Beside the tags that the line has."""
    assert labelled(["PONG a"], "x", "r", SERVER) == ["@label=x PONG a"]
    assert labelled(["@time=1 PONG a"], "x", "r", SERVER) == ["@label=x;time=1 PONG a"]


def test_an_answer_of_several_lines_is_a_batch_with_the_label() -> None:
    """A line that is in another batch stays in it."""
    assert labelled(["A", "@batch=in B"], "x", "r", SERVER) == [
        "@label=x :irc.example BATCH +r labeled-response",
        "@batch=r A",
        "@batch=in B",
        ":irc.example BATCH -r",
    ]


def test_an_answer_of_one_batch_has_the_label_on_its_opening() -> None:
    """It needs no second batch around it."""
    lines = ["BATCH +h chathistory #dev", "@batch=h PRIVMSG #dev :x", "BATCH -h"]
    assert labelled(lines, "x", "r", SERVER) == [f"@label=x {lines[0]}", *lines[1:]]


def test_a_label_that_is_too_long_is_ignored() -> None:
    """A label has at most 64 bytes; the command is answered as if it had none."""
    assert label_of({"label": "x" * 64}) == "x" * 64
    assert label_of({"label": "é" * 33}) == ""
    assert label_of({}) == ""
    assert tagged("A") == "A"
