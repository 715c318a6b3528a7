"""The log file, and how it is reopened after rotation."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.logger import Logger, LogPublisher, capturedLogs, globalLogPublisher
from twisted.python.reflect import namedAny
from twisted.python.usage import UsageError

from chatd.server.logfile import OUTPUT, LogOutput
from chatd.server.options import Options

log = Logger()


def twistd_options(**options: Any) -> Any:
    """The options of twistd, whose subcommand chatd is."""
    return {"logfile": None, "nodaemon": True, "rundir": ".", "pidfile": "", **options}


@pytest.fixture
def output(tmp_path: Path) -> Iterator[LogOutput]:
    """The log output of a process that logs to a file."""
    output = LogOutput()
    options = twistd_options(logfile=str(tmp_path / "log"))
    output.take_over(options)
    assert namedAny(options["logger"]) == OUTPUT.begin
    observer: Any = output.begin()
    globalLogPublisher.addObserver(observer)
    yield output
    globalLogPublisher.removeObserver(observer)
    assert output._file
    output._file.close()


def test_reopen_after_rotation_writes_to_a_new_file(output: LogOutput, tmp_path: Path) -> None:
    """No message is lost."""
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


def test_reopen_without_rotation_appends_to_the_file(output: LogOutput, tmp_path: Path) -> None:
    """A second signal, or one without a rotation, loses nothing."""
    log.info("one")
    output.reopen()
    log.info("two")
    text = (tmp_path / "log").read_text()
    assert text.index("one") < text.index("two")


def test_a_failed_reopen_keeps_the_old_file(
    output: LogOutput, tmp_path: Path, logged_errors: list[str]
) -> None:
    """The error is logged there."""
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
def test_stdout_syslog_and_custom_loggers_are_left_to_twistd(options: dict[str, Any]) -> None:
    """Reopening then has no effect."""
    output, given = LogOutput(), twistd_options(**options)
    output.take_over(given)
    assert given == twistd_options(**options)
    output.reopen()


def test_json_goes_to_the_file_that_is_reopened(tmp_path: Path) -> None:
    """One object on a line."""
    output = LogOutput()
    output.take_over(twistd_options(logfile=str(tmp_path / "log")), "json")
    observer: Any = output.begin()
    log = Logger("chatd", observer=observer)
    log.info("one")
    (tmp_path / "log").rename(tmp_path / "log.1")
    output.reopen()
    log.info("two")
    assert output._file
    output._file.close()
    told = [json.loads((tmp_path / name).read_text()) for name in ("log.1", "log")]
    assert [line["message"] for line in told] == ["one", "two"]


@pytest.mark.parametrize("options", [{}, {"logfile": "-"}])
def test_json_without_a_file_goes_to_standard_output(
    options: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """Unlike text, which twistd itself writes there."""
    output, given = LogOutput(), twistd_options(**options)
    output.take_over(given, "json")
    assert namedAny(given["logger"]) == OUTPUT.begin
    observer: Any = output.begin()
    Logger("chatd", observer=observer).info("one")
    assert json.loads(capsys.readouterr().out)["message"] == "one"


@pytest.mark.parametrize("options", [{"syslog": True}, {"logger": print}])
def test_json_is_refused_for_logs_of_another_format(options: dict[str, Any]) -> None:
    """With what to leave out."""
    with pytest.raises(UsageError, match="leave out --syslog"):
        LogOutput().take_over(twistd_options(**options), "json")


def test_a_daemon_logs_to_a_file_by_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in twistd."""
    monkeypatch.chdir(tmp_path)
    options = Options()
    parent = twistd_options(nodaemon=False)
    options.parent = parent
    options.parseOptions([])
    assert namedAny(parent["logger"]) == OUTPUT.begin


def test_a_line_of_a_worker_is_written_as_it_is(output: LogOutput, tmp_path: Path) -> None:
    """It has a time already; after a rotation it is written to the new file."""
    output.relay(1, "{one}")
    (tmp_path / "log").rename(tmp_path / "log.1")
    output.reopen()
    output.relay(1, "two")
    assert (tmp_path / "log.1").read_text() == "worker 1: {one}\n"
    assert (tmp_path / "log").read_text().endswith("worker 1: two\n")


def test_a_line_of_a_worker_goes_where_the_log_goes() -> None:
    """To syslog, say."""
    output = LogOutput()
    output.take_over(twistd_options(syslog=True))
    with capturedLogs() as logged:
        output.relay(1, "{one}")
    assert [(event["worker"], event["line"]) for event in logged] == [(1, "{one}")]


def test_a_line_of_a_worker_in_json_stays_one_object(tmp_path: Path) -> None:
    """With the number of the worker; what is no object is logged as a message."""
    output = LogOutput()
    output.take_over(twistd_options(logfile=str(tmp_path / "log")), "json")
    output.begin()
    output.relay(2, '{"message":"hi"}')
    with capturedLogs() as logged:
        output.relay(2, "chatd: cannot start")
    assert output._file
    output._file.close()
    assert json.loads((tmp_path / "log").read_text()) == {"worker": 2, "message": "hi"}
    assert [event["line"] for event in logged] == ["chatd: cannot start"]


@pytest.mark.parametrize(
    ("options", "form", "logger", "both"),
    [
        ({}, "text", True, False),
        ({"logfile": "log"}, "text", True, True),
        ({"logfile": "-"}, "text", False, False),
        ({}, "json", True, False),
    ],
)
def test_notices_are_shown_where_no_log_is(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    options: dict[str, str],
    form: str,
    logger: bool,
    both: bool,
) -> None:
    """In the terminal of a person who runs the server in the foreground."""
    if "log" in options.values():
        options = {"logfile": str(tmp_path / "log")}
    output = LogOutput()
    twistd = twistd_options(notices=True, **options)
    output.take_over(twistd, form)
    assert ("logger" in twistd) == logger
    if not logger:
        return
    observer: Any = output.begin()
    Logger(observer=LogPublisher(observer)).info("come in", log_notice=True)
    Logger(observer=LogPublisher(observer)).info("a door listens")
    told = capsys.readouterr().out
    assert told == "come in\n" if form == "text" else told.count("{") == 2
    if both:
        assert (tmp_path / "log").read_text().count("\n") == 2
        assert output._file
        output._file.close()
