"""The parts of one chat that have to do with moderation: commands, invites, consequences."""

from __future__ import annotations

from collections.abc import Callable

from ..model.addresses import Address
from ..model.restrictions import Restrictions
from .attendance import Attendance
from .consequences import Consequences
from .core import Core
from .departures import Departures
from .guest_grants import GuestGrants
from .invites import Invites
from .moderation import Commands, Moderation
from .redactions import PageAfter
from .room_rulings import RoomRulings
from .serverbans import ServerBans
from .targets import Targets


class Moderators:
    """Moderation in one chat."""

    def __init__(
        self,
        core: Core,
        departures: Departures,
        attendance: Attendance,
        grants: GuestGrants,
        banned: Restrictions,
        now: Callable[[], int],
        page_after: PageAfter,
        shared: Callable[[Address], bool],
    ) -> None:
        """`banned` are the bans from the server, which are kept up to date here; `now` tells
        microseconds since the Unix epoch; `page_after` reads a room's history; `shared` tells
        whether an address is a proxy's.
        """
        targets = Targets(core.people, core.store, shared)
        rulings = RoomRulings(core, targets, now)
        self.rooms = Moderation(core, targets, rulings, now, page_after)
        """What owners and ops do in rooms."""
        self.server = ServerBans(core, targets, banned, now)
        """What administrators do for the whole server."""
        self.invites = Invites(core, rulings, now)
        """Invites by link."""
        self.consequences = Consequences(core, departures, attendance, grants, banned)
        """What each node does when a unit of a moderator was shown."""

    @property
    def commands(self) -> Commands:
        """What carries out each command: see `ChatService.perform`."""
        return {**self.rooms.commands, **self.server.commands}
