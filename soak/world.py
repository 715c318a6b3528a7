"""What all clients of one soak share: the server, who said what, and when it is over."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from random import Random
from time import time

from .checker import GAP, NEW_SESSION, Contents, Event, Saying, Trail
from .server import Server

ROOMS = ("lobby", "dev", "music", "quiet")
"""The rooms, the busiest first."""
WEIGHTS = (6, 3, 2, 1)
"""How much of the talk is in each."""
WORDS = ("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "Grüße", "你好", "🙂")
"""What there is to say, in one to four bytes a character."""


class World:
    """The one soak that is going on."""

    def __init__(self, server: Server, seed: int, haste: float) -> None:
        """With `haste` 1, pauses are for ten minutes; with 10, they are a tenth as long."""
        self.server = server
        self.seed = seed
        self.haste = haste
        self.over = asyncio.Event()
        """Nobody says anything new."""
        self.begins: dict[str, int] = {}
        """The id of the first message of each room."""
        self.ends: dict[str, int] = {}
        """The id of the last message of each room, once it is said."""
        self.ending_serials: dict[str, int] = {}
        """Their serial numbers."""
        self.members: list[str] = []
        """Who reads private messages."""
        self.sayings: list[Saying] = []
        self.trails: list[Trail] = []
        self.grants: Counter[str] = Counter()
        """How many clients got each name that several wanted at once."""
        self.contents = Contents()
        self.counts: Counter[str] = Counter()
        self.refusals: Counter[str] = Counter()
        self.findings: list[str] = []
        """What a client noticed itself."""

    def dice(self, name: str) -> Random:
        """A client's own chance."""
        return Random(f"{self.seed} {name}")

    def trail(self, reader: str, rooms: Sequence[str], inbox: str = "") -> Trail:
        """A reader of ids begins."""
        self.trails.append(Trail(reader, frozenset(rooms), inbox=inbox))
        return self.trails[-1]

    def leg(self, reader: str, rooms: Sequence[str], since: int | None = None) -> Trail:
        """Begin the trail of a reader of text, or with `since` of one page of text."""
        self.trails.append(Trail(reader, frozenset(rooms), since, since is not None, textual=True))
        return self.trails[-1]

    def saying(
        self, dice: Random, voice: str, room: str, *, to: str = "", most: int = 400
    ) -> Saying:
        """A new message: mostly short, sometimes as long as a screen, or of `most` words."""
        serial = len(self.sayings) + 1
        many = dice.choice((3, 5, 8, 13, 40, 400)) if dice.random() < 0.2 else 6
        many = min(many, most)
        text = " ".join([f"m{serial}", *dice.choices(WORDS, k=many)])
        self.sayings.append(Saying(serial, voice, room, text, to, said=time()))
        return self.sayings[-1]

    def stored(self, saying: Saying, id_: int | None = None) -> None:
        """It was acknowledged."""
        if saying.stored and saying.id not in (None, id_):
            self.findings.append(f"m{saying.serial} was acknowledged as {saying.id} and as {id_}")
        saying.stored = True
        saying.at = saying.at or time()
        saying.id = id_ or saying.id

    def refused(self, saying: Saying, code: str) -> None:
        """It was refused, for good; but what is in doubt may be stored all the same."""
        self.refusals[code] += 1
        if code != "in-doubt":
            saying.refusal = code

    def saw(self, trail: Trail, event: Event) -> None:
        """A reader was shown an event."""
        self.contents.saw(event)
        trail.items.append(event.id)
        self.counts["events delivered"] += 1

    def read(self, trail: Trail, serial: int) -> None:
        """A reader was shown a text."""
        trail.items.append(serial)
        self.counts["events delivered"] += 1

    def gap(self, trail: Trail, door: str) -> None:
        """A reader was told of a gap."""
        trail.items.append(GAP)
        self.counts["gaps told"] += 1
        self.counts[f"gaps told, {door}"] += 1

    def session_began(self, trail: Trail) -> None:
        """A reader's session is a new one."""
        trail.items.append(NEW_SESSION)

    def end_of(self, rooms: frozenset[str]) -> int | None:
        """The cursor at which a reader of these rooms has everything, once that is known."""
        return max(self.ends[room] for room in rooms) if self.ends else None

    async def pause(self, seconds: float) -> None:
        """Wait, but not beyond the end."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.over.wait(), seconds / self.haste)
