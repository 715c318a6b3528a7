"""One client for each door, all with the same methods, so that one suite holds every door to the
same promises (`tests/contract/`).

A new door is a subclass of `Client` and one line in `DOORS`.  A client tells what it has read in
one form, whatever its door speaks: `("message", "ada", "hello")`, `("join", "ada")`, `("gap",)`.  A
text of several lines is told as several messages, for a line door makes that of it.
"""

from __future__ import annotations

from .base import Client
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
    )
}
"""Every door that the contract is about."""
