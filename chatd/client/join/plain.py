"""`chatd join --plain`: lines above a prompt, for screen readers, dumb terminals and logs.

1. Nothing is drawn twice, nothing moves, and there is no bar; a line of another room begins with
   that room's name, as on the line door.
2. A place that becomes visible begins with its name and its past.  What happens in it while the
   past is loaded is printed behind that.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from datetime import date
from typing import Any

from prompt_toolkit import PromptSession
from prompt_toolkit.input import Input
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.output import ColorDepth, Output

from ..answers import Event
from .completing import PlaceCompleter
from .live import Live
from .places import Place
from .rendering import day_of, heading, lines_of, plain, zone_of
from .screen import TABS, TypedHistory

REPLAY = 10
"""Events of a place that are printed when it becomes visible; more, if more have just happened."""


class Plain:
    """A prompt, and lines above it."""

    def __init__(
        self,
        live: Live,
        write: Callable[[str], object],
        *,
        input: Input | None = None,
        output: Output | None = None,
    ) -> None:
        """`write` prints a line; `input` and `output` are by default the terminal."""
        self._live = live
        self._write = write
        self._day: date | None = None
        self._shown: Place | None = None
        self.rooms: list[str] = []
        live.told, live.noted = self.tell, self._write
        keys = KeyBindings()

        @keys.add("escape", "enter")
        def _(event: KeyPressEvent) -> None:
            event.current_buffer.insert_text("\n")

        self.session: PromptSession[str] = PromptSession(
            self._prompt,
            history=TypedHistory(),
            completer=PlaceCompleter(live.places, lambda: self.rooms),
            complete_while_typing=False,
            key_bindings=keys,
            color_depth=ColorDepth.DEPTH_1_BIT,
            enable_suspend=True,
            input_processors=[TABS],
            input=input,
            output=output,
        )

    def tell(self, event: Event) -> None:
        """Print an event."""
        place = self._live.places.place
        if place is not self._shown and place is not None and event in place.items:
            place.unprinted = place.unprinted or event.id
            return
        here = place is not None and event.room == place.name
        lead = "" if here or not event.room else f"#{event.room} "
        self._print(event, lead)

    def changed(self) -> None:
        """If another place has become visible, print its name and its last lines."""
        place = self._live.places.place
        if place is None or place is self._shown or not place.loaded:
            return
        self._shown, self._day = place, None
        self._write(
            f"== this is {place.title}" + (f"; topic: {place.topic}" if place.topic else "")
        )
        events = [item for item in place.items if isinstance(item, Event)]
        begin = max(len(events) - REPLAY, 0)
        if place.unprinted:
            begin = min(begin, bisect_left(events, place.unprinted, key=lambda event: event.id))
        for event in events[begin:]:
            self._print(event)
        place.unprinted = 0

    def called(self, event: Event) -> None:
        """Ring the bell."""
        self.session.output.bell()

    async def prompt(self) -> str:
        """The next input of the user.  Raises `EOFError`, `KeyboardInterrupt`."""
        asking = self._live.asking is not None
        self.session.default_buffer.history = TypedHistory() if asking else self.session.history
        typed: Any = await self.session.prompt_async(is_password=asking)
        return str(typed)

    def leave(self, status: object) -> None:
        """End a waiting prompt, because the user is leaving."""
        if self.session.app.is_running:
            self.session.app.exit(exception=EOFError)

    def _prompt(self) -> str:
        return "password: " if self._live.asking is not None else f"{self._live.places.name}> "

    def _print(self, event: Event, lead: str = "") -> None:
        places = self._live.places
        if places.hides(event):
            return
        zone = zone_of(places)
        lines = lines_of(event, places.name, zone, times=places.times != "off")
        today = day_of(event, zone)
        if lines and today and today != self._day:
            self._day = today
            self._write(plain(heading(today)))
        for line in lines:
            self._write(f"{lead}{plain(line)}")
