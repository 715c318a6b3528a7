"""Which web pages may talk to this server: its own, and those that the operator names.

A browser says in `Origin` which page a request comes from (RFC 6454); programs say nothing, and are
fine.  A page from elsewhere is refused whatever it asks but for the page's own files, which hold no
secret, and a page that was allowed gets the headers of the Fetch standard's CORS protocol.

A request is the server's own page's if `Origin` names the host that was asked, or if the browser
says `Sec-Fetch-Site: same-origin`, a header that no page can set: behind a proxy that does not pass
on `Host` it is the only one that tells.
"""

from __future__ import annotations

from collections.abc import Collection

from twisted.web.resource import IResource, Resource
from twisted.web.server import Request

from ..model.errors import ChatError, ForeignOrigin
from .fields import header
from .proxies import NO_PROXIES, Proxies
from .resource import Refusal

_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


def own_origin(origin: str, host: str, *, secure: bool) -> bool:
    """Whether a page at `origin` came from the server that is addressed as `host`.

    Behind a proxy that speaks TLS this server cannot know its own scheme, unless it is told.  But
    if the client is known to be `secure`, a page that came in the clear is anybody's on the wire.
    """
    scheme, _, place = origin.lower().partition("://")
    port = _DEFAULT_PORTS.get(scheme)
    if port is None or (secure and scheme != "https"):
        return False
    return place.removesuffix(port) == host.lower().removesuffix(port)


class OriginGuard(Resource):
    """A tree of resources that foreign web pages cannot reach."""

    def __init__(
        self,
        tree: Resource,
        allowed: Collection[str],
        proxies: Proxies = NO_PROXIES,
        files: Collection[bytes] = (),
    ) -> None:
        """Pages of the `allowed` origins may reach the tree too, and all may read the `files`."""
        super().__init__()
        self._tree = tree
        self._proxies = proxies
        self._allowed = frozenset(origin.lower() for origin in allowed)
        self._files = frozenset(files)

    def getChildWithDefault(self, path: bytes, request: Request) -> IResource:
        """Every request's first step into the tree."""
        try:
            origin = header(request, "origin")
            own = origin is None or self._is_own(origin, request)
        except ChatError as error:
            return Refusal(error)
        if origin is None or own:
            return self._within(path, request)
        if origin.lower() not in self._allowed:
            if path in self._files and not request.postpath:
                return self._within(path, request)
            return Refusal(
                ForeignOrigin(
                    "web pages of another origin may not use this server; see --allow-origin"
                )
            )
        request.setHeader(b"access-control-allow-origin", origin.encode())
        request.setHeader(b"access-control-expose-headers", b"Link, Retry-After")
        request.setHeader(b"vary", b"Origin")
        asks = request.requestHeaders.hasHeader("access-control-request-method")
        if request.method == b"OPTIONS" and asks:
            return Preflight()
        return self._within(path, request)

    def _is_own(self, origin: str, request: Request) -> bool:
        if header(request, "sec-fetch-site") == "same-origin":
            return True
        proxies = self._proxies
        return own_origin(origin, proxies.host(request), secure=proxies.secure(request))

    def _within(self, path: bytes, request: Request) -> IResource:
        resource: IResource = self._tree.getChildWithDefault(path, request)
        return resource


class Preflight(Resource):
    """The answer to a browser that asks before it sends another page's request."""

    isLeaf = True

    def render(self, request: Request) -> bytes:
        """Whatever this server takes, it takes from an allowed page."""
        request.setResponseCode(204)
        request.setHeader(b"access-control-allow-methods", b"GET, POST, PUT, PATCH, DELETE")
        request.setHeader(
            b"access-control-allow-headers",
            b"Authorization, Chatd-Session, Content-Type, Idempotency-Key, Last-Event-ID",
        )
        request.setHeader(b"access-control-max-age", b"600")
        return b""
