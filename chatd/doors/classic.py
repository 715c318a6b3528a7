"""The classic door: the long-poll protocol of a 2011 answer, for clients written then.

`GET /?name=N` registers N and reads, `GET /?name=N&message=T` registers N and says T, both in the
lobby and both as plain text.

1. This protocol has no cursor, so this is the only door at which the server keeps the cursors of
   polling clients.  A name is a session and a subscriber, which is paused between two polls.  The
   room's log and the store are the queue; a gap is reported for events that are not kept.
2. A name's cursor begins at the end of the log when the name registers.  The session is kept while
   a client polls, and for `GRACE_SECONDS` after; then it ends, and its cursor is forgotten.
3. A poll is answered as soon as there is a message, including those of the poll's own name, or with
   an empty body after `HOLD_SECONDS`.  A request with a message is answered with an empty body once
   the message is stored.
4. Events count as read once they are written as an answer.  If the answer is lost on the way, the
   server does not notice, and the events are not sent again.
5. There is no authentication: any client may poll as N.  If two clients do, the older poll is
   answered with an empty body, and each event goes to one of them.  A name that a session of
   another door holds is refused.
6. When the gate ends the reader of a name, its held poll is answered with the reason and the status
   403.  The name's next poll asks the gate again, and reads from then on.
7. As in 2011, a GET request can say something, and every web page may send one
   (`Access-Control-Allow-Origin: *`).  That is why this door is closed by default.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import cast

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request

from ..chat.room import LOBBY
from ..chat.service import ChatService
from ..chat.sessions import LastingSession
from ..codecs.classic import CLASSIC, told
from ..http.bounds import USUAL, Bounds
from ..http.fields import one
from ..http.hosts import Hosts
from ..http.proxies import NO_PROXIES, Proxies
from ..http.request import ChatRequest
from ..http.resource import STATUS, dress_live, finish_later, retry_after
from ..http.site import ChatSite
from ..model.addresses import Address
from ..model.commands import Say
from ..model.errors import ChatError, Malformed, NotInRoom
from ..model.metrics import RARE
from ..model.names import clean_name, name_key
from ..net.peers import Peers, going_down
from ..stream.batch import Batch
from ..stream.subscriber import Subscriber

HOLD_SECONDS = 4.5
"""Seconds that a poll is held: just below the five after which the clients of 2011 give up."""

_log = Logger()


def classic_site(
    service: ChatService,
    bounds: Bounds = USUAL,
    proxies: Proxies = NO_PROXIES,
    peers: Peers | None = None,
    hosts: Hosts | None = None,
) -> ChatSite:
    """The site of the classic door.

    `proxies` are the trusted proxies, and `hosts` the host names that requests may send; by default
    only this machine's own.
    """
    hosts = hosts or Hosts(service.clock, proxies=proxies)
    peers = Peers(service.clock) if peers is None else peers
    root = ClassicResource(service, proxies, peers)
    return ChatSite(root, service.clock, bounds, peers, hosts=hosts)


class ClassicResource(Resource):
    """The only resource of the door; it answers every path."""

    isLeaf = True

    def __init__(self, service: ChatService, proxies: Proxies, peers: Peers) -> None:
        super().__init__()
        self._service = service
        self._proxies = proxies
        self._peers = peers
        self._names = Names(service)

    def render(self, request: Request) -> bytes | int:
        """Carry the request out."""
        dress_live(request, b"text/plain; charset=utf-8")
        request.setHeader(b"access-control-allow-origin", b"*")
        if request.method == b"OPTIONS":
            # A browser sends a CORS preflight if the page's library adds headers of its own.
            request.setHeader(b"access-control-allow-headers", b"*")
        elif request.method == b"GET":
            try:
                return self._get(request)
            except ChatError as error:
                return _refuse(request, error)
        elif request.method != b"HEAD":  # HEAD reads no events: they would count as read
            request.setResponseCode(405)
            request.setHeader(b"allow", b"GET, HEAD, OPTIONS")
            return b"use GET /?name=NAME or GET /?name=NAME&message=TEXT\n"
        return b""

    def _get(self, request: Request) -> int:
        if self._peers.draining:
            raise going_down()
        name, text = one(request, "name"), one(request, "message")
        if name is None:
            raise Malformed("say who you are: GET /?name=NAME")
        gone: list[object] = []
        request.notifyFinish().addErrback(gone.append)
        calling = self._names.caller(name, self._proxies.address(request))
        if text is not None:
            said = calling.addCallback(self._say, text)
            finish_later(request, said.addErrback(lambda failure: _refused(request, failure)))
            return NOT_DONE_YET

        def refused(failure: Failure) -> None:
            body = _refused(request, failure)
            if not gone:
                _finish(request, body)

        def poll(caller: Caller) -> None:
            if self._peers.draining:
                raise going_down()
            if not gone:
                caller.poll(request)

        polled = calling.addCallback(poll).addErrback(refused)
        polled.addErrback(lambda failure: _log.failure("a classic poll failed", failure))
        return NOT_DONE_YET

    def _say(self, caller: Caller, text: str) -> Deferred[bytes]:
        said = self._service.perform(caller.session.person, Say(LOBBY, text))
        return said.addCallback(lambda _: b"")


class Names:
    """The sessions of this door, by name."""

    def __init__(self, service: ChatService) -> None:
        self._chat = service
        self._callers: dict[str, Caller] = {}
        self._arriving: dict[str, list[Deferred[Caller]]] = {}
        """The Deferreds to fire when a session has begun, by name."""

    def caller(self, name: str, address: Address) -> Deferred[Caller]:
        """The caller of that name; registers the name if it is new.

        Raises or fails as `Sessions.open` does.
        """
        key = name_key(clean_name(name))
        caller = self._callers.get(key)
        if caller is not None:
            caller.session.touch(address)
            return succeed(caller)
        arrival: Deferred[Caller] = Deferred()
        if key in self._arriving:
            self._arriving[key].append(arrival)
            return arrival
        opening = self._chat.sessions.open(name, address, kept=False)
        self._arriving[key] = [arrival]
        opening.addCallback(self._arrived, key, address).addBoth(self._answer, key)
        return arrival

    def _arrived(self, session: LastingSession, key: str, address: Address) -> Caller:
        session.touch(address)
        caller = self._callers[key] = Caller(self._chat, session)
        session.ended = partial(self._ended, caller, key)
        return caller

    def _answer(self, result: Caller | Failure, key: str) -> None:
        """Give the result to all requests that have waited for the name's session."""
        for arrival in self._arriving.pop(key):
            arrival.callback(result)  # a Failure makes the Deferred fail

    def _ended(self, caller: Caller, key: str) -> None:
        """The session is over: forget the name and its cursor."""
        if self._callers.get(key) is caller:
            del self._callers[key]
        caller.end()


class Caller:
    """One name, its session and its reader: an outlet that counts as full while no poll is held."""

    brief = True

    def __init__(self, service: ChatService, session: LastingSession) -> None:
        self.session = session
        self._service = service
        self._request: Request | None = None
        self._timer: IDelayedCall | None = None
        self._subscriber: Subscriber | None = None
        with suppress(ChatError):  # the name may still send messages, and each poll asks again
            self._read()

    def poll(self, request: Request) -> None:
        """Answer with the unread messages, or hold the request until there is one.

        Raises `NotAllowed`.
        """
        self._answer(b"")
        subscriber = self._read()
        self._request = request
        self.session.hold(self)
        cast(ChatRequest, request).conclude = self._conclude
        request.notifyFinish().addErrback(lambda _: self._gone(request))
        self._timer = self._service.clock.callLater(HOLD_SECONDS, self.dismiss)
        subscriber.resume()

    def _read(self) -> Subscriber:
        """The name's reader; if it has none, a new one that begins at the newest event.

        Raises `NotAllowed`.
        """
        if self._subscriber is None:
            service = self._service
            lobby = self.session.person.rooms.get(LOBBY)
            if lobby is None:
                raise NotInRoom("you are not in the lobby any more; register anew in a moment")
            reader = service.readers.open(self.session, [(lobby, CLASSIC)], self, service.horizon)
            self._subscriber = reader
            reader.pause()
            reader.start()
        return self._subscriber

    def end(self) -> None:
        """The session is over."""
        if self._subscriber:
            self._subscriber.stop()

    def deliver(self, batch: Batch) -> bool:
        """Answer the held poll, unless the batch has no event that this protocol can express."""
        body = told(batch)
        RARE.gaps += len(batch.gaps)
        if body:
            self._answer(body)
        return True

    def revoked(self, error: ChatError) -> None:
        """See `Outlet.revoked`."""
        self._subscriber = None
        request = self._request
        if request:
            self._answer(_refuse(request, error))

    def removed(self, room: str, error: ChatError) -> None:
        """See `Outlet.removed`: the lobby is the only room of this door."""
        self.revoked(error)

    def dismiss(self) -> None:
        """Answer the held poll with an empty body."""
        self._answer(b"")

    def _conclude(self) -> None:
        """Answer with the unread messages, or empty: the server is going down."""
        if self._subscriber:
            self._subscriber.wake()
        self._answer(b"")

    def _answer(self, body: bytes) -> None:
        request = self._request
        if request:
            self._end_poll()
            _finish(request, body)

    def _gone(self, request: Request) -> None:
        if request is self._request:
            self._end_poll()

    def _end_poll(self) -> None:
        """The poll is over: pause the reader, whose cursor stays, until the next poll."""
        self._request = None
        if self._subscriber:
            self._subscriber.pause()
        self.session.release(self)
        if self._timer and self._timer.active():
            self._timer.cancel()


def _finish(request: Request, body: bytes) -> None:
    request.setHeader(b"content-length", b"%d" % len(body))
    request.write(body)
    request.finish()


def _refuse(request: Request, error: ChatError) -> bytes:
    request.setResponseCode(STATUS[type(error)])
    for name, value in retry_after(error):
        request.setHeader(name, value)
    return f"{error.message}\n".encode()


def _refused(request: Request, failure: Failure) -> bytes:
    failure.trap(ChatError)
    assert isinstance(failure.value, ChatError)
    return _refuse(request, failure.value)
