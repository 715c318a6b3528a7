from __future__ import annotations

from chatd.codecs.irc.labels import label_of, labelled, tagged

SERVER = "irc.example"


def test_an_empty_answer_with_a_label_is_an_ack() -> None:
    assert labelled([], "x", "r", SERVER) == ["@label=x :irc.example ACK"]


def test_an_answer_of_one_line_has_the_label() -> None:
    assert labelled(["PONG a"], "x", "r", SERVER) == ["@label=x PONG a"]
    assert labelled(["@time=1 PONG a"], "x", "r", SERVER) == ["@label=x;time=1 PONG a"]


def test_an_answer_of_several_lines_is_a_batch_with_the_label() -> None:
    assert labelled(["A", "@batch=in B"], "x", "r", SERVER) == [
        "@label=x :irc.example BATCH +r labeled-response",
        "@batch=r A",
        "@batch=in B",
        ":irc.example BATCH -r",
    ]


def test_an_answer_of_one_batch_has_the_label_on_its_opening() -> None:
    lines = ["BATCH +h chathistory #dev", "@batch=h PRIVMSG #dev :x", "BATCH -h"]
    assert labelled(lines, "x", "r", SERVER) == [f"@label=x {lines[0]}", *lines[1:]]


def test_a_label_that_is_too_long_is_ignored() -> None:
    assert label_of({"label": "x" * 64}) == "x" * 64
    assert label_of({"label": "é" * 33}) == ""
    assert label_of({}) == ""
    assert tagged("A") == "A"
