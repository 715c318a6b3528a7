"""Commands about people: the own name, and the people to ignore."""

from __future__ import annotations

from ....codecs.commandlines import word
from ....model.bounds import NAME
from ....model.commands import Rename
from ..client import LineClient
from .row import Kind, command


@command("/nick NAME", "take a name, or change it", word("name", NAME), kind=Kind.CHANGE)
def nick(client: LineClient, name: str) -> None:
    """Answers with the name as it was taken."""

    def renamed(_: object) -> None:
        client.answer(f"you are now {client.person.name}")

    client.change(client.perform(Rename(name)), renamed)


@command("/ignore NAME", "hear no more of somebody", word("name", NAME), kind=Kind.CHANGE)
def ignore(client: LineClient, name: str) -> None:
    """For good for an account, for a guest until it leaves."""

    def ignored(_: object) -> None:
        client.reader.read(client.reader.room)
        client.answer(f"you hear no more of {name}; /unignore {name} ends that")

    client.change(client.service.ignores.ignore(client.person, name), ignored)


@command("/unignore NAME", "hear somebody again", word("name", NAME), kind=Kind.CHANGE)
def unignore(client: LineClient, name: str) -> None:
    """From the next message on."""

    def heard(_: object) -> None:
        client.reader.read(client.reader.room)
        client.answer(f"you hear {name} again")

    client.change(client.service.ignores.unignore(client.person, name), heard)
