"""What all connections of one line door share."""

from __future__ import annotations

from ...chat.service import ChatService
from ...codecs.lineinput import LineInput
from ...codecs.lines import refusal
from ...net.heartbeat import Heartbeat
from ...net.peers import Peers
from ..linequeue import LineQueue
from .backlog import Backlogs
from .greetings import Greetings

COMMAND_BYTES = 256
"""Bytes that a line may have beyond the longest message, for the command before the message."""


class LineDoor:
    """The line door of one chat."""

    def __init__(self, service: ChatService, peers: Peers, heartbeat: Heartbeat) -> None:
        """`heartbeat` is for telnet clients."""
        self.service = service
        self.peers = peers
        self.heartbeat = heartbeat
        self.backlogs = Backlogs(service.clock)
        self.greetings = Greetings()
        self.silent_input = LineInput()
        """The input of connections from which nothing has come: it is never fed."""
        self.silent_queue = self.queue()
        """The queue of connections from which nothing has come: nothing is put into it."""

    def queue(self) -> LineQueue:
        """A queue for the lines of one connection."""
        limit = self.service.max_text + COMMAND_BYTES
        return LineQueue(self.service.clock, limit, refusal)
