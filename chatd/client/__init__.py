"""Client library for Twisted programs: `ChatClient`, which uses treq.

async def echo(url: str) -> None:
    async with ChatClient(url, name="parrot") as client:
        async for event in client.events("lobby", latest=0):
            if event.type == "message" and event.sender != client.name:
                await client.say(event.text)

Refusals are raised as `chatd.model.errors`.  `python -m chatd.client URL` is a terminal client.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .answers import Event
    from .chat import ChatClient, Events
    from .moderation import Moderation

__all__ = ["ChatClient", "Event", "Events", "Moderation"]

_HOMES = {
    "ChatClient": ".chat",
    "Events": ".chat",
    "Event": ".answers",
    "Moderation": ".moderation",
}


def __getattr__(name: str) -> Any:
    """Import a class when it is used.  So `python -m chatd.client` starts without Twisted, and can
    say that Twisted is missing.
    """
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name], __name__), name)
