"""Ending readers: what one may not read any more is taken from it, and it is told why."""

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
"""Why an owner may not read a source any more; None: it may."""


def refuse(reader: Subscriber, judge: Judge) -> Sequence[Feed]:
    """Judge what a reader reads.  It ends, or goes on with what it may still read; then these feeds
    are returned.
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
    """The readers of these sources, and of the presence streams of those that are rooms, each
    once.
    """
    readers: dict[Subscriber, None] = {}
    for source in sources:
        readers.update(dict.fromkeys(readers_of(source)))
        if isinstance(source, Room):
            readers.update(dict.fromkeys(readers_of(source.watched)))
    return readers


def _reduce(reader: Subscriber, feeds: Sequence[Feed]) -> None:
    """Let a reader go on with some of its feeds; of the others it is given nothing more, not even
    what is there already.
    """
    full = reader.paused
    reader.pause()  # or it would read the old feeds to their ends first
    reader.change(feeds, reader.cursor)
    if not full:
        reader.resume()


def readers_of(source: Source | None) -> list[Subscriber]:
    """The readers of a source that were made here: all there are."""
    feeds = source.feeds() if source else []
    return [reader for feed in feeds for reader in feed.readers if isinstance(reader, Subscriber)]
