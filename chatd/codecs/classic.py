"""The text of the protocol of 2011: `sender : text`, one message per line.

Only messages and actions are shown.  The protocol has no form for actions and gaps, so they have
senders that are no valid names: `* ada : waves`, and `>> : 40 events were missed here`.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..model.events import Acted, Said
from ..stream.batch import Batch, Gap
from ..stream.eventlog import Entry


class ClassicCodec:
    """Events as lines of `sender : text`; no bytes for events that only other doors show."""

    name = "classic"

    def encode(self, entry: Entry) -> bytes:
        """A message or an action, as one line or several; no bytes for other events."""
        match entry.event:
            case Said(sender=sender, text=text):
                lead = sender
            case Acted(sender=sender, text=text):
                lead = f"* {sender}"
            case _:
                return b""
        return "".join(f"{lead} : {line}\n" for line in text.split("\n")).encode()

    def join(self, chunks: Sequence[bytes]) -> bytes:
        """The lines, one after another."""
        return b"".join(chunks)


CLASSIC = ClassicCodec()


def told(batch: Batch) -> bytes:
    """The body of an answer: a batch's gaps, then its events."""
    return b"".join(map(_gap, batch.gaps)) + batch.chunk


def _gap(gap: Gap) -> bytes:
    missed = "" if gap.missed is None else f"{gap.missed} "
    return f">> : {missed}events were missed here\n".encode()
