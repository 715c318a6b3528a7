"""`ChatService`: the one object that every door holds.

It shows the parts of the middle (`chatd.chat.parts`): people, rooms, the journal, the gate for
readers, rates and request keys.  Each of them has one job and a file of its own.

1. A command goes one way: checked and measured here, judged by `chatd.chat.judge`, accepted, stored
   and shown by `chatd.chat.journal`.
2. State changes in one place: `chatd.chat.fold`, by what the store has stored, in its order.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from ..model.addresses import LOCAL, Address
from ..model.commands import Act, Command, Join, Leave, Rename, Say, SetTopic, Tell
from ..model.errors import NoSession, Unavailable
from ..model.lookalikes import prepare
from ..model.names import name_key
from ..model.policy import Policy
from ..store import Store
from .arrivals import Outcome
from .limits import DEFAULTS, Limits
from .parts import Parts
from .passwords import Passwords
from .person import Person
from .room import Room
from .rules import OPEN_TO_ALL, Rules

HISTORY = 1000
"""Events kept per room in memory, if nothing else is asked for."""
MAX_TEXT = 4096
"""Bytes in a message, if nothing else is asked for."""


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
        shared: Callable[[Address], bool] = lambda address: False,
    ) -> None:
        """A chat over `store`.

        `clock` must never run backwards.  `history` is in events per room, `max_text` in bytes of
        UTF-8; `policy` decides in place of the usual one, and `node` tells this node's persons from
        those of others.  `now` is the wall clock, in seconds since the Unix epoch; `passwords` are
        hashed in threads of the reactor `clock` if nothing is given; `rules` say who may come in;
        `shared` tells whether an address is a proxy's, behind which many people are.
        """
        parts = Parts(
            clock,
            store,
            history=history,
            max_text=max_text,
            limits=limits,
            policy=policy,
            node=node,
            now=now,
            passwords=passwords,
            rules=rules,
            shared=shared,
        )
        self.clock = clock
        self.max_text = max_text
        self.page_url = ""
        """Where people find the page, for links; empty: that is not known."""
        self.admission = parts.admission
        """Who is let in, and at which rate."""
        self.people, self.rooms = parts.people, parts.rooms
        self.arrivals, self.attendance = parts.arrivals, parts.attendance
        self.readers = parts.readers
        """The gate: the only maker of readers."""
        self.request_keys = parts.request_keys
        self.accounts = parts.accounts
        """The accounts: which names are registered."""
        self.sessions = parts.sessions
        """The sessions over HTTP."""
        self.signed_in = parts.signed_in
        """The sessions of accounts, as they are kept."""
        self.sign_in = parts.sign_in
        """Registering, and proving who one is."""
        self.ignores = parts.ignores
        """Whom people ignore."""
        self.markers = parts.markers
        """How far accounts have read."""
        self.tokens = parts.tokens
        """The personal tokens of accounts."""
        self.claims = parts.claims
        """How the first administrator proves to be it."""
        self.moderation, self.invites = parts.moderation, parts.invites
        self.server_bans = parts.server_bans
        self.page, self.page_after = parts.past.page, parts.past.page_after
        self.place = parts.past.place
        self._store = store
        self._journal = parts.journal
        self._passwords = parts.passwords
        self._speech = parts.speech
        self._fold = parts.fold
        self._commands: dict[type[Command], Callable[[Any, Person, bytes | None], Outcome]] = {
            **parts.moderating,
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

    @property
    def horizon(self) -> int:
        """The highest id shown so far; a cursor above it lies in the future."""
        return self._fold.horizon

    # -- opening and closing ---------------------------------------------------------------------

    def open(self) -> Deferred[None]:
        """Open the store.  Fails with `Unavailable` when it cannot be used."""
        prepare()
        return self._store.open(self._fold).addCallback(self._fold.opened)

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

    def watch(self, room: Room, address: Address) -> None:
        """A client at that address is about to read a room.  Raises as `Directory.read` does."""
        self.rooms.directory.read(room, address)

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
