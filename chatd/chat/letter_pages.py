"""Pages of private messages between accounts, as the store has them.

1. What an account is not to see is left out of its pages.
2. The table `PARTNERS` has those with whom an account has spoken; the versions of its cells are the
   ids of the last messages.  `UNSAID` has those of the last deletions.  So a reader that comes back
   reads only conversations with news.
3. A page that was read before a message was deleted, and arrives after it, is cleared of its text
   (`chatd.chat.redactions`) before anybody sees it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from msgspec import UNSET
from twisted.internet.defer import Deferred, DeferredSemaphore, gatherResults

from ..model.events import Letter, SentPrivately, Told
from ..model.letters import as_shown, conversation
from ..model.units import PARTNERS, REACHED, UNSAID, Cell, account_table
from ..store import Store
from ..stream.backlog import LEAST_SHARE
from ..stream.eventlog import Entry, Page
from ..stream.pages import MOST_ENTRIES
from .inbox import INBOX
from .livecells import first_error
from .redactions import Redactions

PAGES_AT_ONCE = 4
"""Pages of conversations that are read from the store at a time."""
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


class LetterPages:
    """Reads private messages between accounts from the store."""

    def __init__(self, store: Store, horizon: Callable[[], int]) -> None:
        """`horizon` tells the highest id shown."""
        self._store = store
        self._horizon = horizon
        self._paging = DeferredSemaphore(PAGES_AT_ONCE)
        self.redacted = Redactions()
        """Recent deletions, to apply to pages that were read before them."""

    # -- pages -----------------------------------------------------------------------------------

    def page(
        self,
        account: str,
        partner: str,
        *,
        after: int | None = None,
        before: int | None = None,
        limit: int,
    ) -> Deferred[Page]:
        """A page of a conversation, as `account` sees it: the first messages above an id, or the
        last below one; fewer than `limit` if that is more than one answer holds, and empty only if
        there are no more.  Fails with `Unavailable`.
        """
        read = self._page(account, partner, after=after, before=before, limit=limit)
        return read.addCallback(self._cleared, account)

    def all_after(self, account: str, after: int, limit: int) -> Deferred[Page]:
        """The first messages of all conversations of an account above the id `after`, oldest first.
        Fails with `Unavailable`.
        """
        return self._read_all(account, after, limit).addCallback(self._cleared, account)

    def newest(self, account: str, until: int) -> Deferred[Page]:
        """The newest messages of an account up to the id `until`, as many as an inbox holds.  Fails
        with `Unavailable`.
        """
        reading = Deferred.fromCoroutine(self._newest(account, until))
        return reading.addCallback(self._cleared, account)

    def _page(
        self,
        account: str,
        partner: str,
        *,
        after: int | None = None,
        before: int | None = None,
        limit: int,
    ) -> Deferred[Page]:
        """See `page`."""

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

    async def _newest(self, account: str, until: int) -> Page:
        """See `newest`."""
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
        """See `all_after`."""

        def known(found: list[tuple[str, int]]) -> Page | Deferred[Page]:
            news = [partner for partner, last in found if last > after]
            share = max(limit // (len(news) or 1), min(limit, LEAST_SHARE))
            reading = [self._page(account, partner, after=after, limit=share) for partner in news]
            pages: Deferred[Any] = gatherResults(reading, consumeErrors=True)
            return pages.addErrback(first_error).addCallback(_merged, limit)

        return self._news(account).addCallback(known)

    # -- questions -------------------------------------------------------------------------------

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
                    latest = self.redacted.latest(entry)
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

        reading = self.page(account, partner, before=self._horizon() + 1, limit=INBOX)
        return reading.addCallback(found)

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

    # -- inside ----------------------------------------------------------------------------------

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
        latest = self.redacted.latest(entry)
        if latest is entry or latest is None:
            return entry
        assert isinstance(latest.event, Letter)
        told = as_shown(latest.event, account)
        return entry if told is None else Entry(entry.id, told)


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
