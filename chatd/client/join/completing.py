"""Tab: commands at the beginning of a line, rooms behind `#`, names everywhere else."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from .commands import COMMANDS
from .places import Places

_WORD = re.compile(r"\S*\Z")
_ROOMS = re.compile(r"/(?:join|j|room|leave|part|who|names|w)\s+\S*\Z")


class PlaceCompleter(Completer):
    """Completes the commands, rooms and names that fit the visible place."""

    def __init__(self, places: Places, rooms: Callable[[], Iterable[str]]) -> None:
        """`rooms` are the names of the rooms that are known."""
        self._places = places
        self._rooms = rooms

    def get_completions(
        self, document: Document, complete_event: CompleteEvent
    ) -> Iterator[Completion]:
        """See `Completer`."""
        before = document.text_before_cursor
        found = _WORD.search(before)
        word = found[0] if found else ""
        for text in self._texts(before, word):
            yield Completion(text, -len(word), display=text.strip())

    def _texts(self, before: str, word: str) -> Iterable[str]:
        if word == before and word.startswith("/"):
            return [f"/{row.name} " for row in COMMANDS if row.name.startswith(word[1:].lower())]
        if word.startswith("#") or (_ROOMS.match(before) and not word.startswith("@")):
            names = sorted({*self._places.rooms, *self._rooms()})
            start = word.removeprefix("#").casefold()
            return [f"#{name} " for name in names if name.casefold().startswith(start)]
        place = self._places.place
        people = [*place.people] if place else []
        if place and place.person:
            people.append(place.person)
        at, start = ("@", word[1:]) if word.startswith("@") else ("", word)
        ending = ": " if word == before and not at else " "
        return [
            f"{at}{name}{ending}"
            for name in sorted({*people}, key=str.casefold)
            if name.casefold().startswith(start.casefold()) and name != self._places.name
        ]
