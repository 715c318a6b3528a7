"""The gate: the only place where readers are made.

1. `Readers.open` is the one maker of subscribers, and asks the policy for every room that is to be
   read.  Pages of history ask `check_reading`.
2. A reader is asked for again when its room's settings change (`review`), and can be ended at any
   time by room, person, session or address (`revoke`): parked, in the middle of a batch, or full.
3. The registry of readers is that of the feeds: whatever reads a room stands in one of the room's
   feeds, together with its owner.
4. A poll template lets requests skip parsing and routing, and so this gate (`chatd.transports`).
   It is registered here, and is void as soon as anything that it skips may be judged otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol
from weakref import WeakSet

from ..model.addresses import Address
from ..model.errors import ChatError
from ..model.identity import Identity, Stranger
from ..model.policy import Action, OpenPolicy, Policy
from ..stream.batch import PUSH_LIMIT
from ..stream.eventlog import Codec
from ..stream.feed import Feed, Source
from ..stream.outlet import Outlet
from ..stream.subscriber import Subscriber
from .person import Person
from .room import Room
from .rooms import Rooms
from .sessions import Session

Owner = Session | Stranger
"""Whom a reader belongs to."""
View = tuple[Source, Codec]
"""Something to read, and the bytes that it is to become."""


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

    @property
    def policy(self) -> Policy:
        """What decides; another one judges all readers at once."""
        return self._policy

    @policy.setter
    def policy(self, policy: Policy) -> None:
        self._policy = policy
        for room in self._rooms:
            self.review(room)

    # -- making ----------------------------------------------------------------------------------

    def check_reading(self, owner: Owner, source: Source) -> None:
        """Ask the policy whether that may be read.  Raises `NotAllowed`."""
        identity = identity_of(owner)
        if source.name:
            self._policy.may(identity, Action.READ, self._rooms.live(source.name))
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
        template: Template | None = None,
    ) -> Subscriber:
        """A reader that stands at `cursor`; it reads nothing before it is started.

        With a template it is one reader for all requests that the template answers.  Raises
        `NotAllowed`.
        """
        feeds = self._feeds(owner, views)
        return Subscriber(outlet, feeds, cursor, limit, owner=template or owner)

    def change(self, reader: Subscriber, owner: Owner, views: Iterable[View], cursor: int) -> None:
        """Let a reader read other things from here on; what was not read before is read from
        `cursor` on.  Raises `NotAllowed`.
        """
        reader.change(self._feeds(owner, views), cursor)

    def _feeds(self, owner: Owner, views: Iterable[View]) -> list[Feed]:
        feeds = []
        for source, codec in views:
            self.check_reading(owner, source)
            feeds.append(source.feed(codec))
        return feeds

    # -- ending ----------------------------------------------------------------------------------

    def review(self, room: Room) -> None:
        """The room's settings have changed: end the readers that may not read it any more."""

        def forbidden(owner: Owner) -> ChatError | None:
            try:
                self.check_reading(owner, room)
            except ChatError as error:
                return error
            return None

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
        """End readers, and tell each why: those to which all that is given applies."""

        def meant(owner: Owner) -> ChatError | None:
            holder = owner if isinstance(owner, Session) else None
            applies = (
                (person is None or (holder is not None and holder.person is person))
                and (session is None or holder is session)
                and (address is None or identity_of(owner).address == address)
            )
            return error if applies else None

        if room is None:
            self._end(list(self._rooms), meant, whole=True)
        else:
            self._end([room], meant)
        if address is not None:
            for template in list(self.templates):
                if isinstance(template.owner, Stranger):
                    template.void(None)

    def _end(
        self,
        rooms: Sequence[Room],
        judge: Callable[[Owner], ChatError | None],
        *,
        whole: bool = False,
    ) -> None:
        """End what reads the rooms and is judged to: altogether, or what it reads of them."""
        names = {room.name for room in rooms}
        for template in list(self.templates):
            if not names.isdisjoint(source.name for source in template.sources):
                error = judge(template.owner)
                if error:
                    template.void(error)
        for room in rooms:
            for source in (room, room.watched):
                for reader in _readers_of(source):
                    owner = reader.owner
                    if isinstance(owner, Session | Stranger) and (error := judge(owner)):
                        self._put_out(reader, room, error, whole=whole)

    def _put_out(self, reader: Subscriber, room: Room, error: ChatError, *, whole: bool) -> None:
        left = [] if whole else [f for f in reader.feeds if f.source.name != room.name]
        outlet = reader.outlet
        if left:
            reader.change(left, reader.cursor)
            outlet.removed(room.name, error)
        elif reader.reading:
            reader.stop()
            outlet.revoked(error)


def _readers_of(source: Source | None) -> list[Subscriber]:
    """The readers of a source that were made here: all there are."""
    feeds = source.feeds() if source else []
    return [reader for feed in feeds for reader in feed.readers if isinstance(reader, Subscriber)]


def identity_of(owner: Owner) -> Identity:
    """Who that is, as the policy sees it."""
    return owner.person if isinstance(owner, Session) else owner
