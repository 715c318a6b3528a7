"""The gate: the only place where readers are made.

1. Only `Readers.open` makes subscribers; it asks the policy about every source to be read.  For
   pages of history, callers ask `check_reading`.
2. A reader is reviewed when its room's revision changes (`review`), and can be ended at any time,
   by room, person, session or address (`revoke`), whatever it is doing: waiting, in the middle of a
   batch, or paused because its client is slow.  A reader that goes on without one of its rooms gets
   nothing more of that room.
3. There is no separate registry: a reader of a room is in one of the room's feeds, with its owner.
   The inboxes that are read without any room are listed here.
4. Poll templates skip this gate (`chatd.chat.templates`); they are registered here, and voided when
   what they skip may be judged differently.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from weakref import WeakSet

from ..model.addresses import Address
from ..model.errors import ChatError, NotAllowed
from ..model.identity import Identity, Stranger
from ..model.policy import Action, OpenPolicy, Policy
from ..stream.batch import PUSH_LIMIT, Batch, Gap
from ..stream.eventlog import Codec, EventLog
from ..stream.feed import Feed, Source
from ..stream.outlet import Outlet, TellsMarkers
from ..stream.subscriber import Subscriber
from .inbox import Private
from .owners import Owner, identity_of, subject_of_owner
from .person import Person
from .revocation import Judge, readers_of, readers_of_all, revoke_forbidden
from .room import Room
from .rooms import Rooms
from .sessions import Session
from .templates import Template, Templates

View = tuple[Source, Codec]
"""A source to read, and the codec for its bytes."""


class Readers:
    """All readers of one chat."""

    def __init__(self, rooms: Rooms, policy: Policy | None = None) -> None:
        self._rooms = rooms
        self._policy: Policy = OpenPolicy() if policy is None else policy
        self.templates = Templates(self._forbidden)
        """The poll templates in use."""
        self.when_marked: list[Callable[[str, str, int], object]] = []
        """Called with an account, a room, and how far the account has read it."""
        self.polls = 0
        """The number of polls that wait for an event; the doors count them."""
        self._inboxes: WeakSet[Source] = WeakSet()
        """Inboxes that have had a reader without any room."""

    @property
    def policy(self) -> Policy:
        """What decides; setting another policy reviews all readers."""
        return self._policy

    @policy.setter
    def policy(self, policy: Policy) -> None:
        self._policy = policy
        self.review_all()

    # -- making ----------------------------------------------------------------------------------

    def check(self, owner: Owner, action: Action, room: Room | None = None) -> None:
        """Ask the policy whether the owner may do that.  Raises as `Policy.may` does."""
        self._policy.may(identity_of(owner), action, room)

    def check_reading(self, owner: Owner, source: Source) -> None:
        """Ask the policy whether the owner may read the source.  Raises as `Policy.may` does."""
        self._check_reading(identity_of(owner), source)

    def _check_reading(self, identity: Identity, source: Source) -> None:
        if isinstance(source, Room):
            self._policy.may(identity, Action.READ, source)
        elif isinstance(source, Private):
            self._policy.may(identity, Action.READ_PRIVATELY)
            if source.account is not None and source.account != identity.account:
                raise NotAllowed("those private messages are not yours")
        else:
            self._policy.may(identity, Action.READ, self._rooms.live(source.name))

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
        """A new reader at `cursor`, or further on in some logs (`places`), which first sends the
        `gaps` (`chatd.stream.places`) and sends at most `limit` events a batch.  It reads nothing
        until it is started, which has to happen in the same turn.

        Raises as `Policy.may` does.
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

    def register(self, template: Template, codec: Codec) -> Sequence[Feed]:
        """Register a poll template, whose answers have this codec.  Returns its feeds, which it
        keeps, so that all its readers share their batches.  Raises as `Policy.may` does.
        """
        identity, feeds = identity_of(template.owner), []
        for source in template.sources:
            self._check_reading(identity, source)
            feeds.append(source.feed(codec))
        self._register(feeds)
        self.templates.add(template)
        return feeds

    def join(
        self, template: Template, feeds: Sequence[Feed], outlet: Outlet, cursor: int, limit: int
    ) -> Subscriber:
        """A new reader of a template's feeds (`register`), for the requests that it answers.

        Raises as `Policy.may` does.
        """
        identity = identity_of(template.owner)
        for feed in feeds:
            self._check_reading(identity, feed.source)
        return Subscriber(outlet, feeds, cursor, limit, owner=template)

    def batch(self, owner: Owner, source: Source, codec: Codec, cursor: int) -> Batch | None:
        """The batch after `cursor` that all readers of a source at that cursor share, for an owner
        who does not read on.  None if there are no newer entries, or if the store has to be read.

        Raises as `Policy.may` does.
        """
        self.check_reading(owner, source)
        return source.feed(codec).after(cursor, PUSH_LIMIT)

    def change(self, reader: Subscriber, owner: Owner, views: Iterable[View], cursor: int) -> None:
        """Have a reader read other views from now on; those that are new begin at `cursor`.

        Raises as `Policy.may` does.
        """
        reader.change(self._feeds(owner, views), cursor)

    def change_owner(self, reader: Subscriber, owner: Owner) -> None:
        """Give a reader another owner, because a stranger has become a person; what the new owner
        may not read ends.
        """
        reader.owner = owner
        self._register(revoke_forbidden(reader, self._forbidden))

    def _feeds(self, owner: Owner, views: Iterable[View]) -> list[Feed]:
        identity, feeds = identity_of(owner), []
        for source, codec in views:
            self._check_reading(identity, source)
            feeds.append(source.feed(codec))
        self._register(feeds)
        return feeds

    def _register(self, feeds: Sequence[Feed]) -> None:
        for feed in feeds:
            if feed.source.name:
                return
        self._inboxes.update(feed.source for feed in feeds)

    # -- ending ----------------------------------------------------------------------------------

    def review(self, room: Room) -> None:
        """The room's revision has changed: end the readers that may no longer read it."""

        def forbidden(owner: Owner, source: Source) -> ChatError | None:
            return self._forbidden(owner, source) if source.name == room.name else None

        voided = self._end([room], forbidden)
        if room.rights.bans.by_place:
            self.templates.void_shared(room, voided)

    def review_all(self) -> None:
        """The policy, or a ban from the server, has changed: review all readers."""
        voided = self._end([*self._rooms, *self._inboxes], self._forbidden)
        self.templates.void_shared(None, voided)

    def evict(self, room: Room, subject: str, error: ChatError) -> None:
        """End a kicked person's readers of a room, once they have read up to the kick: so a held
        poll is answered with it.
        """
        for reader in readers_of_all([room]):
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
        """End the readers that match all arguments given, and send `error` to each.  With a room,
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
            self.templates.void_shared()
        self._end([*self._rooms, *self._inboxes] if room is None else [room], meant)

    def rewind(self, since: int, until: int) -> None:
        """Rewind the readers that have received events above the id `since`, up to `until`, which
        the store has lost: they get a gap, and read on from `since`.  Held polls are answered.
        """
        for template in list(self.templates):
            template.void(None)
        for reader in readers_of_all([*self._rooms, *self._inboxes]):
            if since < reader.cursor <= until:
                reader.rewind(since)

    def marked(self, inbox: Private, room: str, marker: int) -> None:
        """Send an account's new read marker to the readers of its private messages."""
        for reader in readers_of(inbox):
            outlet = reader.outlet
            if isinstance(outlet, TellsMarkers) and isinstance(reader.owner, Session):
                outlet.marked(room, marker)
        if inbox.account is not None:
            for follow in self.when_marked:
                follow(inbox.account, room, marker)

    def _forbidden(self, owner: Owner, source: Source) -> ChatError | None:
        try:
            self.check_reading(owner, source)
        except ChatError as error:
            return error
        return None

    def _end(self, sources: Sequence[Source], judge: Judge) -> list[Template]:
        """End what the owners of readers of these sources may not read, and void such templates;
        returns the templates.
        """
        voided = self.templates.void(judge)
        for reader in readers_of_all(sources):
            self._register(revoke_forbidden(reader, judge))
        return voided
