"""Fixtures of the store tests: files, and faults of their connections."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from chatd.store import database

from ..kit.desk import Desk
from ..kit.file_faults import FailingConnection


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "here" / "chat.db"


@pytest.fixture
def desk(path: Path) -> Iterator[Desk]:
    path.parent.mkdir()
    desk = Desk(path)
    yield desk
    desk.end()


@pytest.fixture
def fates(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The outcomes of the next COMMITs."""
    monkeypatch.setattr(sqlite3, "connect", partial(sqlite3.connect, factory=FailingConnection))
    yield FailingConnection.fates
    FailingConnection.fates.clear()


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The SQL statements that the next connections execute."""
    executed: list[str] = []
    connect = sqlite3.connect

    def connected(*args: Any, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*args, **options)
        connection.set_trace_callback(executed.append)
        return connection

    monkeypatch.setattr(sqlite3, "connect", connected)
    return executed


@pytest.fixture
def no_lock_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the time to wait for a file lock to zero."""
    monkeypatch.setattr(database, "LOCK_SECONDS", 0.0)
