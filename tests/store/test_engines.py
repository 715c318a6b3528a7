"""The store that a URL names."""

from __future__ import annotations

from pathlib import Path

import pytest

from chatd.model.errors import Malformed
from chatd.store.engines import store_at
from chatd.store.memory import MemoryStore
from chatd.store.sqlite import SqliteStore
from chatd.testing import START
from chatd.testing.clock import StrictClock


def test_a_store_url_selects_the_engine(tmp_path: Path) -> None:
    """`memory:` keeps nothing, `sqlite:PATH` everything."""
    assert isinstance(store_at("memory:", StrictClock(), lambda: START, 10), MemoryStore)
    store = store_at("sqlite:chat.db", StrictClock(), lambda: START, 10, directory=tmp_path)
    assert isinstance(store, SqliteStore)
    store.check()
    assert list(tmp_path.iterdir()) == [], "looking is not making"


@pytest.mark.parametrize(
    "url", ["", "memory:x", "redis:", "file:///tmp/x", "Memory:", "sqlite:", "sqlite:a\0b"]
)
def test_an_unknown_store_url_is_refused_in_one_line(url: str) -> None:
    """The server does not start."""
    with pytest.raises(Malformed) as refusal:
        store_at(url, StrictClock(), lambda: START, 10)
    assert repr(url) in refusal.value.message
    assert "\n" not in refusal.value.message
