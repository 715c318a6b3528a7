"""Revocation: ending what a reader may no longer read, and sending its client the reason."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from ..model.errors import ChatError
from ..model.identity import Stranger
from ..stream.feed import Feed, Source
from ..stream.subscriber import Subscriber
from .owners import Owner
from .room import Room
from .sessions import Session

Judge = Callable[[Owner, Source], ChatError | None]
"""Why an owner may not read a source; None: it may."""


def revoke_forbidden(reader: Subscriber, judge: Judge) -> Sequence[Feed]:
    """Judge what a reader reads, and end what its owner may not read.  If anything is left, the
    reader goes on with that, and these feeds are returned; otherwise nothing is.
    """
    owner = reader.owner
    if not isinstance(owner, Session | Stranger):
        return ()
    refused: dict[str, ChatError] = {}
    kept = []
    for feed in reader.feeds:
        error = judge(owner, feed.source)
        if error is None:
            kept.append(feed)
        else:
            refused.setdefault(feed.source.name, error)
    if not refused or not reader.reading:
        return ()
    outlet = reader.outlet
    if kept:
        _reduce(reader, kept)
        for room, error in refused.items():
            outlet.removed(room, error)
    else:
        reader.stop()
        outlet.revoked(next(iter(refused.values())))
    return kept


def readers_of_all(sources: Iterable[Source]) -> Iterable[Subscriber]:
    """The readers of these sources and of the streams of those that are rooms, each once."""
    readers: dict[Subscriber, None] = {}
    for source in sources:
        readers.update(dict.fromkeys(readers_of(source)))
        if isinstance(source, Room):
            readers.update(dict.fromkeys(readers_of(source.watched)))
            readers.update(dict.fromkeys(readers_of(source.streamed)))
    return readers


def _reduce(reader: Subscriber, feeds: Sequence[Feed]) -> None:
    """Restrict a reader to these of its feeds.  It gets nothing more of its other feeds, not even
    events that their logs already have.
    """
    full = reader.paused
    reader.pause()  # otherwise `change` would first read the old feeds to their ends
    reader.change(feeds, reader.cursor)
    if not full:
        reader.resume()


def readers_of(source: Source | None) -> list[Subscriber]:
    """The readers of a source."""
    feeds = source.feeds() if source else []
    return [reader for feed in feeds for reader in feed.readers if isinstance(reader, Subscriber)]
