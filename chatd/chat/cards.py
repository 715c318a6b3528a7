"""Cards: the fields that IRC shows of a person beside the name: user, host, real name.

1. The host hides the client's address: it is ten letters and digits of a keyed hash of the account,
   or of a guest's address.  The store makes the key once, and no client ever receives it.
2. The card of a person who has left is kept for a while: the lines that announce the leave need it,
   and so does WHOWAS.
3. A card is immutable; a client that changes it gives its person a new one.
"""

from __future__ import annotations

import hashlib
import secrets
from base64 import b32encode
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache, partial
from typing import Any, NamedTuple

from twisted.internet.defer import Deferred, succeed

from ..model.addresses import LOCAL, Address
from ..model.errors import ChatError
from ..model.names import name_key
from ..model.units import Cell, Change, Expect, Unit
from ..store import Store
from .card import PLAIN
from .elsewhere import Elsewhere
from .people import People
from .person import Person

SECRETS = "secrets"
"""Table of what this chat keeps to itself."""
HOSTS = "hosts"
"""The key of hosts."""
MOST_REMEMBERED = 1000
"""Persons that are remembered after they have gone."""
MOST_HASHES = 10_000
"""Hosts that are kept instead of being computed for each line."""
_HOST_LETTERS = 10


class Known(NamedTuple):
    """The known facts about a present or former person."""

    name: str
    user: str
    host: str
    account: str = ""
    """The name of the account; empty for a guest."""
    realname: str = ""
    bot: bool = False
    away: str = ""
    """Why the person is away; empty if the person is not away."""
    until: int = 0
    """When the person left, on the ids' clock; 0 if the person is present, or nothing is known."""


class Cards:
    """The cards of all present persons, and of those who have left lately."""

    def __init__(self, store: Store, people: People) -> None:
        self._store = store
        self._people = people
        self._key = b""
        self._past: deque[tuple[str, Known]] = deque()
        """The persons who have left, with the keys of their names, the last one last."""
        self._last: dict[str, Known] = {}
        """The last of these persons for each name, by the name's key."""
        people.observers.append(self)

    # -- the key ---------------------------------------------------------------------------------

    def ready(self) -> Deferred[None]:
        """Load the key of the hosts; fires when it is loaded.  Fails with `Unavailable`."""
        if self._key:
            return succeed(None)
        return self._store.table(SECRETS).addCallback(self._found)

    def _found(self, cells: Mapping[str, Cell]) -> Deferred[None] | None:
        if HOSTS in cells:
            self._key = cells[HOSTS].value
            return None
        made = secrets.token_hex(16).encode()
        unit = Unit(changes=(Change(SECRETS, HOSTS, made),), expects=(Expect(SECRETS, HOSTS, 0),))
        # Another node may have made a key in the same moment, so read the one that was stored.
        return self._store.append([unit]).addCallback(lambda _: self.ready())

    def anew(self) -> Deferred[Callable[[], object]]:
        """Read the key again; fires with a function that folds it.  A key that the store has lost
        is stored again, so that hosts stay as they are.  Fails with `Unavailable`.
        """

        def fold(cells: Mapping[str, Cell]) -> None:
            if HOSTS in cells:
                self._key = cells[HOSTS].value
            elif self._key:
                kept = Change(SECRETS, HOSTS, self._key)
                unit = Unit(changes=(kept,), expects=(Expect(SECRETS, HOSTS, 0),))
                self._store.append([unit]).addErrback(lambda failure: failure.trap(ChatError))

        read: Deferred[Any] = self._store.table(SECRETS)
        return read.addCallback(lambda cells: partial(fold, cells))

    # -- persons ---------------------------------------------------------------------------------

    def of(self, name: str, *, account: bool = False) -> Known:
        """The card of the person who holds the name, or who held it last.  `account` says whether
        that person was signed in to an account.
        """
        holder = self._people.find(name)
        if holder is not None:
            return self.known(holder)
        key = name_key(name)
        past = self._last.get(key)
        if past is not None:
            return past
        if account:
            return Known(name, "account", self.host_of_account(key), name, name)
        return Known(name, PLAIN.user, f"{self._hash(f'gone {key}')}.guest", "", name)

    def known(self, person: Person | Elsewhere) -> Known:
        """The known facts about a present person."""
        card, account = person.card, person.account
        return Known(
            person.name,
            card.user if account is None else "account",
            self.host_of_address(person.address)
            if account is None
            else self.host_of_account(account),
            "" if account is None else person.name,
            card.realname or person.name,
            card.bot,
            card.away,
        )

    def as_guest(self, name: str) -> Known:
        """The facts about a person from before its name was registered in this session."""
        holder = self._people.find(name)
        if not isinstance(holder, Person):
            return self.of(name)
        return Known(name, holder.card.user, self.host_of_address(holder.address), "", name)

    def host_of_account(self, key: str) -> str:
        """The host of an account, by the key of its name."""
        return f"{self._hash(f'account {key}')}.account"

    def host_of_address(self, address: Address) -> str:
        """The host of a guest at that address."""
        return f"{self._hash(f'address {address}') if address != LOCAL else 'local'}.guest"

    def past(self, name: str) -> Iterator[Known]:
        """The persons who had that name and have left, the last one first."""
        key = name_key(name)
        return (past for had, past in reversed(self._past) if had == key)

    # -- observing persons -----------------------------------------------------------------------

    def went(self, person: Person | Elsewhere, id_: int) -> None:
        """See `PeopleObserver.went`."""
        gone = self.known(person)._replace(until=id_)
        self._past.append((person.key, gone))
        self._last[person.key] = gone
        if len(self._past) > MOST_REMEMBERED:
            key, oldest = self._past.popleft()
            if self._last.get(key) is oldest:
                del self._last[key]

    def came(self, person: Person | Elsewhere) -> None:
        """See `PeopleObserver.came`."""

    def _hash(self, text: str) -> str:
        return _hashed(self._key, text)


@lru_cache(MOST_HASHES)
def _hashed(key: bytes, text: str) -> str:
    """A keyed hash of a text, as the letters of a host."""
    digest = hashlib.blake2b(text.encode(), key=key, digest_size=10).digest()
    return b32encode(digest).decode().lower()[:_HOST_LETTERS]
