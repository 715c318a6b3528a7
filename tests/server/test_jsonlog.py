"""The log as JSON."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.logger import Logger

from chatd.server.jsonlog import json_observer


def logged(log: Any, level: str, template: str, /, **fields: Any) -> dict[str, Any]:
    """The object that a call of a logger writes."""
    file = StringIO()
    log.observer = json_observer(file)
    getattr(log, level)(template, **fields)
    (line,) = file.getvalue().splitlines()
    found: dict[str, Any] = json.loads(line)
    return found


def test_an_event_is_one_object_with_its_message_and_fields() -> None:
    """The time is RFC 3339 in UTC."""
    found = logged(
        Logger("chatd.net"), "warn", "refused {times} from {host}", times=3, host="192.0.2.1"
    )
    assert found.pop("time").endswith("Z")
    assert found == {
        "level": "warn",
        "logger": "chatd.net",
        "message": "refused 3 from 192.0.2.1",
        "times": 3,
        "host": "192.0.2.1",
    }


def test_an_exception_has_its_traceback_in_the_same_object() -> None:
    """On the same line, like every line break."""
    try:
        raise ValueError("no\nnumber")
    except ValueError:
        found = logged(Logger("chatd.chat"), "failure", "a command failed")
    assert found["level"] == "critical"
    assert found["message"].startswith("a command failed")
    assert "ValueError: no\nnumber" in found["traceback"]


class Unprintable:
    """A value whose text cannot be made."""

    def __str__(self) -> str:
        raise RuntimeError


@given(st.text(), st.one_of(st.none(), st.integers(), st.text(), st.binary(), st.builds(object)))
def test_whatever_is_logged_is_one_line(text: str, value: object) -> None:
    """A text with braces in a field is no template."""
    found = logged(Logger("chatd"), "info", "said {text}", text=text, value=value)
    assert found["message"] == f"said {text}"
    assert found["text"] == text


def test_a_field_without_a_text_is_logged_by_its_type() -> None:
    """The event is not lost."""
    found = logged(Logger("chatd"), "info", "here", value=Unprintable())
    assert (found["message"], found["value"]) == ("here", "<Unprintable>")


def test_a_field_cannot_replace_what_every_object_has() -> None:
    """Its name is taken."""
    found = logged(Logger("chatd"), "info", "{logger} reached", logger=3)
    assert (found["logger"], found["message"]) == ("chatd", "3 reached")
