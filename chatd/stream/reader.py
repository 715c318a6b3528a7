"""What a feed, an archive and the notifier know of a reader."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Reader(Protocol):
    """A reader that is woken when there may be something to read: `chatd.stream.subscriber`."""

    cursor: int
    """The place behind the last event that the reader was given."""
    send: Callable[[bytes], int | None]
    """Sends bytes at once and returns how many; None: all are taken care of.  May raise
    `OSError`.
    """
    write: Callable[[bytes], None] | None
    """Sends bytes now or later; None for a reader that has to be asked for each batch."""

    @property
    def fast_path(self) -> object | None:
        """The one feed whose batches may be written to this reader without asking it."""

    def wake(self) -> None:
        """Read on from the cursor."""

    def stop(self) -> None:
        """Read no more, for good."""

    def find_single_feed(self) -> None:
        """Find out again whether only one feed has anything to read."""
