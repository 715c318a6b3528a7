"""The Lua scripts."""

from __future__ import annotations

import hashlib
from importlib.resources import files

from chatd.store import redis
from chatd.store.redis import scripts


def test_every_script_file_is_loaded() -> None:
    """A script that the server does not have would fail at its first use."""
    folder = files(redis)
    texts = {file.read_bytes() for file in folder.iterdir() if file.name.endswith(".lua")}
    assert {script.text for script in scripts.ALL} - {scripts.APPEND_WHEN_FULL.text} == texts
    assert len(scripts.ALL) == len(texts) + 1


def test_a_script_is_known_by_the_hash_of_its_text() -> None:
    """As `EVALSHA` has it."""
    script = scripts.script(b"return 1")
    assert script.sha == hashlib.sha1(b"return 1", usedforsecurity=False).hexdigest()
