"""The 2011 protocol's text: `sender : text`, one a line.

It tells what people say, and nothing else.  Two things that it had no form for take senders that
nobody can be called: an action is `* ada : waves`, and a gap is `>> : 40 events were missed here`.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..model.events import Acted, Said
from ..stream.batch import Batch, Gap
from ..stream.eventlog import Entry


class ClassicCodec:
    """Events as lines of `sender : text`; no bytes for what only other doors tell."""

    name = "classic"

    def encode(self, entry: Entry) -> bytes:
        """A message, one line or several; or nothing."""
        match entry.event:
            case Said(sender=sender, text=text):
                lead = sender
            case Acted(sender=sender, text=text):
                lead = f"* {sender}"
            case _:
                return b""
        return "".join(f"{lead} : {line}\n" for line in text.split("\n")).encode()

    def join(self, chunks: Sequence[bytes]) -> bytes:
        """Lines after lines."""
        return b"".join(chunks)


CLASSIC = ClassicCodec()


def told(batch: Batch) -> bytes:
    """A batch, its gaps first."""
    return b"".join(map(_gap, batch.gaps)) + batch.chunk


def _gap(gap: Gap) -> bytes:
    missed = "" if gap.missed is None else f"{gap.missed} "
    return f">> : {missed}events were missed here\n".encode()
