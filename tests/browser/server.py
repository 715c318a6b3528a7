"""The server that the page comes from."""

from __future__ import annotations

from pathlib import Path

from ..kit.processes import Daemon


class Server(Daemon):
    """A server that can be killed and started again, with its page."""

    def __init__(self, directory: Path, store: str = "memory:") -> None:
        super().__init__(directory, f"--store={store}", "--history=2000", "--message-rate=0")

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"{super().url}/"
