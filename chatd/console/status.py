"""Exit statuses of the command `chatd`, which scripts can rely on."""

from __future__ import annotations

from typing import Final

DONE: Final = 0
FAILED: Final = 1
"""The command was refused or has failed, or the configuration is wrong."""
USAGE: Final = 2
"""The command line is wrong."""
UNREACHABLE: Final = 3
"""No chatd answers at the URL."""
INTERRUPTED: Final = 130
"""Ended by SIGINT (128 + 2)."""
PIPE_CLOSED: Final = 141
"""The process that read the output has ended (128 + SIGPIPE)."""

TOLD = (
    "exit status: 0 done; 1 refused or failed, or a wrong configuration; 2 wrong command line; "
    "3 no server answers; 130 interrupted; 141 the reader of the output has ended"
)
"""For `--help`."""
