"""Replay of a channel's last messages after JOIN, for clients without CHATHISTORY."""

from __future__ import annotations

from ...chat.room import Room
from ...codecs.irc.message import MAX_BODY, form, size
from ...codecs.irc.moments import clock_time
from ...codecs.irc.texts import action_in
from ...codecs.irc.texts import lines as text_lines
from ...model.errors import ChatError
from ...model.events import Acted, Said, Told
from ...stream.eventlog import Entry
from .. import history
from .client import IrcClient

REPLAY = 10
"""Messages in a replay."""


def replay(client: IrcClient, room: Room, begin: int) -> None:
    """Show the last messages of a room before the cursor `begin`."""
    assert client.reader is not None
    past = history.replay(client.service, room, begin, REPLAY)
    past.addCallback(_show, client, room)


def _show(found: history.Replay, client: IrcClient, room: Room) -> None:
    reader = client.reader
    if reader is None or room.name not in reader.channels:
        return
    try:
        reader.check(room)
    except ChatError:
        return
    shown = f"#{room.name}"
    if found.unread:
        client.notice(f"what was said in {shown} before cannot be read now", shown)
    entries = [
        entry
        for entry in found.entries
        if reader.hears(entry) and not getattr(entry.event, "redacted", False)
    ]
    if not entries:
        return
    if not client.may("server-time"):
        lines = [
            line
            for entry in entries
            for line in as_notices(client, entry, clock_time(entry.id), shown)
        ]
    elif client.may("batch"):
        ref = client.next_ref()
        lines = [form("BATCH", f"+{ref}", "chathistory", shown, source=client.server)]
        lines += [line for entry in entries for line in reader.codec.render(entry, ref)]
        lines.append(form("BATCH", f"-{ref}", source=client.server))
    else:
        lines = [client.noticed(f"the last messages in {shown}:", shown)]
        lines += [line for entry in entries for line in reader.codec.render(entry)]
        lines.append(client.noticed("end of the last messages", shown))
    client.write(lines)


def as_notices(client: IrcClient, entry: Entry, when: str, target: str = "") -> list[str]:
    """A message, as notices of the server with the time `when`; `target` is a channel, by default
    the client.
    """
    event = entry.event
    assert isinstance(event, Said | Acted | Told)
    text, said = event.text, f"<{event.sender}>"
    acted = text if isinstance(event, Acted) else action_in(event.sender, text)
    if acted:
        text, said = acted, f"* {event.sender}"
    before = f"[{when}] {said}"
    most = MAX_BODY - size(client.noticed(f"{before} ", target))
    return [client.noticed(f"{before} {line}", target) for line in text_lines(text, most)]
