"""The HTTP door's tree of resources, and the site that serves it.

The reference is docs/protocol.md.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from types import MappingProxyType

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.resource import IResource, Resource, getChildForRequest
from twisted.web.server import NOT_DONE_YET, Request

from ...chat.service import ChatService
from ...http.bounds import USUAL, Bounds
from ...http.fastpath import FastConnection, FastRequest
from ...http.hosts import Hosts, hosts_of
from ...http.origin import OriginGuard, Origins
from ...http.proxies import NO_PROXIES, Proxies
from ...http.resource import ApiResource, Refusal
from ...http.site import ChatSite
from ...http.stricttransport import StrictTransport
from ...model.errors import ChatError, internal_error
from ...net.peers import Peers, going_down
from ..access import Access
from ..polls.longpoll import Polls
from ..polls.plain import PlainPolls
from ..polls.templates import PollFastPath
from .about import AboutResource, Place
from .account import AccountResource, AccountsResource
from .admin import AdminResource
from .events import EventsResource
from .health import HealthResource
from .invites import InviteCodesResource
from .metrics import MetricsResource
from .page import page_files
from .people import PeopleResource
from .posts import PlainPosts
from .push import PushResource
from .rooms import RoomsResource
from .session import SessionResource

_log = Logger()

TREE: dict[bytes, Callable[[Access, Polls], IResource]] = {
    b"accounts": lambda access, _: AccountsResource(access),
    b"account": lambda access, _: AccountResource(access),
    b"session": lambda access, _: SessionResource(access),
    b"rooms": RoomsResource,
    b"people": PeopleResource,
    b"push": lambda access, _: PushResource(access),
    b"events": lambda access, polls: EventsResource(access, polls, None),
    b"invites": lambda access, _: InviteCodesResource(access),
    b"healthz": lambda access, _: HealthResource(access.service),
}
"""The resources below `/`, besides the files of the page; a new resource is one line."""


def web_site(
    service: ChatService,
    origins: Sequence[str] | Origins = (),
    bounds: Bounds = USUAL,
    proxies: Proxies = NO_PROXIES,
    peers: Peers | None = None,
    hosts: Hosts | None = None,
    others: Mapping[bytes, IResource] = MappingProxyType({}),
    strict: StrictTransport | None = None,
    places: Callable[[], Iterable[Place]] = tuple,
) -> ChatSite:
    """The site of the HTTP door.

    `origins` are the origins of other web sites whose pages may use it; `proxies` are the trusted
    proxies; `hosts` are the host names that requests may send, by default this machine's own and
    those in `origins`; `others` are resources of other doors, by their paths; `strict` tells
    browsers to use TLS only; `places` returns the places where the server listens.
    """
    if not isinstance(origins, Origins):
        hosts = hosts or Hosts(service.clock, hosts_of(origins), proxies)
        origins = Origins(origins)
    hosts = hosts or Hosts(service.clock, (), proxies)
    peers = Peers(service.clock) if peers is None else peers
    access = Access(service, proxies, peers)
    polls = Polls(service)
    files = page_files()
    root = Root(peers, access, {*files, b"healthz", b"about"})
    root.putChild(b"about", AboutResource(service, places))
    for path, file in files.items():
        root.putChild(path, file)
    for path, make in TREE.items():
        root.putChild(path, make(access, polls))
    for path, resource in others.items():
        root.putChild(path, resource)
    hosts.watch(polls.common.clear)
    hosts.watch(access.openings.forget)
    strict = strict or StrictTransport()
    fast_path = PollsAndPosts(
        PollFastPath(polls, PlainPolls(service, hosts), strict),
        PlainPosts(service, hosts, strict),
    )
    guard = OriginGuard(root, origins, proxies, files, strict)
    return ChatSite(guard, service.clock, bounds, peers, fast_path, hosts, access.openings)


def admin_site(
    service: ChatService,
    metrics: Callable[[], bytes | Deferred[bytes]],
    bounds: Bounds = USUAL,
    proxies: Proxies = NO_PROXIES,
    peers: Peers | None = None,
    hosts: Hosts | None = None,
    strict: StrictTransport | None = None,
) -> ChatSite:
    """The door of the administrators: see `web_site`; `metrics` reads what `/metrics` answers."""
    hosts = hosts or Hosts(service.clock, (), proxies)
    peers = Peers(service.clock) if peers is None else peers
    access = Access(service, proxies, peers)
    root = Root(peers, access, {b"healthz", b"metrics"})
    root.putChild(b"healthz", HealthResource(service))
    root.putChild(b"metrics", MetricsResource(metrics))
    root.putChild(b"admin", AdminResource(access))
    guard = OriginGuard(root, Origins(), proxies, (), strict)
    return ChatSite(guard, service.clock, bounds, peers, None, hosts)


class PollsAndPosts:
    """The fast path of the HTTP door: known and plain polls, and plain posts."""

    def __init__(self, polls: PollFastPath, posts: PlainPosts) -> None:
        self.polls = polls
        self.posts = posts

    def recognise(self, connection: FastConnection, packet: bytes) -> FastRequest | None:
        """See `chatd.http.fastpath.FastPath`."""
        if packet.startswith(b"POST "):
            return self.posts.recognise(connection, packet)
        return self.polls.recognise(connection, packet)


class Root(ApiResource):
    """The root of the tree: refuses all requests while the server goes down, and loads the session
    of each request before a resource needs it.
    """

    def __init__(self, peers: Peers, access: Access, anonymous: Collection[bytes]) -> None:
        """Resources below the names in `anonymous` need no session."""
        super().__init__()
        self._peers = peers
        self._access = access
        self._anonymous = anonymous

    def getChildWithDefault(self, path: bytes, request: Request) -> IResource:
        """The first step of every request."""
        if self._peers.draining:
            return Refusal(going_down())
        child: IResource = super().getChildWithDefault(path, request)
        if path in self._anonymous:
            return child
        check = partial(self._access.check_guest, request, path)
        try:
            adopting = self._access.adopt(request)
            if adopting is not None:
                return AfterAdoption(adopting, child, check)
            check()
        except ChatError as error:
            return Refusal(error)
        return child


class AfterAdoption(Resource):
    """A resource whose request waits until its session is in memory (`Access.adopt`)."""

    isLeaf = True

    def __init__(
        self, adopting: Deferred[object], resource: IResource, check: Callable[[], None]
    ) -> None:
        """`check` raises the `ChatError` of a request that is refused then."""
        super().__init__()
        self._adopting = adopting
        self._check = check
        self._resource = resource

    def render(self, request: Request) -> int:
        """Carry out the request when its session is in memory."""
        gone: list[bool] = []
        request.notifyFinish().addErrback(lambda _: gone.append(True))

        def adopted(_: object) -> None:
            if not gone:
                request.render(getChildForRequest(self._resource, request))

        def refused(failure: Failure) -> None:
            failure.trap(ChatError)
            assert isinstance(failure.value, ChatError)
            if not gone:
                request.render(Refusal(failure.value))

        def broken(failure: Failure) -> None:
            error = internal_error(_log, "a request failed", failure)
            if not gone:
                request.render(Refusal(error))

        self._adopting.addCallback(lambda _: self._check())
        self._adopting.addCallbacks(adopted, refused).addErrback(broken)
        return NOT_DONE_YET
