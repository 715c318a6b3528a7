"""Commands with a text for others: actions, private messages, the topic."""

from __future__ import annotations

from ....codecs.commandlines import anything, name_and_text, text
from ....model.commands import Act, SetTopic, Tell
from ....model.errors import NoSuchPerson
from ....model.events import SentPrivately, Told
from ..client import LineClient
from .row import Kind, command

RECENT = 1000
"""Private messages among which `/r` looks for one that was received."""


@command("/me TEXT", "say what you do: /me waves", text, kind=Kind.MESSAGE)
def me(client: LineClient, words: str) -> None:
    """In the current room."""
    client.say(Act(client.reader.here().name, words), echo=client.echo)


@command(
    "/msg NAME TEXT",
    "say something to one person only",
    name_and_text,
    aliases=("m",),
    kind=Kind.MESSAGE,
)
def msg(client: LineClient, name: str, words: str) -> None:
    """The echo begins with `[to NAME]`."""
    client.say(Tell(name, words))


@command("/r TEXT", "answer the last private message that you got", text, kind=Kind.MESSAGE)
def reply(client: LineClient, words: str) -> None:
    """To its sender, under the name that the sender had then."""
    client.need_person()
    for letter in reversed(client.person.inbox.log.latest(RECENT, Told)):
        if isinstance(letter.event, Told) and not isinstance(letter.event, SentPrivately):
            client.say(Tell(letter.event.sender, words))
            return
    if client.correspondent:
        client.say(Tell(client.correspondent, words))
        return
    raise NoSuchPerson("nobody has sent you a private message yet; type /msg NAME TEXT")


@command(
    "/topic [TEXT]",
    "show the topic, or set it; /topic - clears it",
    anything,
    with_words=Kind.MESSAGE,
)
def topic(client: LineClient, words: str) -> None:
    """The topic of the current room."""
    room = client.reader.here()
    if words:
        client.say(SetTopic(room.name, "" if words == "-" else words))
        return
    client.reader.check(room)
    topic = room.state.topic
    client.answer(f"the topic of #{room.name}: {topic}" if topic else f"#{room.name} has no topic")
