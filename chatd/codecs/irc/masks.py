"""Sources of lines (`nick!user@host`), and masks that match them.

1. Names are compared as on every door (`chatd.model.names.name_key`): ASCII letters by the
   advertised `CASEMAPPING=ascii`, other letters by Unicode's case folding.
2. In a mask `*` matches any characters and `?` matches one.  Matching takes at most as many steps
   as the product of both lengths.
3. A ban is a name, the account or address behind a host, or a network, which only administrators
   can set, on another door.  Each ban has one canonical spelling.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Network, IPv6Network
from typing import NamedTuple

from ...model.addresses import parse_network
from ...model.errors import BadName, ChatError
from ...model.names import clean_name, name_key

USER_LENGTH = 10
"""Characters in the user name of a client, without the `~` before it."""
_USER = re.compile(r"[^A-Za-z0-9_.-]")
_NETWORK = ".network"
_LABEL = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOSTNAME = re.compile(rf"(?=.{{1,253}}\Z)(?:{_LABEL}\.)+(?:{_LABEL})?", re.IGNORECASE)


class Mask(NamedTuple):
    """`nick!user@host`; `user` and `host` may be empty."""

    nick: str
    user: str = ""
    host: str = ""

    def __str__(self) -> str:
        user = f"!{self.user}" if self.user else ""
        return f"{self.nick}{user}" + (f"@{self.host}" if self.host else "")


class NameBan(NamedTuple):
    """`name!*@*`."""

    name: str


class HostBan(NamedTuple):
    """`*!*@host`: the account or the address behind a host."""

    host: str


class NetworkBan(NamedTuple):
    """`*!*@192.0.2.0/24.network`."""

    network: IPv4Network | IPv6Network


def split(source: str) -> Mask:
    """A source as its three parts."""
    rest, _, host = source.partition("@")
    nick, _, user = rest.partition("!")
    return Mask(nick, user, host)


def user_of(given: str) -> str:
    """The user name for the word in a client's `USER`; the `~` marks it as unverified."""
    return f"~{_USER.sub('', given)[:USER_LENGTH] or 'user'}"


def fold(text: str) -> str:
    """The form in which masks and names are compared."""
    try:
        return name_key(text)
    except BadName:
        return text.casefold()


def matches(mask: str, text: str) -> bool:
    """Whether a mask with `*` and `?` matches the whole text; case does not matter."""
    mask, text = mask.casefold(), text.casefold()
    at = star = mark = 0
    starred = False
    place = 0
    while place < len(text):
        if at < len(mask) and mask[at] == "*":
            starred, star, mark = True, at, place
            at += 1
        elif at < len(mask) and mask[at] in ("?", text[place]):
            at += 1
            place += 1
        elif starred:
            mark += 1
            at, place = star + 1, mark
        else:
            return False
    return not mask[at:].strip("*")


def is_mask(text: str) -> bool:
    """Whether a text is a mask and not a name."""
    return any(char in text for char in "*?!@")


def read_ban(mask: str) -> NameBan | HostBan | NetworkBan | None:
    """The ban that a mask means; None if it has none of the three forms."""
    nick, user, host = split(mask)
    user, host = user or "*", host or "*"
    if host == "*":
        if user != "*" or "*" in nick or "?" in nick:
            return None
        try:
            return NameBan(clean_name(nick))
        except ChatError:
            return NameBan(nick) if nick.startswith("guest-") else None
    if nick != "*" or "*" in host or "?" in host:
        return None
    if host.endswith(_NETWORK):
        try:
            return NetworkBan(parse_network(host.removesuffix(_NETWORK)))
        except ValueError:
            return None
    return HostBan(host.casefold())


def written(ban: NameBan | HostBan | NetworkBan) -> str:
    """The canonical mask of a ban."""
    match ban:
        case NameBan(name):
            return f"{name}!*@*"
        case HostBan(host):
            return f"*!*@{host}"
        case NetworkBan(network):
            return f"*!*@{network}{_NETWORK}"


def is_server_name(name: str) -> bool:
    """Whether a text can be a server's name: a host name that contains a dot."""
    return _HOSTNAME.fullmatch(name) is not None
