"""`chatd serve`: runs a server in the foreground, with the options of `twistd chatd`.

Without `--logfile`, the command prints notices instead of the log (`chatd.server.notices`).
"""

from __future__ import annotations

import sys
from argparse import Namespace
from typing import Any

from twisted.application.service import ServiceMaker

from ...server.options import Options
from ...server.startup import StartupError
from ..given import add_settings, settings_given, words_given
from ..parser import Parser
from ..status import DONE, FAILED

MAIN = "import sys; from chatd.console.main import main; sys.exit(main())"
"""The program of a worker's Python."""
MAKER = ServiceMaker("chatd", "chatd.tap", "a chat server", "chatd")
"""Makes the server as `twistd chatd` does."""


def fill(parser: Parser) -> None:
    """Add the options of the server, and `--logfile`."""
    parser.usage = "chatd serve [OPTION VALUE]..."
    parser.wrong = FAILED  # as for any other mistake in the configuration
    parser.description = (
        "Run a server in the foreground; Ctrl-C ends it when all that was said is stored. "
        "Everything has a default: `chatd serve` alone serves this machine."
    )
    parser.add_argument(
        "--logfile", metavar="FILE", help="write the log to a file, or with - to standard output"
    )
    add_settings(parser)


def run(given: Namespace) -> int:
    """Serve until a signal ends it.  Returns the exit status.  Raises `Refused`."""
    settings_given(given)  # report mistakes before the server starts
    # Imported here, so that a mistake in the settings is reported without the delay of the import.
    from twisted.scripts.twistd import (  # type: ignore[attr-defined]
        ServerOptions,
        runApp,
    )

    log = [] if given.logfile is None else [f"--logfile={given.logfile}"]

    class ServeOptions(Options):
        """The options of the server, for a process that `chatd serve` has started."""

        program = "chatd serve"

        def again(self) -> list[str]:
            """See `Options.again`; a worker logs to its supervisor."""
            return ["-c", MAIN, "serve", *(["--logfile=-"] if log else [])]

    class Foreground(ServerOptions):
        """twistd's own options, with one command."""

        def __init__(self) -> None:
            super().__init__()
            self["notices"] = True

        @property
        def subCommands(self) -> list[Any]:  # noqa: N802
            """The one command: twistd would search this Python for all plugins, which is slow."""
            self.loadedPlugins = {MAKER.tapname: MAKER}
            return [[MAKER.tapname, None, ServeOptions, MAKER.description]]

    config = Foreground()
    try:
        config.parseOptions(["--nodaemon", "--pidfile=", *log, MAKER.tapname, *words_given(given)])
        runApp(config)
    except StartupError as problem:
        if not problem.told and sys.__stderr__:
            sys.__stderr__.write(f"{problem}\n")
        return FAILED
    return DONE
