"""Registration and the end of a client: CAP, NICK, USER, SETNAME, PING, PONG, QUIT."""

from __future__ import annotations

from ....chat.sessions import Session
from ....codecs.irc import numerics
from ....codecs.irc.capabilities import VALUES_VERSION, Capability, asked, listed, offered
from ....codecs.irc.isupport import REAL_NAME
from ....codecs.irc.isupport import lines as isupport_lines
from ....codecs.irc.masks import user_of
from ....codecs.irc.message import cut, form
from ....codecs.irc.profile import Profile
from ....model.commands import Rename
from ....model.errors import BadName, ChatError, NameInUse, NotAllowed
from ....model.events import CardChanged, NameChanged
from ....model.text import clean_phrase, printable
from ..client import Applicant, IrcClient
from ..door import VERSION
from ..reader import IrcReader
from ..request import Request
from .channels import follow
from .people import tell_watchers
from .row import Kind, command
from .server import lusers_lines, motd_lines

USER_MODES = "Biow"
CHANNEL_MODES = "bimMnoqstv"
PARAMETER_MODES = "boqv"
_NO_NICK = "0"
"""A text that is no valid nick, because `JOIN 0` has a meaning of its own."""


# -- capabilities --------------------------------------------------------------------------------


@command("CAP", "LS|LIST|REQ|END [...]", "ask for capabilities", least=1, early=True)
def cap(request: Request) -> None:
    """Negotiate capabilities: see https://ircv3.net/specs/extensions/capability-negotiation."""
    client = request.client
    subcommand, words = request.param(0).upper(), request.param(1)
    applicant = client.applicant
    if subcommand in ("LS", "REQ") and applicant is not None:
        applicant.negotiating = True
    match subcommand:
        case "LS":
            if words.isascii() and words.isdigit():
                client.cap_version = max(client.cap_version, int(words[:6]))
            values = client.cap_version >= VALUES_VERSION
            if values:
                client.asked_for |= {"cap-notify"}
                client.set_capabilities(client.asked_for)
            _list(request, "LS", [*offered(secure=client.link.secure)], values=values)
        case "LIST":
            chosen = [one for one in offered(secure=True) if one.name in client.asked_for]
            _list(request, "LIST", chosen, values=False)
        case "REQ":
            _request(request, words)
        case "END":
            if applicant is not None:
                applicant.negotiating = False
                client.register()
        case _:
            request.numeric(numerics.INVALIDCAPCMD, subcommand)


def _list(request: Request, subcommand: str, chosen: list[Capability], *, values: bool) -> None:
    nick = request.client.nick
    split = request.client.cap_version >= VALUES_VERSION
    for text, more in listed(chosen, values=values, split=split):
        request.form("CAP", nick, subcommand, *(["*"] if more else []), text=text)


def _request(request: Request, words: str) -> None:
    client = request.client
    available = {capability.name for capability in offered(secure=client.link.secure)}
    found = asked(words, available)
    answer = "NAK" if found is None else "ACK"
    request.form("CAP", client.nick, answer, text=words)
    if found is not None:
        client.set_capabilities((client.asked_for | found.on) - found.off)


# -- who one is ----------------------------------------------------------------------------------


def _no_nick(request: Request) -> None:
    request.numeric(numerics.NONICKNAMEGIVEN)


@command("NICK", "name", "take a name", least=1, early=True, kind=Kind.CHANGE, too_few=_no_nick)
def nick(request: Request) -> None:
    """Change the nick; before registration, it is judged when the registration completes."""
    client, name = request.client, request.param(0)
    if not _could_be(name):
        request.numeric(numerics.ERRONEUSNICKNAME, name, "that is no name that one can have")
        return
    if client.applicant is not None:
        client.applicant.nick = name
        client.register()
        return
    old = client.source()

    def renamed(_: object) -> None:
        person = request.person
        if person.name == name_before:
            return
        reader = client.reader
        if person.rooms and reader is not None:
            request.own(reader.first_own(NameChanged, name_before))
            reader.subscriber.wake()
            return
        request.line(form("NICK", person.name, source=old))

    name_before = request.person.name
    if request.person.account is not None and name != request.person.name:
        request.numeric(numerics.UNKNOWNERROR, "NICK", "an account's name does not change")
        return
    request.perform(
        request.person,
        lambda: Rename(name),
        renamed,
        lambda error: _refuse_nick(request, name, error),
    )


def _could_be(name: str) -> bool:
    """Whether a text could be a nick: one word that is neither a mask nor a channel."""
    return bool(name) and name != _NO_NICK and not set(name) & set(" *?!@,#:~+&$")


def _refuse_nick(request: Request, name: str, error: ChatError) -> None:
    if isinstance(error, BadName):
        request.numeric(numerics.ERRONEUSNICKNAME, name, error.message)
    elif isinstance(error, NameInUse) or error.code == "name-registered":
        request.numeric(numerics.NICKNAMEINUSE, name, error.message)
    else:
        request.refuse(error)


@command("USER", "user * * :real name", "say who you are", least=4, early=True)
def user(request: Request) -> None:
    """Set user and real name, once and before registration."""
    applicant = request.client.applicant
    if applicant is None:
        request.numeric(numerics.ALREADYREGISTERED)
        return
    applicant.user = user_of(request.param(0))
    applicant.realname = printable(cut(request.param(3), REAL_NAME)).strip() or request.param(0)
    request.client.register()


@command("SETNAME", ":real name", "change your real name", least=1, kind=Kind.CHANGE)
def setname(request: Request) -> None:
    """Change the real name, and show it to the clients that share a room."""
    realname = printable(request.param(0)).strip()
    if not realname or len(realname.encode()) > REAL_NAME:
        request.fail(
            "INVALID_REALNAME", text=f"a real name has 1 to {REAL_NAME} bytes that can be seen"
        )
        return
    client, person = request.client, request.person

    def told(_: object) -> None:
        line = form("SETNAME", text=realname, source=client.source())
        if person.rooms and client.reader is not None:
            request.own(client.reader.first_own(CardChanged, person.name))
        elif client.may("setname"):
            request.line(line)
        tell_watchers(client, "setname", line)

    request.wait_for(client.service.signals.describe(person, realname), told)


# -- signs of life, and the end ------------------------------------------------------------------


def _no_token(request: Request) -> None:
    request.numeric(numerics.NEEDMOREPARAMS, "PING")


@command("PING", "token", "ask for a PONG", least=1, empty=True, too_few=_no_token, early=True)
def ping(request: Request) -> None:
    """Answer PONG when all effects of earlier commands have been written, here and to others."""
    client, token = request.client, request.param(0)
    done = request.hold_open()

    def written() -> None:
        request.form("PONG", client.server, text=token)
        done()

    client.door.unshown.when_shown(lambda: client.service.when_written(written))


@command("PONG", "token", "answer a PING", kind=Kind.FREE, early=True)
def pong(request: Request) -> None:
    """Do nothing: any input shows that the client is alive."""


@command("QUIT", "[:text]", "leave", kind=Kind.CHANGE, early=True)
def quit_(request: Request) -> None:
    """Leave, after all earlier commands have been carried out."""
    client = request.client
    client.parting = request.param(0)
    text = _shown(client.parting)
    goodbye = f"goodbye: {text}" if text else "goodbye"
    request.wait_for(client.leave(), lambda _: client.end(goodbye))


def _shown(text: str) -> str:
    try:
        return clean_phrase(text, 300)
    except ChatError:
        return ""


# -- registered ----------------------------------------------------------------------------------


def welcome(client: IrcClient, session: Session, applicant: Applicant) -> None:
    """Complete a registration: send the greeting, and start the reader."""
    door = client.door
    client.session, person = session, session.person
    client.reader = IrcReader(
        client.service, client.session, door.codec(Profile.of(client.capabilities)), client
    )
    door.clients.add(client)
    client.watch_person()
    client.away = applicant.away
    away = door.away_of(person, applicant.away)
    if away != person.card.away:
        told_away = client.service.signals.away(person, away, counted=False)
        told_away.addErrback(lambda failure: failure.trap(ChatError))
    told, name = door.told, person.name
    server = client.server
    client.numeric(numerics.WELCOME, f"welcome to {told.network}, {client.source()}")
    client.numeric(numerics.YOURHOST, f"your host is {server}, running {VERSION}")
    client.numeric(numerics.CREATED, "this server is one of several doors to the same rooms")
    client.numeric(numerics.MYINFO, server, VERSION, USER_MODES, CHANNEL_MODES, PARAMETER_MODES)
    rooms = client.service.admission.limits.rooms_per_session
    client.write(
        [
            numerics.write_listed(numerics.ISUPPORT, server, name, *tokens)
            for tokens in isupport_lines(told.network, rooms)
        ]
    )
    client.write(lusers_lines(client))
    client.write(motd_lines(client))
    client.numeric(numerics.UMODEIS, user_modes(client))
    if applicant.away:
        client.numeric(numerics.NOWAWAY)
    follow(client, fresh=False)
    client.link.start(client.reader.subscriber)


def user_modes(client: IrcClient) -> str:
    """The user modes of a client, with a `+` before them."""
    assert client.person is not None
    card = client.person.card
    modes = "B" * card.bot + "i" * card.invisible + "o" * client.operator + "w" * client.wallops
    return f"+{modes}"


def not_let_in(client: IrcClient, error: ChatError) -> None:
    """Handle a refused registration: the client may choose another nick, or the connection ends."""
    applicant = client.applicant
    assert applicant is not None
    name, applicant.nick = applicant.nick, ""
    if isinstance(error, BadName):
        client.write(
            [numerics.write(numerics.ERRONEUSNICKNAME, client.server, "*", name, error.message)]
        )
    elif isinstance(error, NameInUse) or error.code == "name-registered":
        client.write(
            [numerics.write(numerics.NICKNAMEINUSE, client.server, "*", name, error.message)]
        )
    elif isinstance(error, NotAllowed) or error.code == "no-session":
        text = "this server is for people with an account; sign in with SASL"
        client.write([form("FAIL", "*", "ACCOUNT_REQUIRED", text=text, source=client.server)])
        client.end(error.message)
    else:
        client.end(error.message)
