"""The factory of the line door: what its connections share."""

from __future__ import annotations

from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory

from ...chat.service import ChatService
from ...codecs.lines import refusal
from ...model.addresses import address_of
from ...model.errors import ChatError
from ...net.heartbeat import Heartbeat
from ...net.peers import Peers
from .door import LineDoor
from .lines import LineConnection

NOP_SECONDS = 30
"""Seconds between two heartbeats (telnet's NOP) to a telnet client.  HAProxy's examples close
connections that are idle for 50 seconds, other proxies after 60."""


class LineFactory(Factory):
    """The factory of the line door: makes connections to one chat."""

    noisy = False

    def __init__(self, service: ChatService, peers: Peers | None = None) -> None:
        peers = Peers(service.clock) if peers is None else peers
        self._door = LineDoor(service, peers, Heartbeat(service.clock, NOP_SECONDS))

    def buildProtocol(self, addr: IAddress | None) -> LineConnection:
        """A connection for a client that has just arrived."""
        address = address_of(getattr(addr, "host", None))
        return LineConnection(self._door, address)

    def rejection(self, error: ChatError) -> bytes:
        """The bytes to a client whose connection is refused."""
        return refusal(error)
