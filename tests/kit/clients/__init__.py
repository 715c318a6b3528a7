"""One client for each door, all with the same methods, so that one suite tests the promises of
every door (`tests/contract/`).

A new door needs a subclass of `Client` and one line in `DOORS`.  Every client returns the events
that it has read in one form: `("message", "ada", "hello")`, `("join", "ada")`, `("gap",)`.  A text
of several lines is several messages in that form, because it is so on the line door.

What a protocol cannot do is an attribute of its client (`Client.kinds`, `commands`, `confirms`,
`owns_name`, …), by which the suite chooses the doors of a test.
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
"""Every door that the contract suite tests, by name."""
