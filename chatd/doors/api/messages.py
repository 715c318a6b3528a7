"""`/rooms/{room}/messages`: where clients speak."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.web.server import Request

from ...http.body import read_body
from ...model.commands import Act, Say
from .command import CommandResource
from .forms import MessageForm


class MessagesResource(CommandResource):
    """`/rooms/{room}/messages`: where one speaks."""

    def render_POST(self, request: Request) -> Deferred[bytes]:
        """Say it; answered when it is stored."""
        form = read_body(request, MessageForm)
        command = Act if form.type == "action" else Say
        return self.perform(request, command(self._name, form.text), 201)
