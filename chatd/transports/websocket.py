"""The WebSocket door: events one way, commands the other, a JSON object in each text frame.

1. A connection is a subscriber that pushes; frames are made once and shared.
2. Without a session it only reads, until it gives its first command: then it is a guest, like a
   fresh telnet connection, and leaves when it ends.
3. A command's answer (`ack`, `error`) comes with the `ref` that it was sent with.  What is said
   again with the same `ref` is not said again: like an `Idempotency-Key`, it is the session's.
"""

from __future__ import annotations

import secrets

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from ..addresses import Address
from ..codecs.websocket import GAP, WEBSOCKET, Sent, ack, error, pong, read, ready, ref_of
from ..commands import Act, Command, Join, Leave, Say, Tell
from ..errors import ChatError, NoSuchPerson
from ..session import Session
from ..subscriber import Batch
from .access import ABSENT, Access, owner
from .liveness import SILENT_BEATS
from .reading import Reading
from .tcp import lend
from .wsprotocol import NORMAL, UNSUPPORTED, WebSocketProtocol


class ChatSocket(WebSocketProtocol):
    """One WebSocket client: an outlet that pushes, and where its commands come in."""

    brief = False

    def __init__(self, access: Access, reading: Reading, address: Address) -> None:
        super().__init__(access.service.clock, access.peers, access.max_body)
        self.reading = reading
        self._access = access
        self._address = address
        self._subscriber = reading.subscriber(self, WEBSOCKET)
        self._until: int | None = self._subscriber.stored
        """Up to where it has to be sent what was stored before it came; None: it has been."""
        self._guest: Session | None = None
        self._unanswered = 0
        self._leaving = False

    def opened(self) -> None:
        """Begin to read."""
        self.reading.begin(self)
        self._access.heartbeat.add(self)
        self._subscriber.start()
        if self._until is not None and self._subscriber.caught_up:
            self._is_ready()

    def closing(self) -> None:
        """Nothing may follow a close."""
        self._subscriber.stop()

    def closed(self) -> None:
        """The connection is gone; a guest has left with it."""
        self._access.heartbeat.discard(self)
        self._subscriber.stop()
        self.reading.end(self, dead=self.silent >= SILENT_BEATS)
        if self._guest:
            self._access.service.end(self._guest)

    def dismiss(self) -> None:
        """The session is over."""
        self.close(NORMAL, "the session is over")

    def beat(self) -> None:
        """Give a sign of life."""
        self.ping()

    def pauseProducing(self) -> None:
        """The client reads too slowly: its cursor stays, and its commands wait."""
        self._subscriber.pause()
        super().pauseProducing()

    def drained(self) -> None:
        """The client has caught up."""
        self._subscriber.resume()

    def deliver(self, batch: Batch) -> bool:
        """Write a batch, its gap first."""
        if batch.gaps:
            self.transport.write(GAP)
        if batch.chunk:
            self.transport.write(batch.chunk)
        if self._until is not None and (batch.end or batch.cursor >= self._until):
            self._is_ready()
        return True

    def _is_ready(self) -> None:
        """It has been sent all that was stored when it came; from here on the shortest way is
        taken (`Subscriber.push`).
        """
        self._until = None
        self.transport.write(ready(self._subscriber.cursor))
        self._subscriber.push(self.transport.write)
        lend(self.transport, self._subscriber)

    # -- commands --------------------------------------------------------------------------------

    def bytes_received(self, data: bytes) -> None:
        """Nothing here is binary."""
        self.close(UNSUPPORTED, "send JSON in text frames")

    def text_received(self, text: str) -> None:
        """A command."""
        try:
            sent = read(text)
        except ChatError as refusal:
            self.write(error(ref_of(text), refusal))
            return
        try:
            command = sent.command("" if self.reading.several else self.reading.rooms[0].name)
            if command is None:
                self.write(pong(sent.ref))
                return
            performed = self._perform(command, sent.ref)
        except NoSuchPerson:
            self.write(error(sent.ref, NoSuchPerson(ABSENT)))
            return
        except ChatError as refusal:
            self.write(error(sent.ref, refusal))
            return
        self._unanswered += 1
        performed.addCallback(lambda id_: self.write(ack(sent.ref, id_)))
        performed.addErrback(self._refused, sent)
        performed.addBoth(self._answered)

    def _perform(self, command: Command, ref: str | None) -> Deferred[int | None]:
        session, perform = self._session(), self._access.service.perform
        if ref and isinstance(command, Say | Act | Tell):
            who = owner(self.reading.lease) if self.reading.lease else self._guest_key
            return self._access.once(
                who, ref, command, lambda mark: perform(session, command, mark)
            )
        performed = perform(session, command)
        if self.reading.several and isinstance(command, Join | Leave):
            self._read_also(command)
        return performed

    def _refused(self, failure: Failure, sent: Sent) -> None:
        failure.trap(ChatError)
        assert isinstance(failure.value, ChatError)
        self.write(error(sent.ref, failure.value))

    def _answered(self, _: object) -> None:
        self._unanswered -= 1
        if self._leaving:
            self.drain()

    @property
    def owed(self) -> bool:
        """See `Connected.owed`."""
        return self._unanswered > 0

    def drain(self) -> None:
        """See `Connected.drain`."""
        self._leaving = True
        if not self.owed:
            self._subscriber.wake()
            super().drain()

    def _session(self) -> Session:
        """Who gives the commands."""
        if self.reading.lease:
            return self.reading.lease.session
        if self._guest is None:
            self._guest = self._access.service.enter(address=self._address)
            self._guest_key = secrets.token_hex(8)
        return self._guest

    def _read_also(self, command: Join | Leave) -> None:
        """On `/events` a room that is joined is read from there on, and one that is left no
        more.
        """
        service = self._access.service
        feed = service.room(command.room).feed(WEBSOCKET)
        others = [own for own in self._subscriber.feeds if own is not feed]
        joined = [feed] if isinstance(command, Join) else []
        self._subscriber.change([*others, *joined], service.horizon)
