"""The page in a room of many messages, in Chromium: `python -m bench.page [MESSAGES]`.

It opens the page in a room, scrolls to the first message and back to the last, and prints the CPU
time of the tasks of the page's main thread, which a busy machine does not make longer.
"""

from __future__ import annotations

import json
import shutil
import socket
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from .chatd import Chatd

SENDERS = 17
WORDS = ("lorem", "ipsum", "**dolor**", "sit", "amet", "`consectetur`", "https://example.com/x")
OPTIONS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
CATEGORIES = ["toplevel", "blink.user_timing"]
WINDOW = {"width": 1280, "height": 800}
FRAME = 50.0
"""Milliseconds that no frame is to take."""
USABLE = """() => !document.querySelector("#message").disabled
  && document.querySelectorAll("#log .message").length >= 50
  && document.querySelector("#state").dataset.state === "online\""""
SCROLL = """async () => {
  const scroll = document.querySelector("#scroll");
  const frame = () => new Promise(resolve => requestAnimationFrame(resolve));
  const above = () => document.querySelector("#begin").hidden || scroll.scrollTop > 0;
  while (above()) scroll.scrollBy(0, -400), await frame();
  const below = () => scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight;
  while (below() > 1) scroll.scrollBy(0, 2000), await frame();
  return document.querySelectorAll("#log .message").length;
}"""


def speak(port: int, total: int) -> None:
    """Send messages of several people over the line door."""
    for sender in range(SENDERS):
        with socket.create_connection(("127.0.0.1", port)) as line:
            own = range(sender, total, SENDERS)
            texts = [f"message {n} {' '.join(WORDS[: n % len(WORDS)])}" for n in own]
            line.sendall("\n".join([f"/nick p{sender}", *texts, "/who", "/quit", ""]).encode())
            while line.recv(65536):
                pass


def measured(browser: Browser, page: Page, act: Any) -> list[float]:
    """The milliseconds of CPU of each task of the page's main thread during an action."""
    browser.start_tracing(page=page, categories=CATEGORIES)
    act()
    events = json.loads(browser.stop_tracing())["traceEvents"]
    threads = {
        (one["pid"], one["tid"])
        for one in events
        if one["name"] == "thread_name" and one["args"]["name"] == "CrRendererMain"
    }
    return [
        one.get("tdur", 0) / 1000
        for one in events
        if one["name"] == "ThreadControllerImpl::RunTask" and (one["pid"], one["tid"]) in threads
    ]


def report(what: str, tasks: list[float]) -> None:
    long = sum(task > FRAME for task in tasks)
    print(
        f"{what}: {sum(tasks):,.0f} ms of CPU in {len(tasks):,} tasks, the longest "
        f"{max(tasks):.0f} ms; {long} longer than {FRAME:.0f} ms"
    )


def main(total: int) -> None:
    with (
        TemporaryDirectory() as home,
        sync_playwright() as playwright,
        Chatd("sqlite:page.sqlite", 64).running(Path(home)) as server,
    ):
        speak(server.readings["line"].port, total)
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=OPTIONS)
        page = browser.new_page(viewport=WINDOW)  # type: ignore[arg-type]
        page.set_default_timeout(0)
        url = f"http://127.0.0.1:{server.readings['sse'].port}/#lobby"

        def begin() -> None:
            page.goto(url)
            page.wait_for_function(USABLE)

        report("until it is usable", measured(browser, page, begin))
        shown: list[int] = []
        tasks = measured(browser, page, lambda: shown.append(page.evaluate(SCROLL)))
        report(f"scrolled through {shown[0]:,} messages and back", tasks)
        browser.close()


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 10_000)
