"""Commands about the person: its name."""

from __future__ import annotations

from ....codecs.commandlines import word
from ....model.bounds import NAME
from ....model.commands import Rename
from ..client import LineClient
from .row import Kind, command


@command("/nick NAME", "take a name, or another one", word("name", NAME), kind=Kind.CHANGE)
def nick(client: LineClient, name: str) -> None:
    """Answers with the name as it was taken."""

    def renamed(_: object) -> None:
        client.answer(f"you are now {client.person.name}")

    client.change(client.perform(Rename(name)), renamed)
