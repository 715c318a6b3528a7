"""Private messages between accounts, as they are read: conversations and inboxes.

1. The store keeps each conversation in a log of its own (`chatd.model.letters`).  An inbox is all
   conversations of an account, merged by their ids.
2. A `Conversation` and an inbox hold the newest messages in memory and read earlier ones from the
   store, like the log of a room.  `complete` loads the newest before a reader begins.
3. What an account is not to see is left out here, on the way from the store and on delivery.
4. The table `PARTNERS` has those with whom an account has spoken; the versions of its cells are the
   ids of the last messages; `UNSAID` has those of the last deletions.  So a reader that comes back
   reads only conversations with news.
5. A page of the store that was read before a message was deleted, and arrives after it, is cleared
   (`chatd.chat.redactions`) before anybody sees it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple
from weakref import WeakValueDictionary

from msgspec import UNSET
from twisted.internet.defer import Deferred, DeferredSemaphore, gatherResults, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure

from ..model.errors import ChatError
from ..model.events import Letter, SentPrivately, Told
from ..model.letters import as_shown, conversation, sides
from ..model.units import PARTNERS, REACHED, UNSAID, Cell, account_table
from ..store import Store
from ..stream.archive import Archive
from ..stream.backlog import LEAST_SHARE
from ..stream.eventlog import Entry, EventLog, Page
from ..stream.notifier import Growth, Notifier
from ..stream.pages import MOST_ENTRIES
from .inbox import INBOX, Inboxes, Private
from .livecells import first_error
from .redactions import Redactions

PAGES_AT_ONCE = 4
"""Pages of conversations that are read from the store at a time."""
WARM_CONVERSATIONS = 100
"""Conversations kept in memory after their last reader: a client that polls comes back."""
MOST_MISSED = 1000
"""Private messages that are counted for an account that was away."""


class Partner(NamedTuple):
    """An account with whom another has spoken privately."""

    name: str
    last: int
    """The id of the last message."""


class Missed(NamedTuple):
    """What came for an account while it was away."""

    number: int
    """How many private messages: `MOST_MISSED` at most."""
    entries: Sequence[Entry]
    """The newest of them, oldest first: `MOST_ENTRIES` at most."""


class Conversation(Private):
    """The private messages between two accounts, as one of them reads them."""

    def __init__(
        self, account: str, partner: str, shown: str, cursor: int, archive: Archive
    ) -> None:
        """Holds what comes after `cursor`; the keys are those of the reading account and of the
        other one, whose name is `shown`.
        """
        super().__init__(EventLog(INBOX, cursor, incomplete=True), archive)
        self.account = account
        self.partner = partner
        self.shown = shown


class Letters:
    """The private messages between accounts of one chat."""

    _log = Logger()

    def __init__(
        self,
        store: Store,
        notifier: Notifier,
        inboxes: Inboxes,
        horizon: Callable[[], int],
        seconds: Callable[[], float],
    ) -> None:
        """`horizon` tells the highest id shown, and `seconds` a time that never runs backwards."""
        self._store = store
        self._seconds = seconds
        self._redacted = Redactions()
        self._notifier = notifier
        self._inboxes = inboxes
        self._horizon = horizon
        self._live: WeakValueDictionary[tuple[str, str], Conversation] = WeakValueDictionary()
        self._warm: deque[Conversation] = deque(maxlen=WARM_CONVERSATIONS)
        self._completing: dict[Private, list[Deferred[None]]] = {}
        self._paging = DeferredSemaphore(PAGES_AT_ONCE)

    # -- sources ---------------------------------------------------------------------------------

    def conversation(self, account: str, partner: str, shown: str) -> Conversation:
        """The conversation of an account with another, whose name is `shown`, as the former reads
        it.
        """
        found = self._live.get((account, partner))
        if found is None:
            read = partial(self._read_conversation, account, partner)
            found = self._live[account, partner] = Conversation(
                account, partner, shown, self._horizon(), self._archive(account, read)
            )
        if found not in self._warm:
            self._warm.append(found)
        return found

    def archive(self, account: str) -> Archive:
        """What reads the earlier messages of an account's inbox."""
        return self._archive(account, partial(self._read_all, account))

    def complete(self, source: Private) -> Deferred[None]:
        """Load the newest messages of a conversation or an inbox, if they are not in memory.

        Fails with `Unavailable`.
        """
        if source.account is None or not source.log.incomplete:
            return succeed(None)
        completed: Deferred[None] = Deferred()
        waiting = self._completing.get(source)
        if waiting is not None:
            waiting.append(completed)
            return completed
        self._completing[source] = [completed]
        until = source.log.floor
        if isinstance(source, Conversation):
            loading = self._page(source.account, source.partner, before=until + 1, limit=INBOX)
        else:
            loading = Deferred.fromCoroutine(self._newest(source.account, until))
        loading.addCallback(self._cleared, source.account)
        loading.addCallback(partial(_prepend, source)).addBoth(self._completed, source)
        return completed

    def _completed(self, result: Any, source: Private) -> None:
        for waiting in self._completing.pop(source):
            if isinstance(result, Failure):
                waiting.errback(result)
            else:
                waiting.callback(None)

    def _archive(self, account: str, read: Callable[[int, int], Deferred[Page]]) -> Archive:
        def read_page(after: int, limit: int, done: Callable[[Page | None], None]) -> None:
            def unread(failure: Failure) -> None:
                if not failure.check(ChatError):
                    self._log.failure("private messages could not be read", failure)
                done(None)

            reading = read(after, limit).addCallback(self._cleared, account)
            reading.addCallbacks(done, unread).addErrback(
                lambda failure: self._log.failure("a reader failed while reading on", failure)
            )

        return Archive(read_page, self._notifier.wake_soon)

    # -- the fold --------------------------------------------------------------------------------

    def restated(self, last: int) -> None:
        """The state was read again, as it was at the id `last`: what is in memory may have gaps, so
        readers go on from the store.
        """
        for source in [*self._inboxes.all(), *self._live.values()]:
            source.restart((), last, last, self._notifier)
            source.log.incomplete = True

    def deliver(self, entry: Entry, letter: Letter, growth: Growth) -> None:
        """A private message, or a deletion, was stored: it goes to the readers of both accounts."""
        for source, own in self._copies(entry.id, letter):
            growth.add(source, own)

    def redact(self, id_: int, letter: Letter) -> None:
        """The private message with that id was deleted: `letter` is what is left of it."""
        self._redacted.add(Entry(id_, letter), self._seconds())
        for source, own in self._copies(id_, letter):
            source.redact(own)

    def _copies(self, id_: int, letter: Letter) -> Iterator[tuple[Private, Entry]]:
        """What is in memory of an event: the sources that have it, with the entry of each."""
        for account, partner in sides(letter):
            told = as_shown(letter, account)
            if told is None:
                continue
            own = Entry(id_, told)
            for source in (self._inboxes.live(account), self._live.get((account, partner))):
                if source is not None:
                    yield source, own

    # -- reading ---------------------------------------------------------------------------------

    def page(self, talk: Conversation, before: int, limit: int) -> Deferred[Page]:
        """The last `limit` messages of a conversation below the id `before`, oldest first; fewer,
        if that is more than one answer holds.  Fails with `Unavailable`.
        """
        assert talk.account is not None
        reading = self._page(talk.account, talk.partner, before=before, limit=limit)
        return reading.addCallback(self._cleared, talk.account)

    def page_after(self, talk: Conversation, after: int, limit: int) -> Deferred[Page]:
        """The first `limit` messages of a conversation above the id `after`, oldest first; fewer,
        if that is more than one answer holds.  Fails with `Unavailable`.
        """
        assert talk.account is not None
        reading = self._page(talk.account, talk.partner, after=after, limit=limit)
        return reading.addCallback(self._cleared, talk.account)

    def find(self, account: str, partner: str, id_: int) -> Deferred[Letter | None]:
        """The private message between two accounts that has that id; None: there is none.  Fails
        with `Unavailable`.
        """
        name = conversation(account, partner)
        read = self._paging.run(self._store.read, name, after=id_ - 1, limit=1)

        def found(page: Page) -> Letter | None:
            for entry in page.entries:
                event = entry.event
                if entry.id == id_ and isinstance(event, Letter) and isinstance(event.told, Told):
                    latest = self._redacted.latest(entry)
                    assert latest is not None
                    assert isinstance(latest.event, Letter)
                    return latest.event
            return None

        return read.addCallback(found)

    async def find_anywhere(self, account: str, id_: int) -> Letter | None:
        """The private message with that id in any conversation of an account; None: there is none.
        Fails with `Unavailable`.
        """
        for partner, last in await self._news(account):
            found = await self.find(account, partner, id_) if last >= id_ else None
            if found is not None:
                return found
        return None

    def last_sent(self, account: str, partner: str) -> Deferred[int | None]:
        """The id of the last message that an account sent to another and that is not deleted, among
        the newest `INBOX` of their conversation; None: there is none.  Fails with `Unavailable`.
        """

        def found(page: Page) -> int | None:
            for entry in reversed(page.entries):
                event = entry.event
                if isinstance(event, SentPrivately) and event.redacted is UNSET:
                    return entry.id
            return None

        reading = self._page(account, partner, before=self._horizon() + 1, limit=INBOX)
        return reading.addCallback(self._cleared, account).addCallback(found)

    def partners(
        self, account: str, before: int | None, limit: int
    ) -> Deferred[tuple[list[Partner], bool]]:
        """With whom an account has spoken, the newest message first: at most `limit` of those whose
        last message is below the id `before`, and whether there are more.  Fails with
        `Unavailable`.
        """

        def found(cells: Mapping[str, Cell]) -> tuple[list[Partner], bool]:
            known = [Partner(cell.value.decode(), cell.version) for cell in cells.values()]
            known = [one for one in known if before is None or one.last < before]
            known.sort(key=lambda one: -one.last)
            return known[:limit], len(known) > limit

        return self._partners(account).addCallback(found)

    def reached(self, account: str) -> Deferred[int]:
        """The id up to which private messages have reached an account.  Fails with
        `Unavailable`.
        """
        cells = self._store.get(REACHED, [account])
        return cells.addCallback(lambda cells: cells[account].version if account in cells else 0)

    def missed(self, account: str, after: int, until: int) -> Deferred[Missed]:
        """The private messages that others sent to an account between two ids, the higher one
        included.  Fails with `Unavailable`.
        """
        return Deferred.fromCoroutine(self._missed(account, after, until))

    async def _missed(self, account: str, after: int, until: int) -> Missed:
        count = 0
        found: list[Entry] = []
        for partner, last in _newest_first(await self._partners(account)):
            place, more = after, last > after and count < MOST_MISSED
            while more and place < until:
                page = await self._page(account, partner, after=place, limit=MOST_ENTRIES)
                came = [entry for entry in page.entries if entry.id <= until and _received(entry)]
                count += len(came)
                found = sorted([*found, *came], key=_id)[-MOST_ENTRIES:]
                more = page.more and count < MOST_MISSED
                place = page.entries[-1].id if page.entries else until
        left = [entry for entry in self._all_cleared(found, account) if _received(entry)]
        return Missed(min(count - len(found) + len(left), MOST_MISSED), left)

    async def _newest(self, account: str, until: int) -> Page:
        """The newest messages of an account up to the id `until`, as many as an inbox holds."""
        found: list[Entry] = []
        floor = begin = 0  # the store's floor, and the cursor from which on `found` is complete
        for partner, last in await self._news(account):
            if len(found) == INBOX:
                begin = max(begin, found[0].id - 1)
            if last <= begin:
                break
            page = await self._page(account, partner, before=until + 1, limit=INBOX)
            floor = max(floor, page.floor)
            found = sorted([*found, *page.entries], key=_id)
            if page.more:
                begin = max(begin, page.entries[0].id - 1)
            if len(found) > INBOX:
                begin = max(begin, found[-INBOX].id - 1)
            found = [entry for entry in found if entry.id > begin]
        return Page(found, floor, more=begin > 0)

    def _read_all(self, account: str, after: int, limit: int) -> Deferred[Page]:
        """The first messages of all conversations of an account above the id `after`."""

        def known(found: list[tuple[str, int]]) -> Page | Deferred[Page]:
            news = [partner for partner, last in found if last > after]
            share = max(limit // (len(news) or 1), min(limit, LEAST_SHARE))
            reading = [self._page(account, partner, after=after, limit=share) for partner in news]
            pages: Deferred[Any] = gatherResults(reading, consumeErrors=True)
            return pages.addErrback(first_error).addCallback(_merged, limit)

        return self._news(account).addCallback(known)

    def _read_conversation(
        self, account: str, partner: str, after: int, limit: int
    ) -> Deferred[Page]:
        return self._page(account, partner, after=after, limit=limit)

    def _page(
        self,
        account: str,
        partner: str,
        *,
        after: int | None = None,
        before: int | None = None,
        limit: int,
    ) -> Deferred[Page]:
        """A page of a conversation, as `account` sees it; it is empty only if there are no more."""

        def seen(page: Page) -> Page | Deferred[Page]:
            entries = list(_seen(page.entries, account))
            if entries or not page.more:
                return page._replace(entries=entries)
            if after is None:
                return self._page(account, partner, before=page.entries[0].id, limit=limit)
            return self._page(account, partner, after=page.entries[-1].id, limit=limit)

        name = conversation(account, partner)
        read = self._paging.run(self._store.read, name, after=after, before=before, limit=limit)
        return read.addCallback(seen)

    def _partners(self, account: str) -> Deferred[Mapping[str, Cell]]:
        return self._store.table(account_table(PARTNERS, account))

    def _news(self, account: str) -> Deferred[list[tuple[str, int]]]:
        """The keys of an account's partners and the id of the last event of each conversation, a
        message or a deletion; the newest first.
        """
        unsaid = self._store.table(account_table(UNSAID, account))
        tables: Deferred[Any] = gatherResults([self._partners(account), unsaid], consumeErrors=True)

        def known(tables: list[Mapping[str, Cell]]) -> list[tuple[str, int]]:
            partners, unsaid = tables
            found = []
            for key, cell in partners.items():
                later = unsaid[key].version if key in unsaid else 0
                found.append((key, max(cell.version, later)))
            return sorted(found, key=lambda one: -one[1])

        return tables.addErrback(first_error).addCallback(known)

    def _cleared(self, page: Page, account: str) -> Page:
        """A page as an account sees it, without the texts that were deleted while it was read."""
        return page._replace(entries=self._all_cleared(page.entries, account))

    def _all_cleared(self, entries: Iterable[Entry], account: str) -> list[Entry]:
        return [self._as_left(entry, account) for entry in entries]

    def _as_left(self, entry: Entry, account: str) -> Entry:
        latest = self._redacted.latest(entry)
        if latest is entry or latest is None:
            return entry
        assert isinstance(latest.event, Letter)
        told = as_shown(latest.event, account)
        return entry if told is None else Entry(entry.id, told)


def _prepend(source: Private, page: Page) -> None:
    """Put the newest messages of the store before those that came since."""
    until = source.log.floor
    source.oldest = min(page.floor, until)
    source.prepend(page.entries, page.entries[0].id - 1 if page.more else source.oldest)


def _seen(entries: Iterable[Entry], account: str) -> Iterable[Entry]:
    for entry in entries:
        assert isinstance(entry.event, Letter)
        told = as_shown(entry.event, account)
        if told is not None:
            yield Entry(entry.id, told)


def _received(entry: Entry) -> bool:
    """Whether a message was sent by somebody else, and is not deleted."""
    event = entry.event
    return isinstance(event, Told) and not event.sent and event.redacted is UNSET


def _merged(pages: Sequence[Page], limit: int) -> Page:
    """Pages that begin at one cursor, as one: up to the lowest id at which one of them ends."""
    ends = [page.entries[-1].id for page in pages if page.more]
    entries = sorted((entry for page in pages for entry in page.entries), key=_id)
    if ends:
        entries = [entry for entry in entries if entry.id <= min(ends)]
    more = bool(ends) or len(entries) > limit
    return Page(entries[:limit], max([page.floor for page in pages], default=0), more)


def _newest_first(partners: Mapping[str, Cell]) -> list[tuple[str, int]]:
    """The keys of partners, and the ids of their last messages."""
    found = [(partner, cell.version) for partner, cell in partners.items()]
    return sorted(found, key=lambda one: -one[1])


def _id(entry: Entry) -> int:
    return entry.id
