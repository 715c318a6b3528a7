"""The interface of a reader, as feeds, archives and the notifier use it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Reader(Protocol):
    """A reader that is woken when there may be something to read: `chatd.stream.subscriber`."""

    cursor: int
    """The cursor after the last event that was delivered to the reader."""
    send: Callable[[bytes], int | None]
    """Sends bytes at once and returns how many were sent; None: the callee sends or drops all of
    them.  May raise `OSError`.
    """
    write: Callable[[bytes], None] | None
    """Sends bytes now or later; None: each batch has to go through `wake`."""

    @property
    def fast_path(self) -> object | None:
        """The only feed whose batches may be written to this reader without calling `wake`; None:
        every batch has to go through `wake`.
        """

    def wake(self) -> None:
        """Deliver the events after the cursor."""

    def stop(self) -> None:
        """Read no more, for good."""

    def find_single_feed(self) -> None:
        """Determine anew whether only one of the reader's feeds has entries."""
