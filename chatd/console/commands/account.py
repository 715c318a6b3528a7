"""`chatd account`: makes, lists, changes and removes accounts."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Callable
from getpass import getpass

from ...model.bounds import PASSWORD
from ..asking import carry_out
from ..parser import PARSER, Parser, add_place
from ..refused import Refused
from ..tasks import (
    AddAccount,
    EndSessions,
    ListAccounts,
    ListSessions,
    RemoveAccount,
    SetAdmin,
    SetPassword,
    Task,
)

_MAKE = "make"


def run(given: Namespace) -> int:
    """Carry out the task of the command line.  Returns the exit status."""
    return carry_out(given, getattr(given, _MAKE)(given))


def fill(parser: Parser) -> None:
    """Add the subcommands of `chatd account`."""
    below = parser.add_subparsers(metavar="COMMAND", required=True)

    def add(name: str, help: str, make: Callable[[Namespace], Task], *, named: bool) -> Parser:
        made: Parser = below.add_parser(name, help=help, description=help)
        made.set_defaults(**{_MAKE: make, PARSER: made})
        add_place(made)
        if named:
            made.add_argument("name", metavar="NAME")
        return made

    add(
        "add",
        "make an account; the password is asked for, or is a line of the input",
        lambda it: AddAccount(name=it.name, password=_new_password(), admin=it.admin),
        named=True,
    ).add_argument("--admin", action="store_true", help="make the account an administrator's")
    add("list", "show all accounts", lambda _: ListAccounts(), named=False)
    add(
        "password",
        "give an account another password; all its sessions end",
        lambda it: SetPassword(name=it.name, password=_new_password()),
        named=True,
    )
    add(
        "admin",
        "make an account an administrator's",
        lambda it: SetAdmin(name=it.name, admin=not it.no),
        named=True,
    ).add_argument("--no", action="store_true", help="make it an ordinary account again")
    add(
        "remove",
        "delete an account: its name stays reserved, its messages stay",
        _remove,
        named=True,
    ).add_argument("--yes", action="store_true", help="do not ask")
    add(
        "sessions",
        "show where an account is signed in",
        lambda it: ListSessions(name=it.name),
        named=True,
    )
    add(
        "end",
        "end the sessions of an account, or one of them",
        lambda it: EndSessions(name=it.name, id=it.id),
        named=True,
    ).add_argument("id", metavar="ID", nargs="?")


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
    """The first line of the input.  Reads no more bytes than the longest password has.

    Raises `Refused` if the line is empty or no UTF-8, and `BadPassword` if it is too long.
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
