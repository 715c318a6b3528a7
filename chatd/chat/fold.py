"""The fold: the one place where stored units become the state of the chat."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Protocol

from twisted.internet.defer import Deferred, gatherResults

from ..model.errors import ChatError
from ..model.events import (
    Letter,
    PresenceEvent,
    PutOut,
    RoomEvent,
    SentPrivately,
    Signalled,
    Told,
)
from ..model.letters import is_conversation
from ..model.names import name_key
from ..model.units import (
    ACCOUNTS,
    ADMINS,
    ATTEMPTS,
    BANS,
    GUESTS,
    NAMES,
    ROOMS,
    SESSIONS,
    SKELETONS,
    TOKENS,
    Cell,
)
from ..store import Opened, Shown, Store
from ..stream.eventlog import Entry
from ..stream.feed import Source
from ..stream.notifier import Growth, Notifier
from .accounts import Accounts
from .attempts import Attempts
from .claims import Claims
from .consequences import Consequences
from .ignores import Ignores
from .journal import Journal
from .lasting import Sessions
from .letters import Letters
from .people import People
from .request_keys import RequestKeys
from .rooms import Rooms

FOLDED = frozenset((ACCOUNTS, SKELETONS, SESSIONS, TOKENS))
"""Tables that the accounts and sessions fold."""


class Folds(Protocol):
    """The parts that are folded: `chatd.chat.parts.Parts` has them."""

    accounts: Accounts
    attempts: Attempts
    claims: Claims
    consequences: Consequences
    ignores: Ignores
    journal: Journal
    letters: Letters
    notifier: Notifier
    people: People
    request_keys: RequestKeys
    rooms: Rooms
    sessions: Sessions


class Fold:
    """The store's follower (`chatd.store.Follower`): folds units in the order of their ids."""

    def __init__(self, parts: Folds, store: Store) -> None:
        self._parts = parts
        self._store = store
        self.horizon = 0
        """The highest id shown so far; a cursor above it lies in the future."""
        self._early: list[Callable[[], None]] | None = []
        """What the store reported while it was being opened, to be folded then; None: it is
        open."""

    def opened(self, opened: Opened) -> Deferred[None]:
        """Take over the state that the store has on opening; fires when guests are restored."""
        self.horizon = opened.last
        self._parts.request_keys.opened(opened.request_keys)
        tables = gatherResults(
            map(self._store.table, (ROOMS, NAMES, GUESTS, ATTEMPTS, ADMINS, BANS))
        )

        def known(cells: list[Mapping[str, Cell]]) -> Deferred[None]:
            ends = {name: ends for name, ends in opened.rooms.items() if not is_conversation(name)}
            self._parts.rooms.index.opened(ends, cells[0])
            self._parts.rooms.directory.opened()
            self._parts.people.opened(cells[1])
            self._parts.consequences.opened(cells[5])
            early, self._early = self._early or [], None
            for report in early:
                report()
            self._parts.attempts.opened(cells[3])
            self._parts.claims.opened(cells[4])
            return self._parts.sessions.opened(cells[2])

        return tables.addCallback(known)

    def shown(self, batch: Sequence[Shown]) -> None:
        """Fold what was stored, in its order: see `chatd.store.Follower`."""
        if self._early is not None:
            self._early.append(partial(self.shown, batch))
            return
        growth = Growth(self._parts.notifier)
        kicks: list[PutOut] = []
        for shown in batch:
            for change in shown.changes:
                self._parts.rooms.change(change, shown.id)
                self._parts.people.change(change, shown.id, self._parts.rooms.live)
                if change.table in FOLDED:
                    self._parts.accounts.shown(change, shown.id)
                    self._parts.sessions.shown(change, shown.id)
                else:
                    self._parts.ignores.shown(change)
                    self._parts.claims.shown(change, shown.id)
            for redaction in shown.redacts:
                self._parts.rooms.redact(redaction)
            if shown.changes:
                self._parts.consequences.shown(shown)
            for entry in shown.entries:
                event = entry.event
                source: Source | None = None
                if isinstance(event, RoomEvent):
                    if isinstance(event, Letter):
                        self._parts.letters.deliver(entry, event, growth)
                        continue
                    room = source = self._parts.rooms.event_stored(event, entry.id)
                    if isinstance(event, PutOut):
                        kicks.append(event)
                    if room is not None and (stream := room.streamed) is not None:
                        growth.add(stream, entry)
                elif isinstance(event, PresenceEvent):
                    source = self._parts.rooms.presence(event.room)
                    stream = self._parts.rooms.stream(event.room)
                    if stream is not None:
                        growth.add(stream, entry)
                elif isinstance(event, Signalled):
                    to = self._parts.people.own(name_key(event.to))
                    if to is not None and name_key(event.sender) not in to.ignored:
                        source = to.signals
                elif isinstance(event, Told):
                    self._deliver(entry, event, growth)
                if source is not None:
                    growth.add(source, entry)
            if shown.request_key is not None:
                self._parts.request_keys.shown(shown.request_key, shown.answer)
        self._parts.rooms.shown(batch)
        growth.finish()
        self.horizon = batch[-1].id
        for event in kicks:
            self._parts.consequences.kicked(event)

    def forgotten(self, firsts: Mapping[str, int | None]) -> None:
        """See `chatd.store.Follower`; rooms of which nothing is left are removed."""
        if self._early is not None:
            self._early.append(partial(self.forgotten, firsts))
            return
        firsts = {name: first for name, first in firsts.items() if not is_conversation(name)}
        index = self._parts.rooms.index
        index.forgotten(firsts)
        for name, first in firsts.items():
            if first is None:
                removed = self._parts.journal.submit(partial(index.judge_removal, name))
                removed.addErrback(lambda failure: failure.trap(ChatError))

    def _deliver(self, entry: Entry, told: Told, growth: Growth) -> None:
        """Deliver a private message that is not kept to the persons who held the two names at its
        id.
        """
        people = self._parts.people
        sender, to = people.own(name_key(told.sender)), people.own(name_key(told.to))
        if to is not None and to is not sender and name_key(told.sender) not in to.ignored:
            growth.add(to.inbox, entry)
        if sender is not None:
            sent = SentPrivately(told.sender, told.to, told.text, told.account, told.notice)
            growth.add(sender.inbox, Entry(entry.id, sent))
