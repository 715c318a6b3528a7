"""A bot: repeats what others say.  It needs `pip install chatd`."""

import sys

from twisted.internet.defer import ensureDeferred
from twisted.internet.task import react

from chatd.client import ChatClient


async def parrot(url: str) -> None:
    """Repeat, until it is interrupted."""
    async with ChatClient(url, name="parrot") as client:
        async for event in client.events("lobby", latest=0):
            if event.type == "message" and event.sender != client.name:
                await client.say(f"{event.sender} said: {event.text}", event.room)


react(lambda reactor, url: ensureDeferred(parrot(url)), sys.argv[1:] or ["http://localhost:8080"])
