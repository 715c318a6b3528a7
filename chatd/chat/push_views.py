"""Views: which pages of an account are in view.  While one is, the account is not notified.

1. A page says that it is in view, again at least every `VIEW_SECONDS`, and that it is not any more.
   That concerns no other page, of the same session or another one.
2. Only accounts that have a push subscription are noted.
3. A page that ends without a word counts as in view for `VIEW_SECONDS`.  It is forgotten when
   another page of the account says that it is in view.
4. The requests of a page are noted in the order in which they come in: each before anything is read
   from the store.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from twisted.internet.defer import Deferred, gatherResults, succeed

from ..model.units import VIEWS, Cell, account_table
from ..store import Store
from .admission import Admission
from .livecells import first_error
from .push_subscriptions import Subscriptions
from .sessions import LastingSession

VIEW_SECONDS = 60.0
"""Seconds for which the server takes a page to be in view after the page's `PUT /push/view`."""
MOST_VIEWS = 50
"""Pages of one account that may count as in view; of more, those count that said so last."""


class PushViews:
    """The pages that are in view."""

    def __init__(
        self,
        store: Store,
        admission: Admission,
        subscriptions: Subscriptions,
        micros: Callable[[], int],
    ) -> None:
        """`micros` tells microseconds since the Unix epoch."""
        self._store = store
        self._admission = admission
        self._subscriptions = subscriptions
        self._micros = micros

    def note(self, session: LastingSession, page: str, *, here: bool) -> Deferred[Any]:
        """A page of an account's session is in view, or with `here` false is not any more; fires
        when that is stored.  `page` is what the page calls itself.  Raises `RateLimited`; fails
        with `Unavailable`.
        """
        account, credential = session.person.account, session.credential
        assert account is not None
        assert credential is not None
        if not self._subscriptions.of(account):
            return succeed(None)
        self._admission.spend_note(session.person)
        table, view = account_table(VIEWS, account), f"{credential.cell.key}/{page}"
        if not here:
            return self._store.note(table, view, None)
        last = self._micros() + int(VIEW_SECONDS * 1_000_000)
        noted: Deferred[Any] = self._store.note(table, view, b"%d" % last)
        return noted.addCallback(lambda _: Deferred.fromCoroutine(self._tidy(table, view)))

    async def _tidy(self, table: str, view: str) -> None:
        """Forget the pages that ended without a word, and those that are too many."""
        cells: Mapping[str, Cell] = await self._store.table(table)
        now = self._micros()
        until = {key: int(cell.value) for key, cell in cells.items() if key != view}
        newest = sorted(until, key=until.__getitem__, reverse=True)
        ended = [key for at, key in enumerate(newest) if until[key] <= now or at >= MOST_VIEWS - 1]
        forgotten: Deferred[Any] = gatherResults(
            [self._store.note(table, key, None) for key in ended], consumeErrors=True
        )
        await forgotten.addErrback(first_error)

    async def any(self, account: str) -> bool:
        """Whether a page of an account is in view.  Raises `Unavailable`."""
        cells: Mapping[str, Cell] = await self._store.table(account_table(VIEWS, account))
        now = self._micros()
        return any(int(cell.value) > now for cell in cells.values())
