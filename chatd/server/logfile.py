"""The log file, which can be reopened: a program that rotates logs moves it away.

twistd opens the file itself and offers no way to it, so it is given an observer of ours instead,
which writes what twistd's own would.
"""

from __future__ import annotations

from typing import Any, cast

from twisted.logger import ILogObserver, Logger, textFileLogObserver
from twisted.python import usage
from twisted.python.logfile import LogFile

_log = Logger()


class ReopenedFile(LogFile):
    """Twisted's log file, which goes on with the old file where it cannot open a new one."""

    def reopen(self) -> None:
        """Write to what is at the path now, or to a new file there.  Raises `OSError`."""
        old = self._file
        self._openFile()
        old.close()


class LogOutput:
    """Where the log of this process goes."""

    def __init__(self) -> None:
        self._name = ""
        self._file: ReopenedFile | None = None

    def take_over(self, twistd: usage.Options) -> None:
        """Have twistd log through here, if it is going to log to a file."""
        name = twistd["logfile"] or ("" if twistd["nodaemon"] else "twistd.log")
        if name not in ("", "-") and not (twistd.get("syslog") or twistd.get("logger")):
            self._name = name
            twistd["logger"] = f"{__name__}.begin"  # twistd wants a name, which it imports

    def begin(self) -> ILogObserver:
        """Open the file; answers what writes to it.  Raises `OSError`."""
        self._file = ReopenedFile.fromFullPath(self._name)
        return cast(ILogObserver, textFileLogObserver(cast(Any, self._file)))

    def reopen(self) -> None:
        """The log's file was moved away: begin another."""
        if self._file is None:
            _log.info("told to reopen the log, which is no file of ours")
            return
        try:
            self._file.reopen()
        except OSError as problem:
            _log.error("cannot reopen the log, and go on with the old one: {why}", why=problem)
        else:
            _log.info("the log is reopened")


OUTPUT = LogOutput()
"""That of this process, which has one."""
begin = OUTPUT.begin
