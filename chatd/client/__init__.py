"""A client for programs: `ChatClient`, for Twisted's coroutines and on treq.

async def echo(url: str) -> None:
    async with ChatClient(url, name="parrot") as client:
        async for event in client.events("lobby", latest=0):
            if event.type == "message" and event.sender != client.name:
                await client.say(event.text)

Refusals are raised as `chatd.model.errors`.  `python -m chatd.client URL` is a client for people.
"""

from .answers import Event
from .chat import ChatClient, Events

__all__ = ["ChatClient", "Event", "Events"]
