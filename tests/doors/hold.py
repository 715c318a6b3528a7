"""A store that takes its time."""

from __future__ import annotations

from .house import House


class Hold:
    """From here on, appends are held back until the test releases them."""

    def __init__(self, house: House) -> None:
        self._chat = house.chat
        self._chat.store.hold("appends")

    def release(self) -> None:
        """Store what was held."""
        self._chat.store.release("appends")
        self._chat.settle()
