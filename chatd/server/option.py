"""Options: what one setting is called, what it does, and how its text is read.

An option is the metadata of a field of `chatd.server.settings.Settings`.  The command line, the
environment and the configuration file are made from it, so adding an option is one field.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from twisted.cred import strcred
from twisted.cred.credentials import IUsernamePassword

from ..http.hosts import host_name
from ..model.addresses import parse_network

MOST = 1_000_000_000
"""The largest number that an option takes: more is a slip of the hand."""
UNIX = "unix"
"""What stands for UNIX sockets instead of a network."""
METADATA = "option"
"""Where a field's metadata has its option."""

Read = Callable[[str], Any]
"""Reads an option's text.  Raises `ValueError`, which says what is wrong: `'x' is not …`."""


@dataclass(frozen=True, slots=True)
class Option:
    """How a setting is given."""

    help: str
    """One or two sentences for `--help`, without the default."""
    read: Read
    repeatable: bool = False
    """Whether it may be given several times; its setting is a tuple then."""
    default: str = ""
    """The default in words, if the value does not say it."""
    flag: bool = False
    """Whether the command line gives it without a value."""


def option(
    default: Any, help: str, read: Read, *, repeatable: bool = False, default_is: str = ""
) -> Any:
    """A field of `Settings`."""
    told = Option(help, read, repeatable, default_is or shown(default))
    return field(default=default, metadata={METADATA: told})


def shown(default: Any) -> str:
    """A default as `--help` shows it."""
    if isinstance(default, tuple):
        return ", ".join(default) or "none"
    return (
        "none"
        if default is None
        else f"{default:g}"
        if isinstance(default, float)
        else f"{default}"
    )


def flag(help: str) -> Any:
    """A field of `Settings` that is False unless it is given."""
    return field(default=False, metadata={METADATA: Option(help, truth, default="off", flag=True)})


# -- readers ---------------------------------------------------------------------------------------


def number(least: int, most: int = MOST, kind: type[int] | type[float] = int) -> Read:
    """A number from `least` to `most`."""

    def read(text: str) -> float:
        try:
            value = kind(text)
        except ValueError:
            value = None
        if value is None or not least <= value <= most:
            raise ValueError(f"{text!r} is not a number from {least} to {most}")
        return value

    return read


def truth(text: str) -> bool:
    """Yes or no."""
    words = {"1": True, "true": True, "yes": True, "on": True}
    words |= {"0": False, "false": False, "no": False, "off": False}
    if text.lower() not in words:
        raise ValueError(f"{text!r} is neither true nor false")
    return words[text.lower()]


def one_of(*words: str) -> Read:
    """One of these words."""

    def read(text: str) -> str:
        if text not in words:
            raise ValueError(f"{text!r} is none of {', '.join(words)}")
        return text

    return read


def text(value: str) -> str:
    """A text that is judged where it is used: a store's URL, an endpoint."""
    return value


def word(value: str) -> str:
    """A name without blanks, of up to 64 characters."""
    if not value or len(value) > 64 or not value.isprintable() or " " in value:
        raise ValueError(f"{value!r} is no name; one has up to 64 characters and no blanks")
    return value


def origin(value: str) -> str:
    """A web site's origin (RFC 6454)."""
    try:
        parts = urlsplit(value)
    except ValueError:
        parts = urlsplit("")
    whole = f"{parts.scheme}://{parts.netloc}"
    if value != "null" and (not parts.scheme or not parts.netloc or value != whole):
        raise ValueError(f"{value!r} is no origin; it looks like https://example.org")
    return value


def host(value: str) -> str:
    """A host's name."""
    try:
        return host_name(value)
    except ValueError:
        raise ValueError(
            f"{value!r} is no host name; one looks like chat.example.org, without http:// and "
            "without a port"
        ) from None


def proxy(value: str) -> Any:
    """A network of proxies, or `unix`."""
    if value == UNIX:
        return value
    try:
        return parse_network(value)
    except ValueError as problem:
        raise ValueError(
            f"{problem}; a network looks like 10.0.0.0/8 or 127.0.0.1, and unix means UNIX sockets"
        ) from None


def checker(value: str) -> Any:
    """A credentials checker, as Twisted's `strcred` has them."""
    try:
        made = strcred.makeChecker(value)
    except Exception as problem:  # whatever a checker's own parser raises
        reason = str(problem) or type(problem).__name__
        raise ValueError(
            f"{value!r} is no credentials checker ({reason}); one is file:passwd"
        ) from None
    if IUsernamePassword not in made.credentialInterfaces:
        raise ValueError(f"{value!r} checks no names and passwords; one that does is file:passwd")
    return made
