"""Notices: the short form of the log for a person who runs the server in the foreground."""

from __future__ import annotations

import io
from typing import Any

from twisted.logger import Logger, LogPublisher

from chatd.server.notices import notices_observer


def shown(worker: int | None = None) -> tuple[Logger, io.StringIO]:
    """A logger, and the notices that it writes."""
    file = io.StringIO()
    observer: Any = notices_observer(file, worker)
    return Logger(observer=LogPublisher(observer)), file


def test_only_notices_warnings_and_errors_are_shown() -> None:
    """Notices without a prefix, the others with the time and their level."""
    log, file = shown()
    log.info("a door listens")
    log.debug("nothing")
    log.info("come in at {place}", place="home", log_notice=True)
    log.warn("refused {count}", count=3)
    notice, warning = file.getvalue().splitlines()
    assert notice == "come in at home"
    assert warning[2] == warning[5] == ":"
    assert warning[8:] == " warning: refused 3"


def test_an_error_is_shown_with_its_traceback() -> None:
    """So that a bug does not go unnoticed."""
    log, file = shown()
    try:
        raise KeyError("missing")
    except KeyError:
        log.failure("it broke")
    assert "error: it broke\nTraceback" in file.getvalue()
    assert file.getvalue().endswith("builtins.KeyError: 'missing'\n")


def test_a_worker_is_named_before_its_warnings() -> None:
    """Notices, which concern all workers, have no worker's name."""
    log, file = shown(2)
    log.info("come in", log_notice=True)
    log.error("it broke")
    notice, error = file.getvalue().splitlines()
    assert notice == "come in"
    assert error.startswith("worker 2: ")


def test_a_terminal_without_unicode_gets_question_marks() -> None:
    """Instead of an error."""
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding="ascii")
    observer: Any = notices_observer(file)
    Logger(observer=LogPublisher(observer)).info("a · b", log_notice=True)
    assert raw.getvalue() == b"a ? b\n"
