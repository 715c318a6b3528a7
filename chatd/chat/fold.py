"""The fold: the one place where stored units become the state of the chat."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any, Protocol

from twisted.internet.defer import Deferred, gatherResults

from ..model.errors import ChatError
from ..model.events import (
    Killed,
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
    ADMINS,
    ATTACHED,
    ATTEMPTS,
    BANS,
    CLAIMS,
    GUESTS,
    NAMES,
    PRESENCE,
    REMOVED,
    ROOMS,
    TOLD,
    Cell,
)
from ..store import Opened, Shown, Store
from ..stream.eventlog import Entry
from ..stream.feed import Source
from ..stream.notifier import Growth, Notifier
from .account_removal import AccountRemoval
from .attempts import Attempts
from .cell_folds import FoldedParts, cell_folds
from .consequences import Consequences
from .journal import Journal
from .killing import Killing
from .letters import Letters
from .markers import Markers
from .node_loss import NodeLoss
from .node_release import NodeRelease
from .nodes import Nodes, State
from .person import Person
from .push import Push
from .recent_letters import RecentLetters
from .request_keys import RequestKeys


class Folds(FoldedParts, Protocol):
    """The parts that are folded: `chatd.chat.parts.Parts` has them."""

    account_removal: AccountRemoval
    attempts: Attempts
    consequences: Consequences
    journal: Journal
    killing: Killing
    letters: Letters
    markers: Markers
    node_loss: NodeLoss
    node_release: NodeRelease
    nodes: Nodes
    notifier: Notifier
    push: Push
    recent_letters: RecentLetters
    request_keys: RequestKeys


class Fold:
    """The store's follower (`chatd.store.Follower`): folds units in the order of their ids."""

    def __init__(self, parts: Folds, store: Store) -> None:
        self._parts = parts
        self._store = store
        self._cell_folds = cell_folds(parts)
        parts.people.room = parts.rooms.live
        self.horizon = 0
        """The highest id shown so far; a cursor above it lies in the future."""
        self._early: list[Callable[[], None]] | None = []
        """Reports of the store that arrived while the state was being read, to be folded after
        that; None: the state has been read."""
        self._folding: list[Deferred[None]] = []
        """Deferreds that fire when these reports are folded."""

    def opened(self, opened: Opened) -> Deferred[None]:
        """Take over the state that the store has on opening; fires when guests are restored."""
        self.horizon = opened.last
        self._parts.request_keys.opened(opened.request_keys)
        names = (ROOMS, NAMES, GUESTS, ATTEMPTS, ADMINS, BANS, ATTACHED, REMOVED, CLAIMS, TOLD)
        tables = gatherResults(map(self._store.table, names))

        def known(cells: list[Mapping[str, Cell]]) -> Deferred[None]:
            ends = {name: ends for name, ends in opened.rooms.items() if not is_conversation(name)}
            self._parts.rooms.index.opened(ends, cells[0])
            self._parts.rooms.directory.opened()
            self._parts.attached.restated(cells[6])
            self._parts.recent_letters.restated(opened.last)
            self._parts.people.opened(cells[1])
            self._parts.consequences.opened(cells[5])
            self._parts.attempts.take_over(cells[3])
            self._parts.claims.opened(cells[4], cells[8])
            self._parts.administrators.restated(cells[4])
            if not self._parts.journal.paused:  # or the state is being read anew already
                self._resume()
            self._parts.account_removal.opened(cells[7])
            return self._parts.sessions.opened(cells[2], cells[9])

        return tables.addCallback(known)

    def _resume(self) -> None:
        """Fold what was told meanwhile."""
        early, self._early = self._early or [], None
        for told in early:
            told()
        waiting, self._folding = self._folding, []
        for folded in waiting:
            folded.callback(None)

    def shown(self, batch: Sequence[Shown]) -> None:
        """Fold what was stored, in its order: see `chatd.store.Follower`."""
        if self._early is not None:
            self._early.append(partial(self._shown_early, batch))
            return
        growth = Growth(self._parts.notifier)
        kicks: list[PutOut] = []
        killed: list[Killed] = []
        folds = self._cell_folds
        for shown in batch:
            lasting = False
            for change in shown.changes:
                kind = change.table.partition(":")[0]
                for fold in folds.get(kind, ()):
                    fold(change, shown.id)
                lasting = lasting or kind not in PRESENCE
            if self._parts.people.ended:
                self._end(self._parts.people.ended)
            for redaction in shown.redacts:
                if isinstance(redaction.event, Letter):
                    self._parts.letters.redact(redaction.id, redaction.event)
                else:
                    self._parts.rooms.redact(redaction)
            if lasting:  # that people come and go has no consequences
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
                    room = self._parts.rooms.live(event.room)
                    if room is not None:
                        source = room.watched
                        if (stream := room.streamed) is not None:
                            growth.add(stream, entry)
                elif isinstance(event, Signalled):
                    to = self._parts.people.own(name_key(event.to))
                    if to is not None and name_key(event.sender) not in to.ignored:
                        source = to.signals
                elif isinstance(event, Told):
                    self._deliver(entry, event, growth)
                elif isinstance(event, Killed):
                    killed.append(event)
                if source is not None:
                    growth.add(source, entry)
            if shown.request_key is not None:
                self._parts.request_keys.shown(shown.request_key, shown.answer)
        self._parts.rooms.shown(batch)
        growth.finish()
        self.horizon = batch[-1].id
        for event in kicks:
            self._parts.consequences.kicked(event)
        for ended in killed:
            self._parts.killing.shown(ended)

    def _shown_early(self, batch: Sequence[Shown]) -> None:
        """Fold what was shown while the state was read: the state has the older units already, but
        for private messages.
        """
        new = [shown for shown in batch if shown.id > self.horizon]
        growth = Growth(self._parts.notifier)
        for shown in batch[: len(batch) - len(new)]:
            for entry in shown.entries:
                if isinstance(entry.event, Told):
                    self._deliver(entry, entry.event, growth)
        growth.finish()
        if new:
            self.shown(new)

    def noted(self, table: str, key: str, value: bytes) -> None:
        """See `chatd.store.Follower`."""
        self._parts.markers.noted(table, key, int(value))

    def unheard(self, since: int) -> None:
        """See `chatd.store.Follower`."""
        self._parts.markers.unheard(since)

    def missed(self, since: int, survey: Callable[[], Deferred[Opened]]) -> None:
        """See `chatd.store.Follower`: what is shown meanwhile is folded afterwards."""
        self._early = []
        self._parts.journal.paused = True
        self._parts.request_keys.missed()
        self._parts.markers.missed()
        self._parts.nodes.missed(since, self.horizon, survey, self._anew)

    def _anew(self, state: State) -> None:
        self.horizon = state.opened.last
        self._parts.request_keys.restated(state.opened.request_keys)
        self._parts.recent_letters.restated(self.horizon)
        self._parts.letters.restated(self.horizon)
        self._parts.nodes.restate(state)
        self._parts.journal.paused = False
        self._resume()

    def claims_anew(self) -> Deferred[Callable[[], object]]:
        """Read anew which administrators there are; fires with what folds it.  Fails with
        `Unavailable`.
        """

        def fold(tables: Sequence[Mapping[str, Cell]]) -> None:
            admins, claims = tables
            self._parts.claims.restated(admins, claims)
            self._parts.administrators.restated(admins)

        read: Deferred[Any] = gatherResults([self._store.table(ADMINS), self._store.table(CLAIMS)])
        return read.addCallback(lambda tables: partial(fold, tables))

    def over(self) -> None:
        """See `chatd.store.Follower`."""
        self._parts.nodes.over()

    def gone(
        self, held: Collection[tuple[str, str]], announced: bool
    ) -> Deferred[Collection[tuple[str, str]]]:
        """See `chatd.store.Follower`."""
        known: Deferred[None] = Deferred()
        if self._early is None:
            known.callback(None)
        else:
            self._folding.append(known)  # the lost node's persons are not read yet
        return known.addCallback(
            lambda _: Deferred.fromCoroutine(self._parts.node_release.gone(held, announced))
        )

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

    def _end(self, ended: list[Person]) -> None:
        """End the sessions of persons who hold their names no more, because of another node."""
        people = self._parts.people
        for person in ended:
            if people.own(person.key) is not person:  # else the name was changed
                self._parts.node_loss.left(person)
        ended.clear()

    def _deliver(self, entry: Entry, told: Told, growth: Growth) -> None:
        """Deliver a private message that is not kept to the persons who held the two names at its
        id.
        """
        people = self._parts.people
        self._parts.recent_letters.add(entry)
        sender, to = people.own(name_key(told.sender)), people.own(name_key(told.to))
        if to is not None and to is not sender and name_key(told.sender) not in to.ignored:
            growth.add(to.inbox, entry)
        if sender is not None:
            sent = SentPrivately(told.sender, told.to, told.text, told.account, told.notice)
            growth.add(sender.inbox, Entry(entry.id, sent))
