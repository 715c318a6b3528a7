"""The command `chatd`: administration of a server from its own machine.

If a server runs, the command sends a task to its socket beside the store.  Otherwise it carries out
the task on the store itself.  Exit status: 0 the task was carried out, 1 it was refused or failed,
2 the command line is wrong.
"""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Sequence
from getpass import getpass
from pathlib import Path

from ..client.join.main import main as join
from ..codecs.commandlines import duration_and_text
from ..model.bounds import PASSWORD, ROOM, WHO
from ..model.errors import ChatError
from ..server.settings import Settings
from ..server.sources import BadSetting, settled
from . import offline
from .door import console_path
from .link import Refused, ask
from .tasks import (
    AddAccount,
    BanWho,
    EndSessions,
    ListAccounts,
    ListBans,
    ListSessions,
    MakeInvite,
    RemoveAccount,
    SetAdmin,
    SetPassword,
    ShowAudit,
    Task,
    UnbanWho,
)

_MAKE = "make"


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out a command line.  Returns the exit status."""
    words = sys.argv[1:] if arguments is None else arguments
    if words[:1] == ["join"]:  # it is no task for a server, and has options of its own
        return join(words[1:])
    given = parser().parse_args(words)
    try:
        settings = settled(_given(given), os.environ, given.config)
        task = getattr(given, _MAKE)(given)
        path = console_path(settings.store, Path())
        lines = ask(path, task)
        if lines is None:
            lines = offline.run(task, settings, Path())
    except (BadSetting, Refused) as problem:
        return _failed(str(problem))
    except ChatError as problem:
        return _failed(problem.message)
    except (EOFError, KeyboardInterrupt):
        return _failed("interrupted")
    for line in lines:
        sys.stdout.write(f"{line}\n")
    return 0


def _failed(why: str) -> int:
    sys.stderr.write(f"chatd: {why}\n")
    return 1


def _given(given: Namespace) -> dict[str, str]:
    return {} if given.store is None else {"store": given.store}


def parser() -> ArgumentParser:
    """The parser of command lines."""
    common = ArgumentParser(add_help=False)
    common.add_argument("--store", metavar="URL", help=f"the server's store: {Settings().store}")
    common.add_argument("--config", metavar="FILE", help="the server's configuration")
    top = ArgumentParser(
        "chatd",
        description="Look after a chat server from its own machine. "
        "chatd join URL is the client for a terminal.",
    )
    commands = top.add_subparsers(metavar="COMMAND", required=True)

    def add(
        under: object, name: str, help: str, make: Callable[[Namespace], Task]
    ) -> ArgumentParser:
        made: ArgumentParser = under.add_parser(  # type: ignore[attr-defined]
            name, help=help, description=help, parents=[common]
        )
        made.set_defaults(**{_MAKE: make})
        return made

    account = commands.add_parser("account", help="make, list, change and remove accounts")
    below = account.add_subparsers(metavar="COMMAND", required=True)
    making = add(
        below,
        "add",
        "make an account; the password is asked for, or is a line of the input",
        lambda it: AddAccount(name=it.name, password=_new_password(), admin=it.admin),
    )
    making.add_argument("name", metavar="NAME")
    making.add_argument("--admin", action="store_true", help="an administrator's")
    add(below, "list", "show all accounts", lambda _: ListAccounts())
    add(
        below,
        "password",
        "give an account another password; all its sessions end",
        lambda it: SetPassword(name=it.name, password=_new_password()),
    ).add_argument("name", metavar="NAME")
    admin = add(
        below,
        "admin",
        "make an account an administrator's",
        lambda it: SetAdmin(name=it.name, admin=not it.no),
    )
    admin.add_argument("name", metavar="NAME")
    admin.add_argument("--no", action="store_true", help="take that from it")
    removing = add(
        below,
        "remove",
        "delete an account: its name stays reserved, its messages stay",
        _remove,
    )
    removing.add_argument("name", metavar="NAME")
    removing.add_argument("--yes", action="store_true", help="do not ask")
    add(
        below,
        "sessions",
        "show where an account is signed in",
        lambda it: ListSessions(name=it.name),
    ).add_argument("name", metavar="NAME")
    ending = add(
        below,
        "end",
        "end the sessions of an account, or one of them",
        lambda it: EndSessions(name=it.name, id=it.id),
    )
    ending.add_argument("name", metavar="NAME")
    ending.add_argument("id", metavar="ID", nargs="?")

    invite = add(
        commands,
        "invite",
        "print a link that lets somebody register and be in a room: lobby, for 7d and one use",
        _invite,
    )
    invite.add_argument("room", metavar="ROOM", nargs="?", default="lobby")
    invite.add_argument("duration", metavar="DURATION", nargs="?", help="30m, 12h, 7d")
    invite.add_argument("--uses", metavar="N", type=int)
    ban = add(commands, "ban", "ban a name or a network from the server", _ban)
    ban.add_argument("who", metavar="WHO")
    ban.add_argument("rest", metavar="[DURATION] [REASON]", nargs="*")
    add(
        commands, "unban", "lift a ban from the server", lambda it: UnbanWho(who=it.who)
    ).add_argument("who", metavar="WHO")
    add(commands, "bans", "show the bans from the server", lambda _: ListBans())
    add(
        commands,
        "audit",
        "show what moderators and administrators did",
        lambda it: ShowAudit(number=it.number),
    ).add_argument("-n", dest="number", metavar="N", type=int, default=100, help="the last N")
    return top


def _ban(given: Namespace) -> Task:
    words = " ".join([given.who, *given.rest])
    who, seconds, text = duration_and_text("who", WHO)(words)
    return BanWho(who=who, seconds=seconds, text=text)


def _invite(given: Namespace) -> Task:
    room, seconds, rest = duration_and_text("room", ROOM)(f"{given.room} {given.duration or ''}")
    if rest:
        raise Refused(f"{rest} is no duration; one is 30m, 12h or 7d")
    return MakeInvite(room=room, seconds=seconds, uses=given.uses)


def _remove(given: Namespace) -> Task:
    if not given.yes and sys.stdin.isatty():
        sys.stderr.write(f"remove the account {given.name} for good? type its name: ")
        sys.stderr.flush()
        if sys.stdin.readline().strip() != given.name:
            raise Refused("nothing was removed")
    return RemoveAccount(name=given.name)


def _new_password() -> str:
    """A password, typed twice without echo; if the input is no terminal, its next line."""
    if not sys.stdin.isatty():
        return _given_password()
    password = getpass("password: ")
    if getpass("again: ") != password:
        raise Refused("the two passwords differ; nothing was changed")
    return password


def _given_password() -> str:
    """The first line of the input.  Raises `Refused` if there is none that can be a password, and
    `BadPassword` if it is too long; no more of it is read than a password has.
    """
    try:
        line = sys.stdin.readline(PASSWORD.most + 2)  # an end of line takes two
        password = line.rstrip("\r\n")
        password.encode()
    except UnicodeError:
        raise Refused("the password in the input is not valid UTF-8; nothing was changed") from None
    if not password:
        raise Refused("no password: give it as the first line of the input, or use a terminal")
    return PASSWORD.check(password)
