"""`ChatService`: the one object that every door holds.

It ties the parts of the middle together: people, rooms, the journal, the gate for readers, rates
and request keys.  Each of them has one job and a file of its own.

1. A command goes one way: checked and measured here, judged by `chatd.chat.judge`, accepted, stored
   and shown by `chatd.chat.journal`.
2. State changes in one place: `shown`, which folds what the store has stored, in its order.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredSemaphore, gatherResults
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from ..model.addresses import LOCAL, Address
from ..model.commands import Act, Command, Join, Leave, Rename, Say, SetTopic, Tell
from ..model.errors import ChatError, NoSession, Unavailable
from ..model.events import PresenceEvent, RoomEvent, SentPrivately, Told
from ..model.lookalikes import prepare
from ..model.names import name_key
from ..model.policy import Policy
from ..model.units import (
    ACCOUNTS,
    ADMINS,
    ATTEMPTS,
    GUESTS,
    NAMES,
    ROOMS,
    SESSIONS,
    SKELETONS,
    TOKENS,
    Cell,
)
from ..store import Opened, Shown, Store
from ..stream.eventlog import Entry, Page
from ..stream.feed import Source
from ..stream.notifier import Growth, Notifier
from ..stream.places import Place, lost, oldest
from .accounts import Accounts
from .admission import Admission
from .arrivals import Arrivals, Outcome
from .attempts import Attempts
from .attendance import Attendance
from .claims import Claims
from .ignores import Ignores
from .journal import Journal
from .lasting import Sessions
from .limits import DEFAULTS, Limits
from .markers import Markers
from .nodes import Nodes, State
from .passwords import HashingPool, Passwords
from .people import People
from .person import Person
from .readers import Readers
from .request_keys import RequestKeys
from .room import Room
from .rooms import Rooms
from .rules import OPEN_TO_ALL, Rules
from .signedin import AccountSessions
from .signin import SignIn
from .speech import Speech
from .tokens import Tokens

HISTORY = 1000
"""Events kept per room in memory, if nothing else is asked for."""
MAX_TEXT = 4096
"""Bytes in a message, if nothing else is asked for."""
FOLDED = frozenset((ACCOUNTS, SKELETONS, SESSIONS, TOKENS))
"""Tables of which changes are followed by the accounts and their sessions."""
PAGES_AT_ONCE = 4
"""Pages of history that are read from the store at a time: hundreds of clients may ask for one, and
what is read for them must not pile up before it is sent."""


class ChatService(Service):
    """The chat: people, rooms, and the order of what happens in them."""

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        store: Store,
        *,
        history: int = HISTORY,
        max_text: int = MAX_TEXT,
        limits: Limits = DEFAULTS,
        policy: Policy | None = None,
        node: str = "",
        now: Callable[[], float] = time.time,
        passwords: Passwords | None = None,
        rules: Rules = OPEN_TO_ALL,
    ) -> None:
        """A chat over `store`.

        `clock` must never run backwards.  `history` is in events per room, `max_text` in bytes of
        UTF-8; `policy` is an open one if none is given, and `node` tells this node's persons from
        those of others.  `now` is the wall clock, in seconds since the Unix epoch; `passwords` are
        hashed in threads of the reactor `clock` if nothing is given; `rules` say who may come in.
        """
        self.clock = clock
        self.admission = Admission(limits, clock.seconds)
        """Who is let in, and at which rate."""
        self.max_text = max_text
        self.horizon = 0
        """The highest id shown so far; a cursor above it lies in the future."""
        self.people = People(node)
        self._notifier = Notifier(
            lambda wake: clock.callLater(0, wake), self._reader_failed, clock.seconds
        )
        self.rooms = Rooms(
            clock,
            store,
            self._notifier,
            history,
            lambda: self.admission.limits,
            lambda: self.horizon,
        )
        self.readers = Readers(self.rooms, policy)
        """The gate: the only maker of readers."""
        self.request_keys = RequestKeys(clock.seconds)
        self._store = store
        self._paging = DeferredSemaphore(PAGES_AT_ONCE)
        self._early: list[Callable[[], None]] | None = []
        """What the store has told while it was being opened; None: it is open."""
        self._folding: list[Deferred[None]] = []
        """What is fired when that is folded."""
        self._journal = Journal(clock, store, history)
        self.accounts = Accounts(store)
        """The accounts: which names are registered."""
        self.arrivals = Arrivals(
            clock,
            self._journal,
            self.accounts,
            self.people,
            self.rooms,
            self.readers,
            self.admission,
            max_text,
        )
        self.attendance = Attendance(
            self.arrivals,
            self._journal,
            self.accounts,
            self.people,
            self.rooms,
            self.readers,
            self.admission,
            max_text,
        )
        self.sessions = Sessions(
            clock, now, store, self.accounts, self.arrivals, self.readers, self.admission
        )
        """The sessions over HTTP."""
        self.signed_in = AccountSessions(now, store, self._journal, self.sessions)
        """The sessions of accounts, as they are kept."""
        self.ignores = Ignores(self._journal, self.accounts, self.people)
        """Whom people ignore."""
        self.claims = Claims(clock.seconds, self._journal)
        """How the first administrator proves to be it."""
        self.markers = Markers(store, self.rooms, self.people, self.readers, lambda: self.horizon)
        """How far accounts have read."""
        self.tokens = Tokens(now, store, self._journal)
        """The personal tokens of accounts."""
        self._nodes = Nodes(
            clock,
            store,
            self.people,
            self.rooms,
            self.readers,
            self.arrivals,
            [self.accounts.anew, self.sessions.anew, self.ignores.anew, self._claims_anew],
        )
        self._attempts = Attempts(clock, store, now)
        self._passwords = passwords or Passwords(HashingPool(clock))
        self.sign_in = SignIn(
            now,
            self._journal,
            self.accounts,
            self.people,
            self.arrivals,
            self.attendance,
            self.admission,
            self._passwords,
            self._attempts,
            self.claims,
            rules,
        )
        """Registering, and proving who one is."""
        self._speech = Speech(
            self._journal,
            self.accounts,
            self.people,
            self.rooms,
            self.readers,
            self.admission,
            self.arrivals,
            self.attendance,
            max_text,
        )
        self._commands: dict[type[Command], Callable[[Any, Person, bytes | None], Outcome]] = {
            Say: self._speech.speak,
            Act: self._speech.speak,
            SetTopic: self._speech.set_topic,
            Tell: self._speech.tell,
            Join: self.attendance.come_in,
            Leave: self.attendance.go_out,
            Rename: self.attendance.rename,
        }

    @property
    def id(self) -> str:
        """What tells this chat from every other: its store's own id."""
        return self._store.id

    # -- opening and closing ---------------------------------------------------------------------

    def open(self) -> Deferred[None]:
        """Open the store.  Fails with `Unavailable` when it cannot be used."""
        prepare()
        return self._store.open(self).addCallback(self._opened)

    def _opened(self, opened: Opened) -> Deferred[None]:
        self.horizon = opened.last
        self.request_keys.opened(opened.request_keys)
        tables = gatherResults(map(self._store.table, (ROOMS, NAMES, GUESTS, ATTEMPTS, ADMINS)))

        def known(cells: list[Mapping[str, Cell]]) -> Deferred[None]:
            self.rooms.index.opened(opened.rooms, cells[0])
            self.rooms.directory.opened()
            self.people.opened(cells[1])
            self._attempts.opened(cells[3])
            self.claims.opened(cells[4])
            if not self._journal.paused:  # or the state is being read anew already
                self._resume()
            return self.sessions.opened(cells[2])

        return tables.addCallback(known)

    def _resume(self) -> None:
        """Fold what was told meanwhile."""
        early, self._early = self._early or [], None
        for told in early:
            told()
        waiting, self._folding = self._folding, []
        for folded in waiting:
            folded.callback(None)

    def _claims_anew(self) -> Deferred[Callable[[], object]]:
        read: Deferred[Any] = self._store.table(ADMINS)
        return read.addCallback(lambda admins: partial(self.claims.restated, admins))

    def probe(self) -> Deferred[None]:
        """Fires if the store takes events now; fails with `Unavailable`, which says why not."""
        return self._store.probe()

    def drain(self) -> Deferred[None]:
        """Take no more commands; fires when all that were taken are shown or refused.

        From here on no leave is announced: these persons did not choose to go, and most are back
        in a moment.
        """
        return self._journal.drain()

    def stopService(self) -> Deferred[None]:
        """Store what was accepted, then close the store."""
        super().stopService()
        self._journal.flush()
        self._passwords.stop()
        return self._store.close()

    # -- people ----------------------------------------------------------------------------------

    def enter(self, name: str = "", address: Address = LOCAL) -> Deferred[Person]:
        """A new person in the lobby: of that name and announced, or a guest without one.

        Raises or fails with `BadName`, `NameInUse`, `NotAllowed`, `Unavailable`.
        """
        return self.arrivals.enter(name, address)

    def end(self, person: Person, text: str = "") -> Outcome:
        """A session of the person is over; with the last one the person leaves every room, and
        unless it is an account's the name becomes free.  `text` is the parting word.

        Fires when the person has left, as far as the store allows.  A person who enters by the same
        name meanwhile waits for that.
        """
        return self.arrivals.end(person, text)

    def visitor(self, name: str, address: Address = LOCAL) -> Person:
        """The sender of one request, who holds no name: only `Say`, `Act`, `SetTopic` and `Tell`
        are for visitors.

        Raises `BadName`, and `NameInUse` when a person holds the name.
        """
        shown = self.people.free_name(name)
        bucket = self.admission.visitors(address)
        return Person(
            "", shown, name_key(shown), bucket, named=True, visiting=True, address=address
        )

    # -- reading ---------------------------------------------------------------------------------

    def page(self, room: Room, before: int | None, limit: int) -> Deferred[Page]:
        """The last `limit` events of a room below the id `before` (None: the newest), oldest first;
        fewer, if that is more than one answer holds (`chatd.stream.pages`).

        Reaches as far back as the store kept them.  Fails with `Unavailable`.
        """
        return self._paging.run(self._store.read, room.name, before=before, limit=limit)

    def page_after(self, room: Room, after: int, limit: int) -> Deferred[Page]:
        """The first `limit` events of a room above the id `after`, oldest first; fewer, if that is
        more than one answer holds.

        Begins as far back as the store kept them (`Page.floor`).  Fails with `Unavailable`.
        """
        return self._paging.run(self._store.read, room.name, after=after, limit=limit)

    def watch(self, room: Room, address: Address) -> None:
        """A client at that address is about to read a room.  Raises as `Directory.read` does."""
        self.rooms.directory.read(room, address)

    def place(self, sources: Sequence[Source], cursor: int) -> Place:
        """Where a reader begins that says it stands at `cursor`; 0: before the oldest event kept.

        A cursor above the horizon was given by another server, or by an earlier life of this one.
        """
        if (cursor > self.horizon and not self._store.given(cursor)) or (
            self._nodes.lost and self._nodes.was_lost(cursor)
        ):
            return lost(sources)
        return Place(cursor) if cursor else oldest(sources, self._first)

    def _first(self, name: str) -> int | None:
        ends = self.rooms.index.ends(name)
        return ends.first if ends else None

    # -- commands --------------------------------------------------------------------------------

    def perform(self, person: Person, command: Command, key: bytes | None = None) -> Outcome:
        """Carry out a command that others see.

        `key` is a request key (`chatd.chat.request_keys`): the store keeps it with what the
        command says, and knows a repeat by it.

        Raises at once what can be known at once: a text or name of a wrong form, a rate that is
        exceeded, a server that takes no commands.  Fires with the id of the (first) event when that
        is shown, or with None when there was nothing to announce; fails with the `ChatError` that
        refused it.
        """
        if person.ended:
            raise NoSession("the session is over; begin another")
        self._journal.check()
        if person.lane is not None and person.lane.full:
            raise Unavailable("too many of your commands are waiting; try again in a moment")
        try:
            perform = self._commands[type(command)]
        except KeyError:
            raise TypeError(f"not for the service: {command!r}") from None
        return perform(command, person, key)

    # -- what the store shows --------------------------------------------------------------------

    def shown(self, batch: Sequence[Shown]) -> None:
        """Fold what was stored, in its order: see `chatd.store.Follower`."""
        if self._early is not None:
            self._early.append(partial(self._shown_early, batch))
            return
        growth = Growth(self._notifier)
        for shown in batch:
            for change in shown.changes:
                self.rooms.change(change, shown.id)
                self.people.change(change, shown.id, self.rooms.live)
                if change.table in FOLDED:
                    self.accounts.shown(change, shown.id)
                    self.sessions.shown(change, shown.id)
                else:
                    self.ignores.shown(change)
                    self.claims.shown(change, shown.id)
                if change.table == ROOMS and (room := self.rooms.live(change.key)) is not None:
                    self.readers.review(room)
            for entry in shown.entries:
                event = entry.event
                source: Source | None = None
                if isinstance(event, RoomEvent):
                    source = self.rooms.kept(event, entry.id)
                elif isinstance(event, PresenceEvent):
                    source = self.rooms.presence(event.room)
                elif isinstance(event, Told):
                    self._deliver(entry, event, growth)
                if source is not None:
                    growth.add(source, entry)
            if shown.request_key is not None:
                self.request_keys.shown(shown.request_key, shown.answer)
        self.rooms.shown(batch)
        growth.finish()
        self.horizon = batch[-1].id

    def _shown_early(self, batch: Sequence[Shown]) -> None:
        """Fold what was shown while the state was read: the state has the older units already, but
        for private messages.
        """
        new = [shown for shown in batch if shown.id > self.horizon]
        growth = Growth(self._notifier)
        for shown in batch[: len(batch) - len(new)]:
            for entry in shown.entries:
                if isinstance(entry.event, Told):
                    self._deliver(entry, entry.event, growth)
        growth.finish()
        if new:
            self.shown(new)

    def missed(self, since: int, survey: Callable[[], Deferred[Opened]]) -> None:
        """See `chatd.store.Follower`: what is shown meanwhile is folded afterwards."""
        self._early = []
        self._journal.paused = True
        self._nodes.missed(since, self.horizon, survey, self._anew)

    def _anew(self, state: State) -> None:
        self.horizon = state.opened.last
        self._nodes.restate(state)
        self._journal.paused = False
        self._resume()

    def over(self) -> None:
        """See `chatd.store.Follower`."""
        self._nodes.over()

    def gone(self, held: Collection[tuple[str, str]], announced: bool) -> Deferred[None]:
        """See `chatd.store.Follower`."""
        known: Deferred[None] = Deferred()
        if self._early is None:
            known.callback(None)
        else:
            self._folding.append(known)  # whom it held is not known yet
        return known.addCallback(
            lambda _: Deferred.fromCoroutine(self._nodes.gone(held, announced))
        )

    def forgotten(self, firsts: Mapping[str, int | None]) -> None:
        """See `chatd.store.Follower`; rooms of which nothing is left vanish."""
        if self._early is not None:
            self._early.append(partial(self.forgotten, firsts))
            return
        index = self.rooms.index
        index.forgotten(firsts)
        for name, first in firsts.items():
            if first is None:
                vanished = self._journal.submit(partial(index.vanish, name))
                vanished.addErrback(lambda failure: failure.trap(ChatError))

    def _deliver(self, entry: Entry, told: Told, growth: Growth) -> None:
        """A private message was stored: it goes to the two who held the names at its id."""
        sender, to = self.people.own(name_key(told.sender)), self.people.own(name_key(told.to))
        if to is not None and to is not sender and name_key(told.sender) not in to.ignored:
            growth.add(to.inbox, entry)
        if sender is not None:
            sent = SentPrivately(told.sender, told.to, told.text, told.account)
            growth.add(sender.inbox, Entry(entry.id, sent))

    def _reader_failed(self, problem: Exception) -> None:
        self._log.failure("a reader failed and is dropped", Failure(problem))
