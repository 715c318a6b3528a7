"""Files that only their owner may read: what was said is in them, whatever the umask is."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import IO

MODE = 0o600
"""Read and write, for the owner."""


def make_private(path: Path) -> None:
    """Make a file that is not there yet, empty; SQLite would make it as the umask says.

    One that is there is not opened: closing it would drop SQLite's locks.  What cannot be made is
    left to whoever opens it.
    """
    with suppress(OSError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, MODE))


def close_to_others(*paths: Path) -> None:
    """Take away what others may do with these files, as far as they are there and are ours."""
    for path in paths:
        with suppress(OSError):
            mode = stat.S_IMODE(path.stat().st_mode)
            if mode & ~MODE:
                path.chmod(mode & MODE)


def open_private(path: Path) -> IO[bytes]:
    """Open a file to append to, which is made if there is none.  Raises `OSError`."""
    file = open(path, "ab", opener=lambda name, flags: os.open(name, flags, MODE))  # noqa: SIM115
    close_to_others(path)
    return file
