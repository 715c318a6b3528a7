"""Multi-line messages, which clients send as a batch."""

from __future__ import annotations

import pytest

from chatd.codecs.irc.multiline import CONCAT, BadBatch, Multiline


def test_the_lines_of_a_multiline_batch_are_one_text() -> None:
    """Joined by line feeds, or directly with the concat tag; the target's case does not matter."""
    batch = Multiline("1", "#dev")
    batch.add("PRIVMSG", "#dev", "one", {"batch": "1"})
    batch.add("PRIVMSG", "#DEV", " more", {"batch": "1", CONCAT: ""})
    batch.add("PRIVMSG", "#dev", "", {"batch": "1"})
    batch.add("PRIVMSG", "#dev", "two", {"batch": "1"})
    assert batch.finish() == "one more\n\ntwo"
    assert batch.command == "PRIVMSG"


@pytest.mark.parametrize(
    ("command", "target", "text", "tags", "code"),
    [
        ("PRIVMSG", "#dev", "x", {}, "MULTILINE_INVALID"),
        ("PRIVMSG", "#dev", "x", {"batch": "2"}, "MULTILINE_INVALID"),
        ("PRIVMSG", "#lobby", "x", {"batch": "1"}, "MULTILINE_INVALID_TARGET"),
        ("NOTICE", "#dev", "x", {"batch": "1"}, "MULTILINE_INVALID"),
        ("PRIVMSG", "#dev", "", {"batch": "1", CONCAT: ""}, "MULTILINE_INVALID"),
        ("PRIVMSG", "#dev", "x" * 4095, {"batch": "1"}, "MULTILINE_MAX_BYTES"),
    ],
)
def test_a_foreign_line_ends_a_multiline_batch(
    command: str, target: str, text: str, tags: dict[str, str], code: str
) -> None:
    """One of another batch, target or command, a blank continuation, or one byte too many."""
    batch = Multiline("1", "#dev")
    batch.add("PRIVMSG", "#dev", "x", {"batch": "1"})
    with pytest.raises(BadBatch) as refused:
        batch.add(command, target, text, tags)
    assert refused.value.code == code


def test_a_multiline_batch_has_limits_of_lines_and_bytes() -> None:
    """51 lines, as the capability's value says; the bytes are tested above."""
    batch = Multiline("1", "#dev")
    for _ in range(51):
        batch.add("PRIVMSG", "#dev", "x", {"batch": "1"})
    with pytest.raises(BadBatch, match="51 lines"):
        batch.add("PRIVMSG", "#dev", "x", {"batch": "1"})


def test_a_multiline_batch_of_blank_lines_is_refused() -> None:
    """And so is one without lines."""
    batch = Multiline("1", "#dev")
    with pytest.raises(BadBatch):
        batch.finish()
