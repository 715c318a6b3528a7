"""One client of the IRC door, as its commands see it: its identity, reader and output.

1. A client knows no transport: it has a `Link`.
2. Until it has registered, a client has an `Applicant` and no person.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from itertools import count
from typing import Any, ClassVar, Protocol

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall

from ...chat.accounts import Proof
from ...chat.deputy import Deputy
from ...chat.person import Person
from ...chat.sessions import Session
from ...codecs.irc import numerics
from ...codecs.irc.capabilities import effective
from ...codecs.irc.events import to_bytes
from ...codecs.irc.labels import label_of
from ...codecs.irc.masks import fold
from ...codecs.irc.message import form
from ...codecs.irc.moments import server_time
from ...codecs.irc.multiline import Multiline
from ...codecs.irc.profile import Profile
from ...codecs.irc.signin import PlainExchange
from ...model.addresses import Address
from ...model.errors import ChatError
from ...model.letters import named_in
from ...model.metrics import RARE
from ...stream.subscriber import Subscriber
from ..linequeue import WaitForAcks
from .answers import Answers
from .door import IrcDoor
from .reader import IrcReader

MOST_JOINS = 100
"""Channels of one client whose last join is remembered: those that it joined last."""
MOST_MARKERS = 1000
"""Read markers of one client that are remembered: those that were set last."""


class Link(Protocol):
    """The connection under a client."""

    address: Address
    secure: bool
    """Whether passwords may be sent over it."""

    @property
    def encrypted(self) -> bool:
        """Whether it uses TLS, here or to a trusted proxy."""

    def send(self, data: bytes) -> None:
        """Send lines with their ends."""

    def start(self, subscriber: Subscriber) -> None:
        """Start a subscriber, whose batches may be written as they are."""

    def work(self) -> None:
        """Carry out the lines that have waited for an outcome."""

    def finish(self) -> None:
        """Close, once the client has read what it was sent."""


class Applicant:
    """The state of a client that has not registered yet."""

    def __init__(self) -> None:
        self.nick = ""
        self.user = ""
        self.realname = ""
        self.negotiating = False
        """Whether it negotiates capabilities, so that registration waits for `CAP END`."""
        self.away = ""
        self.entering = False
        """Whether its person is coming in."""
        self.exchange: PlainExchange | None = None
        """The sign-in that is under way."""
        self.proof: Proof | None = None
        """The proof of its sign-in, if it has signed in."""
        self.reached: int | None = None
        """The id up to which private messages had reached the account before; None: that is not
        needed, because the client is shown nothing that came while the account was away."""


class IrcClient(ABC):
    """One client; `chatd.doors.irc.shell` carries out its lines."""

    commands: ClassVar[Mapping[str, Any]]
    """The commands, by name: rows of `chatd.doors.irc.commands`."""

    def __init__(self, door: IrcDoor, link: Link) -> None:
        self.door = door
        self.service = door.service
        self.link = link
        self.server = door.told.name
        self.applicant: Applicant | None = Applicant()
        """None once the client has registered."""
        self.asked_for: frozenset[str] = frozenset()
        """The capabilities that it asked for."""
        self.capabilities: frozenset[str] = frozenset()
        """The capabilities in effect: those, and those that they imply."""
        self.cap_version = 0
        self.session: Session | None = None
        self.reader: IrcReader | None = None
        self.unanswered = 0
        """The number of commands whose outcome is not known yet."""
        self.changing = 0
        """The number of these commands for whose outcome every later line waits."""
        self.answers = Answers(self.service.clock)
        self.ended = False
        self.parting = ""
        self.batch: Multiline | None = None
        """The message in several lines that it is sending."""
        self.monitored: dict[str, str] = {}
        """The names that it watches, by their keys."""
        self.markers: dict[str, int] = {}
        """The id up to which the client has read, by `marker_key` of the target."""
        self.marking = ""
        """The `marker_key` that the client's own command is setting, which its answer reports."""
        self.joined: dict[str, int] = {}
        """The id at which the client last joined each channel, which uses up its invitations."""
        self.away = ""
        """See `Watcher.away`."""
        self.spoke = self.service.clock.seconds()
        """See `Watcher.spoke`."""
        self.wallops = False
        self.deputy: Deputy | None = None
        """The administrator's account on whose behalf it acts after OPER."""
        self.lags = False
        """Whether the person was changed while commands had no outcome."""
        self._changed: IDelayedCall | None = None
        self._refs = count(1)
        door.unregistered += 1

    # -- identity --------------------------------------------------------------------------------

    @property
    def person(self) -> Person | None:
        """Its person, once it has registered."""
        return self.session.person if self.session else None

    @property
    def over(self) -> bool:
        """Whether the client has ended: it has neither a person nor an applicant."""
        return self.session is None and self.applicant is None

    @property
    def nick(self) -> str:
        """The client's nick; `*` before it has sent one."""
        if self.session:
            return self.session.person.name
        return (self.applicant and self.applicant.nick) or "*"

    @property
    def encrypted(self) -> bool:
        """See `Watcher.encrypted`."""
        return self.link.encrypted

    @property
    def subscriber(self) -> Subscriber | None:
        """Its subscriber, once it has registered."""
        return self.reader.subscriber if self.reader else None

    @property
    def operator(self) -> bool:
        """Whether it has an administrator's rights, after OPER: as long as the account has them."""
        return self.deputy is not None and self.deputy.admin

    @property
    def moderator(self) -> Person:
        """The person as whom it moderates: after OPER, the administrator's account."""
        deputy, person = self.deputy, self.person
        assert person is not None
        return person if deputy is None or deputy.key == person.account else deputy

    def step_down(self) -> None:
        """Withdraw the administrator's rights."""
        self.deputy = None
        self.door.deputies.discard(self)

    def may(self, capability: str) -> bool:
        """Whether it has a capability."""
        return capability in self.capabilities

    def source(self) -> str:
        """Its own `nick!user@host`."""
        name = self.nick
        who = self.door.who(name)
        return f"{name}!{who.user}@{who.host}"

    # -- writing ---------------------------------------------------------------------------------

    def write(self, lines: list[str]) -> None:
        """Write lines."""
        if lines:
            self.link.send(to_bytes(lines))

    def numeric(self, numeric: numerics.Numeric, *given: str) -> None:
        """Write a numeric that answers no command."""
        if refused := numerics.refused_as(numeric):
            RARE.refusals[refused] += 1
        self.write([self.numbered(numeric, *given)])

    def numbered(self, numeric: numerics.Numeric, *given: str) -> str:
        """A numeric, as a line."""
        return numerics.write(numeric, self.server, self.nick, *given)

    def notice(self, text: str, target: str = "") -> None:
        """Write a notice of the server."""
        self.write([self.noticed(text, target)])

    def noticed(self, text: str, target: str = "") -> str:
        """A notice of the server, as a line."""
        return form("NOTICE", target or self.nick, text=text, source=self.server)

    def next_ref(self) -> str:
        """A new name for a batch."""
        return f"r{next(self._refs)}"

    def label_of(self, tags: Mapping[str, str]) -> str:
        """The label of a command, if the client may label."""
        return label_of(tags) if self.may("labeled-response") else ""

    # -- what a shell does -----------------------------------------------------------------------

    @abstractmethod
    def register(self) -> None:
        """Register, if the client has sent everything that registration needs."""

    @abstractmethod
    def follow_person(self) -> None:
        """Read the person's present rooms, and apply the person's present ignore list."""

    # -- the person, whom other sessions may move ------------------------------------------------

    def watch_person(self) -> None:
        """From now on, follow the person when another session joins or leaves a room."""
        assert self.person is not None
        if self.person.listeners is None:
            self.person.listeners = set()
        self.person.listeners.add(self._person_changed)

    def _person_changed(self) -> None:
        if self._changed is None:
            self._changed = self.service.clock.callLater(0, self._follow)

    def _follow(self) -> None:
        self._changed = None
        self.lags = bool(self.unanswered)
        if not (self.lags or self.ended):
            self.follow_person()

    def settle(self) -> None:
        """The outcome of a command is known: follow the person, if that had to wait for it."""
        if self.lags and not self.unanswered:
            self._follow()

    def catch_up(self) -> None:
        """Write what the client's commands have caused.  Raises `WaitForAcks` if one of them has no
        outcome yet.
        """
        if self.unanswered:
            raise WaitForAcks
        self.catch_up_with_events()

    def catch_up_with_events(self) -> None:
        """Write the events that have been shown."""
        if self.subscriber is not None:
            self.subscriber.wake()

    def go_on(self) -> None:
        """An outcome is known: do what has waited for it."""
        self.settle()
        self.link.work()

    # -- its state -------------------------------------------------------------------------------

    def set_capabilities(self, asked_for: frozenset[str]) -> None:
        """The client has these capabilities from now on."""
        self.asked_for = asked_for
        self.capabilities = effective(asked_for)
        if self.reader is not None:
            self.reader.read_with(self.door.codec(Profile.of(self.capabilities)))

    def end(self, why: str) -> None:
        """Say why, and close."""
        self.ended = True
        self.write([form("ERROR", text=f"closing link: {why}")])
        self.link.finish()

    def closed(self) -> None:
        """The connection is lost: end the session."""
        self.ended = True
        if self.applicant is not None:
            self.door.unregistered -= 1
            self.applicant = None
        for key in self.monitored:
            self.door.monitors.discard(key, self)
        self.door.clients.discard(self)
        self.step_down()
        if self.person is not None and self.person.listeners is not None:
            self.person.listeners.discard(self._person_changed)
        if self._changed is not None:
            self._changed.cancel()
            self._changed = None
        person = self.person
        self.leave()
        self.session = None
        if person is not None and not person.ended:  # it has other sessions
            why = self.door.away_of(person)
            away = self.service.signals.away(person, why, counted=False)
            away.addErrback(lambda failure: failure.trap(ChatError))
        if self.reader is not None:
            self.reader.subscriber.stop()
            self.reader = None

    def leave(self) -> Deferred[int | None]:
        """End the session; fires when its person has left, if this was its last session."""
        session = self.session
        if session is None or session.over:
            return succeed(None)
        session.over = True
        if self.reader is not None:
            self.reader.subscriber.stop()
        return self.service.signed_in.disconnect(session, self.parting)

    # -- callbacks of the reader and the door ----------------------------------------------------

    def send(self, data: bytes) -> None:
        """See `Wire.send`."""
        self.link.send(data)

    def gap(self, room: str, missed: int | None) -> None:
        """See `Wire.gap`."""
        self.write([self.missed(room, missed)])

    def missed(self, room: str, count: int | None) -> str:
        """A gap, as a line: `count` events are kept nowhere; None if their number is unknown."""
        how_many = f"{count} messages" if count else "messages"
        where = f" in #{room}" if room else ""
        return self.noticed(f"{how_many} were missed{where}", f"#{room}" if room else "")

    def marked(self, room: str, marker: int) -> None:
        """See `Wire.marked`."""
        target = named_in(room) or f"#{room}"
        key = marker_key(target)
        self.note_marker(key, marker)
        if self.may("draft/read-marker") and self.marking != key:
            self.write([self.marker_line(target)])

    def note_marker(self, key: str, marker: int) -> int:
        """Set the client's read marker; returns the marker, which never goes back."""
        marker = self.markers[key] = max(marker, self.markers.pop(key, 0))
        while len(self.markers) > MOST_MARKERS:
            del self.markers[next(iter(self.markers))]
        return marker

    def note_join(self, room: str, id_: int) -> None:
        """The client has joined a channel by the event of that id."""
        self.joined.pop(room, None)
        self.joined[room] = id_
        while len(self.joined) > MOST_JOINS:
            del self.joined[next(iter(self.joined))]

    def marker_line(self, target: str) -> str:
        """The read marker of a target, as a line."""
        id_ = self.markers.get(marker_key(target))
        read = f"timestamp={server_time(id_)}" if id_ is not None else "*"
        return form("MARKREAD", target, read, source=self.server)

    def put_out(self, room: str, error: ChatError) -> None:
        """See `Wire.put_out`."""
        self.write([form("KICK", f"#{room}", self.nick, text=error.message, source=self.server)])

    def turn_out(self, error: ChatError) -> None:
        """See `Wire.turn_out`."""
        self.parting = self.parting or error.message
        self.end(error.message)

    def person_came(self, name: str) -> None:
        """See `Watcher.person_came`."""
        who = self.door.who(name)
        self.numeric(numerics.MONONLINE, f"{name}!{who.user}@{who.host}")

    def person_went(self, name: str) -> None:
        """See `Watcher.person_went`."""
        self.numeric(numerics.MONOFFLINE, name)


def marker_key(target: str) -> str:
    """The key of a marker's target: a channel with its `#`, or a name."""
    return target.casefold() if target.startswith("#") else fold(target)
