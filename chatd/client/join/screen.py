"""The screen of `chatd join`: the visible place, a bar of rooms, and the input line.

prompt_toolkit redraws the screen after each change, so incoming lines never disturb the input line.
The screen needs 20 columns and 5 lines.
"""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from datetime import date
from typing import Any

from prompt_toolkit.application import Application
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.input import Input
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.layout import (
    BufferControl,
    ConditionalContainer,
    Dimension,
    Float,
    FloatContainer,
    FormattedTextControl,
    HSplit,
    Layout,
    UIContent,
    UIControl,
    Window,
)
from prompt_toolkit.layout.menus import CompletionsMenu
from prompt_toolkit.layout.processors import (
    BeforeInput,
    ConditionalProcessor,
    PasswordProcessor,
    TabsProcessor,
)
from prompt_toolkit.output import ColorDepth, Output
from prompt_toolkit.styles import Style
from prompt_toolkit.utils import get_cwidth

from ..answers import Event
from .commands import SECRET
from .completing import PlaceCompleter
from .live import Live
from .places import MOST_ITEMS, Item, Place
from .rendering import COLOURS, TAB, Line, day_of, heading, lines_of, wrapped, zone_of

MOST_WRAPPED = 4 * MOST_ITEMS
"""Items whose wrapped lines are cached."""
TABS = TabsProcessor(tabstop=TAB, char1=" ", char2=" ")
"""Shows the tabs of a pasted text as blanks; they are sent as tabs."""
MOST_INPUT = 8
"""Lines of the input that are visible."""
_HUES = ("red", "green", "yellow", "blue", "magenta", "cyan")
_NAMES = [f"ansi{bright}{hue}" for bright in ("", "bright") for hue in _HUES]
STYLE = Style(
    [
        *((f"name{number}", f"{_NAMES[number]} bold") for number in range(COLOURS)),
        ("time", "ansibrightblack"),
        ("day", "bold"),
        ("event", "ansibrightblack"),
        ("answer", "ansicyan"),
        ("error", "ansired bold"),
        ("gap", "ansiyellow"),
        ("private", "ansimagenta bold"),
        ("mention", "bold reverse"),
        ("head", "reverse"),
        ("bar", "reverse"),
        ("bar.here", "noreverse bold"),
        ("bar.called", "bold underline"),
    ]
)


class LogControl(UIControl):
    """The lines of the visible place, the newest at the bottom."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._width = 80
        self._wrapped: dict[Item, list[Line]] = {}
        self._rules: tuple[object, ...] = ()
        """What the wrapped lines depend on."""
        self.height = 1

    def create_content(self, width: int, height: int) -> UIContent:
        """See `UIControl`."""
        place = self._live.places.place
        self.height, self._width = height, width
        lines: list[Line] = []
        if place:
            self._stay(place)
            lines = self._last(place, place.scrolled + height)
            place.scrolled = max(0, min(place.scrolled, len(lines) - height))
            end = len(lines) - place.scrolled
            lines = lines[max(end - height, 0) : end]
        lines = [*[[("", "")]] * (height - len(lines)), *lines]

        def line_at(number: int) -> StyleAndTextTuples:
            return [*lines[number]] if number < len(lines) else []

        return UIContent(line_at, len(lines), show_cursor=False)

    def scroll(self, lines: int) -> None:
        """Scroll up by so many lines; near the top, load earlier events."""
        place = self._live.places.place
        if place is None:
            return
        up = place.scrolled + lines
        most = max(len(self._last(place, up + 2 * self.height)) - self.height, 0)
        place.scrolled = max(0, min(up, most))
        if not place.scrolled:
            self._live.places.seen()
        elif place.scrolled >= most - self.height:
            self._live.do(self._live.earlier(place))

    def _stay(self, place: Place) -> None:
        """While the user has scrolled up, new lines do not move what is visible."""
        newest = place.items[-1] if place.items else None
        if place.scrolled and newest is not place.newest:
            for item in reversed(place.items):
                if item is place.newest:
                    break
                place.scrolled += len(self._wrap(item))
        place.newest = newest

    def _last(self, place: Place, most: int) -> list[Line]:
        """The last lines of a place: `most`, or a few more, or all that there are."""
        zone = zone_of(self._live.places)
        blocks: list[list[Line]] = []
        count, behind = 0, 0
        day: date | None = None
        for item in reversed(place.items):
            lines = self._wrap(item)
            today = day_of(item, zone) if lines else None
            if today:
                if day and today != day:
                    blocks.insert(behind, [*wrapped(heading(day), self._width)])
                    count += len(blocks[behind])
                day = today
            blocks.append(lines)
            if today:
                behind = len(blocks)
            count += len(lines)
            if count >= most:
                break
        else:
            if day:
                blocks.insert(behind, [*wrapped(heading(day), self._width)])
        return [line for block in reversed(blocks) for line in block]

    def _wrap(self, item: Item) -> list[Line]:
        """The lines of an item, which are wrapped once; none if it is not shown."""
        places = self._live.places
        if places.hides(item):
            return []
        rules = (self._width, places.name, places.times)
        if rules != self._rules or len(self._wrapped) > MOST_WRAPPED:
            self._rules = rules
            self._wrapped.clear()
        lines = self._wrapped.get(item)
        if lines is None:
            shown = lines_of(item, places.name, zone_of(places), times=places.times != "off")
            lines = [part for line in shown for part in wrapped(line, self._width)]
            self._wrapped[item] = lines
        return lines


class TypedHistory(InMemoryHistory):
    """The history of typed lines, without passwords."""

    def append_string(self, string: str) -> None:
        """See `History`."""
        if not string.lower().startswith(SECRET):
            super().append_string(string)


class Screen:
    """The application on a terminal."""

    def __init__(
        self,
        live: Live,
        carry_out: Any,
        *,
        input: Input | None = None,
        output: Output | None = None,
        colour: bool = True,
    ) -> None:
        """`carry_out` is called with each input, and returns a coroutine; `input` and `output` are
        by default the terminal.
        """
        self._live = live
        self._carry_out = carry_out
        self.log = LogControl(live)
        self.rooms: list[str] = []
        """The existing rooms, which Tab completes."""
        self.typed = Buffer(
            multiline=True,
            history=TypedHistory(),
            completer=PlaceCompleter(live.places, lambda: self.rooms),
            complete_while_typing=False,
        )
        asking = Condition(lambda: live.asking is not None)
        typing = BufferControl(
            self.typed,
            input_processors=[
                BeforeInput(self._prompt),
                ConditionalProcessor(PasswordProcessor(), asking),
                TABS,
            ],
        )
        typed = Window(
            typing,
            height=lambda: Dimension(
                min=1, max=MOST_INPUT, preferred=self.typed.document.line_count
            ),
            wrap_lines=True,
            dont_extend_height=True,
        )
        head = Window(FormattedTextControl(self._head), height=1, style="class:head")
        bar = Window(FormattedTextControl(self._bar), height=1, style="class:bar")
        several = Condition(lambda: len(live.places.all) > 0)
        body = HSplit([head, Window(self.log), ConditionalContainer(bar, several), typed])
        menu = Float(CompletionsMenu(max_height=8), xcursor=True, ycursor=True)
        self.application: Application[int] = Application(
            Layout(FloatContainer(body, [menu]), focused_element=typed),
            key_bindings=self._keys(),
            style=STYLE,
            full_screen=True,
            mouse_support=False,
            color_depth=None if colour else ColorDepth.DEPTH_1_BIT,
            input=input,
            output=output,
        )
        self.application.ttimeoutlen = 0.1

    def changed(self) -> None:
        """Redraw the screen."""
        self.application.invalidate()

    def called(self, event: Event) -> None:
        """Ring the bell."""
        self.application.output.bell()

    # -- what is drawn -----------------------------------------------------------------------------

    def _prompt(self) -> StyleAndTextTuples:
        if self._live.asking is not None:
            return [("bold", "password: ")]
        return [("bold", f"{self._live.places.name}> ")]

    def _head(self) -> StyleAndTextTuples:
        place, trouble = self._live.places.place, self._live.trouble
        title = f" {place.title} " if place else " "
        topic = f" {place.topic}" if place and place.topic else ""
        people = f" ({len(place.people)})" if place and not place.person else ""
        state = " [reconnecting] " if trouble else ""
        above = f" [{place.scrolled} lines below] " if place and place.scrolled else ""
        return [("bold", title), ("", f"{people}{topic}"), ("bold", f"{state}{above}")]

    def _bar(self) -> StyleAndTextTuples:
        """The places, as many as fit, with the visible one among them.

        `<` and `>` stand for those that do not fit, with `!` if somebody calls the user there.
        """
        places = self._live.places
        shown: list[tuple[str, str, bool]] = []
        at = 0
        for number, (key, place) in enumerate(places.all.items(), 1):
            mark = "!" if place.mentioned else ""
            count = f" ({place.unread}{mark})" if place.unread else ""
            if key == places.here:
                at = number - 1
                shown.append(("class:bar.here", f"[{number} {place.title}]", False))
            else:
                style = "class:bar.called" if mark else ""
                shown.append((style, f" {number} {place.title}{count} ", bool(mark)))
        first, last = window([get_cwidth(text) for _, text, _ in shown], at, self._columns() - 4)
        bar: StyleAndTextTuples = [(style, text) for style, text, _ in shown[first:last]]
        if first:
            called = any(called for *_, called in shown[:first])
            bar.insert(0, ("class:bar.called", "<!") if called else ("", "< "))
        if last < len(shown):
            called = any(called for *_, called in shown[last:])
            bar.append(("class:bar.called", "!>") if called else ("", " >"))
        return bar

    def _columns(self) -> int:
        return self.application.output.get_size().columns

    # -- keys --------------------------------------------------------------------------------------

    def _keys(self) -> KeyBindings:
        keys, live = KeyBindings(), self._live

        @keys.add("enter")
        @keys.add("c-j")  # programs that type into a terminal send a line feed
        def _(event: KeyPressEvent) -> None:
            self.enter()

        @keys.add("escape", "enter")
        def _(event: KeyPressEvent) -> None:
            self.typed.insert_text("\n")

        @keys.add("tab")
        def _(event: KeyPressEvent) -> None:
            if self.typed.complete_state:
                self.typed.complete_next()
            else:
                self.typed.start_completion(insert_common_part=True)

        @keys.add("s-tab")
        def _(event: KeyPressEvent) -> None:
            self.typed.complete_previous()

        @keys.add("pageup")
        def _(event: KeyPressEvent) -> None:
            self.log.scroll(max(self.log.height - 1, 1))

        @keys.add("pagedown")
        def _(event: KeyPressEvent) -> None:
            self.log.scroll(-max(self.log.height - 1, 1))

        def stepping(by: int) -> None:
            live.places.step(by)
            live.moved()

        @keys.add("c-n")
        def _(event: KeyPressEvent) -> None:
            stepping(1)

        @keys.add("c-p")
        def _(event: KeyPressEvent) -> None:
            stepping(-1)

        @keys.add("escape", "a")
        def _(event: KeyPressEvent) -> None:
            live.places.go_to_unread()
            live.moved()

        for digit in "123456789":

            @keys.add("escape", digit)
            def _(event: KeyPressEvent, at: int = int(digit) - 1) -> None:
                names = [*live.places.all]
                if at < len(names):
                    live.visit(names[at])

        @keys.add("c-c")
        def _(event: KeyPressEvent) -> None:
            if live.asking is not None or self.typed.text:
                live.asking = None
                self.typed.reset()
            else:
                live.answer("Ctrl+D or /quit leaves")

        @keys.add("c-d")
        def _(event: KeyPressEvent) -> None:
            if self.typed.text:
                self.typed.delete()
            else:
                live.end()

        return keys

    def enter(self) -> None:
        """Carry out the input.  If it is refused, put it back into the input line."""
        text, asking = self.typed.text, self._live.asking is not None
        self.typed.reset(append_to_history=not asking)
        place = self._live.places.place
        if place:
            place.scrolled = 0
            self._live.places.seen()
        self._live.do(self._carried_out(text, secret=asking))
        self.changed()

    def _carried_out(self, text: str, *, secret: bool) -> Coroutine[Any, Any, None]:
        async def work() -> None:
            try:
                await self._carry_out(text)
            except Exception:
                if not (secret or self.typed.text or text.lower().startswith(SECRET)):
                    self.typed.text = text
                    self.typed.cursor_position = len(text)
                raise

        return work()


def window(widths: Sequence[int], at: int, most: int) -> tuple[int, int]:
    """The first of some neighbours, and the one behind the last, that fit into `most` columns, with
    `at` among them: about as many before it as behind it.
    """
    first, last = at, min(at + 1, len(widths))
    used = sum(widths[first:last])
    grown = True
    while grown:
        grown = False
        if last < len(widths) and used + widths[last] <= most:
            used += widths[last]
            last += 1
            grown = True
        if first and used + widths[first - 1] <= most:
            first -= 1
            used += widths[first]
            grown = True
    return first, last
