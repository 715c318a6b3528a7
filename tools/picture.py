#!/usr/bin/env python3
"""Makes docs/chatd.webp, the picture of the README: one room on the page and in a terminal.

Starts a server of its own, brings four people into the lobby (the page in Chromium, `chatd join` in
tmux, the line door, a POST), and puts what the page and the terminal show side by side.  Needs
chromium and tmux, and what `make .venv/.dev` installs.
"""

import base64
import html
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from time import monotonic, sleep
from urllib.request import urlopen

from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
PICTURE = ROOT / "docs" / "chatd.webp"
DEADLINE = 30.0  # seconds for anything to happen
COLUMNS, ROWS = 66, 25
PAGE_SIZE = ViewportSize(width=640, height=540)
SHARP = 1.8  # pixels of the picture to one of the browser
QUALITY = 74  # of WebP, in percent

SAID = (
    ("bob", "Is the build green?"),
    ("ci", "build 412: 9,841 passed in 15 min 10 s"),
    ("eve", "Then let us release. The notes are in `docs/release.md`."),
    ("ada", "Reading them. Who looks after the server tonight?"),
    ("bob", "I do, from this phone: telnet is enough."),
    ("eve", "Then all it takes is\n```\ngit tag v1.0 && git push --tags\n```"),
    ("ada", "Read, and good. Go!"),
)
"""Who says what: bob on the line door, ci by POST, eve on the page, ada in a terminal."""

FRAME = """<!doctype html><meta charset="utf-8"><style>
body {{ margin: 0; padding: 18px; display: inline-flex; gap: 18px; background: #e8edf3 }}
figure {{ margin: 0; border-radius: 9px; overflow: hidden; box-shadow: 0 3px 14px #0004;
  background: #fff }}
figcaption {{ font: 13px/30px sans-serif; padding: 0 12px; color: #444; background: #dfe3e8 }}
img {{ display: block; width: {width}px; height: {height}px }}
figure.dark {{ background: #1c1f24 }}
figure.dark figcaption {{ background: #33373e; color: #ccc }}
pre {{ margin: 0; padding: 9px 12px; font: 13.6px/{line}px "DejaVu Sans Mono", monospace;
  color: #e4e4e4; width: {columns}ch }}
</style>
<figure><figcaption>a browser</figcaption><img src="data:image/png;base64,{page}"></figure>
<figure class="dark"><figcaption>$ chatd join {url} --name ada</figcaption>
<pre>{terminal}</pre></figure>
"""
HUES = ("#555", "#f2777a", "#99cc99", "#ffcc66", "#7aa6f2", "#cc99cc", "#66cccc", "#e4e4e4")
BRIGHT = ("#8b929c", "#ff8f92", "#b5e8b5", "#ffe08a", "#9dc0ff", "#e0b3e0", "#8ae6e6", "#fff")


def main() -> None:
    """Make the picture."""
    for program in ("chromium", "tmux"):
        if shutil.which(program) is None:
            sys.exit(f"picture: this needs {program}: apt-get install {program}")
    with (
        tempfile.TemporaryDirectory() as directory,
        served(Path(directory)) as (url, line),
        terminal(url) as screen,
        browser() as chromium,
        socket.create_connection(("127.0.0.1", line)) as bob,
    ):
        page = chromium.new_page(
            viewport=PAGE_SIZE, device_scale_factor=SHARP, reduced_motion="reduce"
        )
        page.goto(url)
        page.get_by_label("Name", exact=True).fill("eve")
        page.get_by_label("Name", exact=True).press("Enter")
        wait_for(lambda: "eve joined" in screen())
        talk(url, bob, page, screen)
        shot = base64.b64encode(page.screenshot()).decode()
        compose(chromium, shot, html_of(screen()), url)
    print(f"{PICTURE.relative_to(ROOT)}: {PICTURE.stat().st_size // 1000} kB")


def talk(url: str, bob: socket.socket, page: Page, screen: Callable[[], str]) -> None:
    """Say what is said, each by its own way in, and wait until page and terminal show all."""
    bob.sendall(b"/nick bob\n")
    wait_for(lambda: "bob joined" in screen())
    bob.sendall(b"/topic release 1.0\n")
    for name, text in SAID:
        if name == "ada":
            keys("-l", text)
            keys("Enter")
        elif name == "eve":
            page.get_by_label("Message", exact=True).fill(text)
            page.get_by_label("Message", exact=True).press("Enter")
        elif name == "bob":
            bob.sendall(f"{text}\n".encode())
        else:
            urlopen(f"{url}/rooms/lobby/messages?name={name}", text.encode()).close()
        shown = "> " + text.split("\n")[0].split("`")[0][:30]
        wait_for(partial(is_shown, shown, screen))
    page.get_by_text("Go!").wait_for()
    page.wait_for_timeout(500)  # the page has come to rest


@contextmanager
def served(directory: Path) -> Iterator[tuple[str, int]]:
    """A server: the URL of its page, and the port of its line door."""
    log = directory / "log"
    command = ("-m", "chatd", "serve", "--store=memory:", "--irc=none")
    doors = ("--http=tcp:8080:interface=127.0.0.1", "--line=tcp:8023:interface=127.0.0.1")
    with log.open("w") as output:
        server = subprocess.Popen(
            (sys.executable, *command, *doors), cwd=directory, stdout=output, stderr=output
        )
    try:
        wait_for(lambda: _answers(8080) and _answers(8023), log)
        yield "http://localhost:8080", 8023
    finally:
        server.terminate()
        server.wait(DEADLINE)


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


SGR = re.compile(r"(\x1b\[[\d;]*m)")
TMUX = ("tmux", "-L", "chatd-picture", "-f", "/dev/null")


def keys(*pressed: str) -> None:
    """Press keys in the terminal."""
    subprocess.run((*TMUX, "send-keys", "-t", "ada", *pressed), check=True)


@contextmanager
def terminal(url: str) -> Iterator[Callable[[], str]]:
    """`chatd join` in a terminal: a function that returns what it shows, with its colours."""
    size = ("-x", str(COLUMNS), "-y", str(ROWS))
    join = f"{sys.executable} -m chatd join {url} --name ada"
    subprocess.run((*TMUX, "new-session", "-d", "-s", "ada", *size, join), check=True)

    def screen() -> str:
        capture = (*TMUX, "capture-pane", "-t", "ada", "-e", "-p", "-N")
        return subprocess.run(capture, check=True, capture_output=True, text=True).stdout

    try:
        wait_for(lambda: "ada>" in screen())
        yield screen
    finally:
        subprocess.run((*TMUX, "kill-server"), check=False)


@contextmanager
def browser() -> Iterator[Browser]:
    """Chromium, as Debian has it."""
    options = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=options
        )
        yield chromium
        chromium.close()


def compose(chromium: Browser, page: str, terminal: str, url: str) -> None:
    """Put the two side by side, and write the picture."""
    view = chromium.new_page(viewport={"width": 1500, "height": 700}, device_scale_factor=SHARP)
    view.set_content(
        FRAME.format(
            **PAGE_SIZE,
            page=page,
            terminal=terminal,
            url=url,
            columns=COLUMNS,
            line=round((PAGE_SIZE["height"] - 18) / ROWS, 2),
        )
    )
    box = view.locator("body").bounding_box()
    assert box
    # Playwright itself writes no WebP.
    devtools = view.context.new_cdp_session(view)
    clip = {**box, "scale": 1}
    picture = devtools.send(
        "Page.captureScreenshot", {"format": "webp", "quality": QUALITY, "clip": clip}
    )
    PICTURE.write_bytes(base64.b64decode(picture["data"]))


def is_shown(text: str, screen: Callable[[], str]) -> bool:
    """Whether a terminal shows a text."""
    return text in plain(screen())


def plain(screen: str) -> str:
    """A screen without its ANSI sequences."""
    return re.sub(SGR, "", screen)


def html_of(screen: str) -> str:
    """A screen with ANSI sequences as HTML."""
    out: list[str] = []
    style: dict[str, str] = {}
    for part in SGR.split(screen.rstrip("\n")):
        codes = SGR.fullmatch(part)
        if codes is None:
            css = "".join(f"{name}:{value};" for name, value in style.items())
            out.append(f'<span style="{css}">{html.escape(part)}</span>' if part else "")
            continue
        for code in map(int, (part[2:-1] or "0").split(";")):
            change(style, code)
    return "".join(out)


def change(style: dict[str, str], code: int) -> None:
    """Change a style by one code of an ANSI sequence (SGR)."""
    if code == 0:
        style.clear()
    elif code == 1:
        style["font-weight"] = "bold"
    elif code == 7:
        style["filter"] = "invert(1) grayscale(1)"
        style["background"] = "#1c1f24"
    elif code == 27:
        style.pop("filter", None)
        style.pop("background", None)
    elif 30 <= code <= 37:
        style["color"] = HUES[code - 30]
    elif 90 <= code <= 97:
        style["color"] = BRIGHT[code - 90]
    elif code == 39:
        style.pop("color", None)


def wait_for(happened: Callable[[], bool], log: Path | None = None) -> None:
    """Wait until something has happened."""
    end = monotonic() + DEADLINE
    while not happened():
        if monotonic() > end:
            said = log.read_text() if log else ""
            sys.exit(f"picture: nothing happened in {DEADLINE:g} s {said}")
        sleep(0.1)


if __name__ == "__main__":
    main()
