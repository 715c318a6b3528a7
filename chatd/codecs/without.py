"""Codec that leaves out the messages of ignored people.

Only a client that ignores people uses it.  Clients that ignore the same people share its bytes.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..model.events import MESSAGES, Event, SentPrivately, Signalled, Told, Typing
from ..model.names import name_key
from ..stream.eventlog import Codec, Entry


class Without:
    """A codec that leaves out the messages of some people."""

    def __init__(self, codec: Codec, ignored: frozenset[str]) -> None:
        """`ignored` are the keys of the ignored people's names."""
        self._codec = codec
        self._ignored = ignored
        self.name = f"{codec.name} without {' '.join(sorted(ignored))}"

    def encode(self, entry: Entry) -> bytes:
        """See `Codec.encode`; no bytes for a message of an ignored person."""
        return b"" if is_from(entry.event, self._ignored) else self._codec.encode(entry)

    def join(self, chunks: Sequence[bytes]) -> bytes:
        """See `Codec.join`."""
        return self._codec.join(chunks)


def is_from(event: Event, ignored: frozenset[str]) -> bool:
    """Whether an event is a message or signal of a person whose name has one of these keys."""
    heard = isinstance(event, (*MESSAGES, Typing, Signalled)) or (
        isinstance(event, Told) and not isinstance(event, SentPrivately)
    )
    return heard and name_key(event.sender) in ignored  # type: ignore[attr-defined]
