"""Persons come into the chat and go out of it: guests, and accounts by their sessions.

1. Whether a person is here does not depend on the store: if it refuses to keep an announcement, the
   person comes or goes without one (`chatd.chat.journal`, rule 7).
2. An account has one person, however many sessions it has.  The person comes with the first one,
   into the rooms that the account has joined, and goes with the last; going leaves no room.
3. A guest's session over HTTP outlives a restart, and the guest comes back as it was, to the node
   that it came by.  That is not announced: its going was not either.
4. A person may have sessions on several nodes (`chatd.chat.attached`): it comes with the first one
   and goes with the last one, on whichever node.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred, fail, gatherResults, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from ..model.account import Account, GuestSession
from ..model.addresses import Address
from ..model.errors import BadCredentials, ChatError, InDoubt, NoSession, Unavailable
from ..model.events import RoomEvent
from ..model.names import clean_name, name_key
from ..model.text import clean_phrase
from ..model.units import Unit
from . import judge, judge_accounts
from .accounts import Accounts, Claim, Record
from .admission import Admission
from .attached import Attached
from .journal import Journal
from .lane import ALONE, in_order
from .letters import Letters
from .people import Elsewhere, People
from .person import Person
from .presence import Tallies, Unannounced
from .readers import Readers
from .room import LOBBY, Room
from .rooms import Rooms

LEAVE_SECONDS = 1.0
"""Seconds after which a leave that the store refused is put again: a name must become free."""

Outcome = Deferred[int | None]


class Arrivals:
    """Carries out what changes who is here."""

    def __init__(
        self,
        clock: IReactorTime,
        journal: Journal,
        accounts: Accounts,
        people: People,
        rooms: Rooms,
        readers: Readers,
        admission: Admission,
        attached: Attached,
        letters: Letters,
        max_text: int,
    ) -> None:
        """`max_text` is in bytes of UTF-8."""
        self._clock = clock
        self._journal = journal
        self._accounts = accounts
        self._people = people
        self._rooms = rooms
        self._readers = readers
        self._attached = attached
        self._letters = letters
        people.unloaded = self._unloaded
        self._admission = admission
        self._max_text = max_text
        self.when_left: Callable[[Person, Room | None], object] = lambda person, room: None
        """Called when a person has left a room, or with None all of them."""
        self.tallies = Tallies(clock, self._announce)
        """What is summed up of coming and going in crowded rooms."""
        self._awaited: dict[Person, list[Deferred[None]]] = {}
        """What is fired when persons have left whose names are wanted."""
        self._arriving: dict[str, list[Deferred[Person]]] = {}
        """The sessions that wait for the persons of their accounts, by the accounts' keys."""

    def enter(self, name: str, address: Address, kept: str = "") -> Deferred[Person]:
        """A new guest in the lobby: of that name and announced, or without one.  With the hash
        `kept` of a token the guest outlives a restart (`Person.kept`).
        """
        self._journal.check()
        if name:
            self._people.free_name(name)  # what is known at once is said at once
        coming = self.when_free(name_key(clean_name(name)) if name else "")
        if name:
            coming.addCallback(lambda _: self._accounts.claim(clean_name(name)))
        coming.addCallback(
            lambda claim: self._rooms.load(LOBBY).addCallback(
                self._enter, name, address, kept, claim
            )
        )
        return coming

    def when_free(self, key: str) -> Deferred[Any]:
        """Fires when no person who is about to leave has the name with that key.

        Not to be waited for by commands of persons who are about to leave: they might wait for each
        other.
        """
        person = self._people.leaving(key)
        if person is None:
            return succeed(None)
        left: Deferred[None] = Deferred()
        self._awaited.setdefault(person, []).append(left)
        return left

    def _enter(
        self, lobby: Room, name: str, address: Address, kept: str, claim: Claim | None
    ) -> Deferred[Person]:
        def make(id_: str) -> Person:
            if claim:
                claim.check()
            shown = self._people.free_name(name) if name else self._people.guest_name()
            key = name_key(shown) if name else shown  # a guest's name is its own key
            bucket = self._admission.bucket()
            person = Person(id_, shown, key, bucket, named=bool(name), address=address)
            person.kept = kept
            return person

        try:
            person = self._people.coming(make)
        except ChatError:
            return fail()

        unannounced = Unannounced()

        def enter() -> Unit:
            if self._people.own(person.key) is person:
                return Unit()  # a unit that was in doubt has been stored
            if claim:
                claim.check()
                self._people.free_name(name)
            elif person.key in self._people:
                person.name = person.key = self._people.guest_name()
            unannounced.judge(person, [lobby], coming=1)
            claimed = claim.expects if claim else ()
            unit = judge.enter(self._readers.policy, person, lobby, claimed)
            return self._attached.arriving(person, unit)

        return self._submit_arrival(person, enter, lobby, unannounced)

    def _submit_arrival(
        self, person: Person, judgement: Callable[[], Unit], held: object, unannounced: Unannounced
    ) -> Deferred[Person]:
        """Have a person take a name."""

        def entered(_: object) -> Person:
            self.tallies.arrived(unannounced)
            return person

        def refused(failure: Failure) -> Failure:
            if failure.check(InDoubt):
                # The store may have taken the name, and no door has the person: free it later.
                person.ended = True
                self._clock.callLater(LEAVE_SECONDS, self._end, person, "", doubtful=True)
            else:
                self._people.gone(person)
            return failure

        return self._journal.submit(judgement, held, quiet=True).addCallbacks(entered, refused)

    def arrive(self, record: Record, address: Address) -> Deferred[Person]:
        """A session of an account begins: answers the account's person, who comes in if this is the
        first session.

        Fails with `NotAllowed`, `Unavailable`, and `NameInUse` while a guest holds the name.
        """
        self._journal.check()
        key = record.key
        person = self._people.own(key)
        if person is not None and person.account == key and not person.ended:
            person.sessions += 1
            return succeed(person)
        arrived: Deferred[Person] = Deferred()
        waiting = self._arriving.get(key)
        if waiting is not None:
            waiting.append(arrived)
            return arrived
        self._arriving[key] = [arrived]
        coming = self.when_free(key).addCallback(lambda _: self._accounts.joined(key))
        coming.addCallback(lambda names: gatherResults(map(self._rooms.load, names)))
        coming.addCallback(self._arrive, record, address)
        coming.addCallback(self._with_ignored).addBoth(self._has_arrived, key)
        return arrived

    def _with_ignored(self, person: Person) -> Deferred[Person]:
        """Look up the names that the account ignores, before any message is delivered to it."""
        assert person.account is not None

        def found(names: dict[str, str]) -> Person:
            person.ignored = frozenset(names)
            self._letters.give(person)
            return person

        return self._accounts.ignored(person.account).addCallback(found)

    def _arrive(self, rooms: list[Room], record: Record, address: Address) -> Deferred[Person]:
        account = record.value
        if account is None or account.deleted:
            return fail(BadCredentials("there is no such account any more"))
        person = self._people.coming(partial(self._account_person, account, record.key, address))
        unannounced = Unannounced()
        for room in rooms:
            self._rooms.directory.note(room.name)

        def arrive() -> Unit:
            if self._is_here(person):
                return Unit()  # a unit that was in doubt has been stored
            held = self._people.held.get(person.key)
            if self._attached.shared and held is not None and held.account is not None:
                return self._attach_to(person, held)
            self._people.check_free(person.key, person.name)
            unannounced.judge(person, rooms, coming=1)
            unit = judge_accounts.arrive(self._readers.policy, person, rooms, record.expect)
            return self._attached.arriving(person, unit)

        arriving = self._submit_arrival(person, arrive, rooms, unannounced)
        return arriving.addCallback(self._rejoined, rooms)

    def _attach_to(self, person: Person, held: Person | Elsewhere) -> Unit:
        """A person comes who holds the name already, on other nodes."""
        if held.id != person.id:
            self._people.same(person, held.id)
        return self._attached.attach(self._readers.policy, person, held)

    def _is_here(self, person: Person) -> bool:
        """Whether a person holds the name, on this node."""
        attached = self._attached
        is_held = self._people.own(person.key) is person
        return is_held and (attached.here(person.id) or not attached.shared)

    def _rejoined(self, person: Person, rooms: Sequence[Room]) -> Person:
        """A person has come, perhaps from another node: it is in those rooms where it was."""
        for room in rooms:
            if person.key in room.members:
                person.rooms.setdefault(room.name, room)
        return person

    def _unloaded(self, person: Person, name: str) -> None:
        """A person has joined a room by another node."""

        def loaded(room: Room) -> None:
            if not person.ended and person.key in room.members:
                person.rooms[name] = room
                for listener in tuple(person.listeners or ()):
                    listener()

        self._rooms.load(name).addCallback(loaded)

    def _account_person(self, account: Account, key: str, address: Address, id: str) -> Person:
        bucket = self._admission.bucket()
        person = Person(id, account.name, key, bucket, named=True, address=address)
        person.account, person.admin = key, account.admin
        return person

    def _has_arrived(self, result: Person | Failure, key: str) -> None:
        for place, arrived in enumerate(self._arriving.pop(key)):
            if isinstance(result, Failure):
                arrived.errback(result)
            else:
                result.sessions += bool(place)
                arrived.callback(result)

    def began_here(self, guest: GuestSession) -> bool:
        """Whether a guest came by this node, or by an earlier life of it."""
        return self._people.began_here(guest.id)

    def come_back(self, guest: GuestSession, kept: str, address: Address) -> Deferred[Person]:
        """A guest is here again whose session has outlived a restart, or was begun at another node.

        Fails with `NameInUse` if somebody else has the name by now.
        """

        def make(id_: str) -> Person:
            key = name_key(guest.name)
            bucket = self._admission.bucket()
            person = Person(id_, guest.name, key, bucket, named=guest.named, address=address)
            person.kept = kept
            return person

        def loaded(rooms: list[Room]) -> Deferred[Person]:
            person = self._people.coming(make, guest.id)

            def come_back() -> Unit:
                if self._is_here(person):
                    return Unit()
                held = self._people.held.get(person.key)
                if self._attached.shared and held is not None and held.id == person.id:
                    return self._attach_to(person, held)
                self._people.check_free(person.key, person.name)
                return self._attached.arriving(person, judge_accounts.come_back(person, rooms))

            coming = self._submit_arrival(person, come_back, rooms, Unannounced())
            return coming.addCallback(self._rejoined, rooms).addCallback(received)

        def received(person: Person) -> Person:
            self._letters.give(person)
            return person

        def load(_: object) -> Deferred[Any]:
            return gatherResults(map(self._rooms.load, guest.rooms))

        return self.when_free(name_key(guest.name)).addCallback(load).addCallback(loaded)

    def end(self, person: Person, text: str, *, everywhere: bool = False) -> Outcome:
        """A session of the person is over; with the last, the person leaves every room, and the
        name becomes free.  So it is if the sessions on other nodes are over too (`everywhere`).
        """
        person.sessions -= 1
        if person.ended or person.sessions > 0:
            return succeed(None)
        person.ended = True
        try:
            parting = clean_phrase(text, self._max_text)
        except ChatError:
            parting = ""  # a person may always leave: drop parting words that are not valid
        return in_order(person, ALONE, partial(self._end, everywhere=everywhere), person, parting)

    def _end(
        self, person: Person, parting: str, *, doubtful: bool = False, everywhere: bool = False
    ) -> Outcome:
        """Have the person leave; `doubtful` is whether the store may take the name yet."""
        if self._journal.draining:
            self._has_left(person)
            return succeed(None)
        unannounced = Unannounced()
        rooms = list(person.rooms.values())
        stays = False

        def end() -> Unit:
            nonlocal stays
            if self._people.own(person.key) is not person:
                # A unit behind the one that is in doubt is stored, or stale, when that is decided.
                held = self._people.held.get(person.key)
                if doubtful and held is None:
                    return judge.stay_free(person.key)
                if doubtful and held is not None and held.id == person.id:
                    return self._attached.stay_away(person.id)
                return Unit()
            detached = None if everywhere else self._attached.detach(person.id)
            stays = detached is not None
            if detached is not None:
                return detached
            unannounced.judge(person, person.rooms.values())
            return self._attached.leaving(person.id, judge.end(person, parting))

        def ended(_: object) -> None:
            self._people.gone(person)
            if stays:
                self._has_left(person)
                return
            self.tallies.departed(unannounced)
            for room in rooms:
                self._rooms.directory.left(room, person.address)
                self.when_left(person, room)
            self.when_left(person, None)
            self._has_left(person)

        def refused(failure: Failure) -> None:
            failure.trap(ChatError)
            if not self._journal.draining:
                self._clock.callLater(
                    LEAVE_SECONDS,
                    self._end,
                    person,
                    parting,
                    doubtful=doubtful,
                    everywhere=everywhere,
                )

        return self._journal.submit(end, person, quiet=True).addCallbacks(ended, refused)

    def _has_left(self, person: Person) -> None:
        for left in self._awaited.pop(person, []):
            left.callback(None)

    # -- with other nodes ------------------------------------------------------------------------

    def release(self, person: Elsewhere, rooms: Sequence[Room], announced: bool) -> Outcome:
        """A person of a node that is gone leaves these rooms, and the name becomes free."""
        unannounced = Unannounced()

        def release() -> Unit:
            held = self._people.held.get(person.key)
            if not isinstance(held, Elsewhere) or held.id != person.id:
                return Unit()
            there = [room for room in rooms if held.key in room.members]
            if announced:
                unannounced.judge(held, there)
            return self._attached.leaving(person.id, judge.release(held, there, announce=announced))

        def released(id_: int | None) -> int | None:
            self.tallies.departed(unannounced)
            return id_

        return self._journal.submit(release, rooms, quiet=True).addCallback(released)

    def give_up(self, error: ChatError) -> None:
        """All persons of this node have left, for others release them; their readers are told."""
        for person in self._people.give_up():
            self._lose(person, error)

    def _lose(self, person: Person, error: ChatError) -> None:
        person.ended = True
        self._people.gone(person)
        self._readers.revoke(error, person=person)
        self._has_left(person)

    def lost(self, person: Person) -> None:
        """A person of this node has left by another one."""
        if not person.ended:
            self._lose(person, NoSession("your session was ended; enter again"))

    def claim_again(self, person: Person) -> Outcome:
        """A person of this node whose name was lost takes it again.  If somebody else has it by
        now, a guest goes on under one from the server, and an account's person has left here.
        """

        def claim() -> Unit:
            if person.ended or self._is_here(person):
                return Unit()
            held = self._people.held.get(person.key)
            if held is not None and held.id == person.id:
                return self._attach_to(person, held)
            if held is not None:
                if person.account is not None:
                    raise NoSession("the server has lost that you are signed in; sign in again")
                person.name = person.key = self._people.guest_name()
                person.named = False
            unit = judge.claim_again(self._readers.policy, person)
            return self._attached.arriving(person, unit)

        def refused(failure: Failure) -> None:
            error = failure.value
            if not isinstance(error, ChatError):
                failure.raiseException()
            elif isinstance(error, Unavailable | InDoubt):
                if not self._journal.draining:
                    self._clock.callLater(LEAVE_SECONDS, self.claim_again, person)
            else:
                self._lose(person, error)

        return self._journal.submit(claim, person).addErrback(refused)

    # -- what is announced -----------------------------------------------------------------------

    def _announce(self, room: Room, event: RoomEvent) -> None:
        """Put an event into a room that no person asked for."""
        if not self._journal.draining:
            announced = self._journal.submit(
                lambda: Unit((event,), room.founding, (room.expect,)), room
            )
            announced.addErrback(lambda failure: failure.trap(ChatError))
