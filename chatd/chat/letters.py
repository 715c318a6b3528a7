"""Private messages between accounts, as they are read: conversations and inboxes.

1. The store keeps each conversation in a log of its own (`chatd.model.letters`).  An inbox is all
   conversations of an account, merged by their ids.
2. A `Conversation` and an inbox hold the newest messages in memory and read earlier ones from the
   store (`chatd.chat.letter_pages`), like the log of a room.  `complete` loads the newest before a
   reader begins.
3. Messages that an account must not see are left out on delivery, and when pages are read from the
   store.
4. When the deletion of a message is shown, the message loses its text in all logs in memory, in the
   same turn.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from weakref import WeakValueDictionary

from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure

from ..model.errors import ChatError
from ..model.events import Letter
from ..model.letters import as_shown, sides
from ..store import Store
from ..stream.archive import Archive
from ..stream.eventlog import Entry, EventLog, Page
from ..stream.notifier import Growth, Notifier
from .inbox import INBOX, Inboxes, Private
from .letter_pages import LetterPages

WARM_CONVERSATIONS = 100
"""Conversations kept in memory after their last reader, because a polling client comes back."""


class Conversation(Private):
    """The private messages between two accounts, as one of them reads them."""

    def __init__(
        self, account: str, partner: str, shown: str, cursor: int, archive: Archive
    ) -> None:
        """Holds the messages after `cursor`.  `account` is the key of the reading account, and
        `partner` that of the other account, whose name is `shown`.
        """
        super().__init__("", EventLog(INBOX, cursor, incomplete=True), archive)
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
        """`horizon` returns the highest id shown; `seconds` is a monotonic clock."""
        self._pages = LetterPages(store, horizon)
        self.partners, self.reached = self._pages.partners, self._pages.reached
        self.missed, self.last_sent = self._pages.missed, self._pages.last_sent
        self.find, self.find_anywhere = self._pages.find, self._pages.find_anywhere
        self.redacted = self._pages.redacted
        """Recent deletions, as `Rooms.redacted` has them."""
        self._seconds = seconds
        self._notifier = notifier
        self._inboxes = inboxes
        self._horizon = horizon
        self._live: WeakValueDictionary[tuple[str, str], Conversation] = WeakValueDictionary()
        self._warm: deque[Conversation] = deque(maxlen=WARM_CONVERSATIONS)
        self._completing: dict[Private, list[Deferred[None]]] = {}

    # -- sources ---------------------------------------------------------------------------------

    def conversation(self, account: str, partner: str, shown: str) -> Conversation:
        """The conversation of an account with another, whose name is `shown`, as the former reads
        it.
        """
        found = self._live.get((account, partner))
        if found is None:

            def read(after: int, limit: int) -> Deferred[Page]:
                return self._pages.page(account, partner, after=after, limit=limit)

            found = self._live[account, partner] = Conversation(
                account, partner, shown, self._horizon(), self._archive(read)
            )
        if found not in self._warm:
            self._warm.append(found)
        return found

    def archive(self, account: str) -> Archive:
        """The archive that reads the earlier messages of an account's inbox from the store."""
        return self._archive(partial(self._pages.all_after, account))

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
            loading = self._pages.page(
                source.account, source.partner, before=until + 1, limit=INBOX
            )
        else:
            loading = self._pages.newest(source.account, until)
        loading.addCallback(partial(_prepend, source)).addBoth(self._completed, source)
        return completed

    def _completed(self, result: Any, source: Private) -> None:
        for waiting in self._completing.pop(source):
            if isinstance(result, Failure):
                waiting.errback(result)
            else:
                waiting.callback(None)

    def _archive(self, read: Callable[[int, int], Deferred[Page]]) -> Archive:
        def read_page(after: int, limit: int, done: Callable[[Page | None], None]) -> None:
            def unread(failure: Failure) -> None:
                if not failure.check(ChatError):
                    self._log.failure("private messages could not be read", failure)
                done(None)

            read(after, limit).addCallbacks(done, unread).addErrback(
                lambda failure: self._log.failure("a reader failed while reading on", failure)
            )

        return Archive(read_page, self._notifier.wake_soon)

    # -- the fold --------------------------------------------------------------------------------

    def restated(self, last: int) -> None:
        """The state was read again, as of the id `last`.  Logs in memory may have gaps, so readers
        continue from the store.
        """
        for source in [*self._inboxes.all(), *self._live.values()]:
            source.restart((), last, last, self._notifier)
            source.log.incomplete = True

    def deliver(self, entry: Entry, letter: Letter, growth: Growth) -> None:
        """Deliver a stored private message, or its deletion, to the readers of both accounts."""
        for source, own in self._copies(entry.id, letter):
            growth.add(source, own)

    def redact(self, id_: int, letter: Letter) -> None:
        """Delete the private message with that id: `letter` is the message without its text."""
        self._pages.redacted.add(Entry(id_, letter), self._seconds())
        for source, own in self._copies(id_, letter):
            source.redact(own)

    def _copies(self, id_: int, letter: Letter) -> Iterator[tuple[Private, Entry]]:
        """The sources in memory that have an event, each with its own entry of it."""
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
        return self._pages.page(talk.account, talk.partner, before=before, limit=limit)

    def page_after(self, talk: Conversation, after: int, limit: int) -> Deferred[Page]:
        """The first `limit` messages of a conversation above the id `after`, oldest first; fewer,
        if that is more than one answer holds.  Fails with `Unavailable`.
        """
        assert talk.account is not None
        return self._pages.page(talk.account, talk.partner, after=after, limit=limit)


def _prepend(source: Private, page: Page) -> None:
    """Put the newest messages of the store before the later ones, which are in memory."""
    until = source.log.floor
    source.oldest = min(page.floor, until)
    source.prepend(page.entries, page.entries[0].id - 1 if page.more else source.oldest)
