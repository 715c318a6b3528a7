"""The gate: the only place where readers are made.

1. `Readers.open` is the one maker of subscribers, and asks the policy for everything that is to be
   read.  Pages of history ask `check_reading`.
2. A reader is asked for again when its room's settings change (`review`), and can be ended at any
   time by room, person, session or address (`revoke`): parked, in the middle of a batch, or full.
   A reader that goes on without one of its rooms is given nothing more of that room.
3. The registry of readers is that of the feeds: whatever reads a room stands in one of the room's
   feeds, together with its owner.  Readers of private messages alone are found by their inboxes.
4. A poll template (`chatd.doors.polls.templates`) lets requests skip parsing, routing, and so this
   gate.  It is registered here, and is void as soon as anything that it skips may be judged
   otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import Protocol
from weakref import WeakSet

from ..model.addresses import Address
from ..model.errors import ChatError
from ..model.identity import Stranger
from ..model.policy import Action, OpenPolicy, Policy
from ..stream.batch import PUSH_LIMIT, Gap
from ..stream.eventlog import Codec, EventLog
from ..stream.feed import Feed, Source
from ..stream.outlet import Outlet, TellsMarkers
from ..stream.subscriber import Subscriber
from .owners import Owner, identity_of, subject_of_owner
from .person import Person
from .refusal import Judge, readers_of, readers_of_all, refuse
from .room import Room
from .rooms import Rooms
from .sessions import Session

View = tuple[Source, Codec]
"""Something to read, and the bytes that it is to become."""

JudgeAddress = Callable[[Address], ChatError | None]
"""Why a stranger at an address may not read any more; None: a stranger may."""


class Template(Protocol):
    """What lets requests skip the gate: a poll template."""

    @property
    def owner(self) -> Owner:
        """For whom it holds: one session, or with a `Stranger` everyone without one."""

    @property
    def sources(self) -> Sequence[Source]:
        """What it reads."""

    def void(self, error: ChatError | None, judge: JudgeAddress | None = None) -> None:
        """Its requests are judged anew from now on.  Those that are held are answered: with the
        error, or if it is None with that which `judge` finds for the address of each, or with no
        events.
        """


class Readers:
    """All readers of one chat."""

    def __init__(self, rooms: Rooms, policy: Policy | None = None) -> None:
        self._rooms = rooms
        self._policy: Policy = OpenPolicy() if policy is None else policy
        self.templates: WeakSet[Template] = WeakSet()
        """The poll templates in use."""
        self._inboxes: WeakSet[Source] = WeakSet()
        """Inboxes that are, or were, read without a room."""

    @property
    def policy(self) -> Policy:
        """What decides; another one judges all readers at once."""
        return self._policy

    @policy.setter
    def policy(self, policy: Policy) -> None:
        self._policy = policy
        self.review_all()

    # -- making ----------------------------------------------------------------------------------

    def check(self, owner: Owner, action: Action, room: Room | None = None) -> None:
        """Ask the policy whether the owner may do that.  Raises `NotAllowed`."""
        self._policy.may(identity_of(owner), action, room)

    def check_reading(self, owner: Owner, source: Source) -> None:
        """Ask the policy whether that may be read.  Raises `NotAllowed`."""
        identity = identity_of(owner)
        if source.name:
            room = source if isinstance(source, Room) else self._rooms.live(source.name)
            self._policy.may(identity, Action.READ, room)
        else:
            self._policy.may(identity, Action.READ_PRIVATELY)

    def open(
        self,
        owner: Owner,
        views: Iterable[View],
        outlet: Outlet,
        cursor: int,
        limit: int = PUSH_LIMIT,
        *,
        places: Mapping[EventLog, int] | None = None,
        gaps: tuple[Gap, ...] = (),
    ) -> Subscriber:
        """A reader that stands at `cursor`, or further on in some logs (`places`), and is told
        `gaps` first (`chatd.stream.places`).  It reads nothing before it is started, which has to
        happen in the same turn.  Raises `NotAllowed`.
        """
        return Subscriber(
            outlet,
            self._feeds(owner, views),
            cursor,
            limit,
            owner=owner,
            places=places,
            gaps=gaps,
        )

    def register(self, template: Template, views: Iterable[View]) -> Sequence[Feed]:
        """A poll template is learned.  Returns its feeds, which it keeps, so that all its readers
        share their batches.  Raises `NotAllowed`.
        """
        feeds = self._feeds(template.owner, views)
        self.templates.add(template)
        return feeds

    def join(
        self, template: Template, feeds: Sequence[Feed], outlet: Outlet, cursor: int, limit: int
    ) -> Subscriber:
        """One more reader of the feeds of a template (`register`), for requests that it answers.

        Raises `NotAllowed`.
        """
        owner = template.owner
        for feed in feeds:
            self.check_reading(owner, feed.source)
        return Subscriber(outlet, feeds, cursor, limit, owner=template)

    def change(self, reader: Subscriber, owner: Owner, views: Iterable[View], cursor: int) -> None:
        """Let a reader read other things from here on; what was not read before is read from
        `cursor` on.  Raises `NotAllowed`.
        """
        reader.change(self._feeds(owner, views), cursor)

    def hand_over(self, reader: Subscriber, owner: Owner) -> None:
        """The reader belongs to another owner from now on: a stranger has become a person.  What
        that owner may not read is ended.
        """
        reader.owner = owner
        self._register(refuse(reader, self._forbidden))

    def _feeds(self, owner: Owner, views: Iterable[View]) -> list[Feed]:
        feeds = []
        for source, codec in views:
            self.check_reading(owner, source)
            feeds.append(source.feed(codec))
        self._register(feeds)
        return feeds

    def _register(self, feeds: Sequence[Feed]) -> None:
        if not any(feed.source.name for feed in feeds):
            self._inboxes.update(feed.source for feed in feeds)

    # -- ending ----------------------------------------------------------------------------------

    def review(self, room: Room) -> None:
        """The room's revision has changed: end the readers that may not read it any more."""

        def forbidden(owner: Owner, source: Source) -> ChatError | None:
            return self._forbidden(owner, source) if source.name == room.name else None

        voided = self._end([room], forbidden)
        if room.rights.bans.by_place:
            self._void_shared(voided, room)

    def review_all(self) -> None:
        """What everybody may read has changed: judge all readers anew."""
        self._void_shared(self._end([*self._rooms, *self._inboxes], self._forbidden))

    def put_out(self, room: Room, subject: str, error: ChatError) -> None:
        """A person was kicked: the readers of that subject read up to here, so that a poll that is
        held is answered with the kick, and then end.
        """
        for source in [room, *([room.watched] if room.watched else [])]:
            for reader in readers_of(source):
                owner = reader.owner
                if not isinstance(owner, Session | Stranger):
                    owner = getattr(owner, "owner", None)  # a template's
                if owner is not None and subject_of_owner(owner) == subject:
                    reader.wake()

        def meant(owner: Owner, source: Source) -> ChatError | None:
            mine = source.name == room.name and subject_of_owner(owner) == subject
            return error if mine else None

        self._end([room], meant)

    def revoke(
        self,
        error: ChatError,
        *,
        room: Room | None = None,
        person: Person | None = None,
        session: Session | None = None,
        address: Address | None = None,
    ) -> None:
        """End readers, and tell each why: those to which all that is given applies.  With a room,
        they go on with what else they read.
        """

        def meant(owner: Owner, source: Source) -> ChatError | None:
            holder = owner if isinstance(owner, Session) else None
            applies = (
                (room is None or source.name == room.name)
                and (person is None or (holder is not None and holder.person is person))
                and (session is None or holder is session)
                and (address is None or identity_of(owner).address == address)
            )
            return error if applies else None

        if address is not None:
            self._void_shared()
        self._end([*self._rooms, *self._inboxes] if room is None else [room], meant)

    def rewind(self, since: int, until: int) -> None:
        """What was shown behind the id `since`, up to `until`, is lost: readers that were given it
        are told of a gap, and read on from there.  Polls are asked anew.
        """
        for template in list(self.templates):
            template.void(None)
        for reader in readers_of_all([*self._rooms, *self._inboxes]):
            if since < reader.cursor <= until:
                reader.rewind(since)

    def marked(self, person: Person, room: str, marker: int) -> None:
        """Tell those that read a person's private events how far that person has read a room."""
        for reader in readers_of(person.inbox):
            outlet = reader.outlet
            if isinstance(outlet, TellsMarkers) and isinstance(reader.owner, Session):
                outlet.marked(room, marker)

    def _void_shared(self, voided: Collection[Template] = (), room: Room | None = None) -> None:
        """Have the requests of all strangers judged anew, in one room or everywhere: they share
        templates, and it may depend on their addresses what they may read.  Templates in `voided`
        are void already.
        """
        for template in list(self.templates):
            if (
                isinstance(template.owner, Stranger)
                and template not in voided
                and (room is None or any(source.name == room.name for source in template.sources))
            ):
                template.void(None, partial(self._forbidden_at, template.sources))

    def _forbidden_at(self, sources: Sequence[Source], address: Address) -> ChatError | None:
        """Why a stranger at an address may not read all of that; None: a stranger may."""
        stranger = Stranger(address)
        return next(filter(None, (self._forbidden(stranger, source) for source in sources)), None)

    def _forbidden(self, owner: Owner, source: Source) -> ChatError | None:
        try:
            self.check_reading(owner, source)
        except ChatError as error:
            return error
        return None

    def _end(self, sources: Sequence[Source], judge: Judge) -> list[Template]:
        """Judge all that read any of the sources, and end what they may not read any more; returns
        the templates that are void now.
        """
        voided = []
        for template in list(self.templates):
            owner = template.owner
            errors = [error for source in template.sources if (error := judge(owner, source))]
            if errors:
                template.void(errors[0])
                voided.append(template)
        for reader in readers_of_all(sources):
            self._register(refuse(reader, judge))
        return voided
