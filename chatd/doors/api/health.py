"""`/healthz`: for load balancers and whatever restarts servers."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.web.server import Request

from ...chat.health import Health
from ...chat.service import ChatService
from ...http.resource import ApiResource, answer


class HealthResource(ApiResource):
    """`/healthz`: whether the server is there, and takes what is said."""

    isLeaf = True

    def __init__(self, service: ChatService) -> None:
        super().__init__()
        self._health = Health(service.clock, service.probe)

    def render_GET(self, request: Request) -> Deferred[bytes]:
        """It is; else it is refused as unavailable, and why."""
        return self._health.check().addCallback(lambda _: answer(request, {"status": "ok"}))
