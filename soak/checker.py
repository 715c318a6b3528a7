"""Compares what the clients of a soak test saw with what the server promises.  Pure: histories and
observations go in, findings come out.

1. The history that is paged at the end is the reference.  The checker follows every reader's trail
   through it: one order, each event once, and a reported gap for every hole.
2. Every message has a serial number in its text, by which it is recognised everywhere.
3. A finding is a sentence that names the client, the event and the place, so that a developer can
   look it up in the history.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from msgspec import Struct
from msgspec import field as named

SERIAL = re.compile(r"m(\d+)\b")
"""The beginning of every text: its serial number."""
GAP = 0
"""Stands in a trail for a reported gap; no event has this id."""
NEW_SESSION = -1
"""Stands in a trail for the begin of a new session; private messages end with their session."""
SPOKEN = ("message", "action")
"""Types of events that readers of text can identify, by the serial number."""
MOST_TOLD = 5
"""Maximum findings of one trail, so that a reader who lost everything does not hide the others."""


class Event(Struct, frozen=True):
    """An event, as chatd's JSON has it."""

    id: int
    type: str
    sender: str = named(name="from", default="")
    room: str = ""
    text: str = ""
    to: str = ""
    time: str = ""

    @property
    def serial(self) -> int | None:
        """The serial number of the message; None for other events."""
        found = SERIAL.match(self.text) if self.type != "leave" else None
        return int(found[1]) if found else None


@dataclass(slots=True)
class Saying:
    """A message that a client tried to say, and the server's answer to it."""

    serial: int
    voice: str
    """The sender and its sequence: acknowledged messages of one voice are stored in its order."""
    room: str
    """Empty for a private message."""
    text: str
    to: str = ""
    stored: bool = False
    """Whether the server has acknowledged it."""
    id: int | None = None
    """The id in the acknowledgement, if it contains one."""
    refusal: str = ""
    """The error code with which the server refused it; empty if it did not."""
    said: float = 0.0
    at: float = 0.0
    """When the client sent it, and when the client read the acknowledgement, in seconds since the
    Unix epoch."""
    overtaken: bool = False
    """Whether it was sent again when a later message may have been stored already."""

    @property
    def speaker(self) -> str:
        """The sender: the part of the voice before the comma."""
        return self.voice.partition(",")[0]


@dataclass
class Trail:
    """The events that one reader saw, in the order in which it saw them."""

    reader: str
    rooms: frozenset[str]
    since: int | None = None
    """The cursor from which the reader began; None: from its first item on."""
    page: bool = False
    """Whether the trail is one answer: then the next answer reports a gap after it."""
    textual: bool = False
    """Whether the reader reads text, which shows no ids: then its items are serial numbers."""
    inbox: str = ""
    """The person whose private messages the reader gets, too; empty: none."""
    until: int | None = None
    """The id up to which the reader must have read everything in the end; None: no requirement."""
    items: array[int] = field(default_factory=lambda: array("q"))
    """Ids (or serials), `GAP` and `NEW_SESSION`."""


@dataclass
class Loss:
    """A period in which the engine may have lost messages that it had acknowledged: a failover."""

    began: float
    ended: float
    """Both in seconds since the Unix epoch."""

    def covers(self, id_: int) -> bool:
        """Whether an event with that id may have been stored in this period."""
        return self.began <= id_ / 1e6 <= self.ended + AHEAD_SECONDS


EVER = Loss(0.0, 1e12)
"""A period that covers all events."""
AHEAD_SECONDS = 10.0
"""Seconds by which ids may be ahead of the clock, as each new engine begins a second ahead."""


class Contents:
    """Checks that all readers get the same contents of an event."""

    def __init__(self) -> None:
        self.findings: list[str] = []
        self.events: dict[int, Event] = {}

    def saw(self, event: Event) -> None:
        """A reader has received this event."""
        first = self.events.setdefault(event.id, event)
        if first != event:
            self.findings.append(f"event {event.id} was told in two ways: {first} and {event}")


@dataclass
class Verdict:
    """The result of a check."""

    findings: list[str]
    """A sentence for each broken promise."""
    idle_gaps: int
    """Reported gaps behind which the reader missed no event."""


def judge(
    history: Mapping[str, Sequence[Event]],
    sayings: Iterable[Saying],
    trails: Iterable[Trail],
    contents: Contents,
    grants: Mapping[str, int] = {},
    losses: Sequence[Loss] = (),
) -> Verdict:
    """Compare all observations with the history, which has the events of each room in the order of
    paging.

    `grants` is how many clients got each name that several requested at once.  Messages that were
    acknowledged during one of the `losses` may be missing; readers who have received them must get
    a gap.
    """
    said = {saying.serial: saying for saying in sayings}
    findings = [*contents.findings, *_of_history(history, said, contents)]
    findings += _of_sayings(history, said, contents, losses)
    findings += [f"{name} was granted {n} times" for name, n in grants.items() if n > 1]
    map_ = _Map(history, said.values(), contents, losses)
    findings += _of_voices(said.values(), map_.by_serial)
    idle = 0
    for trail in trails:
        broken, covering_nothing = _of_trail(trail, map_)
        findings += broken
        idle += covering_nothing
    return Verdict(findings, idle)


def _of_history(
    history: Mapping[str, Sequence[Event]], said: Mapping[int, Saying], contents: Contents
) -> Iterator[str]:
    """The history has rising ids, no event twice, and no message that no client said."""
    seen: dict[int, str] = {}
    for room, events in history.items():
        last = 0
        for event in events:
            if event.id <= last:
                yield f"the history of {room} goes from {last} to {event.id}"
            last = event.id
            if seen.setdefault(event.id, room) != room:
                yield f"id {event.id} stands in the history of {seen[event.id]} and of {room}"
            if event.room != room:
                yield f"the history of {room} holds an event of another room: {event}"
            if contents.events.get(event.id, event) != event:
                yield f"it was shown as {contents.events[event.id]} and is kept as {event}"
            if event.type in SPOKEN and event.serial not in said:
                yield f"nobody said what the history of {room} holds: {event}"


def _is_risky(saying: Saying, losses: Iterable[Loss]) -> bool:
    """Whether the engine may have lost this message after acknowledging it."""
    return any(loss.began <= saying.at and saying.said <= loss.ended for loss in losses)


def _of_sayings(
    history: Mapping[str, Sequence[Event]],
    said: Mapping[int, Saying],
    contents: Contents,
    losses: Sequence[Loss],
) -> Iterator[str]:
    """The history has acknowledged messages once and unchanged, and no refused ones."""
    places: dict[int, list[Event]] = defaultdict(list)
    letters = [event for event in contents.events.values() if event.type == "private"]
    for event in (*(event for events in history.values() for event in events), *letters):
        if event.serial is not None:
            places[event.serial].append(event)
    for serial, saying in said.items():
        found = places.get(serial, [])
        name = f"m{serial} of {saying.voice} in {saying.room or 'private to ' + saying.to}"
        if len(found) > 1:
            yield f"{name} is there {len(found)} times: {[event.id for event in found]}"
        if saying.stored and not found and saying.room and not _is_risky(saying, losses):
            yield f"{name} was acknowledged ({saying.id}) and is not in the history"
        if saying.refusal and found:
            yield f"{name} was refused ({saying.refusal}) and is there as {found[0].id}"
        for event in found:
            if saying.id not in (None, event.id):
                yield f"{name} was acknowledged as {saying.id} and is there as {event.id}"
            if (event.text, event.room, event.to) != (saying.text, saying.room, saying.to):
                yield f"{name} is there as something else: {event}"


def _of_voices(sayings: Iterable[Saying], ids: Mapping[int, int]) -> Iterator[str]:
    """The ids of each voice's messages rise in the order in which they were said."""
    last: dict[str, tuple[int, int]] = {}
    for saying in sayings:
        id_ = saying.id or ids.get(saying.serial)
        if not saying.stored or id_ is None or saying.overtaken:
            continue
        serial, before = last.get(saying.voice, (0, 0))
        if before >= id_:
            yield (
                f"{saying.voice} said m{serial} before m{saying.serial}, "
                f"and they are {before} and {id_}"
            )
        last[saying.voice] = (saying.serial, id_)


class _Map:
    """Indexes of the history, by which trails are checked."""

    def __init__(
        self,
        history: Mapping[str, Sequence[Event]],
        sayings: Collection[Saying],
        contents: Contents,
        losses: Sequence[Loss],
    ) -> None:
        self._losses = losses
        self._events = contents.events
        self._said = {saying.serial: saying for saying in sayings}
        events = [event for room in history.values() for event in room]
        self.rooms = {event.id: event.room for event in events}
        # A duplicate is a finding already; assume that readers have seen the first of the two.
        self.by_serial = {
            event.serial: event.id for event in reversed(events) if event.serial is not None
        }
        self.shown_letters = {
            event.id: event for event in contents.events.values() if event.type == "private"
        }
        """Private messages that a reader has seen, acknowledged or not."""
        self._whole = {room: sorted({event.id for event in history[room]}) for room in history}
        self._spoken = {
            room: sorted({event.id for event in history[room] if event.type in SPOKEN})
            for room in history
        }
        self._letters: dict[str, set[int]] = defaultdict(set)
        for saying in sayings:
            lost = _is_risky(saying, losses)
            if saying.to and saying.stored and saying.id is not None and not lost:
                for name in (saying.to, saying.speaker):
                    self._letters[name].add(saying.id)

    def lost_from(self, item: int, *, textual: bool) -> str | None:
        """The room of an event that the engine may have lost after readers had seen it; None if it
        must not be lost.
        """
        if textual:
            saying = self._said.get(item)
            return saying.room if saying and self._losses else None
        lost = any(loss.covers(item) for loss in self._losses)
        return self._events[item].room if lost and item in self._events else None

    def orders(self, trail: Trail) -> dict[str, list[int]]:
        """By room, the ids of all events that a complete reader has seen; `""` has the private
        messages.
        """
        kept = self._spoken if trail.textual else self._whole
        orders = {room: kept.get(room, []) for room in trail.rooms}
        return orders | {"": sorted(self._letters[trail.inbox])} if trail.inbox else orders


@dataclass
class _Place:
    """The position of a trail in one room."""

    id: int
    gaps: list[int] = field(default_factory=list)
    """The indexes in the trail of the gaps reported since then."""
    renewed: bool = False


def _of_trail(trail: Trail, map_: _Map) -> tuple[list[str], int]:
    """Check one reader's trail; returns the findings, and the number of gaps that covered nothing.

    The order is one over all rooms; a gap covers what is missing of each room up to the next event
    of that room.
    """
    orders = map_.orders(trail)
    findings: list[str] = []
    places = {} if trail.since is None else {room: _Place(trail.since) for room in orders}
    last = trail.since or 0
    seen: set[int] = set()
    gaps: set[int] = set()
    needed: set[int] = set()
    lost: dict[str, int] = {}
    """By room, an event that the reader has seen and the engine has lost, until a gap follows."""

    def told(room: str) -> None:
        """Check that the reader, who goes on in a room, got a gap for the events lost there."""
        if room in lost:
            findings.append(
                f"{trail.reader} was shown {lost.pop(room)}, which was lost, and told of no gap"
            )

    def reach(room: str, id_: int) -> None:
        """Check that the reader has seen all of a room's events below an id."""
        place, order = places[room], orders[room]
        holes = order[bisect_right(order, place.id) : bisect_left(order, id_)]
        if holes and place.gaps:
            needed.update(place.gaps)
        elif holes and not (place.renewed and not room):
            findings.append(
                f"{trail.reader} was not shown {holes[0]} of {room or 'its private messages'}, "
                f"and told of no gap, nor {len(holes) - 1} more from {place.id} to {id_}"
            )

    for position, item in enumerate(trail.items, 1):
        if item in (GAP, NEW_SESSION):
            if item == GAP:
                gaps.add(position)
                if lost:
                    lost.clear()
                    needed.add(position)
            for place in places.values():
                if item == GAP:
                    place.gaps.append(position)
                else:
                    place.renewed = True
            continue
        id_ = map_.by_serial.get(item, 0) if trail.textual else item
        room = map_.rooms.get(id_)
        letter = map_.shown_letters.get(id_)
        if letter and trail.inbox in (letter.to, letter.sender):
            room = ""
        lost_from = map_.lost_from(item, textual=trail.textual)
        if room not in orders and lost_from is not None:
            lost[lost_from] = item
            last = max(last, id_)
        elif room not in orders:
            findings.append(f"{trail.reader} was shown {item}, which is not in its history")
        elif id_ in seen:
            findings.append(f"{trail.reader} was shown {item} twice")
        elif id_ <= last:
            findings.append(f"{trail.reader} was shown {item} behind {last}: out of order")
        else:
            told(room)
            if not places:  # wherever it begins, from there on it has all
                places = {any_: _Place(id_) for any_ in orders}
                needed |= gaps
            reach(room, id_)
            places[room] = _Place(id_)
            last = id_
            seen.add(id_)
    if trail.until is not None:
        for room in places:
            if not trail.page:
                told(room)
            reach(room, trail.until + 1)
    if len(findings) > MOST_TOLD:
        findings[MOST_TOLD:] = [f"{trail.reader}: {len(findings) - MOST_TOLD} more of these"]
    return findings, len(gaps - needed)
