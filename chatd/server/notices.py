"""Notices: the short form of the log for a person who runs the server in the foreground.

1. A log event with `log_notice=True` is shown without time and level: how to connect, how to
   become the administrator, that the server shuts down.
2. Warnings and errors are shown with the time, and failures with their traceback.
3. Nothing else is shown.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, TextIO, cast

from twisted.logger import ILogObserver, LogEvent, LogLevel, formatEvent
from twisted.python.failure import Failure
from zope.interface import provider

SHOWN = {LogLevel.warn: "warning", LogLevel.error: "error", LogLevel.critical: "error"}
"""The log levels that are shown, and their names in a notice."""


def notices_observer(file: TextIO, worker: int | None = None) -> ILogObserver:
    """A log observer that writes notices to a text file; `worker` is this process's number."""
    beginning = "" if worker is None else f"worker {worker}: "

    @provider(ILogObserver)
    def show(event: LogEvent) -> None:
        line = notice(event, beginning)
        if line:
            file.write(line.encode(file.encoding or "ascii", "replace").decode(errors="replace"))
            file.flush()

    return cast(ILogObserver, show)


def notice(event: LogEvent, beginning: str = "") -> str:
    """One log event as a notice, with its line end; empty if the event is not shown."""
    text = formatEvent(event)
    if event.get("log_notice"):
        return f"{text}\n"
    level: Any = event.get("log_level")
    failure = event.get("log_failure")
    if level not in SHOWN or not (text or failure):
        return ""
    moment = datetime.fromtimestamp(event["log_time"]) if "log_time" in event else datetime.now()
    trace = failure.getTraceback() if isinstance(failure, Failure) else ""
    told = f"{text}\n{trace}".strip()
    return f"{beginning}{moment:%H:%M:%S} {SHOWN[level]}: {told}\n"
