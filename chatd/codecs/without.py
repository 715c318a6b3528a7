"""Lines without what ignored people say.

Only a client that ignores somebody has such a codec; clients that ignore the same people share it.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..model.events import (
    MESSAGES,
    Event,
    RedactedPrivately,
    SentPrivately,
    Signalled,
    Told,
    Typing,
)
from ..model.names import name_key
from ..stream.eventlog import Codec, Entry


class Without:
    """A codec that leaves out the messages of some people."""

    def __init__(self, codec: Codec, ignored: frozenset[str]) -> None:
        """`ignored` are the keys of their names."""
        self._codec = codec
        self._ignored = ignored
        self.name = f"{codec.name} without {' '.join(sorted(ignored))}"

    def encode(self, entry: Entry) -> bytes:
        """See `Codec.encode`: nothing, of somebody who is ignored."""
        return b"" if is_from(entry.event, self._ignored) else self._codec.encode(entry)

    def join(self, chunks: Sequence[bytes]) -> bytes:
        """See `Codec.join`."""
        return self._codec.join(chunks)


def is_from(event: Event, ignored: frozenset[str]) -> bool:
    """Whether an event is what somebody says whose name has one of these keys."""
    heard = isinstance(event, (*MESSAGES, Typing, Signalled)) or (
        isinstance(event, Told | RedactedPrivately) and not isinstance(event, SentPrivately)
    )
    return heard and name_key(event.sender) in ignored  # type: ignore[attr-defined]
