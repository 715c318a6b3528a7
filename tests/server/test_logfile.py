"""The log file: what becomes of it when it is moved away."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.logger import Logger, globalLogPublisher
from twisted.python.reflect import namedAny

from chatd.server.logfile import OUTPUT, LogOutput
from chatd.server.options import Options

log = Logger()


def twistd(**options: Any) -> Any:
    """The options of twistd, as chatd's are their subcommand's."""
    return {"logfile": None, "nodaemon": True, "rundir": ".", "pidfile": "", **options}


@pytest.fixture
def output(tmp_path: Path) -> Iterator[LogOutput]:
    """The log of a process, which goes to a file."""
    output = LogOutput()
    options = twistd(logfile=str(tmp_path / "log"))
    output.take_over(options)
    assert namedAny(options["logger"]) == OUTPUT.begin
    observer: Any = output.begin()
    globalLogPublisher.addObserver(observer)
    yield output
    globalLogPublisher.removeObserver(observer)
    assert output._file
    output._file.close()


def test_a_log_that_was_moved_away_begins_anew(output: LogOutput, tmp_path: Path) -> None:
    """What comes afterwards is in the new file, and nothing is lost."""
    log.info("one")
    (tmp_path / "log").rename(tmp_path / "log.1")
    log.info("two")
    output.reopen()
    log.info("three")
    assert [word in (tmp_path / "log.1").read_text() for word in ("one", "two", "three")] == [
        True,
        True,
        False,
    ]
    text = (tmp_path / "log").read_text()
    assert ["two" in text, "log reopened" in text, "three" in text] == [False, True, True]


def test_a_log_that_is_still_there_goes_on(output: LogOutput, tmp_path: Path) -> None:
    """A second signal, or one without a reason, takes nothing away."""
    log.info("one")
    output.reopen()
    log.info("two")
    text = (tmp_path / "log").read_text()
    assert text.index("one") < text.index("two")


def test_a_log_that_cannot_be_reopened_goes_on_in_the_old_file(
    output: LogOutput, tmp_path: Path, logged_errors: list[str]
) -> None:
    """And says so there."""
    (tmp_path / "log").rename(tmp_path / "log.1")
    (tmp_path / "log").mkdir()
    output.reopen()
    log.info("two")
    text = (tmp_path / "log.1").read_text()
    assert "cannot reopen the log" in text
    assert "two" in text
    logged_errors.clear()


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"logfile": "-"},
        {"logfile": "x", "syslog": True},
        {"logfile": "x", "logger": print},
    ],
)
def test_a_log_that_is_no_file_of_ours_is_left_to_twistd(options: dict[str, Any]) -> None:
    """Standard output, syslog, a logger of the operator's; being told to reopen does no harm."""
    output, given = LogOutput(), twistd(**options)
    output.take_over(given)
    assert given == twistd(**options)
    output.reopen()


def test_a_daemon_logs_to_a_file_unless_it_is_told_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As twistd does."""
    monkeypatch.chdir(tmp_path)
    options = Options()
    parent = twistd(nodaemon=False)
    options.parent = parent
    options.parseOptions([])
    assert namedAny(parent["logger"]) == OUTPUT.begin
