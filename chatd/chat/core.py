"""The parts of a chat that nearly every command needs, in one record."""

from __future__ import annotations

from dataclasses import dataclass

from twisted.internet.interfaces import IReactorTime

from ..store import Store
from .accounts import Accounts
from .admission import Admission
from .journal import Journal
from .people import People
from .readers import Readers
from .rooms import Rooms


@dataclass(frozen=True)
class Core:
    """What a command needs: state to be judged by, limits, the policy, and the journal."""

    clock: IReactorTime
    """Never runs backwards."""
    store: Store
    journal: Journal
    """Accepts units, and stores them."""
    accounts: Accounts
    """The registered names."""
    people: People
    """The names that are held now."""
    rooms: Rooms
    readers: Readers
    """The gate; it has the policy."""
    admission: Admission
    """The limits, which may change while the server runs."""
