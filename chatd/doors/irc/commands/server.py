"""Questions about the server: MOTD, LUSERS, VERSION, TIME, INFO, ADMIN, LINKS, HELP."""

from __future__ import annotations

from datetime import datetime

from ....codecs.irc import numerics
from ....codecs.irc.isupport import lines as isupport_lines
from ..client import IrcClient
from ..door import VERSION
from ..request import Request
from .row import IrcCommand, command


def _write(client: IrcClient, numeric: numerics.Numeric, *given: str) -> str:
    return numerics.write(numeric, client.server, client.nick, *given)


@command("MOTD", "", "the message of the day")
def motd(request: Request) -> None:
    """Show the message of the day."""
    request.lines(motd_lines(request.client))


def motd_lines(client: IrcClient) -> list[str]:
    """The numerics of the message of the day, or the one that says that there is none."""
    lines = client.door.told.motd
    if not lines:
        return [_write(client, numerics.NOMOTD)]
    return [
        _write(client, numerics.MOTDSTART, f"- {client.server} message of the day -"),
        *(_write(client, numerics.MOTD, f"- {line}") for line in lines),
        _write(client, numerics.ENDOFMOTD),
    ]


@command("LUSERS", "", "how many people are here")
def lusers(request: Request) -> None:
    """Show the number of people on all doors."""
    request.lines(lusers_lines(request.client))


def lusers_lines(client: IrcClient) -> list[str]:
    """The numerics of LUSERS."""
    door, service = client.door, client.service
    held = service.people.held
    here = len(held)
    door.most = max(door.most, here)
    hidden = sum(1 for other in door.clients if other.person and other.person.card.invisible)
    hidden = min(hidden, here)
    rooms = sum(1 for room in service.rooms if room.members and not room.state.closed)
    here_and_most = (str(here), str(door.most))
    users = f"there are {here - hidden} users and {hidden} invisible on 1 server"
    current = f"current users: {here}, most at a time: {door.most}"
    return [
        _write(client, numerics.LUSERCLIENT, users),
        _write(client, numerics.LUSEROP, str(len(door.operators()))),
        _write(client, numerics.LUSERUNKNOWN, str(door.unregistered)),
        _write(client, numerics.LUSERCHANNELS, str(rooms)),
        _write(client, numerics.LUSERME, f"I have {here} clients and 0 servers"),
        _write(client, numerics.LOCALUSERS, *here_and_most, current),
        _write(client, numerics.GLOBALUSERS, *here_and_most, current),
    ]


@command("VERSION", "", "the server's version, and what it supports")
def version(request: Request) -> None:
    """Show the version, and the lines of `005`."""
    client = request.client
    request.numeric(numerics.VERSION, VERSION, client.server, "a chat of many doors")
    rooms = client.service.admission.limits.rooms_per_session
    request.lines(
        [
            numerics.write_listed(numerics.ISUPPORT, client.server, client.nick, *tokens)
            for tokens in isupport_lines(client.door.told.network, rooms)
        ]
    )


@command("TIME", "", "the server's time")
def time(request: Request) -> None:
    """Show the server's time with its time zone."""
    now = datetime.now().astimezone()
    request.numeric(numerics.TIME, request.client.server, now.strftime("%A, %d %B %Y, %H:%M:%S %z"))


@command("INFO", "", "about the server")
def info(request: Request) -> None:
    """Describe the server."""
    request.numeric(numerics.INFO, f"{VERSION}: one chat, many doors")
    request.numeric(numerics.INFO, "the same rooms are on telnet, the web and here")
    request.numeric(numerics.ENDOFINFO)


@command("ADMIN", "", "who runs the server")
def admin(request: Request) -> None:
    """Show how to reach the administrators."""
    client = request.client
    request.numeric(numerics.ADMINME, client.server)
    request.numeric(numerics.ADMINLOC1, client.door.told.network)
    request.numeric(numerics.ADMINLOC2, "a server of chatd")
    request.numeric(numerics.ADMINEMAIL, "ask an operator of a channel")


@command("LINKS", "", "which servers there are")
def links(request: Request) -> None:
    """Answer that there are no other servers: nodes are not shown as servers."""
    request.numeric(numerics.ENDOFLINKS, "*")


def _help(request: Request) -> None:
    commands = request.client.commands
    subject = request.param(0).upper()
    if not subject:
        request.numeric(numerics.HELPSTART, "index", "commands; HELP COMMAND tells more")
        for name in sorted(commands):
            request.numeric(numerics.HELPTXT, "index", _usage(commands[name]))
        request.numeric(numerics.ENDOFHELP, "index")
    elif subject in commands:
        row = commands[subject]
        request.numeric(numerics.HELPSTART, subject, f"{row.name} {row.form}".rstrip())
        request.numeric(numerics.HELPTXT, subject, row.help)
        request.numeric(numerics.ENDOFHELP, subject)
    else:
        request.numeric(numerics.HELPNOTFOUND, request.param(0))


def _usage(row: IrcCommand) -> str:
    return f"{row.name} {row.form}: {row.help}" if row.form else f"{row.name}: {row.help}"


help_ = command("HELP", "[command]", "what the commands do")(_help)
helpop = command("HELPOP", "[command]", "the same as HELP")(_help)
