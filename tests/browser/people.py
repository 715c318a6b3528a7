"""People who use the page in a browser."""

import re
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic
from typing import Any
from urllib.parse import urljoin
from urllib.request import Request, urlopen

from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Error,
    Locator,
    Page,
    WebSocket,
    expect,
)
from playwright.sync_api import Request as HttpRequest

WIDE = (1100, 700)
NARROW = (360, 640)
EXPECTED = re.compile(
    r"Failed to load resource|dynamically imported module|WebSocket connection|WebSocket is closed"
    r"|Service Worker registration blocked"
)
"""Messages that the browser itself logs to the console when a connection fails, and Playwright."""
PATIENCE = 20_000
"""
Milliseconds until a test gives up waiting for the page.

A page that works answers within 100 ms; a busy machine may hold it up for seconds, and no promise
of the page is about that.
"""
expect.set_options(timeout=PATIENCE)
RECORDED = 60
"""The latest requests of a page that are shown if its test fails."""
MAY_WRITE = re.compile("^Message #")
"""The placeholder in the message box of a person who has a name."""


class Person:
    """One open page, and the person who uses it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.sockets: list[WebSocket] = []
        page.on("websocket", lambda socket: self.sockets.append(socket))
        self.asked: deque[str] = deque(maxlen=RECORDED)
        """The latest requests of the page, each when it is sent and when it ends."""
        page.on("request", lambda request: self._record("sends", request))
        page.on("requestfinished", lambda request: self._record("has", request))
        page.on("requestfailed", lambda request: self._record("lost", request))
        self.log: Locator = page.get_by_role("log")
        self.name_box: Locator = page.get_by_label("Name", exact=True)
        self.box: Locator = page.get_by_label("Message", exact=True)

    def _record(self, what: str, request: HttpRequest) -> None:
        self.asked.append(f"{monotonic():.3f} {what} {request.method} {request.url}")

    def take_name(self, name: str) -> None:
        """Take a first name, or change it."""
        if self.name_box.is_visible():
            self.name_box.fill(name)
            self.name_box.press("Enter")
            return
        self.chooses("You", "Change your name…")
        dialog = self.page.get_by_role("dialog")
        dialog.get_by_label("Name").fill(name)
        dialog.get_by_role("button", name="Rename").click()

    def chooses(self, menu: str, item: str) -> None:
        """Choose an item of the account menu (`You`) or the room menu (`This place`)."""
        button = {"You": "#account", "This place": "#room-menu"}[menu]
        self.page.locator(button).click()
        self.page.get_by_role("menuitem", name=item, exact=True).click()

    @contextmanager
    def begins_anew(self) -> Iterator[None]:
        """
        Wait, at the end of the block, until the page has reloaded itself.

        Signing in does that, shortly after the page says who is signed in: what is typed between
        the two is done by the page that goes, and the page that comes does not look at it.
        """
        with self.page.expect_event("load"):
            yield

    def say(self, text: str) -> None:
        """Type a text and click Send."""
        self.box.fill(text)
        self.page.get_by_role("button", name="Send", exact=True).click()

    def sees(self, text: str, seconds: float = 30) -> None:
        """Wait until the conversation shows a message with this text exactly once."""
        expect(self.said(text)).to_have_count(1, timeout=seconds * 1000)

    def said(self, text: str) -> Locator:
        """The messages with exactly this text."""
        return self.log.locator(".text").get_by_text(text, exact=True)

    def texts(self) -> list[str]:
        """The texts of the messages that the conversation shows, in order."""
        return self.log.locator(".message .text").all_inner_texts()

    def opens_private_messages(self, name: str) -> None:
        """Open the private messages with a person from the side bar."""
        talks = self.page.get_by_role("navigation", name="Private messages")
        talks.get_by_role("link", name=name).click()
        self.is_in(name)

    def goes_to(self, room: str) -> None:
        """Open a room from the side bar."""
        rooms = self.page.get_by_role("navigation", name="Rooms")
        rooms.get_by_role("link", name=f"#{room}").click()
        self.is_in(f"#{room}")

    def is_in(self, title: str) -> None:
        """
        Wait until the page shows a place: a room's name with `#`, or a person's name.

        The list of people has a heading of its own, which names the room too.
        """
        expect(self.page.get_by_role("heading", level=1, name=title, exact=True)).to_be_visible()

    def is_connected_over(self, transport: str, seconds: float = 15) -> None:
        """Wait until the page is connected over that transport."""
        state = self.page.locator(f'#state[data-state=online][data-transport="{transport}"]')
        expect(state).to_be_attached(timeout=seconds * 1000)

    @property
    def open_sockets(self) -> int:
        """The number of open WebSockets of the page."""
        return sum(not socket.is_closed() for socket in self.sockets)

    @property
    def token(self) -> str:
        """The session token in the browser's storage, empty if there is none."""
        token: str = self.page.evaluate("JSON.parse(localStorage['chatd /'] ?? '{}').token ?? ''")
        return token

    def leave(self) -> None:
        """Close the page, and end the session so that the name is free at once."""
        if self.page.is_closed():
            return
        try:
            token = self.token
        except Error:  # a page that signs out reloads itself, maybe just now
            token = self.token
        url = self.page.url
        self.page.close()
        if token:
            bearer = {"Authorization": f"Bearer {token}"}
            request = Request(urljoin(url, "/session"), headers=bearer, method="DELETE")
            with suppress(OSError):  # the server may be gone, or the session
                urlopen(request, timeout=5).close()

    def fits(self) -> bool:
        """Whether no part of the page is larger than the window."""
        fits: bool = self.page.evaluate(
            """() => ["html", "#scroll"].every(one => {
              const box = document.querySelector(one);
              return box.scrollWidth <= box.clientWidth;
            }) && document.body.scrollHeight <= innerHeight"""
        )
        return fits


class People:
    """All people of one test."""

    def __init__(self, browser: Browser, shots: Path, test: str) -> None:
        self._browser = browser
        self._shots = shots
        self._test = re.sub(r"[^\w-]+", "-", test).strip("-")
        self._all: list[Person] = []
        self._problems: list[str] = []

    def come(
        self,
        url: str,
        name: str = "",
        *,
        room: str = "lobby",
        transport: str = "",
        expecting: str = "",
        size: tuple[int, int] = WIDE,
        dark: bool = False,
        prepare: Callable[[BrowserContext], object] = lambda context: None,
        **more: Any,
    ) -> Person:
        """Open the page in a new profile, and take a name; `expecting` is its first heading."""
        context = self._browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",
            # Else routes would not see what the page's service worker asks for.
            **{"service_workers": "block", **more},
        )
        context.set_default_timeout(PATIENCE)
        prepare(context)
        return self._open(context, url, name, room, transport, expecting or f"#{room}")

    def open_tab(self, beside: Person, url: str, *, room: str = "lobby") -> Person:
        """Open another tab in a person's browser, and wait until it has the name, if any."""
        name = "" if beside.page.is_closed() else beside.name_box.input_value()
        tab = self._open(beside.page.context, url, "", room, "", f"#{room}")
        if name:
            expect(tab.name_box).to_have_value(name)
            expect(tab.box).to_have_attribute("placeholder", MAY_WRITE)
        return tab

    def _open(
        self,
        context: BrowserContext,
        url: str,
        name: str,
        room: str,
        transport: str,
        expecting: str,
    ) -> Person:
        page = context.new_page()
        page.on("console", self._note)
        page.on("pageerror", lambda error: self._problems.append(str(error)))
        person = Person(page)
        self._all.append(person)
        page.goto(f"{url}?transport={transport}#{room}" if transport else f"{url}#{room}")
        person.is_in(expecting)
        if name:
            person.take_name(name)
            # A page that is closed before the response comes would keep the name for a minute.
            expect(person.box).to_have_attribute("placeholder", MAY_WRITE)
        return person

    @property
    def asked(self) -> str:
        """The latest requests of every page, for the report of a failure."""
        pages = (f"page {place}:\n" + "\n".join(one.asked) for place, one in enumerate(self._all))
        return "\n".join(pages)

    def leave(self, *, shot: bool) -> list[str]:
        """Close every page; return the errors they logged.

        With `shot`, save a screenshot of the first page before; that takes longer than the rest.
        """
        if shot and self._all and not self._all[0].page.is_closed():
            self.shoot(self._all[0], "last")
        for person in self._all:
            person.leave()
        for context in {person.page.context for person in self._all}:
            context.close()
        return self._problems

    def shoot(self, person: Person, what: str) -> None:
        """Save a screenshot of a person's page."""
        person.page.screenshot(path=self._shots / f"{self._test}-{what}.png")

    def _note(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not EXPECTED.search(message.text):
            self._problems.append(message.text)
