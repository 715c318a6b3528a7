"""The Lua scripts: what happens in Redis at one moment."""

from __future__ import annotations

import hashlib
from importlib.resources import files
from typing import NamedTuple


class Script(NamedTuple):
    """A script, and the hash by which the server knows it."""

    text: bytes
    sha: str


def script(text: bytes) -> Script:
    """A script of this text."""
    return Script(text, hashlib.sha1(text, usedforsecurity=False).hexdigest())


def _read(name: str) -> Script:
    return script(files(__package__).joinpath(f"{name}.lua").read_bytes())


APPEND = _read("append")
APPEND_WHEN_FULL = script(APPEND.text.replace(b"#!lua\n", b"#!lua flags=allow-oom\n", 1))
"""The same for appends that need no space, which Redis takes even if its memory is full."""
BEAT = _read("beat")
CELLS = _read("cells")
CLAIM = _read("claim")
CLEARED = _read("cleared")
COUNT = _read("count")
HELLO = _read("hello")
LEAVE = _read("leave")
NOTE = _read("note")
PAGE = _read("page")
PROBE = _read("probe")
PURGE = _read("purge")
ROOMS = _read("rooms")
SOME = _read("some")
TABLES = _read("tables")
TAKE_OVER = _read("takeover")
TRIM = _read("trim")

ALL = (
    APPEND,
    APPEND_WHEN_FULL,
    BEAT,
    CELLS,
    CLAIM,
    CLEARED,
    COUNT,
    HELLO,
    LEAVE,
    NOTE,
    PAGE,
    PROBE,
    PURGE,
    ROOMS,
    SOME,
    TABLES,
    TAKE_OVER,
    TRIM,
)
