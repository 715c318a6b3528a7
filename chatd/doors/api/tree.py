"""The HTTP door's tree of resources, and the site that serves it.

The reference is docs/protocol.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from twisted.web.resource import IResource
from twisted.web.server import Request

from ...chat.service import ChatService
from ...http.bounds import USUAL, Bounds
from ...http.hosts import Hosts, hosts_of
from ...http.origin import OriginGuard
from ...http.proxies import NO_PROXIES, Proxies
from ...http.resource import ApiResource, Refusal
from ...http.site import ChatSite
from ...net.peers import Peers, going_down
from ..access import Access
from ..polls.longpoll import Polls
from ..polls.templates import PollFastPath
from .events import EventsResource
from .health import HealthResource
from .page import page_files
from .people import PeopleResource
from .rooms import RoomsResource
from .session import SessionResource

TREE: dict[bytes, Callable[[Access, Polls], IResource]] = {
    b"session": lambda access, _: SessionResource(access),
    b"rooms": RoomsResource,
    b"people": lambda access, _: PeopleResource(access),
    b"events": lambda access, polls: EventsResource(access, polls, None),
    b"healthz": lambda access, _: HealthResource(access.service),
}
"""What is below `/`, besides the files of the page; a new resource is one line."""


def web_site(
    service: ChatService,
    origins: Sequence[str] = (),
    bounds: Bounds = USUAL,
    proxies: Proxies = NO_PROXIES,
    peers: Peers | None = None,
    hosts: Hosts | None = None,
) -> ChatSite:
    """The HTTP door to a chat.

    `origins` are those of other web sites whose pages may use it; `proxies` may say for whom they
    ask; `hosts` are the names under which it may be asked, if not only this machine's own and those
    in `origins`.
    """
    hosts = hosts or Hosts(service.clock, hosts_of(origins), proxies)
    peers = Peers(service.clock) if peers is None else peers
    access = Access(service, proxies, peers, bounds.body)
    polls = Polls(service)
    root = DrainGuard(peers)
    files = page_files()
    for path, file in files.items():
        root.putChild(path, file)
    for path, make in TREE.items():
        root.putChild(path, make(access, polls))
    guard = OriginGuard(root, origins, proxies, files)
    bounds = replace(bounds, body=access.max_body)
    return ChatSite(guard, service.clock, bounds, peers, PollFastPath(polls), hosts)


class DrainGuard(ApiResource):
    """The root of the tree; it refuses all requests while the server goes down."""

    def __init__(self, peers: Peers) -> None:
        super().__init__()
        self._peers = peers

    def getChildWithDefault(self, path: bytes, request: Request) -> IResource:
        """Every request's first step."""
        if self._peers.draining:
            return Refusal(going_down())
        child: IResource = super().getChildWithDefault(path, request)
        return child
