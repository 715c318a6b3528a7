"""The base of every door that pushes: a connection that is the outlet of one reader.

1. A connection has one reader at most, and none before `start_reading`.  While the client does not
   read, the reader's cursor does not move (`chatd.net.flow`).
2. Until all events stored when the reader began have been sent, each batch goes through `deliver`.
   Afterwards batches without gaps are written to the transport directly, past this class.
3. When the gate ends the reader, the connection sends the reason in the codec's format, and closes.
4. When the server goes down, or the client has read nothing for the stall timeout, the connection
   sends the reason and the time after which the client should reconnect.  That time is random, so
   that clients do not reconnect all at once.
"""

from __future__ import annotations

from collections.abc import Sequence

from twisted.internet.defer import Deferred, FirstError, maybeDeferred
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure

from ..chat.owners import Owner
from ..chat.readers import View
from ..chat.room import Room
from ..chat.service import ChatService
from ..codecs.streams import ClosingCodec, PushCodec
from ..model.addresses import Address, address_of
from ..model.errors import ChatError, TooSlow, Unavailable, internal_error
from ..model.metrics import RARE
from ..net.flow import FlowControlled, TcpConnection
from ..net.heartbeat import Heartbeat
from ..net.peers import GOING_DOWN, RETRY_SECONDS, Peers, spread
from ..net.stalls import TOO_SLOW
from ..net.tcp import enable_direct_writes
from ..stream.batch import Batch
from ..stream.subscriber import Subscriber
from .reading import load_rooms

_log = Logger()


class Pushing(FlowControlled):
    """A connection that is the outlet of one reader (`chatd.stream.outlet.Outlet`)."""

    codec: PushCodec
    heartbeat: Heartbeat
    brief = False
    beat_part = -1
    reader: Subscriber | None = None

    def start_reading(self, reader: Subscriber) -> None:
        """Start `reader`, whose batches this connection sends."""
        self.reader = reader
        if self.codec.heartbeat:
            self.heartbeat.add(self)
        if self.full:
            reader.pause()
        reader.start()
        reader.when_caught_up(self._has_caught_up)

    def stop_reading(self) -> None:
        """Stop the reader."""
        if self.reader:
            self.reader.stop()

    def deliver(self, batch: Batch) -> bool:
        """Write a batch, its gap first."""
        if batch.gaps:
            RARE.gaps += 1
            self.transport.write(self.codec.gap)
        if batch.chunk:
            self.transport.write(batch.chunk)
        return True

    def removed(self, room: str, error: ChatError) -> None:
        """See `Outlet.removed`."""
        self.transport.write(self.codec.removed(room, error))

    def marked(self, room: str, marker: int) -> None:
        """See `Outlet.marked`."""
        if told := self.codec.marked(room, marker):
            self.transport.write(told)

    def beat(self) -> None:
        """Send a heartbeat."""
        if not (self.full or self.is_closing):
            self.transport.write(self.codec.heartbeat)

    def _has_caught_up(self) -> None:
        """All events stored when the reader began have been sent: send `ready`, write directly."""
        reader = self.reader
        assert reader is not None
        if ready := self.codec.ready(reader.cursor):
            self.transport.write(ready)
        reader.push(self.transport.write)
        enable_direct_writes(self.transport, reader)

    # -- the transport's side --------------------------------------------------------------------

    def filled(self) -> None:
        """The client reads too slowly: pause the reader."""
        if self.reader:
            self.reader.pause()
        super().filled()

    def drained(self) -> None:
        """The client has read all that was sent: resume the reader."""
        if self.reader:
            self.reader.resume()
        super().drained()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The connection is closed; rooms without other readers may be evicted from memory."""
        self.stop_reading()
        if self.beat_part >= 0:
            self.heartbeat.discard(self)
        super().connectionLost(reason)


class PushStream(Pushing):
    """A connection whose codec can encode the reason for its end."""

    codec: ClosingCodec

    def revoked(self, error: ChatError) -> None:
        """See `Outlet.revoked`."""
        self.close(self.codec.revoked(error))

    def drain(self) -> None:
        """See `Connected.drain`: send the remaining events, then the reason, and close."""
        if self.reader:
            self.reader.wake()
        self.close_with_reason(Unavailable.code, GOING_DOWN)

    def disconnect(self) -> None:
        """See `Reader.disconnect`.  The reason follows the last complete batch."""
        self.close_with_reason(TooSlow.code, TOO_SLOW)

    def close_with_reason(self, code: str, why: str) -> None:
        """Send the reason and the time after which to reconnect, and close the connection."""
        self.close(self.codec.farewell(code, why, spread(RETRY_SECONDS)))

    def close(self, farewell: bytes = b"") -> None:
        """Stop the reader, write the farewell and the codec's end, and close the connection."""
        self.stop_reading()
        if self.is_closing:
            return
        if farewell := farewell + self.codec.end:
            self.transport.write(farewell)
        self.hang_up()


class PushConnection(PushStream, TcpConnection):
    """A connection of a door over TCP or TLS.

    A subclass sets `codec`, and starts its reader in `begin`.  Input from the client is ignored;
    for doors that take commands, see `chatd.doors.speaking`.
    """

    def __init__(self, door: PushFactory, address: Address) -> None:
        super().__init__(door.peers)
        self.service = door.service
        self.heartbeat = door.heartbeat
        self.address = address

    def begin(self) -> None:
        """The connection is established, with TLS if any: call `read_rooms`, or `read`."""
        raise NotImplementedError

    def established(self) -> None:
        """See `TcpConnection.established`."""
        self.begin()

    def read_rooms(self, owner: Owner, *names: str) -> Deferred[None]:
        """Load rooms, and start a reader at their end.  A refusal ends the connection."""
        loading = maybeDeferred(load_rooms, self.service, names)
        return loading.addCallback(self._read_loaded, owner).addErrback(self._could_not_read)

    def read(self, owner: Owner, views: Sequence[View], cursor: int | None = None) -> None:
        """Start a reader of `views` for `owner`, at `cursor`, or at the newest event if it is None.

        A refusal ends the connection.
        """
        if self.is_closing:
            return
        begin = self.service.horizon if cursor is None else cursor
        try:
            reader = self.service.readers.open(owner, views, self, begin)
        except ChatError as error:
            self.revoked(error)
        else:
            self.start_reading(reader)

    def _read_loaded(self, rooms: Sequence[Room], owner: Owner) -> None:
        self.read(owner, [(room, self.codec) for room in rooms])

    def _could_not_read(self, failure: Failure) -> None:
        self.revoked(refusal_of(failure, "rooms could not be loaded"))

    def drain(self) -> None:
        """See `Connected.drain`."""
        if not self.cut_handshake():
            super().drain()


class PushFactory(Factory):
    """The factory of a door: makes connections of one class to one chat."""

    noisy = False

    def __init__(
        self, connection: type[PushConnection], service: ChatService, peers: Peers
    ) -> None:
        self.connection = connection
        self.service = service
        self.peers = peers
        self.heartbeat = Heartbeat(service.clock)

    def buildProtocol(self, addr: IAddress | None) -> PushConnection:
        """A connection for a client that has just arrived."""
        return self.connection(self, address_of(getattr(addr, "host", None)))

    def rejection(self, error: ChatError) -> bytes:
        """The bytes to a client whose connection is refused, with the error's message unchanged."""
        return self.connection.codec.revoked(error)


def refusal_of(failure: Failure, what: str) -> ChatError:
    """The error to send to a client for a failure.

    A failure that is no `ChatError` is a bug: it is logged as `what` (`internal_error`).
    """
    if isinstance(failure.value, FirstError):
        failure = failure.value.subFailure
    if isinstance(failure.value, ChatError):
        return failure.value
    return internal_error(_log, what, failure)
