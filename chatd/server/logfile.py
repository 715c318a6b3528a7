"""The log file, which can be reopened after a log rotation has moved it, and the log's format.

twistd opens its log file itself and gives no access to it.  So twistd gets a log observer of this
module instead, with the same format, or with JSON (`chatd.server.jsonlog`).
"""

from __future__ import annotations

import sys
from typing import Any, cast

from twisted.logger import ILogObserver, Logger, LogPublisher, textFileLogObserver
from twisted.python import usage
from twisted.python.logfile import LogFile

from .jsonlog import json_observer
from .notices import notices_observer
from .sharing import own_place

_log = Logger()


class ReopenedFile(LogFile):
    """Twisted's log file; if `reopen` fails, it goes on writing to the old file."""

    def reopen(self) -> None:
        """Open the file at the path, or create it, and write to it.  Raises `OSError`."""
        old = self._file
        self._openFile()
        old.close()


class LogOutput:
    """The log file of this process, if it has one."""

    def __init__(self) -> None:
        self._name = ""
        self._file: ReopenedFile | None = None
        self._json = False
        self._notices = False
        """Whether notices are shown on standard output (`chatd.server.notices`)."""
        self._elsewhere = False
        """Whether twistd logs to syslog, or by a log observer that its options name."""

    def take_over(self, twistd: usage.Options, form: str = "text") -> None:
        """Make twistd use `begin` as its log observer if its options name a log file, if `form` is
        "json", or if its options include `notices` (`chatd.console.commands.serve`) and no log goes
        to standard output.

        Raises `UsageError` if `form` is "json" and twistd logs to syslog or by its own `--logger`.
        """
        name = twistd["logfile"] or ("" if twistd["nodaemon"] else "twistd.log")
        other = twistd.get("syslog") or twistd.get("logger")
        self._elsewhere = bool(other)
        self._json = form == "json"
        if self._json and other:
            raise usage.UsageError(
                "--log-format json goes to a file or standard output; leave out --syslog and "
                "--logger"
            )
        to_file = name not in ("", "-")
        to_terminal = name == "-" or (self._json and not to_file)
        self._notices = bool(twistd.get("notices")) and not to_terminal
        if (to_file or self._json or self._notices) and not other:
            self._name = name if to_file else ""
            twistd["logger"] = f"{__name__}.begin"  # twistd imports it by this name

    def begin(self) -> ILogObserver:
        """Open the file, if there is one; returns a log observer that writes to it, or to standard
        output.  Raises `OSError`.
        """
        file: Any = sys.stdout
        notices = None
        if self._notices:
            place = own_place()
            notices = notices_observer(file, place.number if place else None)
            if not self._name:
                return notices
        if self._name:
            file = self._file = ReopenedFile.fromFullPath(self._name)
        observer = cast(ILogObserver, (json_observer if self._json else textFileLogObserver)(file))
        return observer if notices is None else LogPublisher(observer, notices)

    def relay(self, worker: int, line: str) -> None:
        """Write a line that a worker has logged, with its own time; the worker's number becomes its
        beginning, or in JSON the first member of its object.
        """
        output = self._file or (None if self._elsewhere else sys.__stdout__)
        if self._notices and output is not None and output is not self._file:
            output.write(f"{line}\n")  # it has the worker's number
            output.flush()
            return
        is_object = line.startswith("{") and line.endswith("}")
        if output is None or (self._json and not is_object):
            _log.info("worker {worker}: {line}", worker=worker, line=line)
            return
        output.write(
            f'{{"worker":{worker},{line[1:]}\n' if self._json else f"worker {worker}: {line}\n"
        )
        output.flush()

    def reopen(self) -> None:
        """The log file was moved: open a new one at its path."""
        if self._file is None:
            _log.info("not reopening the log: this process does not write it to a file itself")
            return
        try:
            self._file.reopen()
        except OSError as problem:
            _log.error("cannot reopen the log: {why}; still writing to the old file", why=problem)
        else:
            _log.info("log reopened")


OUTPUT = LogOutput()
"""The log output of this process."""
begin = OUTPUT.begin
