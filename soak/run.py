"""One soak, from the first client to the verdict."""

from __future__ import annotations

import asyncio
import signal
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

import msgspec

from .checker import Event, Saying, Verdict, judge
from .client import Client, Refused
from .irc import IrcClient
from .lines import LineClient
from .readers import PollReader, StreamReader, TextReader
from .server import Status
from .sockets import SocketReader
from .speakers import Greedy, Poster, Rivals, Visitor
from .wire import Wire
from .world import ROOMS, World

CALM_SECONDS = 120.0
"""A soak as long as this is in no haste: a shorter one has shorter pauses in proportion..."""
MOST_HASTE = 10.0
"""...but not shorter than this part of them."""
PROGRESS_SECONDS = 10.0
"""Seconds between two lines of progress."""
PATIENCE = 40.0
"""Seconds for everybody to come to the end, when nothing new is said any more."""
SETTLE_SECONDS = 3.0
"""Seconds for the server to let go of clients that have left, before it is measured."""
MOST_GROWTH = 128 << 20
"""Bytes by which the server may have grown at its largest: its logs, buffers, and SQLite's."""
MORE_DESCRIPTORS = 8
"""Descriptors that it may have more at the end, when all have left: SQLite's own files."""
HOME = "127.77.0.1"
"""Where the soak itself connects from."""


@dataclass
class Figures:
    """The server at three moments."""

    start: Status
    most: Status
    end: Status


@dataclass
class Plan:
    """What is asked for."""

    seconds: float
    clients: int
    restarts: int
    patience: float = PATIENCE
    """Seconds for everybody to come to the end."""

    @property
    def haste(self) -> float:
        """See `World`."""
        return min(max(CALM_SECONDS / max(self.seconds, 1.0), 1.0), MOST_HASTE)


class Soak:
    """The clients of one plan, and what became of them."""

    def __init__(self, world: World, plan: Plan, tell: Callable[[str], None]) -> None:
        """`tell` is told of the progress, a line at a time."""
        self.world = world
        self.plan = plan
        self._tell = tell
        self._began = monotonic()
        self.clients = list(self._people())

    def _people(self) -> list[Client]:
        """A mix of every kind, the same for the same seed."""
        dice, people = self.world.dice("the mix"), list[Client]()
        kinds = {
            LineClient: 19, IrcClient: 12, PollReader: 15, TextReader: 5, StreamReader: 12,
            SocketReader: 12, Poster: 14, Visitor: 7, Greedy: 3, Rivals: 2,
        }  # fmt: skip
        for number, share in enumerate(_shares(self.plan.clients, list(kinds.values()))):
            kind = list(kinds)[number]
            for place in range(share):
                name = f"{kind.__name__.lower()}-{place}"
                address = f"127.78.{len(people) // 250}.{len(people) % 250 + 1}"
                rooms = dice.sample(ROOMS, dice.choice((1, 1, 2, 3)))
                here = (self.world, name, address)
                if kind is IrcClient:
                    people.append(IrcClient(*here, rooms))
                elif kind is LineClient:
                    more = [] if dice.random() < 0.5 else [dice.choice(ROOMS[1:])]
                    people.append(LineClient(*here, ["lobby", *more]))
                elif kind in (PollReader, StreamReader, SocketReader):
                    member = dice.random() < 0.5
                    if member:
                        self.world.members.append(name)
                    people.append(kind(*here, rooms, member=member))
                elif kind is TextReader:
                    people.append(TextReader(*here, rooms, member=False))
                else:
                    people.append(kind(*here))
        return people

    async def run(self) -> tuple[Verdict, Figures]:
        """Everything: what is wrong, and what the server took."""
        world = self.world
        await self._warm()
        start = most = world.server.status()
        tasks = {asyncio.create_task(self._live(client)): client for client in self.clients}
        watching = asyncio.create_task(self._watch(most))
        async with asyncio.TaskGroup() as group:
            group.create_task(self._restart())
            group.create_task(asyncio.sleep(self.plan.seconds))
        world.over.set()
        self._tell("nothing new is said any more; everybody reads to the end")
        await self._wait(lambda: all(task.done() or tasks[task].settled for task in tasks))
        await self._say_the_last()
        _, late = await asyncio.wait(tasks, timeout=self.plan.patience)
        for task in late:
            world.findings.append(f"{tasks[task].name} never came to the end")
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(SETTLE_SECONDS)
        end = world.server.status()
        watching.cancel()
        most = await watching
        self._tell("everybody has left; reading the whole history")
        history = {room: await self._history(room) for room in ROOMS}
        await world.server.stop()
        verdict = judge(
            history, world.sayings, world.trails, world.contents, world.grants, world.server.losses
        )
        verdict.findings[:0] = world.findings
        figures = Figures(start, most, end)
        verdict.findings += self._of_server(figures)
        return verdict, figures

    def _of_server(self, figures: Figures) -> list[str]:
        """What the server itself was not to do."""
        grown = figures.most.memory - figures.start.memory
        more = figures.end.descriptors - figures.start.descriptors
        findings = [f"the server logged: {line}" for line in self.world.server.troubles[:20]]
        if grown > MOST_GROWTH:
            findings.append(f"the server grew by {grown >> 20} MiB")
        if more > MORE_DESCRIPTORS:
            findings.append(f"the server has {more} descriptors more than at the start")
        if figures.end.threads > figures.start.threads:
            findings.append(f"the server has {figures.end.threads} threads")
        return findings

    async def _live(self, client: Client) -> None:
        try:
            await client.run()
        except Exception as problem:  # whatever a client did not expect is a finding too
            traceback.print_exc()
            self.world.findings.append(f"{client.name} did not expect {problem!r}")

    # -- what happens besides the clients --------------------------------------------------------

    async def _restart(self) -> None:
        """SIGTERM and SIGKILL in turn, evenly over the time."""
        for number in range(self.plan.restarts):
            await asyncio.sleep(self.plan.seconds / (self.plan.restarts + 1))
            how = (signal.SIGTERM, signal.SIGKILL)[number % 2]
            self._tell(self.world.server.fault(how))
            began = monotonic()
            await self.world.server.restart(how)
            self._tell(f"all is well again after {monotonic() - began:.1f} s")

    async def _watch(self, most: Status) -> Status:
        """Tell of the progress; answers the most that the server ever took."""
        told = 0.0
        try:
            while True:
                await asyncio.sleep(0.5)
                if not self.world.server.up.is_set():
                    continue
                try:
                    now = self.world.server.status()
                except (OSError, KeyError):
                    continue  # it was just killed
                most = Status(*map(max, most, now))
                if monotonic() - told >= PROGRESS_SECONDS:
                    told = monotonic()
                    self._tell(self._progress(now))
        except asyncio.CancelledError:
            return most

    def _progress(self, now: Status) -> str:
        counts = self.world.counts
        return (
            f"{monotonic() - self._began:5.0f} s: {len(self.world.sayings)} said, "
            f"{counts['events delivered']} events delivered, {counts['gaps told']} gaps, "
            f"{counts['reconnects']} reconnects, {now.memory / 2**20:.0f} MiB, "
            f"{now.descriptors} descriptors"
        )

    async def _wait(self, condition: Callable[[], bool]) -> None:
        deadline = monotonic() + PATIENCE
        while not condition() and monotonic() < deadline:
            await asyncio.sleep(0.05)

    # -- the first and the last ------------------------------------------------------------------

    async def _wire(self) -> Wire:
        return await Wire.to(self.world.server.ports["http"], HOME)

    async def _warm(self) -> None:
        """Have the server open what it opens once."""
        for room in ROOMS:
            first = self.world.saying(self.world.dice("first"), "the soak", room)
            self.world.begins[room] = await self._post(first)
            await self._history(room)

    async def _say_the_last(self) -> None:
        """A last message in every room, by which readers know that they have everything."""
        last = [self.world.saying(self.world.dice("last"), "the soak", room) for room in ROOMS]
        self.world.ending_serials.update({saying.room: saying.serial for saying in last})
        ends = {saying.room: await self._post(saying) for saying in last}
        self.world.ends.update(ends)
        # Whoever read them before their ids were known here is woken by some more.
        for room in ROOMS:
            await self._post(self.world.saying(self.world.dice("last"), "the soak", room))

    async def _post(self, saying: Saying) -> int:
        wire = await self._wire()
        target = f"/rooms/{saying.room}/messages?name=the-soak"
        answer = await wire.ask(
            "POST", target, saying.text.encode(), {"Content-Type": "text/plain"}
        )
        wire.close()
        if answer.status != 201:
            raise Refused(answer)
        id_: int = answer.json["id"]
        self.world.stored(saying, id_)
        return id_

    async def _history(self, room: str) -> list[Event]:
        """All that is kept of a room, paged back from the end."""
        wire = await self._wire()
        pages: list[list[Event]] = []
        before = 9_000_000_000_000_000
        while True:
            answer = await wire.ask("GET", f"/rooms/{room}/events?before={before}&limit=500")
            if answer.status != 200:
                raise Refused(answer)
            page = msgspec.convert(answer.json["events"], list[Event])
            if not page:
                break
            pages.append(page)
            before = page[0].id
        wire.close()
        return [event for page in reversed(pages) for event in page]


def _shares(total: int, weights: list[int]) -> list[int]:
    """The total in whole shares, none of them nothing."""
    shares = [max(1, total * weight // sum(weights)) for weight in weights]
    shares[0] += max(0, total - sum(shares))
    return shares
