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
from typing import Protocol
from weakref import WeakSet

from ..model.addresses import Address
from ..model.errors import ChatError
from ..model.identity import Identity, Stranger
from ..model.policy import Action, OpenPolicy, Policy
from ..stream.batch import PUSH_LIMIT, Gap
from ..stream.eventlog import Codec, EventLog
from ..stream.feed import Feed, Source
from ..stream.outlet import Outlet, TellsMarkers
from ..stream.subscriber import Subscriber
from .person import Person
from .room import Room
from .rooms import Rooms
from .sessions import Session

Owner = Session | Stranger
"""Whom a reader belongs to."""
View = tuple[Source, Codec]
"""Something to read, and the bytes that it is to become."""
Judge = Callable[[Owner, Source], ChatError | None]
"""Why an owner may not read a source any more; None: it may."""


class Template(Protocol):
    """What lets requests skip the gate: a poll template."""

    @property
    def owner(self) -> Owner:
        """For whom it holds: one session, or with a `Stranger` everyone without one."""

    @property
    def sources(self) -> Sequence[Source]:
        """What it reads."""

    def void(self, error: ChatError | None) -> None:
        """Its requests are judged anew from now on.  Those that are held are answered: with the
        error, or if it is None with no events.
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
        voided = self._end([*self._rooms, *self._inboxes], self._forbidden)
        self._void_shared(voided)

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
        self._judge(reader, owner, self._forbidden)

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
        """The room's settings have changed: end the readers that may not read it any more."""

        def forbidden(owner: Owner, source: Source) -> ChatError | None:
            return self._forbidden(owner, source) if source.name == room.name else None

        self._end([room], forbidden)

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
        readers: dict[Subscriber, None] = {}
        for source in (*self._rooms, *self._inboxes):
            readers.update(dict.fromkeys(_readers_of(source)))
            if isinstance(source, Room):
                readers.update(dict.fromkeys(_readers_of(source.watched)))
        for reader in readers:
            if since < reader.cursor <= until:
                reader.rewind(since)

    def marked(self, person: Person, room: str, marker: int) -> None:
        """Tell those that read a person's private events how far that person has read a room."""
        for reader in _readers_of(person.inbox):
            outlet = reader.outlet
            if isinstance(outlet, TellsMarkers) and isinstance(reader.owner, Session):
                outlet.marked(room, marker)

    def _void_shared(self, voided: Collection[Template] = ()) -> None:
        """Have the requests of all strangers judged anew: they share templates, and it may depend
        on their addresses what they may read.  Templates in `voided` are void already.
        """
        for template in list(self.templates):
            if isinstance(template.owner, Stranger) and template not in voided:
                template.void(None)

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
        readers: dict[Subscriber, None] = {}
        for source in sources:
            readers.update(dict.fromkeys(_readers_of(source)))
            if isinstance(source, Room):
                readers.update(dict.fromkeys(_readers_of(source.watched)))
        for reader in readers:
            if isinstance(reader.owner, Session | Stranger):
                self._judge(reader, reader.owner, judge)
        return voided

    def _judge(self, reader: Subscriber, owner: Owner, judge: Judge) -> None:
        refused: dict[str, ChatError] = {}
        kept = []
        for feed in reader.feeds:
            error = judge(owner, feed.source)
            if error is None:
                kept.append(feed)
            else:
                refused.setdefault(feed.source.name, error)
        if not refused or not reader.reading:
            return
        outlet = reader.outlet
        if kept:
            _reduce(reader, kept)
            self._register(kept)
            for room, error in refused.items():
                outlet.removed(room, error)
        else:
            reader.stop()
            outlet.revoked(next(iter(refused.values())))


def _reduce(reader: Subscriber, feeds: Sequence[Feed]) -> None:
    """Let a reader go on with some of its feeds; of the others it is given nothing more, not even
    what is there already.
    """
    full = reader.paused
    reader.pause()  # or it would read the old feeds to their ends first
    reader.change(feeds, reader.cursor)
    if not full:
        reader.resume()


def _readers_of(source: Source | None) -> list[Subscriber]:
    """The readers of a source that were made here: all there are."""
    feeds = source.feeds() if source else []
    return [reader for feed in feeds for reader in feed.readers if isinstance(reader, Subscriber)]


def identity_of(owner: Owner) -> Identity:
    """Who that is, as the policy sees it."""
    return owner.person if isinstance(owner, Session) else owner
