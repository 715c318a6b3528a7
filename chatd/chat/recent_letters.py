"""Recent private messages of guests, for guests whose sessions continue on another node.

The store keeps private messages between accounts (`chatd.chat.letters`), and no others.  But every
node sees the others when they are shown, so it can give the recent ones to a guest that comes from
another node.  A guest gets a gap for messages that no longer exist, after a restart for example.
"""

from __future__ import annotations

from collections import deque

from ..model.events import Event, SentPrivately, Told
from ..model.names import name_key
from ..stream.eventlog import Entry
from .inbox import INBOX
from .person import Person

MOST_LETTERS = 1000
"""Private messages that are remembered."""


class RecentLetters:
    """The last private messages of the whole chat that the store does not keep."""

    def __init__(self, shared: bool) -> None:
        """Without `shared` there are no other nodes, and nothing is remembered."""
        self._shared = shared
        self._entries: deque[Entry] = deque(maxlen=MOST_LETTERS if shared else 0)
        self._floor = 0

    def restated(self, last: int) -> None:
        """Forget the messages, which are not known up to the id `last`."""
        self._entries.clear()
        self._floor = last

    def add(self, entry: Entry) -> None:
        """A private message (`Told`) was shown."""
        if len(self._entries) == self._entries.maxlen and self._entries:
            self._floor = self._entries[0].id
        self._entries.append(entry)

    def give(self, person: Person, told: int) -> None:
        """Fill the inbox of a guest who has come to this node, perhaps from another one, with the
        private messages to and from that guest.

        `told` is the id of the guest's last private message, as far as the store knows, or 0 if
        there was none.  This node does not know the messages from before the guest took its name,
        or took it again.
        """
        log = person.inbox.log
        got = log.since(0).entries
        first = got[0].id if got else None
        found = []
        for entry in self._entries:
            if entry.id < person.since or (first is not None and entry.id >= first):
                continue
            if (event := _as_read_by(person, entry.event)) is not None:
                found.append(entry if event is entry.event else Entry(entry.id, event))
        entries = [*found, *got]
        # After `told` there were no messages except those in `entries`.
        floor = min(told, max(self._floor, person.since - 1))
        if len(entries) > INBOX:
            floor = entries[-INBOX - 1].id
        log.restart(entries[-INBOX:], floor, entries[-1].id if entries else floor)


def _as_read_by(person: Person, told: Event) -> Event | None:
    """A private message as the person reads it; None if it is not the person's."""
    assert isinstance(told, Told)
    sender = name_key(told.sender)
    if sender == person.key:
        return SentPrivately(told.sender, told.to, told.text, told.account, told.notice)
    if name_key(told.to) == person.key and sender not in person.ignored:
        return told
    return None
