"""Places, the model of the terminal client: rooms and private conversations, with their lines.

Pure, without a terminal and without a network.

1. A place is a room, or a private conversation, whose name is `@` and the other person's name.
2. The items of a place are events and notes, in the order of their ids; a note (an answer, an
   error) follows the event that was the newest when the note was made.
3. An event that arrives twice, from the live stream and from history, is shown once.
4. Messages of ignored people are kept and not shown, so that `/unignore` shows them again.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from msgspec.structs import replace

from ...model.names import clean_room, name_key
from ..answers import Event

MOST_ITEMS = 5000
"""Maximum number of items in a place; older ones can be loaded again."""
MESSAGES = ("message", "action", "private")


@dataclass(frozen=True)
class Note:
    """A line of the client itself."""

    id: int
    """The id of the event that the note follows."""
    kind: Literal["answer", "error"]
    text: str


Item = Event | Note


@dataclass
class Place:
    """A room, or a private conversation."""

    name: str
    """A room's name, or `@` and the other person's name."""
    items: list[Item] = field(default_factory=list)
    unread: int = 0
    """Messages since the place was last visible."""
    mentioned: bool = False
    """Whether one of the unread messages mentions the user, or is private."""
    complete: bool = False
    """Whether the first item is the oldest that the server has."""
    loaded: bool = False
    """Whether its newest past events are there, or cannot be loaded."""
    unprinted: int = 0
    """The id of the first event that a plain client has yet to print; 0: there is none."""
    scrolled: int = 0
    """Lines by which the user has scrolled up from the newest."""
    newest: Item | None = None
    """The newest item when the place was last drawn."""
    people: list[str] = field(default_factory=list)
    topic: str = ""

    @property
    def person(self) -> str:
        """The other person of a private conversation; empty for a room."""
        return self.name[1:] if self.name.startswith("@") else ""

    @property
    def title(self) -> str:
        """The name as it is shown: `#dev`, `@bob`."""
        return self.name if self.person else f"#{self.name}"

    @property
    def first(self) -> int:
        """The id of the oldest event; 0 if there is none."""
        return next((item.id for item in self.items if isinstance(item, Event)), 0)

    @property
    def last(self) -> int:
        """The id of the newest event; 0 if there is none."""
        return next((item.id for item in reversed(self.items) if isinstance(item, Event)), 0)

    def add(self, item: Item) -> bool:
        """Add an event or a note.  Returns False if the event is in the place already."""
        at = bisect_right(self.items, item.id, key=_id)
        if isinstance(item, Event):
            begin = bisect_left(self.items, item.id, key=_id)
            if any(isinstance(there, Event) for there in self.items[begin:at]):
                return False
            at = begin if item.type != "gap" else at
        self.items.insert(at, item)
        if len(self.items) > MOST_ITEMS and not self.scrolled:
            del self.items[0]
            self.complete = False
        return True

    def redact(self, id_: int) -> None:
        """Remove the text of a message that was deleted."""
        for at, item in enumerate(self.items):
            if item.id == id_ and isinstance(item, Event):
                self.items[at] = replace(item, text="", redacted=True)


class Places:
    """All places of one user."""

    def __init__(self, name: str = "") -> None:
        self.name = name
        """The user's name."""
        self.all: dict[str, Place] = {}
        """The places by their keys, in the order in which they were opened."""
        self.here = ""
        """The key of the visible place; empty if there is none."""
        self.ignored: set[str] = set()
        """The keys of the names of the people whose messages are not shown."""
        self.times = "on"
        """The times before events: `on` (in the terminal's zone), `utc` or `off`."""

    @property
    def place(self) -> Place | None:
        """The visible place; None if there is none."""
        return self.all.get(self.here)

    @property
    def rooms(self) -> list[str]:
        """The names of the rooms."""
        return [place.name for place in self.all.values() if not place.person]

    def find(self, name: str) -> Place | None:
        """The place of that name, if it is open."""
        return self.all.get(key_of(name))

    def open(self, name: str) -> Place:
        """The place of that name; opens it if it is not open."""
        key = key_of(name)
        if key not in self.all:
            self.all[key] = Place(name.removeprefix("#"))
        return self.all[key]

    def close(self, name: str) -> None:
        """Close a place; if it was visible, the place before it becomes visible."""
        key = key_of(name)
        keys = list(self.all)
        if key not in keys:
            return
        at = keys.index(key)
        del self.all[key]
        if self.here == key:
            left = list(self.all)
            self.here = ""
            if left:
                self.visit(left[max(at - 1, 0)])

    def visit(self, name: str) -> Place | None:
        """Make an open place the visible one."""
        place = self.find(name)
        if place:
            self.here = key_of(name)
            self.seen()
        return place

    def step(self, by: int) -> None:
        """Make the next place visible, or the one before."""
        keys = list(self.all)
        if keys:
            at = keys.index(self.here) if self.here in keys else 0
            self.visit(keys[(at + by) % len(keys)])

    def go_to_unread(self) -> None:
        """Make a place with unread messages visible: one with a mention, if there is one."""
        waiting = [(not place.mentioned, key) for key, place in self.all.items() if place.unread]
        if waiting:
            self.visit(min(waiting, key=lambda pair: pair[0])[1])

    def seen(self) -> None:
        """Note that the user sees the newest events of the visible place."""
        if self.place:
            self.place.unread, self.place.mentioned = 0, False

    def hides(self, item: Item) -> bool:
        """Whether an item is not shown, because it is a message of an ignored person."""
        return (
            bool(self.ignored)
            and isinstance(item, Event)
            and item.type in MESSAGES
            and item.sender != self.name
            and name_key(item.sender) in self.ignored
        )

    def add(self, event: Event) -> bool:
        """Add a live event.  Returns whether it is a mention of the user, or a private message.

        An event of a room that is not open is dropped; a private message opens its place.
        """
        own = event.sender == self.name
        if event.type == "nick" and own:
            self.name = event.to
        place = self._place_of(event)
        if place is None:
            return False
        if event.type == "redact" and isinstance(event.target, int):
            place.redact(event.target)
        if not place.add(event):
            return False
        _count_in(place, event)
        if own or event.type not in MESSAGES or event.redacted or self.hides(event):
            return False
        called = event.type == "private" or mentions(event.text, self.name)
        if place is not self.place or place.scrolled:
            place.unread += 1
            place.mentioned = place.mentioned or called
        return called

    def add_past(self, name: str, events: Iterable[Event]) -> int:
        """Add earlier events to a place.  Returns how many were new."""
        place = self.find(name)
        return sum(place.add(event) for event in events) if place else 0

    def note(self, kind: Literal["answer", "error"], text: str) -> None:
        """Add a line of the client to the visible place."""
        place = self.place
        if place:
            last = place.items[-1].id if place.items else 0
            for line in text.split("\n"):
                place.add(Note(last, kind, line))

    def _place_of(self, event: Event) -> Place | None:
        if event.room:
            return self.all.get(event.room)
        if event.type in ("private", "redact"):
            if self.hides(event):
                return None
            other = event.to if event.sender == self.name else event.sender
            place = self.find(f"@{other}")
            if place is None:
                place = self.open(f"@{other}")
                place.loaded = True  # older messages are loaded when the user scrolls up
            return place
        return self.place


def key_of(name: str) -> str:
    """The key of a place: its name without case and without `#`."""
    if name.startswith("@"):
        return name.casefold()
    return clean_room(name)


def mentions(text: str, name: str) -> bool:
    """Whether a text has a name in it, as a word."""
    if not name:
        return False
    return bool(re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text, re.IGNORECASE))


def _count_in(place: Place, event: Event) -> None:
    """Keep the people and the topic of a room up to date."""
    people = place.people
    match event.type:
        case "join" if event.sender not in people:
            people.append(event.sender)
        case "leave" if event.sender in people:
            people.remove(event.sender)
        case "nick":
            if event.sender in people:
                people.remove(event.sender)
            people.append(event.to)
        case "kick" | "ban" if event.target in people:
            people.remove(str(event.target))
        case "topic":
            place.topic = event.text
        case "message" | "action" if not place.person and event.sender not in people:
            people.append(event.sender)


def _id(item: Item) -> int:
    return item.id
