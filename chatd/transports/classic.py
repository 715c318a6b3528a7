"""The classic door: the long-poll protocol of a 2011 answer, for clients written then.

`GET /?name=N` registers N and reads, `GET /?name=N&message=T` registers N and says T, both in the
lobby and both as plain text.

1. This protocol has no cursor, so this is the one door that keeps its readers': a name is a session
   and a subscriber, which is paused between two polls.  The room's log is the queue, and whoever
   falls behind it is told of a gap.
2. A name begins where the log ends when it registers.  It is kept while it polls, and for
   `GRACE_SECONDS` after; then it has left, and nothing of it is remembered.
3. A poll is answered as soon as something was said, its own name's messages included, or empty
   after `HOLD_SECONDS`.  What is said is answered empty, once it is stored.
4. What was written as an answer counts as read: where it was lost on the way, nobody can know.
5. There is no secret.  Whoever polls as N is N: of two polls as N the older is answered, empty, and
   what one client reads the other does not.  A name that another door's session holds is refused.
6. As in 2011, a GET says something and every web page may ask (`Access-Control-Allow-Origin: *`).
   That is why this door is closed unless it is asked for.
"""

from __future__ import annotations

from typing import cast

from twisted.internet.interfaces import IDelayedCall
from twisted.python.failure import Failure
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request

from ..chat.room import LOBBY
from ..chat.service import ChatService
from ..chat.sessions import Lease, Leases
from ..codecs.classic import CLASSIC, told
from ..model.addresses import Address
from ..model.commands import Say
from ..model.errors import ChatError, Malformed
from ..model.names import clean_name, name_key
from ..stream.subscriber import Batch, Subscriber
from .fields import one
from .hosts import Hosts
from .http import USUAL, Bounds, ChatSite
from .peers import Peers, going_down
from .proxies import NO_PROXIES, Proxies
from .request import ChatRequest
from .resource import STATUS, dress_live, finish_later, say_when

HOLD_SECONDS = 4.5
"""Seconds that a poll is held, as in 2011: just below the five after which clients gave up."""


def classic_site(
    service: ChatService,
    bounds: Bounds = USUAL,
    proxies: Proxies = NO_PROXIES,
    peers: Peers | None = None,
    hosts: Hosts | None = None,
) -> ChatSite:
    """The classic door to a chat; `proxies` may say for whom they ask, and `hosts` are the names
    under which it may be asked, if not only this machine's own.
    """
    hosts = hosts or Hosts(service.clock, proxies=proxies)
    peers = Peers(service.clock) if peers is None else peers
    root = ClassicResource(service, proxies, peers)
    return ChatSite(root, service.clock, bounds, peers, hosts=hosts)


class ClassicResource(Resource):
    """All there is: one resource, whatever the path."""

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
            # A browser asks first if the page's library adds headers of its own.
            request.setHeader(b"access-control-allow-headers", b"*")
        elif request.method == b"GET":
            try:
                return self._get(request)
            except ChatError as error:
                return _refuse(request, error)
        elif request.method != b"HEAD":  # which reads nothing, lest that be lost
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
        caller = self._names.caller(name, self._proxies.address(request))
        if text is None:
            caller.poll(request)
        else:
            said = self._service.perform(caller.lease.session, Say(LOBBY, text))
            answer = said.addCallback(lambda _: b"")
            finish_later(request, answer.addErrback(lambda failure: _refused(request, failure)))
        return NOT_DONE_YET


class Names(Leases):
    """Who called lately, by name."""

    def __init__(self, service: ChatService) -> None:
        super().__init__(service)
        self._callers: dict[str, Caller] = {}

    def caller(self, name: str, address: Address) -> Caller:
        """Whoever calls by that name, from now on if not before.  Raises as `open` does."""
        key = name_key(clean_name(name))
        caller = self._callers.get(key)
        if caller is None:
            caller = self._callers[key] = Caller(self._service, self.open(name, address))
        caller.lease.touch(address)
        return caller

    def close(self, lease: Lease) -> None:
        """See `Leases.close`; the cursor goes too."""
        super().close(lease)
        caller = self._callers.pop(name_key(lease.session.name), None)
        if caller:
            caller.subscriber.stop()


class Caller:
    """One name and where it stands: an outlet that is full whenever nobody polls."""

    brief = True

    def __init__(self, service: ChatService, lease: Lease) -> None:
        self.lease = lease
        self._clock = service.clock
        self._request: Request | None = None
        self._timer: IDelayedCall | None = None
        feed = service.room(LOBBY).feed(CLASSIC)
        self.subscriber = Subscriber(self, [feed], service.horizon)
        self.subscriber.pause()
        self.subscriber.start()

    def poll(self, request: Request) -> None:
        """Answer with what is there, or hold the request until something is."""
        self._answer(b"")
        self._request = request
        self.lease.hold(self)
        cast(ChatRequest, request).conclude = self._conclude
        request.notifyFinish().addErrback(lambda _: self._gone(request))
        self._timer = self._clock.callLater(HOLD_SECONDS, self.dismiss)
        self.subscriber.resume()

    def deliver(self, batch: Batch) -> bool:
        """Answer, unless there is nothing in it for this door."""
        body = told(batch)
        if body:
            self._answer(body)
        return True

    def dismiss(self) -> None:
        """Answer empty."""
        self._answer(b"")

    def _conclude(self) -> None:
        """Answer with what there is: the server is going down."""
        self.subscriber.wake()
        self._answer(b"")

    def _answer(self, body: bytes) -> None:
        request = self._request
        if request:
            self._let_go()
            request.setHeader(b"content-length", b"%d" % len(body))
            request.write(body)
            request.finish()

    def _gone(self, request: Request) -> None:
        if request is self._request:
            self._let_go()

    def _let_go(self) -> None:
        """Nobody polls any more: the cursor stays."""
        self._request = None
        self.subscriber.pause()
        self.lease.release(self)
        if self._timer and self._timer.active():
            self._timer.cancel()


def _refuse(request: Request, error: ChatError) -> bytes:
    request.setResponseCode(STATUS[type(error)])
    say_when(request, error)
    return f"{error.message}\n".encode()


def _refused(request: Request, failure: Failure) -> bytes:
    failure.trap(ChatError)
    assert isinstance(failure.value, ChatError)
    return _refuse(request, failure.value)
