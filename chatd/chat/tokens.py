"""Personal tokens: with one, a program acts for an account without signing in.

1. The program may do what the token's scope allows.  It is not present, is in no room, and joins
   none by speaking.
2. A token is sent once, to its maker, and stored as a hash.  Its prefix distinguishes it from a
   session's token.
3. It ends when it is removed or expires, or with its account.
4. An account has at most `MOST_TOKENS`, however many are made at the same time
   (`chatd.chat.account_lists`).
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from typing import Any

from twisted.internet.defer import Deferred, fail

from ..model.account import MOST_TOKENS, Account, PersonalToken, decode_token, encode, hash_of
from ..model.errors import ChatError, Malformed, NotFound
from ..model.identity import Scope
from ..model.text import clean_phrase
from ..model.units import TOKENS, USED, Cell, Change, Unit, account_table
from ..store import Store
from .account_lists import AccountLists
from .accounts import Record
from .admission import Admission
from .journal import Journal
from .person import Person

PREFIX = "chatd_"
"""The prefix of every personal token."""
MOST_SECONDS = 10 * 365 * 86_400
"""The longest time until a token expires, in seconds; one without a time never expires."""


def is_good(token: PersonalToken | None, account: Account | None, now: int) -> bool:
    """Whether a token is valid; `now` is in microseconds since the Unix epoch."""
    if token is None or account is None or account.deleted:
        return False
    return not token.expires or now < token.expires


class Tokens:
    """Makes, lists and removes the tokens of accounts."""

    def __init__(
        self,
        now: Callable[[], float],
        store: Store,
        journal: Journal,
        lists: AccountLists,
        admission: Admission,
    ) -> None:
        """`now` is the wall clock, in seconds since the Unix epoch."""
        self._admission = admission
        self._now = now
        self._store = store
        self._journal = journal
        self._lists = lists

    def make(
        self, person: Person, record: Record, label: str, scope: Scope, seconds: int | None
    ) -> Deferred[tuple[PersonalToken, str]]:
        """Make a token of the account that the person is signed in to, which is `record`.  It
        expires after `seconds` if given.  Fires with it and its secret, which is not stored.

        Raises or fails with `Malformed`, `TextTooLong`, `RateLimited`, `NoSession`, `Unavailable`.
        """
        if seconds is not None and not 0 < seconds <= MOST_SECONDS:
            raise Malformed(f"expires is in seconds: 1 to {MOST_SECONDS}; without it, for ever")
        label = clean_phrase(label, 4 * len(label) + 1, "label")
        self._admission.spend(person)
        secret = PREFIX + secrets.token_urlsafe(24)
        now = int(self._now() * 1_000_000)
        expires = 0 if seconds is None else now + seconds * 1_000_000
        token = PersonalToken(record.key, secrets.token_hex(8), now, label, scope, expires)
        hash_ = hash_of(secret)

        def judged(tokens: Mapping[str, PersonalToken]) -> list[Change]:
            if len(tokens) >= MOST_TOKENS:
                raise Malformed(f"you have {MOST_TOKENS} tokens, the most there may be; remove one")
            return [
                Change(TOKENS, hash_, encode(token)),
                Change(account_table(TOKENS, record.key), token.id, hash_.encode()),
            ]

        making = self._lists.lengthen(record, lambda: self.listed(record.key), judged)
        return making.addCallback(lambda _: (token, secret))

    def listed(self, key: str) -> Deferred[dict[str, PersonalToken]]:
        """An account's tokens by their ids, expired ones included.  Fails with `Unavailable`."""

        def looked_up(ids: Mapping[str, Cell]) -> Deferred[dict[str, PersonalToken]]:
            hashes = {id_: cell.value.decode() for id_, cell in ids.items()}
            cells: Deferred[Any] = self._store.get(TOKENS, hashes.values())
            return cells.addCallback(
                lambda cells: {
                    id_: decode_token(cells[hash_].value)
                    for id_, hash_ in hashes.items()
                    if hash_ in cells
                }
            )

        ids: Deferred[Any] = self._store.table(account_table(TOKENS, key))
        return ids.addCallback(looked_up)

    def remove(self, person: Person, record: Record, id_: str) -> Deferred[Any]:
        """Remove a token of the account that the person is signed in to, and end its readers.

        Fails with `NotFound`, `Unavailable`.
        """
        self._admission.charge(person)
        table = account_table(TOKENS, record.key)

        def found(cells: Mapping[str, Cell]) -> Deferred[Any]:
            if id_ not in cells:
                return fail(NotFound("there is no such token; GET /account/tokens lists them"))
            hash_ = cells[id_].value.decode()
            changes = (Change(TOKENS, hash_, None), Change(table, id_, None))
            removed = self._journal.submit(lambda: Unit((), changes))
            return removed.addCallback(lambda _: self._forget_use(hash_))

        looked_up: Deferred[Any] = self._store.get(table, [id_])
        return looked_up.addCallback(found)

    def _forget_use(self, hash_: str) -> None:
        """Remove the stored time of the last use of a token that was removed."""
        noted = self._store.note(USED, hash_, None)
        noted.addErrback(lambda failure: failure.trap(ChatError))  # it only takes space
