"""The parts of one chat, and which other parts each of them needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from ..model.addresses import Address
from ..model.policy import Policy, RoomPolicy
from ..model.restrictions import MICROS, Restrictions
from ..store import Store
from ..stream.notifier import Notifier
from ..stream.turns import at_turn_end
from .account_lists import AccountLists
from .account_removal import AccountRemoval
from .account_sessions import AccountSessions
from .accounts import Accounts
from .administration import Administration
from .administrators import Administrators
from .admission import Admission
from .arrivals import Arrivals
from .attached import Attached
from .attempts import Attempts
from .attendance import Attendance
from .audit_trail import AuditTrail
from .cards import Cards
from .claims import Claims
from .connection_sessions import ConnectionSessions
from .core import Core
from .correspondence import Correspondence
from .credentials import Credentials
from .departures import Departures
from .fold import Fold
from .guest_grants import GuestGrants
from .http_sessions import Sessions
from .ignores import Ignores
from .inbox import Inboxes
from .journal import Journal
from .killing import Killing
from .letter_deletion import LetterDeletion
from .letters import Letters
from .limits import Limits
from .markers import Markers
from .moderators import Moderators
from .node_loss import NodeLoss
from .node_release import NodeRelease
from .nodes import Nodes
from .passwords import HashingPool, Passwords
from .past import Past
from .people import People
from .push import Push
from .readers import Readers
from .recent_letters import RecentLetters
from .registration import Registration
from .request_keys import RequestKeys
from .rooms import Rooms
from .rules import Rules
from .searches import Searches
from .session_registry import SessionRegistry
from .shared_tickets import SharedTickets
from .signals import Signals
from .signin import SignIn
from .speech import Speech
from .tokens import Tokens

_log = Logger()


class Parts:
    """The parts of a `ChatService`.  Each has a file of its own, and one job."""

    def __init__(
        self,
        clock: IReactorTime,
        store: Store,
        *,
        history: int,
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
        inboxes = Inboxes(lambda account: self.letters.archive(account), lambda: self.fold.horizon)
        self.people = People(node, inboxes)
        self.attached = Attached(node, self.people)
        self.recent_letters = RecentLetters(bool(node))
        self.notifier = Notifier(
            at_turn_end(clock), partial(clock.callLater, 0), _reader_failed, clock.seconds
        )
        self.rooms = Rooms(
            clock,
            store,
            self.notifier,
            history,
            lambda: self.admission.limits,
            lambda: self.fold.horizon,
        )
        self.letters = Letters(
            store, self.notifier, inboxes, lambda: self.fold.horizon, clock.seconds
        )
        """The private messages between accounts, for those who read them."""
        banned = Restrictions()

        def wall() -> float:
            return now() + store.ahead

        def micros() -> int:
            return int(wall() * MICROS)

        self.readers = Readers(self.rooms, policy or RoomPolicy(micros, banned, rules.guests))
        self.request_keys = RequestKeys(clock.seconds)
        self.past = Past(
            store,
            self.rooms,
            lambda: self.fold.horizon,
            lambda cursor: self.nodes.fork(cursor),
        )
        self.searches = Searches(
            store, self.rooms, self.readers, self.past.page_after, clock.seconds
        )
        self.journal = Journal(clock, store, history)
        self.accounts = Accounts(store)
        core = Core(
            clock,
            store,
            self.journal,
            self.accounts,
            self.people,
            self.rooms,
            self.readers,
            self.admission,
        )
        self.correspondence = Correspondence(core)
        self.letter_deletion = LetterDeletion(core, self.letters, micros)
        self.departures = Departures(core, self.attached)
        self.arrivals = Arrivals(core, self.departures, self.attached, self.recent_letters)
        self.attendance = Attendance(core, self.departures)
        registry, credentials = SessionRegistry(), Credentials(wall, store, self.accounts)
        self.sessions = Sessions(
            core, wall, registry, credentials, self.arrivals, self.departures, shared=bool(node)
        )
        self.tickets = SharedTickets(
            clock.seconds,
            micros,
            store,
            self.journal,
            self.admission,
            self.sessions,
            shared=bool(node),
        )
        connections = ConnectionSessions(registry, credentials, self.arrivals, self.departures)
        lists = AccountLists(self.journal)
        self.signed_in = AccountSessions(
            wall,
            store,
            self.journal,
            lists,
            self.sessions,
            connections,
            self.attached,
            self.people.start,
        )
        self.ignores = Ignores(self.journal, lists, self.accounts, self.people, self.admission)
        self.markers = Markers(
            store,
            self.admission,
            self.accounts,
            self.rooms,
            inboxes,
            self.readers,
            lambda: self.fold.horizon,
        )
        self.tokens = Tokens(wall, store, self.journal, lists, self.admission)
        self.claims = Claims(clock.seconds, self.journal, node, micros)
        self.administrators = Administrators()
        self.account_removal = AccountRemoval(core, self.correspondence, self.administrators)
        self.attempts = Attempts(clock, store, wall, shared=bool(node))
        self.passwords = passwords or Passwords(HashingPool(clock))
        grants = GuestGrants(self.rooms)
        moderators = Moderators(
            core,
            self.departures,
            self.attendance,
            grants,
            banned,
            micros,
            self.past.page_after,
            shared,
        )
        self.consequences = moderators.consequences
        self.moderation, self.server_bans = moderators.rooms, moderators.server
        self.invites, self.moderating = moderators.invites, moderators.commands
        registration = Registration(
            core,
            wall,
            self.departures,
            self.attendance,
            self.passwords,
            self.attempts,
            self.claims,
            self.invites,
            grants,
            rules,
        )
        self.sign_in = SignIn(
            wall,
            self.journal,
            self.accounts,
            self.passwords,
            self.attempts,
            registration,
            self.account_removal,
            rules,
        )
        self.audit_trail = AuditTrail(core, micros)
        self.killing = Killing(core, self.sessions, self.signed_in, micros)
        self.signals = Signals(core, shared=bool(node))
        self.cards = Cards(store, self.people)
        self.administration = Administration(
            core,
            micros,
            self.passwords,
            self.signed_in,
            self.account_removal,
            self.administrators,
        )
        self.speech = Speech(core, self.departures, self.attendance, self.correspondence)
        self.push = Push(core, self.letters, micros)
        self.node_loss = NodeLoss(core, self.departures, self.attached)
        self.node_release = NodeRelease(core, self.node_loss, self.attached, self.consequences)
        self.nodes = Nodes(
            core,
            self.node_loss,
            self.attached,
            self.consequences,
            [
                self.accounts.anew,
                self.sessions.anew,
                self.ignores.anew,
                self.consequences.anew,
                self.cards.anew,
                self.push.anew,
                lambda: self.fold.claims_anew(),
            ],
        )
        self.fold = Fold(self, store)

    def queues(self) -> Mapping[str, int]:
        """The lengths of the queues, counted now: see docs/metrics.md."""
        return {
            "store": self.journal.unstored,
            "fanout": self.notifier.pending,
            "passwords": self.passwords.under_way,
            "push": self.push.waiting,
        }


def _reader_failed(problem: Exception) -> None:
    _log.failure("a reader failed, and is dropped", Failure(problem))
