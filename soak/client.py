"""What every client does: come, be there for a while, be cut off, and come back where it was."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import msgspec

from .wire import ANSWER_SECONDS, Answer, Wire
from .world import ROOMS, WEIGHTS, World

JSON = {"Content-Type": "application/json"}
RESTLESS_SECONDS = 25.0
"""After how long, on average, a reader does something that is not reading."""
LONGEST_NAP = 40.0
"""Seconds for which a reader stops reading, at most."""
MOST_PATIENCE = 5.0
"""Seconds that are waited before a refused request is sent again, at most."""


class Gone(Exception):
    """The client has ended its connection, or means to."""


class Refused(Exception):
    """The server does not want it now."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.code)
        self.answer = answer


class Client:
    """Somebody with a name and an address."""

    door = ""
    """What the client is called in reports."""

    def __init__(self, world: World, name: str, address: str) -> None:
        self.world = world
        self.name = name
        self.dice = world.dice(name)
        self._address = address
        self._wires: list[Wire] = []
        self._restless = 0.0
        self.token = ""
        """The session, for those who have one."""
        self.shown = name
        """The name to log in with: an `Idempotency-Key` is known to belong to whoever has it."""
        self.ending = False
        """Whether it is the client who ends the connection."""

    @property
    def settled(self) -> bool:
        """Whether it knows of everything it said what became of it, as far as it can."""
        return True

    @property
    def done(self) -> bool:
        """Whether it has nothing more to do."""
        raise NotImplementedError

    async def visit(self) -> None:
        """Connect, and stay until something ends that."""
        raise NotImplementedError

    async def run(self) -> None:
        """Come back until there is nothing more to do."""
        server, counts = self.world.server, self.world.counts
        while not self.done:
            await server.up.wait()
            life, self.ending = server.life, False
            try:
                await self.visit()
            except TimeoutError:
                self.world.findings.append(f"{self.name} had no answer in {ANSWER_SECONDS:g} s")
            except (OSError, asyncio.IncompleteReadError):
                if life == server.life and not self.ending:
                    counts[f"cut off by the server, {self.door}"] += 1
            except Refused as refusal:
                self.world.refusals[str(refusal)] += 1
                await asyncio.sleep(min(refusal.answer.retry_after, MOST_PATIENCE))
            except Gone:
                counts["left or reset by the client"] += 1
            finally:
                for wire in self._wires:
                    wire.close()
                self._wires.clear()
            if not self.done:
                counts["reconnects"] += 1
                await asyncio.sleep(self.dice.uniform(0.02, 0.5))

    async def connect(self, door: str, *, narrow: bool = False) -> Wire:
        """A connection, which ends with the visit."""
        self._wires.append(
            await Wire.to(self.world.server.ports[door], self._address, narrow=narrow)
        )
        return self._wires[-1]

    async def log_in(self, wire: Wire) -> None:
        """Begin a session; where an answer was lost, the name is refused until that one ends."""
        body = msgspec.json.encode({"name": self.shown})
        answer = await wire.ask("POST", "/session", body, JSON)
        if answer.status != 201:
            raise Refused(answer)
        self.token = answer.json["token"]

    @property
    def authorization(self) -> dict[str, str]:
        """The header that says which session it is."""
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    def room(self) -> str:
        """A room to say something in."""
        return self.dice.choices(ROOMS, WEIGHTS)[0]

    async def live(self, wire: Wire) -> None:
        """Between two reads: now and then stop reading, leave, or vanish.  Raises `Gone`."""
        now = asyncio.get_running_loop().time()
        if not self._restless:
            self._restless = now + self._while()
        if now < self._restless or self.world.over.is_set():
            return
        self._restless = now + self._while()
        match self.dice.choices(("nap", "reset", "close"), (4, 3, 2))[0]:
            case "nap":
                self.world.counts["stopped reading for a while"] += 1
                await self.world.pause(self.dice.uniform(1, LONGEST_NAP))
            case "reset":
                self.ending = True
                wire.reset()
                raise Gone
            case "close":
                raise Gone

    def _while(self) -> float:
        return self.dice.expovariate(1 / RESTLESS_SECONDS) / self.world.haste


async def together(*work: Coroutine[Any, Any, None]) -> None:
    """Do all of this until one of it is over."""
    tasks = [asyncio.create_task(one) for one in work]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def forever() -> None:
    """Wait for what ends this."""
    await asyncio.Event().wait()
