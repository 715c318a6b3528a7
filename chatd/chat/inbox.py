"""Inboxes: the private messages that a person's readers get.

1. A guest's inbox begins empty, and ends with the guest.
2. All sessions and personal tokens of an account that are in memory have one inbox.  It begins when
   the first of them is opened; earlier messages are read from the store (`chatd.chat.letters`).
3. The inbox of a guest who registers becomes the account's, with its open readers.
"""

from __future__ import annotations

from collections.abc import Callable
from weakref import WeakValueDictionary

from ..stream.archive import Archive
from ..stream.eventlog import EventLog
from ..stream.feed import Source

INBOX = 200
"""Private messages kept in memory for a reader that lags behind."""


class Private(Source):
    """Private messages that one person may read: all of them, or those of one conversation."""

    # Class attributes: the inboxes of guests, which are many, store no values of their own.
    account: str | None = None
    """The key of the account that owns the messages; None for a guest, whose messages are not
    kept."""
    oldest = 0
    """The lowest cursor after which the store keeps all these messages, as far as is known."""


class Inbox(Private):
    """All private messages of one person, its own included."""

    def __init__(self) -> None:
        super().__init__("", EventLog(INBOX))


class Inboxes:
    """The inboxes of the accounts that are in use."""

    def __init__(
        self,
        archive: Callable[[str], Archive | None] = lambda account: None,
        horizon: Callable[[], int] = lambda: 0,
    ) -> None:
        """`archive` makes what reads an account's earlier private messages from the store, and
        `horizon` tells the highest id shown.
        """
        self._archive = archive
        self._horizon = horizon
        self._live: WeakValueDictionary[str, Inbox] = WeakValueDictionary()

    def live(self, account: str) -> Inbox | None:
        """The account's inbox, if it is in memory."""
        return self._live.get(account)

    def all(self) -> list[Inbox]:
        """The inboxes in memory."""
        return list(self._live.values())

    def of(self, account: str) -> Inbox:
        """The account's inbox; a new one holds what comes from now on."""
        inbox = self._live.get(account)
        if inbox is None:
            inbox = Inbox()
            inbox.log = EventLog(INBOX, self._horizon(), incomplete=True)
            self._belong(inbox, account)
        return inbox

    def register(self, inbox: Inbox, account: str) -> None:
        """The inbox of a guest is that of a new account from now on."""
        if inbox.account is None:
            self._belong(inbox, account)

    def _belong(self, inbox: Inbox, account: str) -> None:
        inbox.account = account
        inbox.archive = self._archive(account)
        self._live[account] = inbox
