"""Messages: PRIVMSG, NOTICE, TAGMSG, and multi-line messages."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from ....codecs.irc import numerics
from ....codecs.irc.events import TYPING, text_bytes
from ....codecs.irc.message import form, format_tags, size
from ....codecs.irc.multiline import TYPE, BadBatch, Multiline
from ....codecs.irc.texts import ctcp, in_private, plain
from ....model.commands import (
    Act,
    ActFromOutside,
    Command,
    Notify,
    NotifyFromOutside,
    NotifyPrivately,
    Say,
    SayFromOutside,
    Tell,
)
from ....model.errors import (
    BadText,
    ChatError,
    NoSuchPerson,
    RateLimited,
    TextTooLong,
)
from ....model.events import Typing
from ...linequeue import WaitForAcks
from ..reader import find, find_own
from ..request import Request
from .rooms import channel, exists
from .row import Kind, command

SERVICES = frozenset({"nickserv", "chanserv"})
IN = {"PRIVMSG": Say, "NOTICE": Notify, "ACTION": Act}
"""The chat's commands for a room that the person is in."""
OUTSIDE = {"PRIVMSG": SayFromOutside, "NOTICE": NotifyFromOutside, "ACTION": ActFromOutside}
"""The chat's commands for a room that the person is not in."""
_STATES = frozenset({"active", "paused", "done"})


def _no_recipient(request: Request) -> None:
    request.numeric(*((numerics.NOTEXTTOSEND,) if request.params else (numerics.NORECIPIENT,)))


@command(
    "PRIVMSG", "target :text", "say something", least=1, kind=Kind.MESSAGE, too_few=_no_recipient
)
def privmsg(request: Request) -> None:
    """Send a message to a channel or a person."""
    _say(request)


@command("NOTICE", "target :text", "say something that no program answers", kind=Kind.MESSAGE)
def notice(request: Request) -> None:
    """Send a notice; errors are not answered, because programs might answer them in turn."""
    if len(request.params) > 1:
        _say(request)


def _say(request: Request) -> None:
    target, text = request.param(0), request.param(1)
    if "batch" in request.tags:
        _add(request, target, text)
        return
    if not text:
        _refuse(request, target, BadText("there is nothing in that message"))
        return
    _send(request, target, text, fits=True)


def _send(request: Request, target: str, text: str, *, fits: bool = False) -> None:
    """Send a text; with `fits`, refuse one that cannot be relayed in one line."""
    client, command = request.client, request.command
    if "," in target:
        _refuse_several(request, target)
        return
    if fits and size(text) > text_bytes(command, client.source(), target):
        _refuse(request, target, TextTooLong("with your name before it that is too long"))
        return
    special = ctcp(text)
    if target.startswith("#"):
        try:
            name = channel(target)
        except ChatError:
            _refuse_channel(request, target)
            return
        if special is not None and special.command != "ACTION":
            _cannot_send(request, f"#{name}", "CTCP goes to persons only")
            return
        inside = name in request.person.rooms
        request.changes = not inside  # the echo is no event that the client reads
        if not (inside or exists(client, name)):
            _refuse_channel(request, f"#{name}")
            return
        said = plain(special.text if special else text)
        ways = IN if inside else OUTSIDE
        way = ways["ACTION"] if special is not None else ways[command]
        _perform(request, target, partial(way, name, said), name)
        return
    if target.casefold() in SERVICES:
        request.line(
            client.noticed(
                f"there is no {target} here: sign in with SASL or PASS :name:password, register "
                "with REGISTER, and see HELP"
            )
        )
        return
    request.changes = client.service.people.find(target) is None
    if special is not None and special.command != "ACTION":
        _signal(request, target, command, text)
        return
    said = plain(special.text if special else text)
    if special is not None:
        said = in_private(request.person.name, said)
    tell = NotifyPrivately if command == "NOTICE" else Tell
    _perform(request, target, partial(tell, target, said), "")


def _perform(request: Request, target: str, command: Callable[[], Command], room: str) -> None:
    """Carry out the command that `command` makes, which may raise `BadName` or `BadText`."""
    client = request.client
    try:
        outcome = client.service.perform(request.person, command())
    except RateLimited:
        raise
    except ChatError as error:
        _refuse(request, target, error)
        return
    client.spoke = client.service.clock.seconds()
    request.wait_for(
        outcome,
        lambda id_: _said(request, target, room, id_),
        refuse=lambda error: _refuse(request, target, error),
    )


def _said(request: Request, target: str, room: str, id_: int | None) -> None:
    """Handle the showing of the client's own message: hide it unless the client wants its echo."""
    client = request.client
    reader = client.reader
    if reader is None or id_ is None:
        return
    source = reader.channels.get(room) if room else request.person.inbox
    if room and source is None:
        _echo_outside(request, room, id_)
        return
    away = "" if room else _away_text(request, target)
    request.several = bool(away)
    to_oneself = not room and target.casefold() == request.person.name.casefold()
    if not client.may("echo-message"):
        if not to_oneself:
            reader.hide(id_)
    elif source is not None:
        request.own(find(source, id_))
    if away:
        request.numeric(numerics.AWAY, client.service.cards.of(target).name, away)


def _echo_outside(request: Request, name: str, id_: int) -> None:
    """Echo the client's own message in a room that it does not read."""
    client, room = request.client, request.client.service.rooms.live(name)
    entry = find(room, id_) if room is not None else None
    if entry is not None and client.reader is not None and client.may("echo-message"):
        request.lines(client.reader.codec.render(entry))


def _away_text(request: Request, target: str) -> str:
    """Why the receiver of a PRIVMSG is away; empty if it is not, or if it is the client itself."""
    if request.command != "PRIVMSG":
        return ""
    known = request.client.service.cards.of(target)
    return known.away if known.name.casefold() != request.person.name.casefold() else ""


def _signal(request: Request, target: str, kind: str, text: str) -> None:
    client = request.client
    request.changes = True  # the echo is no event
    try:
        outcome = client.service.signals.tell(request.person, target, kind, text)
    except RateLimited:
        raise
    except ChatError as error:
        _refuse(request, target, error)
        return

    def told(_: object) -> None:
        if client.may("echo-message"):
            request.line(form(kind, target, text=text, source=client.source()))

    request.wait_for(outcome, told, refuse=lambda error: _refuse(request, target, error))


# -- refusals ------------------------------------------------------------------------------------


def _refuse(request: Request, target: str, error: ChatError) -> None:
    if request.command == "NOTICE" and not isinstance(error, TextTooLong):
        return
    if isinstance(error, TextTooLong):
        request.numeric(numerics.INPUTTOOLONG)
    elif isinstance(error, BadText):
        request.numeric(numerics.NOTEXTTOSEND)
    elif isinstance(error, NoSuchPerson) or error.code == "bad-name":
        request.numeric(numerics.NOSUCHNICK, target)
    elif error.code == "not-found":
        request.numeric(numerics.NOSUCHCHANNEL, target)
    elif target.startswith("#"):
        request.numeric(numerics.CANNOTSENDTOCHAN, target, error.message)
    else:
        request.refuse(error)


def _refuse_several(request: Request, targets: str) -> None:
    """Refuse a message to several targets: `TARGMAX` says that there may be one."""
    if request.command != "NOTICE":
        request.numeric(numerics.TOOMANYTARGETS, targets)


def _refuse_channel(request: Request, shown: str) -> None:
    if request.command != "NOTICE":
        request.numeric(numerics.NOSUCHCHANNEL, shown)


def _cannot_send(request: Request, shown: str, why: str) -> None:
    if request.command != "NOTICE":
        request.numeric(numerics.CANNOTSENDTOCHAN, shown, why)


# -- typing --------------------------------------------------------------------------------------


@command("TAGMSG", "target", "pass on the tag +typing", least=1, kind=Kind.MESSAGE)
def tagmsg(request: Request) -> None:
    """Relay the tag `+typing`, and no other tag."""
    client, target = request.client, request.param(0)
    state = request.tags.get(TYPING, "")
    if state not in _STATES:
        return
    if "," in target:
        _refuse_several(request, target)
        return
    person = request.person
    try:
        if target.startswith("#"):
            name = channel(target)
            if name not in person.rooms:
                return
            outcome = client.service.signals.typing(person, name, state)
        else:
            name = ""
            request.changes = True
            outcome = client.service.signals.tell(person, target, "TAGMSG", state)
    except RateLimited:
        return  # nobody waits for that
    except ChatError as error:
        _refuse(request, target, error)
        return

    def told(_: object) -> None:
        reader = client.reader
        if reader is None:
            return
        if name and (stream := reader.channels.get(name)) is not None:
            own = find_own(stream, Typing, person.name)
            if own is not None:
                if not client.may("echo-message"):
                    reader.hide(own.id)
                else:
                    request.own(own)
        elif client.may("echo-message"):
            tags = format_tags({TYPING: state})
            request.line(tags + form("TAGMSG", target, source=client.source()))

    request.wait_for(outcome, told, refuse=lambda error: _refuse(request, target, error))


# -- several lines -------------------------------------------------------------------------------


@command(
    "BATCH",
    "+ref draft/multiline target, -ref",
    "send a message in several lines",
    least=1,
    kind=Kind.MESSAGE,
)
def batch(request: Request) -> None:
    """Open or end a multi-line message."""
    client, word = request.client, request.param(0)
    if word.startswith("+") and request.param(1) == TYPE and request.param(2):
        label, request.label = request.label, ""
        client.batch = Multiline(word[1:], request.param(2), label)
        return
    opened = client.batch
    if not word.startswith("-") or opened is None or opened.ref != word[1:] or opened.refused:
        request.wait_turn()
        client.batch = None
        request.fail("INVALID_REFTAG", text="there is no batch of that name")
        return
    request.label = opened.label
    try:
        text = opened.finish()
    except BadBatch as problem:
        request.wait_turn()
        client.batch = None
        request.fail(problem.code, *problem.words, text=problem.message)
        return
    request.command = opened.command
    client.batch = None
    try:
        _send(request, opened.target, text)
        if request.label:
            request.wait_turn()
    except (RateLimited, WaitForAcks):
        client.batch = opened  # the line is carried out again
        raise


def _add(request: Request, target: str, text: str) -> None:
    """Add a line to the batch.  Those of a refused batch are left out: no part of it is said."""
    opened = request.client.batch
    if opened is None:
        request.command = "BATCH"
        request.fail("INVALID_REFTAG", text="there is no batch of that name")
        return
    request.label = ""
    if opened.refused:
        return
    try:
        opened.add(request.command, target, text, request.tags)
    except BadBatch as problem:
        request.wait_turn()
        opened.refused = True
        request.label = opened.label
        request.command = "BATCH"
        request.fail(problem.code, *problem.words, text=problem.message)
