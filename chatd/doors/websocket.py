"""The WebSocket door: events to the client, commands from it, one JSON object in each text frame.

1. A connection is a subscriber that pushes; frames are made once and shared by all readers.
2. A client without a session only reads, until it sends its first command.  Then it becomes a
   guest, like a new telnet connection, and the guest leaves when the connection ends.  Commands
   that arrive while the guest enters are carried out afterwards, even if the connection has ended.
3. The answer to a command (`ack`, `error`) has the command's `ref`.  A `ref` is an idempotency key,
   with the scope of an `Idempotency-Key`: a message that is repeated with it is not said again.
4. When the gate ends the reader, the client gets an `error` and the close code 1008.  If the gate
   takes one of several rooms away, the client gets `removed`, and the reader goes on.
"""

from __future__ import annotations

import secrets
from collections import deque

from twisted.internet.defer import Deferred, fail
from twisted.python.failure import Failure

from ..chat.person import Person
from ..chat.sessions import Session
from ..codecs.frames import Sent
from ..codecs.moderating import SentRedact
from ..codecs.websocket import (
    WEBSOCKET,
    SentSay,
    ack,
    error,
    pong,
    read,
    ref_of,
)
from ..http.wsprotocol import NORMAL, POLICY_VIOLATION, UNSUPPORTED, WebSocketProtocol
from ..model.addresses import Address
from ..model.commands import Act, Command, Join, Leave, Say, Tell
from ..model.errors import ChatError, Unavailable
from ..model.metrics import RARE
from ..model.moderation import RedactPrivately
from ..model.names import clean_room
from ..net.liveness import SILENT_BEATS
from ..net.peers import going_down
from ..stream.feed import Source
from ..stream.subscriber import Subscriber
from .access import Access, for_programs, key_owner
from .openings import KnownOpening
from .push_door import Pushing, refusal_of
from .reading import ReadQuery

MOST_EARLY = 100
"""Commands that may wait while the guest enters; the server refuses further ones."""


class ChatSocket(Pushing, WebSocketProtocol):
    """One WebSocket client: an outlet that pushes, and the source of its commands."""

    codec = WEBSOCKET
    reader: Subscriber
    opening: KnownOpening | None = None
    """How it began, if others may begin like it."""
    _guest: Session | None = None
    _entering: deque[Deferred[Person]] | None = None
    """The commands that wait for the guest to enter; None: no guest is entering."""
    _gone = False
    _unanswered = 0
    _leaving = False

    def __init__(
        self, access: Access, query: ReadQuery, address: Address, max_message: int
    ) -> None:
        """`max_message` is in bytes.  Raises `NotAllowed`."""
        super().__init__(access.service.clock, access.peers, max_message)
        self.query = query
        self._access = access
        self._address = address
        self.heartbeat = access.heartbeat
        self.reader = query.open(self, WEBSOCKET)

    def opened(self) -> None:
        """Begin to read."""
        self.query.begin(self)
        self.start_reading(self.reader)

    def closing(self) -> None:
        """Stop the reader: no frame may follow a close frame."""
        self.stop_reading()

    def closed(self) -> None:
        """The connection is closed; its guest leaves."""
        self._gone = True
        self.query.end(self, dead=self.silent >= SILENT_BEATS)
        self._end_guest()

    def _end_guest(self) -> None:
        if self._gone and self._guest:
            self._guest.over = True
            self._access.service.end(self._guest.person)

    def dismiss(self) -> None:
        """The session is over."""
        self.close(NORMAL, "the session is over")

    def revoked(self, refusal: ChatError) -> None:
        """See `Outlet.revoked`."""
        RARE.refused(refusal)
        self.write(error(None, refusal))
        self.close(POLICY_VIOLATION, refusal.code)

    def removed(self, room: str, error: ChatError) -> None:
        """See `Outlet.removed`."""
        if self.open:
            super().removed(room, error)

    def marked(self, room: str, marker: int) -> None:
        """See `Outlet.marked`."""
        if self.open:
            super().marked(room, marker)

    def beat(self) -> None:
        """Send a ping."""
        self.ping()

    # -- commands --------------------------------------------------------------------------------

    def bytes_received(self, data: bytes) -> None:
        """Close the connection: binary messages are not supported."""
        self.close(UNSUPPORTED, "send JSON in text frames")

    def text_received(self, text: str) -> None:
        """Carry out a command."""
        try:
            sent = read(text)
        except ChatError as refusal:
            self._refuse(ref_of(text), refusal)
            return
        try:
            command = self._to_command(sent)
            if command is None:
                self.write(pong(sent.ref))
                return
            performed = self._perform(command, sent.ref)
        except ChatError as refusal:
            self._refuse(sent.ref, refusal)
            return
        self._unanswered += 1
        performed.addCallbacks(
            self._performed, self._failed, callbackArgs=(sent.ref,), errbackArgs=(sent.ref,)
        )

    def _to_command(self, sent: Sent) -> Command | None:
        """The command in a frame; in a conversation, what is said is said to the other account,
        and what is deleted was said there.
        """
        talk = self.query.talk
        if talk is not None and isinstance(sent, SentSay) and not sent.room:
            return Tell(talk.partner, sent.text)
        if talk is not None and isinstance(sent, SentRedact) and not (sent.room or sent.to):
            return RedactPrivately(talk.partner, sent.target, sent.text)
        return sent.command(self.query.room)

    def _perform(self, command: Command, ref: str | None) -> Deferred[int | None]:
        person = self._person
        if person is not None and self._entering is None:
            return self._perform_as(person, command, ref)
        return self._entered().addCallback(self._perform_as, command, ref)

    def _perform_as(
        self, person: Person, command: Command, ref: str | None
    ) -> Deferred[int | None]:
        service = self._access.service
        if ref and isinstance(command, Say | Act | Tell):
            session = self.query.session
            who = key_owner(session) if session else self._guest_key
            mark = service.request_keys.key(who, ref, command)
            return service.request_keys.once(mark, lambda: service.perform(person, command, mark))
        performed = service.perform(person, command)
        if self.query.several and isinstance(command, Join):
            performed.addCallback(self._read_also, clean_room(command.room))
        elif self.query.several and isinstance(command, Leave):
            self._read_no_more(clean_room(command.room))
        return performed

    def _performed(self, id_: int | None, ref: str | None) -> None:
        self.write(ack(ref, id_))
        self._answered()

    def _failed(self, failure: Failure, ref: str | None) -> None:
        self._refuse(ref, refusal_of(failure, "a command failed"))
        self._answered()

    def _refuse(self, ref: str | None, refusal: ChatError) -> None:
        RARE.refused(refusal)
        self.write(error(ref, for_programs(refusal)))

    def _answered(self) -> None:
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
            self.reader.wake()
            super().drain()

    # -- the guest -------------------------------------------------------------------------------

    @property
    def _person(self) -> Person | None:
        """The person whose commands these are; None before a guest has entered."""
        session = self.query.session or self._guest
        return session.person if session else None

    def _entered(self) -> Deferred[Person]:
        """Fires with the guest, after the Deferreds of all earlier commands.

        Raises `Unavailable` if the server is going down, and would not accept the command.
        """
        if self._access.peers.draining:
            raise going_down()
        if self._entering is None:
            self._entering = deque()
            try:
                entering = self._access.service.enter(address=self._address)
            except ChatError:
                self._entering = None
                raise
            waiting: Deferred[Person] = Deferred()
            self._entering.append(waiting)
            entering.addCallbacks(self._has_entered, self._has_not_entered)
            return waiting
        if len(self._entering) >= MOST_EARLY:
            return fail(Unavailable("too many of your commands are waiting; try again in a moment"))
        waiting = Deferred()
        self._entering.append(waiting)
        return waiting

    def _has_entered(self, person: Person) -> None:
        self._guest = Session(person, self._address)
        self._guest_key = secrets.token_hex(8)
        self._access.service.readers.change_owner(self.reader, self._guest)
        assert self._entering is not None
        while self._entering:
            self._entering.popleft().callback(person)
        self._entering = None
        self._end_guest()

    def _has_not_entered(self, failure: Failure) -> None:
        waiting, self._entering = self._entering, None
        for command in waiting or ():
            command.errback(failure)

    # -- several rooms ---------------------------------------------------------------------------

    def _read_also(self, id_: int | None, name: str) -> int | None:
        """On `/events`, add a room that was joined to the reader, from the joining event on."""
        service = self._access.service
        room = service.rooms.live(name)
        if room is not None:
            cursor = service.horizon if id_ is None else id_ - 1
            try:
                self._change([*self._others(name), room], cursor)
            except ChatError as refusal:
                self.removed(name, refusal)
        return id_

    def _read_no_more(self, name: str) -> None:
        """On `/events`, remove a room that is being left from the reader."""
        self.reader.wake()
        self._change(self._others(name), self._access.service.horizon)

    def _others(self, name: str) -> list[Source]:
        sources = [feed.source for feed in self.reader.feeds]
        return [source for source in sources if source.name != name]

    def _change(self, sources: list[Source], cursor: int) -> None:
        subscriber, service = self.reader, self._access.service
        if not subscriber.reading:
            return
        owner = self.query.session or self._guest
        assert owner is not None
        views = [(source, WEBSOCKET) for source in sources]
        # Pausing keeps the events of all rooms in the order of their ids.
        full = subscriber.paused
        subscriber.pause()
        try:
            service.readers.change(subscriber, owner, views, cursor)
        finally:
            if not full:
                subscriber.resume()
