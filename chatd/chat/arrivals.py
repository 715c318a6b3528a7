"""How persons come into the chat: guests, and accounts by their sessions.

1. Coming does not depend on the store being able to keep an announcement: if it refuses that, the
   person comes without one (`chatd.chat.journal`, rule 7).
2. An account has one person, however many sessions it has.  The first session brings the person
   into the rooms that the account has joined; the later ones share it.
3. A guest's session over HTTP outlives a restart, and the guest is restored with it, by the node
   that it came by.  Neither the restart nor the return is announced.
4. A person may have sessions on several nodes (`chatd.chat.attached`).  It comes with the first
   session; the other nodes attach themselves to it, and fill the inbox of a guest
   (`chatd.chat.recent_letters`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred, fail, gatherResults, succeed
from twisted.python.failure import Failure

from ..model.account import Account, GuestSession
from ..model.addresses import Address
from ..model.errors import BadCredentials, ChatError, InDoubt
from ..model.identity import Scope
from ..model.names import clean_name, name_key
from ..model.units import Unit
from . import judge, judge_accounts
from .accounts import Claim, Record
from .attached import Attached
from .card import PLAIN, Card
from .coalescing import Coalesced
from .core import Core
from .departures import Departures
from .person import Person
from .presence import Unannounced
from .recent_letters import RecentLetters
from .room import LOBBY, Room


def _no_room(name: str) -> Deferred[Any]:
    return succeed(None)


class Arrivals:
    """Brings persons into the chat."""

    def __init__(
        self, core: Core, departures: Departures, attached: Attached, letters: RecentLetters
    ) -> None:
        self._journal = core.journal
        self._accounts = core.accounts
        self._people = core.people
        self._rooms = core.rooms
        self._readers = core.readers
        self._departures = departures
        self._attached = attached
        self._letters = letters
        core.people.unloaded = self._unloaded
        self._arriving: Coalesced[str, Person] = Coalesced()
        """The accounts whose persons are arriving, by the accounts' keys."""

    def enter(
        self,
        name: str,
        address: Address,
        kept: str = "",
        *,
        lobby: bool = True,
        card: Card = PLAIN,
    ) -> Deferred[Person]:
        """Bring a new guest into the lobby, or without `lobby` into no room: under that name and
        announced, or under a name from the server if `name` is empty.  With the hash `kept` of a
        token, the guest outlives a restart (`Person.kept`).

        Raises or fails with `BadName`, `NameInUse`, `NameRegistered`, `NotAllowed`, `Unavailable`.
        """
        self._journal.check()
        loaded = self._rooms.load if lobby else _no_room
        if not name:
            room = self._rooms.loaded(LOBBY) if lobby else None
            if room is not None or not lobby:  # nearly always: there is nothing to wait for
                return self._enter(room, name, address, kept, None, card)
            return loaded(LOBBY).addCallback(self._enter, name, address, kept, None, card)
        self._people.free_name(name)  # raise at once if the name is known to be taken
        coming = self._departures.when_free(name_key(clean_name(name)))
        coming.addCallback(lambda _: self._accounts.claim(clean_name(name)))
        coming.addCallback(
            lambda claim: loaded(LOBBY).addCallback(self._enter, name, address, kept, claim, card)
        )
        return coming

    def _enter(
        self,
        lobby: Room | None,
        name: str,
        address: Address,
        kept: str,
        claim: Claim | None,
        card: Card,
    ) -> Deferred[Person]:
        def make(id_: str) -> Person:
            if claim:
                claim.check()
            shown = self._people.free_name(name) if name else self._people.guest_name()
            key = name_key(shown) if name else shown  # a guest's name is its own key
            person = Person(id_, shown, key, named=bool(name), address=address)
            person.kept = kept
            person.card = card
            return person

        try:
            person = self._people.add_local(make)
        except ChatError:
            return fail()

        unannounced = Unannounced()

        def enter() -> Unit:
            holder = self._people.held.get(person.key)
            if holder is person:
                return Unit()  # a unit that was in doubt has been stored
            if claim:
                claim.check()
                self._people.free_name(name)
            elif holder is not None:
                person.name = person.key = self._people.guest_name()
            if person.named and lobby:
                unannounced.judge(person, [lobby], coming=1)
            claimed = claim.expects if claim else ()
            unit = judge.enter(self._readers.policy, person, lobby, claimed)
            return self._attached.arriving(person, unit)

        return self._submit_arrival(person, enter, lobby, unannounced)

    def _submit_arrival(
        self, person: Person, judgement: Callable[[], Unit], held: object, unannounced: Unannounced
    ) -> Deferred[Person]:
        """Submit the unit by which a person takes its name; `held` stays in memory meanwhile."""

        def entered(_: object) -> Person:
            if unannounced.rooms:
                self._departures.tallies.arrived(unannounced)
            return person

        def refused(failure: Failure) -> Failure:
            if failure.check(InDoubt):
                self._departures.leave_later(person)
            else:
                self._people.remove_local(person)
            return failure

        return self._journal.submit(judgement, held, quiet=True).addCallbacks(entered, refused)

    def arrive(self, record: Record, address: Address, card: Card = PLAIN) -> Deferred[Person]:
        """Begin a session of an account: fires with the account's person, which this brings in,
        with that card, if it is the first session.

        Raises `Unavailable`; fails with `BadCredentials` if the account was deleted, `NotAllowed`,
        `Unavailable`, and with `NameInUse` while a guest holds the name.
        """
        self._journal.check()
        key = record.key
        person = self._people.own(key)
        if person is not None and person.account == key and not person.ended:
            person.sessions += 1
            return succeed(person)
        first = key not in self._arriving
        arriving = self._arriving.run(key, lambda: self._bring_in(record, address, card))
        return arriving if first else arriving.addCallback(_with_another_session)

    def _bring_in(self, record: Record, address: Address, card: Card) -> Deferred[Person]:
        """Bring in the person of an account, for its first session."""
        key = record.key
        coming = self._departures.when_free(key).addCallback(lambda _: self._accounts.joined(key))
        coming.addCallback(lambda names: gatherResults(map(self._rooms.load, names)))
        coming.addCallback(self._arrive, record, address, card)
        return coming.addCallback(self._load_ignored)

    def _load_ignored(self, person: Person) -> Deferred[Person]:
        """Load the account's ignore list before any message is delivered to its person."""
        assert person.account is not None

        def found(names: dict[str, str]) -> Person:
            person.ignored = frozenset(names)
            return person

        return self._accounts.ignored(person.account).addCallback(found)

    def _arrive(
        self, rooms: list[Room], record: Record, address: Address, card: Card
    ) -> Deferred[Person]:
        account = record.value
        if account is None or account.deleted:
            return fail(BadCredentials("there is no such account any more"))
        person = self._people.add_local(partial(self._account_person, account, record.key, address))
        unannounced = Unannounced()
        for room in rooms:
            self._rooms.directory.note(room.name)

        def arrive() -> Unit:
            if self._attached.is_present(person):
                return Unit()  # a unit that was in doubt has been stored
            held = self._people.held.get(person.key)
            person.card = card
            if self._attached.shared and held is not None and held.account is not None:
                person.card = PLAIN  # so `attach` keeps the card of the sessions on other nodes
                return self._attached.attach(self._readers.policy, person, held)
            self._people.check_free(person.key, person.name)
            unannounced.judge(person, rooms, coming=1)
            unit = judge_accounts.arrive(self._readers.policy, person, rooms, record.expect)
            return self._attached.arriving(person, unit)

        arriving = self._submit_arrival(person, arrive, rooms, unannounced)
        return arriving.addCallback(_in_rooms, rooms)

    def _unloaded(self, person: Person, name: str) -> None:
        """A person has joined a room by another node, and the room is not in memory."""

        def loaded(room: Room) -> None:
            if not person.ended and person.key in room.members:
                person.rooms[name] = room
                for listener in tuple(person.listeners or ()):
                    listener()

        self._rooms.load(name).addCallback(loaded)

    def _account_person(self, account: Account, key: str, address: Address, id: str) -> Person:
        person = Person(id, account.name, key, named=True, address=address)
        person.account, person.admin = key, account.admin
        person.inbox = self._people.inboxes.of(key)
        return person

    def bearer(self, record: Record, scope: Scope, address: Address) -> Person:
        """The account of a program that acts by a personal token: it is not present."""
        account = record.value
        assert account is not None
        person = Person("", account.name, record.key, named=True, visiting=True, address=address)
        person.account, person.admin = record.key, account.admin
        person.scope, person.record = scope, record
        person.inbox = self._people.inboxes.of(record.key)
        return person

    def began_here(self, guest: GuestSession) -> bool:
        """Whether a guest came by this node, now or before it was restarted."""
        return self._people.began_here(guest.id)

    def restore(
        self, guest: GuestSession, kept: str, address: Address, told: int
    ) -> Deferred[Person]:
        """Restore a guest whose session, with the token of the hash `kept`, outlived a restart, or
        was begun on another node; `told` is as for `RecentLetters.give`.

        Fails with `NameInUse`, `Unavailable`.
        """

        def make(id_: str) -> Person:
            key = name_key(guest.name)
            person = Person(id_, guest.name, key, named=guest.named, address=address)
            person.kept = kept
            person.owner = guest.owner
            return person

        def load(_: object) -> Deferred[Any]:
            return gatherResults(map(self._rooms.load, guest.rooms))

        def loaded(rooms: list[Room]) -> Deferred[Person]:
            person = self._people.add_local(make, guest.id)

            def restore() -> Unit:
                if self._attached.is_present(person):
                    return Unit()  # a unit that was in doubt has been stored
                held = self._people.held.get(person.key)
                if self._attached.shared and held is not None and held.id == person.id:
                    return self._attached.attach(self._readers.policy, person, held)
                self._people.check_free(person.key, person.name)
                return self._attached.arriving(person, judge_accounts.restore(person, rooms))

            coming = self._submit_arrival(person, restore, rooms, Unannounced())
            return coming.addCallback(_in_rooms, rooms).addCallback(restored)

        def restored(person: Person) -> Person:
            self._letters.give(person, told)
            return person

        free = self._departures.when_free(name_key(guest.name))
        return free.addCallback(load).addCallback(loaded)


def _in_rooms(person: Person, rooms: Sequence[Room]) -> Person:
    """Note in which of these rooms a person is who came, perhaps from another node."""
    for room in rooms:
        if person.key in room.members:
            person.rooms.setdefault(room.name, room)
    return person


def _with_another_session(person: Person) -> Person:
    """Count one more session of an account's person."""
    person.sessions += 1
    return person
