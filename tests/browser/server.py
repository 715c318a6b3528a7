"""The server process that the page is loaded from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from ..kit.processes import Daemon


class Server(Daemon):
    """A server process that can be killed and started again."""

    def __init__(self, directory: Path, store: str = "memory:", *options: str) -> None:
        super().__init__(
            directory, f"--store={store}", "--history=2000", "--message-rate=0", *options
        )

    @property
    def url(self) -> str:
        """The URL of the page."""
        return f"{super().url}/"

    @property
    def claim(self) -> str:
        """The code in the logged claim link for the first administrator."""
        return self.expect(r"#claim=([\w-]+)")[1]

    def post(self, path: str, body: object, headers: dict[str, str] | None = None) -> Any:
        """POST JSON and return the JSON of the response."""
        data = json.dumps(body).encode()
        json_type = {"Content-Type": "application/json"}
        request = Request(f"{self.url}{path}", data, {**json_type, **(headers or {})})
        with urlopen(request, timeout=20) as answer:
            return json.load(answer)
