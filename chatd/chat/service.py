"""`ChatService`: the one object that every door holds.

Its attributes are the parts of the chat (`chatd.chat.parts`): people, rooms, the gate for readers,
rate limits, request keys and so on.  Each part has one job and a file of its own.

1. A command goes one way: `perform` picks the part that carries it out, which checks it, applies
   the rate limits, and submits a judgement (`chatd.chat.judge`) to the journal
   (`chatd.chat.journal`).
2. State changes in one place: `chatd.chat.fold`, by what the store has stored, in its order.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from ..model.addresses import LOCAL, Address
from ..model.commands import (
    Act,
    ActFromOutside,
    Command,
    Join,
    Leave,
    Notify,
    NotifyFromOutside,
    NotifyPrivately,
    Rename,
    Say,
    SayFromOutside,
    SetTopic,
    Tell,
)
from ..model.errors import NoSession, Unavailable
from ..model.events import Acted, Said
from ..model.lookalikes import prepare
from ..model.moderation import RedactPrivately
from ..model.names import name_key
from ..model.policy import Policy
from ..store import Store
from .card import PLAIN, Card
from .journal import Outcome
from .limits import DEFAULTS, Limits
from .parts import Parts
from .passwords import Passwords
from .person import Person
from .room import Room
from .rules import OPEN_TO_ALL, Rules

HISTORY = 1000
"""Events kept per room in memory, by default."""


class ChatService(Service):
    """The chat: people, rooms, and the order of what happens in them."""

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        store: Store,
        *,
        history: int = HISTORY,
        limits: Limits = DEFAULTS,
        policy: Policy | None = None,
        node: str = "",
        now: Callable[[], float] = time.time,
        passwords: Passwords | None = None,
        rules: Rules = OPEN_TO_ALL,
        shared: Callable[[Address], bool] = lambda address: False,
    ) -> None:
        """A chat over `store`.

        `clock` is the reactor, and must never run backwards.  `history` is in events per room.
        `policy` replaces `RoomPolicy`; `node` begins the ids of this node's persons.  `now` is the
        wall clock, in seconds since the Unix epoch.  `passwords` hashes passwords, by default in
        threads of the reactor.  `rules` are the operator's for guests and registration; `shared`
        tells whether an address is a proxy's, shared by many people.
        """
        parts = Parts(
            clock,
            store,
            history=history,
            limits=limits,
            policy=policy,
            node=node,
            now=now,
            passwords=passwords,
            rules=rules,
            shared=shared,
        )
        self.clock = clock
        self.wall = now
        """This node's wall clock, in seconds since the Unix epoch."""
        self.page_url = ""
        """The URL of the page, for links; empty: not known."""
        self.admission = parts.admission
        """The rate limits, and the limits on sessions."""
        self.people, self.rooms = parts.people, parts.rooms
        self.arrivals, self.departures = parts.arrivals, parts.departures
        self.attendance = parts.attendance
        self.readers = parts.readers
        """The gate: the only maker of readers."""
        self.request_keys = parts.request_keys
        self.accounts = parts.accounts
        """The accounts and their registered names."""
        self.sessions = parts.sessions
        """The sessions over HTTP."""
        self.tickets = parts.tickets
        """The tickets for streams of those sessions."""
        self.signed_in = parts.signed_in
        """The stored sessions of accounts."""
        self.sign_in = parts.sign_in
        """Registering, signing in, changing an account."""
        self.ignores = parts.ignores
        """The ignore lists."""
        self.markers = parts.markers
        """The read markers of accounts."""
        self.tokens = parts.tokens
        """The personal tokens of accounts."""
        self.claims = parts.claims
        """The claim code, by which the first administrator is made."""
        self.letters, self.correspondence = parts.letters, parts.correspondence
        self.moderation, self.invites = parts.moderation, parts.invites
        self.server_bans, self.administration = parts.server_bans, parts.administration
        self.audit_trail = parts.audit_trail
        """What moderators and administrators did."""
        self._account_removal = parts.account_removal
        self.kill = parts.killing.kill
        self.push = parts.push
        """The notifications on devices whose page is closed."""
        self.signals = parts.signals
        """What is passed on and kept nowhere."""
        self.cards = parts.cards
        """What is told of persons beside their names."""
        self.when_written = parts.notifier.when_idle
        """Calls a function when what was shown so far has been written to all readers that have
        caught up: at once if it has been."""
        self.page, self.page_after = parts.past.page, parts.past.page_after
        self.place = parts.past.place
        self.searches = parts.searches
        self.visitor_observers: list[Callable[[str, Address], object]] = []
        """Called with name and address of each visitor."""
        self._store = store
        self._journal = parts.journal
        self.journal_metrics = parts.journal.metrics
        """Measurements of the commands that were stored."""
        self.queues = parts.queues
        self._passwords = parts.passwords
        self._speech = parts.speech
        self._fold = parts.fold
        speak, notice = self._speech.speak, partial(Said, notice=True)
        self._commands: dict[type[Command], Callable[[Any, Person, bytes | None], Outcome]] = {
            **parts.moderating,
            Say: partial(speak, Said),
            Act: partial(speak, Acted),
            SetTopic: self._speech.set_topic,
            Tell: self._speech.tell,
            Notify: partial(speak, notice),
            SayFromOutside: partial(speak, Said, outside=True),
            ActFromOutside: partial(speak, Acted, outside=True),
            NotifyFromOutside: partial(speak, notice, outside=True),
            NotifyPrivately: self._speech.tell,
            RedactPrivately: parts.letter_deletion.redact,
            Join: self.attendance.join_by_command,
            Leave: self.attendance.leave_by_command,
            Rename: self.attendance.rename,
        }

    @property
    def id(self) -> str:
        """The id of this chat, which is its store's; no other chat has it."""
        return self._store.id

    @property
    def behind_store(self) -> float:
        """Seconds by which this node's clock is behind that of the store: see `Store.ahead`."""
        return self._store.ahead

    @property
    def max_text(self) -> int:
        """The longest text, in bytes of UTF-8."""
        return self.admission.limits.text

    @property
    def horizon(self) -> int:
        """The highest id shown so far; a cursor above it lies in the future."""
        return self._fold.horizon

    # -- opening and closing ---------------------------------------------------------------------

    def open(self) -> Deferred[None]:
        """Open the store.  Fails with `Unavailable` when it cannot be used."""
        prepare()
        return self._store.open(self._fold).addCallback(self._fold.opened)

    def startService(self) -> None:
        """The store is open: begin the work that is done now and then."""
        super().startService()
        self.audit_trail.begin()

    def probe(self) -> Deferred[None]:
        """Fires if the store takes events now; else fails with `Unavailable`, which says why."""
        return self._store.probe()

    def drain(self) -> Deferred[None]:
        """Take no more commands; fires when all that were accepted are shown or refused.

        From then on no departure is announced: these people did not choose to leave, and most come
        back in a moment.
        """
        return self._journal.drain()

    def stopService(self) -> Deferred[None]:
        """Store what was accepted, then close the store."""
        super().stopService()
        self.audit_trail.stop()
        self._account_removal.stop()
        self._journal.flush()
        self._passwords.stop()
        return self._store.close()

    # -- people ----------------------------------------------------------------------------------

    def enter(
        self, name: str = "", address: Address = LOCAL, *, lobby: bool = True, card: Card = PLAIN
    ) -> Deferred[Person]:
        """Bring a new guest into the lobby: see `Arrivals.enter`."""
        return self.arrivals.enter(name, address, lobby=lobby, card=card)

    def end(self, person: Person, text: str = "") -> Outcome:
        """End a session of the person.  With the last one it leaves every room, and a guest's name
        becomes free; `text` is the parting word.

        Fires when the person has left, or when the store has refused that and it is to be repeated.
        A person who enters under the same name meanwhile waits until it is free.
        """
        return self.departures.end(person, text)

    def visitor(self, name: str, address: Address = LOCAL) -> Person:
        """The sender of one request, who holds no name.  A visitor may only `Say`, `Act`,
        `SetTopic` and `Tell`.

        Raises `BadName`, `NameInUse`, `NameRegistered`.
        """
        shown = self.people.free_name(name)
        for observer in self.visitor_observers:
            observer(shown, address)
        bucket = self.admission.visitors(address)
        return Person(
            "", shown, name_key(shown), bucket, named=True, visiting=True, address=address
        )

    # -- reading ---------------------------------------------------------------------------------

    def watch(self, room: Room, address: Address) -> None:
        """Count a room that a client at that address is about to read: see `Directory.read`."""
        self.rooms.directory.read(room, address)

    # -- commands --------------------------------------------------------------------------------

    def perform(self, person: Person, command: Command, key: bytes | None = None) -> Outcome:
        """Carry out a command that others see.

        `key` is a request key (`chatd.chat.request_keys`); the store keeps it with the command's
        unit, and answers a repeat with the first id.

        Raises what is known at once: a malformed text or name, an exceeded rate limit, a server
        that takes no commands.  Fires with the id of the (first) event when that is shown, or with
        None if there is no event; fails with the `ChatError` that refused the command.
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
