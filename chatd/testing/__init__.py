"""Doubles for tests: a chat without a network, and without waiting.

chat = InMemoryChat()
ada = chat.enter("ada")
chat.perform(ada, Say("lobby", "hello"))
assert chat.texts("lobby") == ["hello"]
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IAddress, IProtocolFactory
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from ..chat.limits import Limits
from ..chat.passwords import Cost, Passwords
from ..chat.person import Person
from ..chat.room import Room
from ..chat.rules import OPEN_TO_ALL, Rules
from ..chat.service import ChatService
from ..model.addresses import LOCAL, Address
from ..model.commands import Command
from ..model.errors import ChatError
from ..model.events import MESSAGES
from ..model.policy import Policy
from ..stream.batch import Batch
from ..stream.eventlog import Entry
from ..stream.subscriber import Subscriber
from .clock import StrictClock
from .stores import RefusingStore

T = TypeVar("T")

MOST_TURNS = 10_000
"""Turns of the reactor after which `settle` gives up."""
START = 1_763_819_000.0
"""The time at which the clock of an `InMemoryChat` starts, in seconds since the Unix epoch."""


CHEAP = Cost(memory=8, passes=1)
"""What hashing a password costs in tests."""


class SoonPool:
    """Has jobs done without a thread, in the next turn; while it is held, not at all."""

    def __init__(self, clock: StrictClock) -> None:
        self._clock = clock
        self._waiting: list[Callable[[], object]] | None = None

    def do(self, job: Callable[[], T]) -> Deferred[T]:
        """See `chatd.chat.passwords.Pool.do`."""
        done: Deferred[Any] = Deferred()

        def work() -> None:
            maybeDeferred(job).chainDeferred(done)

        if self._waiting is None:
            self._clock.callLater(0, work)
        else:
            self._waiting.append(work)
        return done

    def hold(self) -> None:
        """Do nothing from now on."""
        self._waiting = []

    def release(self) -> None:
        """Do what waits, and go on."""
        waiting, self._waiting = self._waiting or [], None
        for work in waiting:
            work()

    def stop(self) -> None:
        """See `chatd.chat.passwords.Pool.stop`."""


class InMemoryChat:
    """A whole chat in memory, on a clock that a test advances."""

    def __init__(
        self,
        *,
        history: int = 1000,
        max_text: int = 4096,
        message_rate: float = 0,
        policy: Policy | None = None,
        node: InMemoryChat | None = None,
        restarted: bool = False,
        rules: Rules = OPEN_TO_ALL,
        shared: Callable[[Address], bool] = lambda address: False,
        **limits: Any,
    ) -> None:
        """Further `limits` are fields of `chatd.chat.limits.Limits`.

        With another chat as `node`, the two are nodes of one chat, with one clock and one store;
        if it is `restarted`, this one is what that has become, and has its name.
        """
        self.clock: StrictClock = node.clock if node else StrictClock()
        if not node:
            self.clock.advance(START)
        engine = node.store.engine if node else None
        self.store: RefusingStore = RefusingStore(
            self.clock, self.clock.seconds, history, engine=engine
        )
        self.passwords = SoonPool(self.clock)
        self.service = ChatService(
            self.clock,
            self.store,
            history=history,
            limits=Limits(message_rate=message_rate, text=max_text, **limits),
            policy=policy,
            node="b" if node and not restarted else "a",
            now=self.clock.seconds,
            passwords=Passwords(self.passwords, CHEAP),
            rules=rules,
            shared=shared,
        )
        opened = self.service.open()
        self.settle()
        result_of(opened)

    def settle(self) -> None:
        """Run all turns of the reactor that are due: accepted is stored, stored is shown."""
        for _ in range(MOST_TURNS):
            calls = self.clock.getDelayedCalls()
            if not calls or calls[0].getTime() > self.clock.seconds():
                break
            self.clock.advance(0)

    def advance(self, seconds: float) -> None:
        """Advance the clock; calls that become due run, each at its time."""
        self.settle()
        end = self.clock.seconds() + seconds
        while (calls := self.clock.getDelayedCalls()) and (due := calls[0].getTime()) < end:
            self.clock.advance(max(due - self.clock.seconds(), 0))
        self.clock.advance(max(end - self.clock.seconds(), 0))
        self.settle()

    def enter(self, name: str = "", address: Address = LOCAL) -> Person:
        """A person who has entered, under that name or as a guest."""
        entering = self.service.enter(name, address)
        self.settle()
        return result_of(entering)

    def perform(self, person: Person, command: Command) -> int | None:
        """Carry a command out.  Returns its outcome, or raises the `ChatError` that refused it."""
        performed = self.service.perform(person, command)
        self.settle()
        return result_of(performed)

    def room(self, name: str) -> Room:
        """A room, loaded."""
        loading = self.service.rooms.load(name)
        self.settle()
        return result_of(loading)

    def entries(self, room: str) -> list[Entry]:
        """The entries in a room's log."""
        return list(self.room(room).log.since(0).entries)

    def texts(self, room: str) -> list[str]:
        """The texts of the messages and actions in a room's log."""
        events = (entry.event for entry in self.entries(room))
        return [event.text for event in events if isinstance(event, MESSAGES)]

    def connect(self, factory: IProtocolFactory, peer: IAddress | None = None) -> FakeConnection:
        """A client's connection to a door, from the address `peer`."""
        return FakeConnection(factory, peer)


class FakeOutlet:
    """An outlet that keeps its batches; after `takes` batches it is full."""

    def __init__(self, *, polls: bool = False, takes: int | None = None) -> None:
        self.batches: list[Batch] = []
        self.polls = polls
        self.takes = takes
        self.revocations: list[ChatError] = []
        self.removals: list[tuple[str, ChatError]] = []
        self.subscriber: Subscriber | None = None

    def deliver(self, batch: Batch) -> bool:
        """Keep the batch."""
        self.batches.append(batch)
        if self.takes is not None:
            self.takes -= 1
            if self.takes <= 0 and self.subscriber:
                self.subscriber.pause()
        return not self.polls

    def revoked(self, error: ChatError) -> None:
        """Keep the reason."""
        self.revocations.append(error)

    def removed(self, room: str, error: ChatError) -> None:
        """Keep the room and the reason."""
        self.removals.append((room, error))

    @property
    def data(self) -> bytes:
        """Everything delivered."""
        return b"".join(batch.chunk for batch in self.batches)


class FakeConnection(StringTransport):
    """Both ends of a connection to a door: the transport of its protocol, and the client."""

    def __init__(self, factory: IProtocolFactory, peer: IAddress | None = None) -> None:
        super().__init__(peerAddress=peer)
        self.lost = False
        protocol = factory.buildProtocol(self.getPeer())
        assert protocol is not None
        self.protocol: Any = protocol
        protocol.makeConnection(self)

    def send(self, *parts: bytes) -> None:
        """The client sends bytes, each part in its own packet."""
        for part in parts:
            if not self.lost:
                self.protocol.dataReceived(part)

    def received(self) -> bytes:
        """The bytes that the client has received since the last call."""
        data = self.value()
        self.clear()
        return bytes(data)

    def end_input(self) -> None:
        """The client half-closes: its input has ended."""
        self.protocol.readConnectionLost()

    def hang_up(self, reason: Failure | None = None) -> None:
        """The connection is lost."""
        if self.lost:
            return
        self.lost = True
        protocol = self.protocol
        # As Twisted's transports do, so that no reference cycle is left.
        del self.protocol
        self.producer = None
        protocol.connectionLost(reason or Failure(ConnectionDone()))

    def fill(self) -> None:
        """The client stops reading, and all buffers are full."""
        assert self.producer is not None
        self.producer.pauseProducing()

    def drain(self) -> None:
        """The client reads again."""
        assert self.producer is not None
        self.producer.resumeProducing()

    def loseConnection(self) -> None:
        """The server closes the connection."""
        if not self.lost:
            super().loseConnection()
            self.hang_up()

    abortConnection = loseConnection

    def loseWriteConnection(self) -> None:
        """The server half-closes."""

    def setTcpNoDelay(self, enabled: bool) -> None:
        """Has no effect."""

    def setTcpKeepAlive(self, enabled: bool) -> None:
        """Has no effect."""


def result_of(deferred: Deferred[T]) -> T:
    """The result of a Deferred.

    Raises its failure, and `AssertionError` if it has not fired.
    """
    results: list[Any] = []
    deferred.addBoth(results.append)
    assert results, "the Deferred has not fired"
    if isinstance(results[0], Failure):
        results[0].raiseException()
    value: T = results[0]
    return value
