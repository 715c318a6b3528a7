"""State that the connections of the IRC door share: the server's name, codecs, and monitors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Protocol
from weakref import WeakSet

from twisted.internet.defer import Deferred

from ...chat.cards import Known
from ...chat.elsewhere import Elsewhere
from ...chat.person import Person
from ...chat.service import ChatService
from ...codecs.irc.earlier_values import EarlierValues
from ...codecs.irc.events import IrcCodec
from ...codecs.irc.masks import is_server_name
from ...codecs.irc.modes import letter_of
from ...codecs.irc.profile import Profile, Sender
from ...model.identity import subject_of
from ...net.deadlines import Deadlines
from ...net.peers import Peers
from .unshown import Unshown

VERSION = f"chatd-{version('chatd')}"
"""The server's version, as clients see it."""


@dataclass(frozen=True)
class Told:
    """What IRC clients see of the server itself."""

    name: str = "irc.chatd"
    """The server's name; it contains a dot."""
    network: str = "chatd"
    motd: Sequence[str] = ()
    """The lines of the message of the day."""


class Watcher(Protocol):
    """A client, as the others see it."""

    away: str
    """Why its user is away from this client; empty: the user is there."""

    spoke: float
    """When it last sent a message, or else connected, on the service's clock."""

    @property
    def encrypted(self) -> bool:
        """Whether its connection uses TLS."""

    @property
    def person(self) -> Person | None:
        """Its person, once it has registered."""

    @property
    def operator(self) -> bool:
        """Whether it has an administrator's rights, after OPER."""

    def person_came(self, name: str) -> None:
        """A person has taken a name that the client monitors."""

    def person_went(self, name: str) -> None:
        """A person has given up a name that the client monitors."""


@dataclass
class Monitors:
    """The clients that monitor names, by the names' keys."""

    _by_key: dict[str, WeakSet[Watcher]] = field(default_factory=dict)

    def add(self, key: str, client: Watcher) -> None:
        """Let a client monitor a name."""
        self._by_key.setdefault(key, WeakSet()).add(client)

    def discard(self, key: str, client: Watcher) -> None:
        """Let a client monitor a name no longer."""
        watching = self._by_key.get(key)
        if watching is not None:
            watching.discard(client)
            if not watching:
                del self._by_key[key]

    def of(self, key: str) -> list[Watcher]:
        """The clients that monitor a name."""
        return list(self._by_key.get(key, ()))


class IrcDoor:
    """The IRC door to one chat."""

    def __init__(self, service: ChatService, peers: Peers, told: Told = Told()) -> None:
        self.service = service
        self.peers = peers
        self.told = told
        self.monitors = Monitors()
        self.deadlines = Deadlines(service.clock)
        self.unshown = Unshown(service.clock)
        self.clients: WeakSet[Watcher] = WeakSet()
        """The registered clients."""
        self.unregistered = 0
        """Connections that have not registered yet."""
        self.most = 0
        """The highest number of people present at one time."""
        self.deputies: WeakSet[Watcher] = WeakSet()
        """The clients that have got an administrator's rights with OPER."""
        self._codecs: dict[Profile, IrcCodec] = {}
        self.earlier = EarlierValues()
        service.people.observers.append(self)

    def ready(self) -> Deferred[None]:
        """Fires when the key for host names is loaded.  Fails with `Unavailable`."""
        return self.service.cards.ready()

    def codec(self, profile: Profile) -> IrcCodec:
        """The encoder for clients with that profile."""
        codec = self._codecs.get(profile)
        if codec is None:
            codec = self._codecs[profile] = IrcCodec(
                profile, self.who, self.told.name, self.earlier, self.as_guest, self.role_of
            )
        return codec

    def who(self, name: str, account: bool = False) -> Sender:
        """What IRC shows of the present or last holder of a name."""
        return sender_of(self.service.cards.of(name, account=account))

    def as_guest(self, name: str) -> Sender:
        """What IRC showed of a person before it registered its name in this session."""
        return sender_of(self.service.cards.as_guest(name))

    def role_of(self, room: str, name: str) -> str:
        """The mode letter of a person's role in a room; empty for none."""
        live = self.service.rooms.live(room)
        if live is None or not live.rights.roles:
            return ""
        holder = self.service.people.find(name)
        grant = holder and live.rights.roles.get(subject_of(holder.id, holder.account))
        return letter_of(grant.role.word) if grant else ""

    def away_of(self, person: Person, text: str = "") -> str:
        """Why a person is away, `text` if one session has just said so.  Empty unless all sessions
        are away; those of other doors never are.
        """
        if text and person.sessions == 1:
            return text
        said = [client.away for client in self.clients_of(person)]
        return (text or said[0]) if said and all(said) else ""

    def clients_of(self, person: Person) -> list[Watcher]:
        """The person's IRC clients on this node.  Empty if the person has another session, because
        this door does not know what that session does.
        """
        found = [client for client in self.clients if client.person is person]
        return found if len(found) >= person.sessions else []

    def operators(self) -> list[Watcher]:
        """The clients that have an administrator's rights now."""
        return [client for client in self.deputies if client.operator]

    # -- observer of people ----------------------------------------------------------------------

    def came(self, person: Person | Elsewhere) -> None:
        """See `PeopleObserver.came`."""
        self.most = max(self.most, len(self.service.people.held))
        for client in self.monitors.of(person.key):
            client.person_came(person.name)

    def went(self, person: Person | Elsewhere, id_: int) -> None:
        """See `PeopleObserver.went`."""
        for client in self.monitors.of(person.key):
            client.person_went(person.name)


def is_name(text: str) -> bool:
    """Whether a text can be a server's name."""
    return is_server_name(text)


def sender_of(known: Known) -> Sender:
    """A person's card as the codec needs it."""
    return Sender(
        known.user, known.host, known.account, known.realname or known.name, known.bot, known.away
    )
