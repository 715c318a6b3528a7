"""One client for each door, all with the same methods, so that one suite holds every door to the
same promises (`tests/contract/`).

A new door is a subclass of `Client` and one line in `DOORS`.  A client tells what it has read in
one form, whatever its door speaks: `("message", "ada", "hello")`, `("join", "ada")`, `("gap",)`.  A
text of several lines is told as several messages, for a line door makes that of it.

A promise that a protocol cannot make is an attribute of its client (`Client.tells`, `commands`,
`confirms`, `owns_name`, …), by which the suite chooses the doors of a test.
"""

from __future__ import annotations

from .base import Client
from .classic import ClassicClient
from .irc import IrcClient
from .line import LineClient
from .polls import PlainClient, PollClient, ReturningPollClient, VaryingPollClient
from .seen import GAP, Seen
from .streams import NdjsonClient, SseClient
from .websocket import WebSocketClient

__all__ = ["DOORS", "GAP", "Client", "Seen"]

DOORS: dict[str, type[Client]] = {
    client.door: client
    for client in (
        LineClient,
        PollClient,
        VaryingPollClient,
        ReturningPollClient,
        PlainClient,
        SseClient,
        NdjsonClient,
        WebSocketClient,
        IrcClient,
        ClassicClient,
    )
}
"""Every door that the contract is about."""
