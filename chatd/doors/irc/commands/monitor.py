"""MONITOR: notifications when names are taken and given up."""

from __future__ import annotations

from ....codecs.irc import numerics
from ....codecs.irc.isupport import MOST_MONITORED
from ....codecs.irc.lists import in_lines
from ....codecs.irc.message import size
from ....codecs.irc.numerics import Numeric
from ....model.errors import BadName
from ....model.names import name_key
from ..client import IrcClient
from ..request import Request
from .row import command


@command("MONITOR", "+|-|C|L|S [name{,name}]", "be told when people come and go", least=1)
def monitor(request: Request) -> None:
    """See https://ircv3.net/specs/extensions/monitor."""
    client = request.client
    names = [name for name in request.param(1).split(",") if name]
    match request.param(0).upper():
        case "+":
            _add(request, names)
        case "-":
            for name in names:
                _remove(client, name)
        case "C":
            for name in list(client.monitored.values()):
                _remove(client, name)
        case "L":
            _tell(request, numerics.MONLIST, list(client.monitored.values()))
            request.numeric(numerics.ENDOFMONLIST)
        case "S":
            _status(request, list(client.monitored.values()))


def _add(request: Request, names: list[str]) -> None:
    client = request.client
    added = []
    for place, name in enumerate(names):
        try:
            key = name_key(name)
        except BadName:
            request.numeric(numerics.ERRONEUSNICKNAME, name, "that is no name that one can have")
            continue
        if key not in client.monitored and len(client.monitored) >= MOST_MONITORED:
            left = ",".join(names[place:])
            request.numeric(numerics.MONLISTFULL, str(MOST_MONITORED), left)
            break
        client.monitored[key] = name
        client.door.monitors.add(key, client)
        added.append(name)
    _status(request, added)


def _remove(client: IrcClient, name: str) -> None:
    try:
        key = name_key(name)
    except BadName:
        return
    client.monitored.pop(key, None)
    client.door.monitors.discard(key, client)


def _status(request: Request, names: list[str]) -> None:
    client = request.client
    here, gone = [], []
    for name in names:
        holder = client.service.people.find(name)
        if holder is None:
            gone.append(name)
        else:
            who = client.door.who(holder.name)
            here.append(f"{holder.name}!{who.user}@{who.host}")
    _tell(request, numerics.MONONLINE, here)
    _tell(request, numerics.MONOFFLINE, gone)


def _tell(request: Request, numeric: Numeric, words: list[str]) -> None:
    client = request.client
    overhead = size(numerics.write(numeric, client.server, client.nick, ""))
    for text in in_lines(words, overhead, ","):
        request.numeric(numeric, text)
