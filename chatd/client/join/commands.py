"""The commands of `chatd join`, with the same forms as on the line door."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, TypeVarTuple

from ...codecs.commandlines import (
    CommandTable,
    Usage,
    anything,
    choice,
    duration_and_text,
    name_and_secret,
    name_and_text,
    nothing,
    number,
    optional,
    secret,
    secret_and_invite,
    text,
    word,
)
from ...model.bounds import NAME, ROOM, WHO
from ...model.errors import Malformed, NoSuchPerson, NotInRoom
from ..answers import Event
from ..moderation import Moderation
from ..terminal import in_lines
from . import account
from .live import Live
from .places import Place

Words = TypeVarTuple("Words")
SECRET = ("/login", "/register", "/password")
"""Beginnings of lines that the history of typed lines leaves out, because they hold a password."""
ROOMS_SHOWN = 50
"""Rooms that `/rooms` shows."""
FOUND = 20
"""Messages that a search shows."""
_NAME = word("name", NAME)
_ROOM = word("room", ROOM)


def command(
    form: str, help: str, read: Callable[[str], tuple[*Words]], *aliases: str
) -> Callable[[Callable[[Live, *Words], Coroutine[Any, Any, None]]], Usage]:
    """Decorator that makes a function a command; see `Usage` for the arguments."""
    return lambda do: Usage(form, help, read, do, aliases)


def _room(live: Live) -> Place:
    """The visible room.  Raises `NotInRoom`."""
    place = live.places.place
    if place is None or place.person:
        raise NotInRoom("that is for rooms, and none is shown; /join ROOM, or /room ROOM")
    return place


def _moderation(live: Live) -> Moderation:
    return live.client.moderate(_room(live).name)


# -- places --------------------------------------------------------------------------------------


@command("/join ROOM", "come into a room", _ROOM, "j")
async def _join(live: Live, room: str) -> None:
    await live.join(room)


@command("/leave [ROOM]", "leave a room, or close what is shown", optional(_ROOM), "part")
async def _leave(live: Live, room: str) -> None:
    place = live.places.place
    name = room or (place.name if place else "")
    if not name or live.places.find(name) is None:
        raise NotInRoom("you are not there; /rooms lists the rooms")
    await live.leave(name)


@command("/room ROOM", "show a room that you are in, or @NAME", word("room", ROOM))
async def _show(live: Live, room: str) -> None:
    if not live.visit(room):
        raise NotInRoom(f"you are not in {room}; /join it first")


@command("/who [ROOM]", "who is in a room", optional(_ROOM), "names", "w")
async def _who(live: Live, room: str) -> None:
    name = room.removeprefix("#") or _room(live).name
    names = await live.client.who(name)
    live.answer(f"{len(names)} in #{name}: {', '.join(names)}")


@command("/rooms", "which rooms there are", nothing)
async def _rooms(live: Live) -> None:
    """Those with the most people last, where they are seen first."""
    rows = sorted(await live.all_rooms(), key=lambda row: (row.people, row.topic != ""))
    for row in rows[-ROOMS_SHOWN:]:
        topic = f"; {row.topic}" if row.topic else ""
        live.answer(f"#{row.room}: {row.people} here{topic}")
    if len(rows) > ROOMS_SHOWN:
        live.answer(f"and {len(rows) - ROOMS_SHOWN} more; Tab behind /join # completes their names")


@command("/msg NAME [TEXT]", "talk with one person only", anything, "m", "query")
async def _msg(live: Live, words: str) -> None:
    if not words:
        raise Malformed("/msg needs a name; type /msg NAME TEXT")
    name, _, said = words.partition(" ")
    await live.talk(NAME.check(name))
    if said.strip():
        await live.client.tell(*name_and_text(words))


@command("/r TEXT", "answer the last private message that you got", text)
async def _reply(live: Live, words: str) -> None:
    if not live.correspondent:
        raise NoSuchPerson("nobody has sent you a private message yet; type /msg NAME TEXT")
    await live.client.tell(live.correspondent, words)
    await live.talk(live.correspondent)


# -- speaking ------------------------------------------------------------------------------------


@command("/me TEXT", "say what you do: /me waves", text)
async def _me(live: Live, words: str) -> None:
    await live.client.act(words, _room(live).name)


@command("/topic [TEXT]", "show the topic, or set it; /topic - clears it", anything)
async def _topic(live: Live, words: str) -> None:
    room = _room(live).name
    if words:
        await live.client.topic("" if words == "-" else words, room)
        return
    topic = await live.client.topic(room=room)
    live.answer(f"the topic of #{room}: {topic}" if topic else f"#{room} has no topic")


@command("/history [N]", "load N earlier events; or scroll up", number("how many events", 100))
async def _history(live: Live, count: int) -> None:
    place = live.places.place
    if place:
        await live.earlier(place, max(1, min(count, 500)))
        live.answer("that is all there is" if place.complete else "scroll up to read it")


@command("/search WORDS", 'find messages: words, or "a phrase"', text, "s", "find")
async def _search(live: Live, words: str) -> None:
    room = _room(live).name
    found = await live.client.search(words, room, FOUND)
    if not found:
        live.answer(f"nothing in #{room} has these words")
        return
    for event in reversed(found):
        if live.places.hides(event):
            continue
        for line in in_lines(event, live.places.name):
            live.answer(f"{event.time.astimezone():%Y-%m-%d %H:%M} {line}")
    live.answer(f"the last {len(found)} with these words")


# -- the account ---------------------------------------------------------------------------------


@command("/nick NAME", "take a name, or change it", _NAME)
async def _nick(live: Live, name: str) -> None:
    live.places.name = await live.client.rename(name)
    live.answer(f"you are now {live.places.name}")


@command("/login NAME", "sign in; the password is asked for", name_and_secret)
async def _login(live: Live, name: str, password: str) -> None:
    if password:
        await account.sign_in(live, name, password)
        return
    live.asking = lambda given: account.sign_in(live, name, given)


@command("/password", "take another password; all other sessions end", secret)
async def _password(live: Live, password: str) -> None:
    account.need_account(live)
    if password:
        await account.change_password(live, password)
        return
    live.asking = lambda given: account.change_password(live, given)


@command("/logout", "sign out, and go on as a guest", nothing)
async def _logout(live: Live) -> None:
    await account.sign_out(live)


@command("/ignore NAME", "hear no more of somebody", _NAME)
async def _ignore(live: Live, name: str) -> None:
    await account.ignore(live, name)


@command("/unignore NAME", "hear somebody again", _NAME)
async def _unignore(live: Live, name: str) -> None:
    await account.unignore(live, name)


@command(
    "/register [LINK]",
    "make your name an account's; the password is asked for",
    secret_and_invite,
)
async def _register(live: Live, password: str, invite: str) -> None:
    """LINK is that of an invite, where the server takes one."""
    if password:
        await account.register(live, password, invite)
        return
    live.asking = lambda given: account.register(live, given, invite)


# -- owners and ops ------------------------------------------------------------------------------


def _giving(name: str, role: str | None, help: str) -> Usage:
    @command(f"/{name} NAME", help, _NAME)
    async def give(live: Live, who: str) -> None:
        await _moderation(live).role(who, role)

    return give


_ROLES = (
    _giving("owner", "owner", "make somebody an owner of this room"),
    _giving("op", "op", "make somebody an op of this room"),
    _giving("deop", None, "take away the role of an op or owner"),
    _giving("voice", "voice", "let somebody speak where only voices may"),
    _giving("devoice", None, "take away the role voice"),
)


@command(
    "/kick NAME [REASON]",
    "put somebody out; they may come back",
    duration_and_text("name", NAME, durations=False),
)
async def _kick(live: Live, name: str, _: int | None, reason: str) -> None:
    await _moderation(live).kick(name, reason)


@command(
    "/ban WHO [DURATION] [REASON]",
    "put out for 30m, 12h, 7d, or for good",
    duration_and_text("name or network", WHO),
)
async def _ban(live: Live, who: str, seconds: int | None, reason: str) -> None:
    await _moderation(live).ban(who, seconds, reason)


@command("/unban WHO", "lift a ban: by name, or the id in /bans", word("name or id", WHO))
async def _unban(live: Live, who: str) -> None:
    await _moderation(live).unban(who)


@command("/bans", "who is banned from this room", nothing)
async def _bans(live: Live) -> None:
    bans = await _moderation(live).bans()
    for ban in bans:
        until = f" until {ban.until}" if ban.until else ""
        live.answer(f"banned: {ban.who} ({ban.id}) by {ban.by}{until}: {ban.text}".rstrip(": "))
    if not bans:
        live.answer("nobody is banned from this room")


@command("/mute NAME [DURATION]", "forbid somebody to speak", duration_and_text("name", NAME))
async def _mute(live: Live, name: str, seconds: int | None, reason: str) -> None:
    await _moderation(live).mute(name, seconds, reason)


@command("/unmute NAME", "let somebody speak again", _NAME)
async def _unmute(live: Live, name: str) -> None:
    await _moderation(live).unmute(name)


@command("/invite [NAME]", "make somebody a member, or print a link", optional(_NAME))
async def _invite(live: Live, name: str) -> None:
    if name:
        await _moderation(live).admit(name)
    else:
        live.answer(await _moderation(live).invite())


@command(
    "/access open|members",
    "who may come into this room",
    choice("open or members", "open", "members"),
)
async def _access(live: Live, access: str) -> None:
    await _moderation(live).settings(access=access)


@command(
    "/posting everyone|accounts|voices",
    "who may speak in this room",
    choice("everyone, accounts or voices", "everyone", "accounts", "voices"),
)
async def _posting(live: Live, posting: str) -> None:
    await _moderation(live).settings(posting=posting)


@command("/slow SECONDS", "how long each person waits between messages", number("how many seconds"))
async def _slow(live: Live, seconds: int) -> None:
    await _moderation(live).settings(slow=seconds)


@command("/delete [ID]", "delete a message; without an id, your last one", number("an id", 0))
async def _delete(live: Live, id_: int) -> None:
    place, own = live.places.place, live.places.name
    mine = [
        item.id
        for item in (place.items if place else ())
        if isinstance(item, Event) and item.sender == own and item.text and not item.redacted
    ]
    target = id_ or (mine[-1] if mine else 0)
    if not target or place is None:
        raise Malformed("you have said nothing here lately; type /delete ID")
    if place.person:
        await live.client.delete_private(place.person, target)
    else:
        await _moderation(live).delete(target)


# -- the client ----------------------------------------------------------------------------------


@command(
    "/time on|off|utc",
    "show the time before each event, or not",
    choice("on, off or utc", "on", "off", "utc"),
)
async def _time(live: Live, times: str) -> None:
    live.places.times = times
    shown = {"on": "times are shown, in your time zone", "utc": "times are UTC"}
    live.answer(shown.get(times, "times are not shown"))


@command("/help [COMMAND]", "list the commands, or explain one", anything)
async def _help(live: Live, topic: str) -> None:
    for line in COMMANDS.help(topic.removeprefix("/").lower()):
        live.answer(line)
    if not topic:
        live.answer(KEYS)


@command("/quit [TEXT]", "leave; TEXT is your parting word", anything, "exit")
async def _quit(live: Live, words: str) -> None:
    if words:
        for room in live.places.rooms:
            await live.client.leave(room, words)
    live.end()


KEYS = (
    "keys: Tab completes; Alt+Enter begins a line; PageUp and PageDown scroll; Ctrl+N, Ctrl+P and "
    "Alt+1 to Alt+9 change the room, Alt+A goes to what is unread; Ctrl+D leaves"
)

COMMANDS = CommandTable(
    (
        *(_join, _leave, _show, _who, _rooms, _msg, _reply, _me, _topic, _history, _search),
        *(_nick, _ignore, _unignore, _register, _login, _password, _logout),
        *_ROLES,
        *(_kick, _ban, _unban, _bans, _mute, _unmute, _invite, _access, _posting, _slow, _delete),
        *(_time, _help, _quit),
    )
)
"""All commands, in the order in which `/help` lists them."""


async def carry_out(live: Live, line: str) -> None:
    """Carry out what the user has typed or pasted: a command, or a message of one line or several.

    Raises `ChatError`.
    """
    if live.asking is not None:
        asking, live.asking = live.asking, None
        await asking(line)
        return
    line = line.strip("\n")
    if not line.strip():
        return
    parsed = COMMANDS.parse(line)
    if isinstance(parsed, str):
        await live.say(parsed)
    else:
        row, words = parsed
        await row.do(live, *words)
