"""All that moderators do in one chat: their commands, and what follows from them."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IReactorTime

from ..model.addresses import Address
from ..model.restrictions import Restrictions
from ..store import Store
from .admission import Admission
from .arrivals import Arrivals
from .attendance import Attendance
from .consequences import Consequences
from .given import GivenToGuests
from .invites import Invites
from .journal import Journal
from .moderation import Commands, Moderation
from .people import People
from .readers import Readers
from .redactions import PageAfter
from .rooms import Rooms
from .serverbans import ServerBans
from .targets import Targets


class Moderators:
    """The parts of one chat that moderators use."""

    def __init__(
        self,
        clock: IReactorTime,
        store: Store,
        journal: Journal,
        people: People,
        rooms: Rooms,
        readers: Readers,
        admission: Admission,
        arrivals: Arrivals,
        attendance: Attendance,
        given: GivenToGuests,
        banned: Restrictions,
        now: Callable[[], int],
        page_after: PageAfter,
        shared: Callable[[Address], bool],
    ) -> None:
        """`banned` are the bans from the server, which are kept up to date here; `now` tells
        microseconds since the Unix epoch; `page_after` reads a room's past; `shared`
        tells whether an address is that of a proxy.
        """
        targets = Targets(people, store, shared)
        self.rooms = Moderation(
            journal, people, rooms, readers, admission, targets, now, page_after
        )
        """What owners and ops do in rooms."""
        self.server = ServerBans(journal, readers, targets, store, banned, now)
        """What administrators do with the whole server."""
        self.invites = Invites(journal, rooms, readers, admission, store, now)
        """Invites by link."""
        self.consequences = Consequences(
            clock, journal, people, rooms, readers, arrivals, attendance, store, given, banned
        )
        """What follows from what is shown."""

    @property
    def commands(self) -> Commands:
        """What carries out each command: see `ChatService.perform`."""
        return {**self.rooms.commands, **self.server.commands}
