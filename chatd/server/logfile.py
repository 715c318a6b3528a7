"""The log file, which can be reopened after a log rotation has moved it.

twistd opens its log file itself and gives no access to it.  So twistd gets a log observer of this
module instead, with the same format.
"""

from __future__ import annotations

import sys
from typing import Any, cast

from twisted.logger import ILogObserver, Logger, textFileLogObserver
from twisted.python import usage
from twisted.python.logfile import LogFile

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
        self._elsewhere = False
        """Whether twistd logs to syslog, or by a log observer that its options name."""

    def take_over(self, twistd: usage.Options) -> None:
        """Have twistd log with `begin`, if its options name a log file."""
        name = twistd["logfile"] or ("" if twistd["nodaemon"] else "twistd.log")
        self._elsewhere = bool(twistd.get("syslog") or twistd.get("logger"))
        if name not in ("", "-") and not self._elsewhere:
            self._name = name
            twistd["logger"] = f"{__name__}.begin"  # twistd imports it by this name

    def begin(self) -> ILogObserver:
        """Open the file; returns a log observer that writes to it.  Raises `OSError`."""
        self._file = ReopenedFile.fromFullPath(self._name)
        return cast(ILogObserver, textFileLogObserver(cast(Any, self._file)))

    def relay(self, line: str) -> None:
        """Write a line that another process has logged, with its own time, as it is."""
        output = self._file or (None if self._elsewhere else sys.__stdout__)
        if output is None:
            _log.info("{line}", line=line)
            return
        output.write(f"{line}\n")
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
