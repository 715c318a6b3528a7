"""Speakers over HTTP: sessions and visitors who post until they are answered, and one who will not
behave.
"""

from __future__ import annotations

import asyncio
from urllib.parse import quote

import msgspec

from .checker import Saying
from .client import JSON, MOST_PATIENCE, Client, Gone, Refused
from .wire import Answer, Wire

TALK_SECONDS = 4.0
"""Seconds between two messages, on average."""
BURST = 60
"""Messages that the greedy post at once: more than a session may."""
GREED_SECONDS = 25.0
"""Seconds between two bursts, on average."""
CONTEST_SECONDS = 10.0
"""Seconds between two contests for a name, on average."""
_encode = msgspec.json.encode


class Poster(Client):
    """A session that posts with an `Idempotency-Key`, again and again until it is answered.

    It comes and goes, renames itself, sets topics and pages back, as people do.
    """

    door = "POST"
    _pending: Saying | None = None
    _attempts = 0

    @property
    def settled(self) -> bool:
        """See `Client.settled`."""
        return self._pending is None

    @property
    def done(self) -> bool:
        """See `Client.done`."""
        return self.world.over.is_set() and self.settled

    async def visit(self) -> None:
        """Say things, one after another."""
        wire = await self.connect("http")
        await self.enter(wire)
        while not self.done:
            if self._pending is None:
                await self.world.pause(self.dice.expovariate(1 / TALK_SECONDS))
                if self.world.over.is_set():
                    return
                if self.dice.random() < 0.2:
                    await self.do_something_else(wire)
                    continue
                self._pending = self.something()
                self._attempts = 0
            await self._post(wire, self._pending)

    async def enter(self, wire: Wire) -> None:
        """Have a session."""
        if not self.token:
            await self.log_in(wire)

    def something(self) -> Saying:
        """Something new to say."""
        if self.world.members and self.dice.random() < 0.1:
            to = self.dice.choice(self.world.members)
            return self.world.saying(self.dice, self.name, "", to=to)
        return self.world.saying(self.dice, self.name, self.room())

    def address(self, saying: Saying) -> str:
        """Where it is posted."""
        if saying.to:
            return f"/people/{quote(saying.to)}/messages"
        return f"/rooms/{saying.room}/messages"

    async def _post(self, wire: Wire, saying: Saying) -> None:
        self._attempts += 1
        self.world.counts["repeats"] += self._attempts > 1
        key = {"Idempotency-Key": f"{self.name}-{saying.serial}"}
        headers = JSON | key | self.authorization
        wire.request("POST", self.address(saying), _encode({"text": saying.text}), headers)
        if self.dice.random() < 0.04:
            # Perhaps it is stored, perhaps not: the answer is lost in any case.
            await self.world.pause(self.dice.uniform(0, 0.05))
            wire.reset()
            raise Gone
        answer = await wire.answer()
        match answer.status:
            case 201:
                self.world.stored(saying, answer.json["id"])
                self._pending = None
            case 401:
                self.token = ""
                raise Gone
            case 429 | 503:
                self.world.refusals[f"{answer.code}, said again"] += 1
                await self.world.pause(min(answer.retry_after, MOST_PATIENCE))
            case _:
                # Had an earlier attempt been stored, nobody would know: its session is gone.
                if self._attempts == 1:
                    self.world.refused(saying, answer.code)
                self._pending = None

    async def do_something_else(self, wire: Wire) -> None:
        """What others see, or a look at the past."""
        room = self.dice.choice(("dev", "music"))
        match self.dice.choice(("rename", "topic", "join", "leave", "page")):
            case "rename":
                name = f"{self.name}-{self.dice.randrange(100)}"
                answer = await self._do(wire, "PATCH", "/session", {"name": name})
                if answer.status == 200:
                    self.shown = name
            case "topic":
                text = {"text": f"about {self.dice.randrange(1000)}"}
                answer = await self._do(wire, "PUT", f"/rooms/{room}/topic", text)
            case "join":
                answer = await self._do(wire, "PUT", f"/rooms/{room}/membership")
            case "leave":
                answer = await self._do(wire, "DELETE", f"/rooms/{room}/membership")
            case _:
                answer = await self._do(wire, "GET", "/rooms/lobby/events?before=9000000000000000")
        if answer.status == 401:
            self.token = ""
            raise Gone
        if answer.status >= 400:
            self.world.refusals[answer.code] += 1

    async def _do(self, wire: Wire, method: str, target: str, body: object = None) -> Answer:
        data = b"" if body is None else _encode(body)
        return await wire.ask(method, target, data, (JSON if data else {}) | self.authorization)


class Visitor(Poster):
    """`curl -d text=hello '…?name=ada'`: says something under a name that it does not hold."""

    door = "visitor"

    async def enter(self, wire: Wire) -> None:
        """A visitor has no session."""

    def address(self, saying: Saying) -> str:
        """See `Poster.address`."""
        return f"{super().address(saying)}?name={quote(self.name)}"

    async def do_something_else(self, wire: Wire) -> None:
        """Ask which rooms there are."""
        answer = await wire.ask("GET", "/rooms")
        if answer.status != 200:
            raise Refused(answer)


class Greedy(Client):
    """Says more than it may, and things that nobody may say; takes every answer as the last."""

    door = "greedy"

    @property
    def done(self) -> bool:
        """See `Client.done`."""
        return self.world.over.is_set()

    async def visit(self) -> None:
        """A burst, some nonsense, and a rest."""
        wire = await self.connect("http")
        if not self.token:
            await self.log_in(wire)
        while not self.done:
            for _ in range(BURST):
                saying = self.world.saying(self.dice, self.name, self.room())
                await self._try(wire, saying, _encode({"text": saying.text}))
            for refused in (self._too_long(), self._misspelt(), self._to_nobody()):
                await self._try(wire, *refused)
            await self.world.pause(self.dice.expovariate(1 / GREED_SECONDS))

    def _too_long(self) -> tuple[Saying, bytes]:
        saying = self.world.saying(self.dice, self.name, "lobby")
        return saying, _encode({"text": f"{saying.text} {'x' * 5000}"})

    def _misspelt(self) -> tuple[Saying, bytes]:
        saying = self.world.saying(self.dice, self.name, "lobby")
        return saying, _encode({"txt": saying.text})

    def _to_nobody(self) -> tuple[Saying, bytes]:
        saying = self.world.saying(self.dice, self.name, "", to="nobody-at-all")
        return saying, _encode({"text": saying.text})

    async def _try(self, wire: Wire, saying: Saying, body: bytes) -> None:
        target = f"/people/{saying.to}" if saying.to else f"/rooms/{saying.room}"
        headers = JSON | self.authorization
        answer = await wire.ask("POST", f"{target}/messages", body, headers)
        if answer.status == 201:
            self.world.stored(saying, answer.json["id"])
            return
        self.world.refused(saying, answer.code)
        if answer.status == 401:
            self.token = ""
            raise Gone


class Rivals(Client):
    """Two clients, on whichever nodes, who want the same name in the same moment."""

    door = "rivals"
    _contests = 0

    @property
    def done(self) -> bool:
        """See `Client.done`."""
        return self.world.over.is_set()

    async def visit(self) -> None:
        """One contest after another; who gets a name gives it up again."""
        wires = [await self.connect("http") for _ in range(2)]
        while not self.done:
            self._contests += 1
            name = f"{self.name}-{self._contests}"
            body = _encode({"name": name})
            for wire in wires:
                wire.request("POST", "/session", body, JSON)
            answers = await asyncio.gather(*(wire.answer() for wire in wires))
            for wire, answer in zip(wires, answers, strict=True):
                if answer.status == 201:
                    self.world.grants[name] += 1
                    token = {"Authorization": f"Bearer {answer.json['token']}"}
                    await wire.ask("DELETE", "/session", headers=token)
                else:
                    self.world.refusals[answer.code] += 1
            await self.world.pause(self.dice.expovariate(1 / CONTEST_SECONDS))
