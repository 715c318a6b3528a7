"""Check of the `Origin` header: only the server's own pages, and those of origins that the operator
allows, may use the server.

A browser sends the origin of the page that makes a request (RFC 6454).  Programs send no `Origin`,
and are not restricted.  Requests of pages of other origins are refused, except for the files of the
server's own page, which hold no secret.  Pages of allowed origins get the headers of the Fetch
standard's CORS protocol.

A request comes from the server's own page if `Origin` names the host of the request, or if the
browser sends `Sec-Fetch-Site: same-origin`, a header that no page can set.  Behind a proxy that
does not pass on `Host`, only `Sec-Fetch-Site` shows it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from twisted.web.resource import IResource, Resource
from twisted.web.server import Request

from ..model.errors import ChatError, ForeignOrigin
from .fields import header
from .proxies import NO_PROXIES, Proxies
from .resource import Refusal, varies
from .stricttransport import StrictTransport

_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


def own_origin(origin: str, host: str, *, secure: bool) -> bool:
    """Whether a page at `origin` came from this server, if the request's host is `host`.

    Behind a proxy that terminates TLS, the server may not know the scheme that the client uses, so
    the scheme is not compared.  But if the client is known to use TLS (`secure`), a page that was
    loaded without TLS may have been forged on the way, and is refused.
    """
    scheme, _, place = origin.lower().partition("://")
    port = _DEFAULT_PORTS.get(scheme)
    if port is None or (secure and scheme != "https"):
        return False
    return place.removesuffix(port) == host.lower().removesuffix(port)


class Origins:
    """The origins of other web sites whose pages may use the server."""

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        self.replace(allowed)

    def replace(self, allowed: Iterable[str]) -> None:
        """From now on, allow these origins and no others."""
        self._allowed = frozenset(origin.lower() for origin in allowed)

    @property
    def any(self) -> bool:
        """Whether an origin is allowed."""
        return bool(self._allowed)

    def __contains__(self, origin: str) -> bool:
        return origin.lower() in self._allowed


class OriginGuard(Resource):
    """A resource tree that pages of other origins cannot reach."""

    def __init__(
        self,
        tree: Resource,
        allowed: Origins,
        proxies: Proxies = NO_PROXIES,
        files: Collection[bytes] = (),
        strict: StrictTransport | None = None,
    ) -> None:
        """Pages of the `allowed` origins may reach the tree; pages of any origin may read `files`,
        which are names in the root of the tree.
        """
        super().__init__()
        self._tree = tree
        self._proxies = proxies
        self._allowed = allowed
        self._files = frozenset(files)
        self._strict = strict or StrictTransport()

    def getChildWithDefault(self, path: bytes, request: Request) -> IResource:
        """Check the origin of a request before it reaches the tree."""
        try:
            if self._strict.seconds:
                self._strict.dress(request, self._proxies.secure(request))
            origin = header(request, "origin")
            own = origin is None or self._is_own(origin, request)
        except ChatError as error:
            return Refusal(error)
        if self._allowed.any:
            varies(request, b"Origin")
        if origin is None or own:
            return self._within(path, request)
        if origin not in self._allowed:
            if path in self._files and not request.postpath:
                return self._within(path, request)
            return Refusal(
                ForeignOrigin(
                    "web pages of another origin may not use this server; see --allow-origin"
                )
            )
        request.setHeader(b"access-control-allow-origin", origin.encode())
        request.setHeader(b"access-control-expose-headers", b"Link, Retry-After")
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
    """The answer to a CORS preflight request of an allowed origin."""

    isLeaf = True

    def render(self, request: Request) -> bytes:
        """Allow all methods and headers that the server uses."""
        request.setResponseCode(204)
        request.setHeader(b"access-control-allow-methods", b"GET, POST, PUT, PATCH, DELETE")
        request.setHeader(
            b"access-control-allow-headers",
            b"Authorization, Chatd-Session, Content-Type, Idempotency-Key, Last-Event-ID",
        )
        request.setHeader(b"access-control-max-age", b"600")
        return b""
