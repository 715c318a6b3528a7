"""Decides who is notified of a message, and what the notification says.

An account is notified of a message if all of this holds:

1. The message is private, mentions the account, or came in a room of which the account wants every
   message; and the account does not ignore its sender.
2. The account is in the room, and its subscription's session may read there: the policy is asked
   as for every reader.
3. No session of the account has read the message, by its read marker, and no page of the account is
   in view (`chatd.chat.push_views`).
4. The message was not deleted, and retention has not forgotten it.

All of that is looked at again before each attempt to send the notification (`PushNotices.holds`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from ..model.addresses import LOCAL, Address
from ..model.errors import BadName, ChatError
from ..model.events import Acted, Letter, RoomEvent, Said, Told
from ..model.identity import Scope
from ..model.letters import named_in, place_of
from ..model.mentions import mentions
from ..model.names import name_key
from ..model.policy import Action
from ..model.push import SHOWN, Kind, Notice, Subscription
from ..model.units import IGNORES, JOINED, MARKERS, Cell, account_table
from ..stream.eventlog import Entry, Page
from .core import Core
from .letters import Letters
from .push_subscriptions import Living, Subscriptions
from .push_views import PushViews
from .room import Room

_URGENCY: Sequence[Kind] = ("message", "mention", "private")
"""The kinds of messages, the most urgent last."""


class Deliverer(Protocol):
    """Sends notifications to push services."""

    @property
    def waiting(self) -> int:
        """Notifications that are not sent yet."""

    def send(
        self,
        to: Subscription,
        key: bytes,
        payload: bytes,
        topic: str,
        check: Callable[[], Deferred[bool]],
    ) -> Deferred[bool]:
        """Send one, under the private key `key`.  It replaces an earlier one of the same `topic`
        that the browser has not got yet.  `check` is called before each attempt, and fires with
        whether the notification is still to be sent; it fails with `ChatError` if that cannot be
        found out now.

        Fires with False if the browser wants no more notifications.  Never fails.
        """


Deliver = Callable[[str, Living, Notice, Callable[[], Deferred[bool]]], None]


@dataclass(frozen=True, slots=True)
class Absent:
    """An account that need not be present, as the policy sees it in one of its sessions."""

    name: str
    key: str
    account: str
    admin: bool
    address: Address
    named: bool = True
    id: str = ""
    scope: Scope | None = None


class PushNotices:
    """Notifies accounts."""

    _log = Logger()

    def __init__(
        self,
        core: Core,
        letters: Letters,
        subscriptions: Subscriptions,
        views: PushViews,
        deliver: Deliver,
    ) -> None:
        """`deliver(account, living, notice, check)` has a notification sent, unless `check` fires
        with False before.
        """
        self._core = core
        self._store = core.store
        self._letters = letters
        self._subscriptions = subscriptions
        self._views = views
        self._deliver = deliver
        self.text = False
        """Whether notifications have the beginning of the message in them."""

    def notify(
        self, account: str, place: str, entries: Sequence[Entry], count: int
    ) -> Deferred[bool]:
        """See `chatd.chat.push_watch.Notify`.  Fails with `Unavailable`."""
        return Deferred.fromCoroutine(self._notify(account, place, entries, count))

    async def _notify(self, account: str, place: str, entries: Sequence[Entry], count: int) -> bool:
        living = await self._subscriptions.living(account)
        if not living or await self._views.any(account):
            return False
        room, unread = await self._unread(account, place, entries)
        sent = False
        for one in living:
            if unread and await self._may(one, room):
                whole = count if len(unread) == len(entries) else len(unread)
                notice = self._notice(one.subscription, place, unread, whole)
                if notice is not None:
                    check = partial(self.holds, account, place, entries, one, notice)
                    self._deliver(account, one, notice, check)
                    sent = True
        return sent

    def holds(
        self, account: str, place: str, entries: Sequence[Entry], to: Living, notice: Notice
    ) -> Deferred[bool]:
        """Fires with whether a notification that was decided before would be sent now, too: to the
        same browser, and of the same message.  Fails with `ChatError` if the store is away.
        """

        def failed(failure: Failure) -> bool:
            if failure.check(ChatError):
                failure.raiseException()
            self._log.failure("a notification could not be checked", failure)
            return False

        holding = self._holds(account, place, entries, to, notice)
        return Deferred.fromCoroutine(holding).addErrback(failed)

    async def _holds(
        self, account: str, place: str, entries: Sequence[Entry], to: Living, notice: Notice
    ) -> bool:
        living = await self._subscriptions.living(account)
        same = [one for one in living if one.hash == to.hash and _is_same(one, to)]
        if not same or await self._views.any(account):
            return False
        room, unread = await self._unread(account, place, entries)
        told = [entry for entry in unread if entry.id == notice.id]
        if not (told and await self._is_stored(told[0])):
            return False
        (one,) = same
        wanted = self._notice(one.subscription, place, unread, len(unread))
        return wanted is not None and wanted.id == notice.id and await self._may(one, room)

    async def _unread(
        self, account: str, place: str, entries: Sequence[Entry]
    ) -> tuple[Room | None, list[Entry]]:
        """The room, if the place is one, and those of the messages of which the account may be
        notified.
        """
        room: Room | None = None
        if named_in(place) is None:
            joined: Mapping[str, Cell] = await self._store.get(
                account_table(JOINED, account), [place]
            )
            if place not in joined:
                return None, []
            room = await self._core.rooms.load(place)
        marker = await self._marker(account, place)
        unread = [entry for entry in map(self._latest, entries) if entry.id > marker]
        unread = [entry for entry in unread if self._is_kept(entry)]
        ignored = await self._ignored(account, unread)
        return room, [entry for entry in unread if _sender(entry) not in ignored]

    def _notice(
        self, to: Subscription, place: str, unread: Sequence[Entry], count: int
    ) -> Notice | None:
        """The notice for one browser; None: its levels select none of these messages."""
        kinds = [(entry, _kind(entry, to.account)) for entry in unread]
        wanted = [(entry, kind) for entry, kind in kinds if to.wants(place, kind)]
        if not wanted:
            return None
        last, _ = wanted[-1]
        kind = max((kind for _, kind in wanted), key=_URGENCY.index)
        told = _said(last)
        return Notice(
            place=place if named_in(place) is None else place_of(told.sender),
            sender=told.sender,
            kind=kind,
            id=last.id,
            # Of those that were not looked at, it is not known whether each is wanted.
            count=count if len(wanted) == len(unread) else len(wanted),
            text=told.text[:SHOWN] if self.text else "",
        )

    async def _marker(self, account: str, place: str) -> int:
        marked: Mapping[str, Cell] = await self._store.get(account_table(MARKERS, account), [place])
        return int(marked[place].value) if place in marked else 0

    async def _ignored(self, account: str, entries: Sequence[Entry]) -> Mapping[str, Cell]:
        senders = {_sender(entry) for entry in entries}
        found: Mapping[str, Cell] = await self._store.get(account_table(IGNORES, account), senders)
        return found

    async def _may(self, one: Living, room: Room | None) -> bool:
        record = await self._core.accounts.find(one.subscription.account)
        account = record.value
        if account is None:
            return False
        identity = Absent(
            account.name,
            record.key,
            record.key,
            account.admin,
            Address(one.session.address or LOCAL),
        )
        policy = self._core.readers.policy
        try:
            if room is None:
                policy.may(identity, Action.READ_PRIVATELY)
            else:
                policy.may(identity, Action.READ, room)
        except ChatError:
            return False
        return True

    def _latest(self, entry: Entry) -> Entry:
        """The message as it is now: it may have been deleted."""
        if isinstance(entry.event, Letter):
            return self._letters.redacted.latest(entry) or entry
        return self._core.rooms.redacted.latest(entry) or entry

    async def _is_stored(self, entry: Entry) -> bool:
        """Whether the store has a message, and not as deleted: deletions of some time ago are not
        in memory.
        """
        event: Any = entry.event
        if isinstance(event, Told):
            return True  # of a guest: it is not stored
        page: Page = await self._store.read(event.room, after=entry.id - 1, limit=1)
        return any(one.id == entry.id and _said(one).redacted is not True for one in page.entries)

    def _is_kept(self, entry: Entry) -> bool:
        """Whether a message was neither deleted nor forgotten."""
        if _said(entry).redacted is True:
            return False
        if isinstance(entry.event, Said | Acted):
            ends = self._core.rooms.index.ends(entry.event.room)
            return ends is not None and ends.first <= entry.id
        return True


def _is_same(one: Living, other: Living) -> bool:
    """Whether two subscriptions are of one browser with one account."""
    return all(
        getattr(one.subscription, field) == getattr(other.subscription, field)
        for field in ("account", "endpoint", "p256dh", "auth")
    )


def _said(entry: Entry) -> Said | Acted | Told:
    event: Any = entry.event
    told = event.told if isinstance(event, Letter) else event
    assert isinstance(told, Said | Acted | Told)
    return told


def _sender(entry: Entry) -> str:
    try:
        return name_key(_said(entry).sender)
    except BadName:
        return ""


def _kind(entry: Entry, account: str) -> Kind:
    if isinstance(entry.event, RoomEvent) and not isinstance(entry.event, Letter):
        return "mention" if mentions(_said(entry).text, account) else "message"
    return "private"
