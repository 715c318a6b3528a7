"""The parts of one chat, and what each of them needs of the others."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from ..model.addresses import Address
from ..model.policy import Policy, RoomPolicy
from ..model.restrictions import MICROS, Restrictions
from ..store import Store
from ..stream.notifier import Notifier
from .accounts import Accounts
from .admission import Admission
from .arrivals import Arrivals
from .attached import Attached
from .attempts import Attempts
from .attendance import Attendance
from .claims import Claims
from .fold import Fold
from .given import GivenToGuests
from .ignores import Ignores
from .journal import Journal
from .lasting import Sessions
from .letters import Letters
from .limits import Limits
from .markers import Markers
from .moderators import Moderators
from .nodes import Nodes
from .passwords import HashingPool, Passwords
from .past import Past
from .people import People
from .readers import Readers
from .request_keys import RequestKeys
from .rooms import Rooms
from .rules import Rules
from .signedin import AccountSessions
from .signin import SignIn
from .speech import Speech
from .tokens import Tokens

_log = Logger()


class Parts:
    """What a `ChatService` is made of.  Each part has a file of its own, and one job."""

    def __init__(
        self,
        clock: IReactorTime,
        store: Store,
        *,
        history: int,
        max_text: int,
        limits: Limits,
        policy: Policy | None,
        node: str,
        now: Callable[[], float],
        passwords: Passwords | None,
        rules: Rules,
        shared: Callable[[Address], bool],
    ) -> None:
        """See `ChatService`."""
        self.admission = Admission(limits, clock.seconds)
        """Who is let in, and at which rate."""
        self.people = People(node)
        self.attached = Attached(node, self.people.start)
        """Which nodes have sessions of which persons."""
        self.letters = Letters(bool(node))
        self.notifier = Notifier(
            lambda wake: clock.callLater(0, wake), _reader_failed, clock.seconds
        )
        self.rooms = Rooms(
            clock,
            store,
            self.notifier,
            history,
            lambda: self.admission.limits,
            lambda: self.fold.horizon,
        )
        banned = Restrictions()

        def micros() -> int:
            return int(now() * MICROS)

        self.readers = Readers(self.rooms, policy or RoomPolicy(micros, banned, rules.guests))
        """The gate: the only maker of readers."""
        self.request_keys = RequestKeys(clock.seconds)
        self.past = Past(
            store,
            self.rooms,
            lambda: self.fold.horizon,
            lambda cursor: bool(self.nodes.lost) and self.nodes.was_lost(cursor),
        )
        self.journal = Journal(clock, store, history)
        self.accounts = Accounts(store)
        """The accounts: which names are registered."""
        self.arrivals = Arrivals(
            clock,
            self.journal,
            self.accounts,
            self.people,
            self.rooms,
            self.readers,
            self.admission,
            self.attached,
            self.letters,
            max_text,
        )
        self.attendance = Attendance(
            self.arrivals,
            self.journal,
            self.accounts,
            self.people,
            self.rooms,
            self.readers,
            self.admission,
            max_text,
        )
        self.sessions = Sessions(
            clock,
            now,
            store,
            self.accounts,
            self.arrivals,
            self.readers,
            self.admission,
            shared=bool(node),
        )
        """The sessions over HTTP."""
        self.signed_in = AccountSessions(now, store, self.journal, self.sessions)
        """The sessions of accounts, as they are kept."""
        self.ignores = Ignores(self.journal, self.accounts, self.people)
        """Whom people ignore."""
        self.markers = Markers(
            store, self.rooms, self.people, self.readers, lambda: self.fold.horizon
        )
        """How far accounts have read."""
        self.tokens = Tokens(now, store, self.journal)
        """The personal tokens of accounts."""
        self.claims = Claims(clock.seconds, self.journal)
        """How the first administrator proves to be it."""
        self.attempts = Attempts(clock, store, now)
        self.passwords = passwords or Passwords(HashingPool(clock))
        given = GivenToGuests(self.rooms)
        moderators = Moderators(
            clock,
            store,
            self.journal,
            self.people,
            self.rooms,
            self.readers,
            self.admission,
            self.arrivals,
            self.attendance,
            given,
            banned,
            micros,
            self.past.page_after,
            shared,
        )
        self.consequences = moderators.consequences
        self.moderation, self.server_bans = moderators.rooms, moderators.server
        self.invites, self.moderating = moderators.invites, moderators.commands
        self.sign_in = SignIn(
            now,
            self.journal,
            self.accounts,
            self.people,
            self.arrivals,
            self.attendance,
            self.admission,
            self.passwords,
            self.attempts,
            self.claims,
            self.invites,
            given,
            self.rooms,
            rules,
        )
        """Registering, and proving who one is."""
        self.speech = Speech(
            self.journal,
            self.accounts,
            self.people,
            self.rooms,
            self.readers,
            self.admission,
            self.arrivals,
            self.attendance,
            max_text,
        )
        self.nodes = Nodes(
            clock,
            store,
            self.people,
            self.rooms,
            self.readers,
            self.arrivals,
            self.attached,
            self.consequences,
            [
                self.accounts.anew,
                self.sessions.anew,
                self.ignores.anew,
                self.consequences.anew,
                lambda: self.fold.claims_anew(),
            ],
        )
        """This node among others."""
        self.fold = Fold(self, store)
        """What follows from what the store has stored."""


def _reader_failed(problem: Exception) -> None:
    _log.failure("a reader failed and is dropped", Failure(problem))
