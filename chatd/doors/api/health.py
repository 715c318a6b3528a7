"""`/healthz`: for load balancers and process supervisors."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.web.server import Request

from ...chat.health import Health
from ...chat.service import ChatService
from ...http.resource import ApiResource, answer


class HealthResource(ApiResource):
    """`/healthz`: whether the server runs, and its store takes events."""

    isLeaf = True

    def __init__(self, service: ChatService) -> None:
        super().__init__()
        self._health = Health(service.clock, service.probe)

    def render_GET(self, request: Request) -> Deferred[bytes]:
        """Answer `ok`, or 503 with the reason why the store takes no events."""
        return self._health.check().addCallback(lambda _: answer(request, {"status": "ok"}))
