"""Programs over a real restart of the server, on a real port."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import ensureDeferred
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.interfaces import IDelayedCall

from chatd.chat.limits import Limits
from chatd.chat.service import ChatService
from chatd.client import ChatClient
from chatd.doors.api.tree import web_site
from chatd.net.peers import Peers
from chatd.server.drain import ChatServer
from chatd.store.engines import store_at

COUNT = 40


class ProcessClock:
    """The clock of one process; its timers end with the process."""

    def __init__(self) -> None:
        self._calls: list[IDelayedCall] = []

    def seconds(self) -> float:
        """See `IReactorTime.seconds`."""
        return float(reactor.seconds())

    def callLater(self, *what: Any) -> IDelayedCall:  # noqa: N802
        """See `IReactorTime.callLater`."""
        self._calls.append(reactor.callLater(*what))
        return self._calls[-1]

    def end(self) -> None:
        """Cancel all timers."""
        for call in self._calls:
            if call.active():
                call.cancel()


class InProcessServer:
    """One run of the server."""

    def __init__(self, file: Path) -> None:
        clock: Any = ProcessClock()
        self._clock = clock
        store = store_at(f"sqlite:{file}", reactor, time.time, 1000)
        self._chat = chat = ChatService(clock, store, limits=Limits(message_rate=0))
        peers = Peers(clock)
        self._site = web_site(chat, peers=peers)
        self._server = ChatServer(clock, chat, peers)

    async def open(self, port: int = 0) -> int:
        """Open the store, and listen."""
        await self._chat.open()
        endpoint = TCP4ServerEndpoint(reactor, port, interface="127.0.0.1")
        self._port = await endpoint.listen(self._site)
        return int(self._port.getHost().port)

    async def stop(self) -> None:
        """Shut down as under twistd."""
        await self._port.stopListening()
        await self._server.stopService()
        self._clock.end()


@pytest_twisted.ensureDeferred
async def test_programs_lose_and_duplicate_nothing_over_a_restart(tmp_path: Path) -> None:
    """Two clients speak and one reads while the server restarts: each message is sent and read
    once, in order, without a gap.
    """
    file = tmp_path / "chat.sqlite"
    server = InProcessServer(file)
    port = await server.open()
    url = f"http://127.0.0.1:{port}"
    clients = [ChatClient(url, name) for name in ("ada", "bob", "eve")]
    ada, bob, eve = clients
    events = eve.events("lobby", latest=0)
    await eve.who()
    # The first response sets the cursor.
    first = ensureDeferred(events.__anext__())
    await ada.say("0")

    async def talk(client: ChatClient) -> None:
        for number in range(1, COUNT):
            await client.say(f"{number}")

    talking = [ensureDeferred(talk(client)) for client in (ada, bob)]
    await eve.say("now")
    await server.stop()
    server = InProcessServer(file)
    await server.open(port)
    for talked in talking:
        await talked
    heard: list[Any] = [await first]
    last = {"ada", "bob"}
    while last:
        event = await events.__anext__()
        heard.append(event)
        if event.type == "message" and event.text == f"{COUNT - 1}":
            last.discard(event.sender)
    assert "gap" not in [event.type for event in heard]
    ids = [event.id for event in heard]
    assert ids == sorted(set(ids))
    for name in ("ada", "bob"):
        said = [
            int(e.text)
            for e in heard
            if e.type == "message" and e.sender == name and e.text != "now"
        ]
        assert said == list(range(0 if name == "ada" else 1, COUNT))
    for client in clients:
        await client.close()
    await server.stop()
