"""Files that only their owner may read, whatever the umask is, because they contain messages."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import IO

MODE = 0o600
"""Read and write, for the owner."""


def make_private(path: Path) -> None:
    """Create an empty file if there is none, because SQLite would create it with the umask's mode.

    An existing file is not opened, because closing it would drop SQLite's locks.  If the file
    cannot be created, the code that opens it will report that.
    """
    with suppress(OSError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, MODE))


def close_to_others(*paths: Path) -> None:
    """Remove the permissions of other users on these files, if they exist and are ours."""
    for path in paths:
        with suppress(OSError):
            mode = stat.S_IMODE(path.stat().st_mode)
            if mode & ~MODE:
                path.chmod(mode & MODE)


def open_private(path: Path) -> IO[bytes]:
    """Open a file for appending; a missing file is created.  Raises `OSError`."""
    file = open(path, "ab", opener=lambda name, flags: os.open(name, flags, MODE))  # noqa: SIM115
    close_to_others(path)
    return file
