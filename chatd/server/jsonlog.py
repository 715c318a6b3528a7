"""The log as JSON: one object on one line for each event, for programs that collect logs.

An object has `time` (RFC 3339, UTC), `level`, `logger` (the module), `message`, and the fields that
the message was made of; for an exception, `traceback`, too.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from twisted.logger import FileLogObserver, LogEvent, LogLevel, formatEvent
from twisted.python.failure import Failure

_LEGACY = frozenset(("message", "time", "system", "format", "isError", "failure", "why", "printed"))
"""Fields that Twisted adds for its older log module, which say nothing more."""
_RESERVED = frozenset(("time", "level", "logger", "message", "traceback"))


def json_observer(file: Any) -> FileLogObserver:
    """A log observer that writes JSON to a text file."""
    return FileLogObserver(file, json_line)


def json_line(event: LogEvent) -> str:
    """One event of Twisted's log as a line of JSON, with its line end."""
    level: Any = event.get("log_level") or LogLevel.info
    told: dict[str, Any] = {
        "time": _moment(event.get("log_time")),
        "level": level.name,
        "logger": str(event.get("log_namespace") or event.get("log_system") or "-"),
        "message": formatEvent(event) or "",
    }
    for name, value in event.items():
        if not name.startswith("log_") and name not in _LEGACY | _RESERVED:
            told[name] = value if isinstance(value, str | int | float | bool) else _text(value)
    failure = event.get("log_failure")
    if isinstance(failure, Failure):
        told["traceback"] = failure.getTraceback()
    return f"{json.dumps(told)}\n"  # ASCII, which any file takes, without other line breaks


def _moment(seconds: float | None) -> str:
    moment = datetime.now(UTC) if seconds is None else datetime.fromtimestamp(seconds, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _text(value: object) -> str | None:
    """A field that JSON has no form for, as its text."""
    if value is None:
        return None
    try:
        return str(value)
    except Exception:
        return f"<{type(value).__name__}>"
