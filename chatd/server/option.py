"""Options: the help, the default and the parser of one setting.

An option is the metadata of a field of `chatd.server.settings.Settings`.  The command line, the
environment variable and the key of the configuration file are derived from it, so adding an option
means adding one field.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from twisted.cred import strcred
from twisted.cred.credentials import IUsernamePassword
from twisted.internet.endpoints import serverFromString

from ..doors.irc.door import is_name
from ..http.hosts import host_name
from ..model.addresses import parse_network
from ..model.errors import Malformed
from ..store.engines import check_url
from .endpoints import beneath, kind_of

MOST = 1_000_000_000
"""The largest number that an option accepts: a larger one is most likely a typing error."""
UNIX = "unix"
"""The value that means UNIX sockets instead of a network."""
METADATA = "option"
"""The key of the option in a field's metadata."""
VALID = "valid"
"""The attribute of a parser with its valid values in words."""
CLOSED = "none"
"""The value of a door's option that keeps the door closed."""

Read = Callable[[str], Any]
"""Parses an option's text.  Raises `ValueError` with the reason: `'x' is not …`."""


@dataclass(frozen=True, slots=True)
class Option:
    """How one setting is written and parsed."""

    help: str
    """One or two sentences for `--help`, without the default."""
    read: Read
    repeatable: bool = False
    """Whether the option may be given several times; then the setting is a tuple."""
    default: str = ""
    """The default as `--help` shows it."""
    flag: bool = False
    """Whether the option takes no value on the command line."""
    example: str = ""
    """A value for the example configuration, if there is no default."""

    @property
    def valid(self) -> str:
        """The valid values, in a few words; empty if the help names them."""
        return getattr(self.read, VALID, "true, false" if self.flag else "")


def option(
    default: Any,
    help: str,
    read: Read,
    *,
    repeatable: bool = False,
    default_is: str = "",
    example: str = "",
) -> Any:
    """A field of `Settings` with an option; `default_is` is the default in words, and `example` a
    value for the example configuration, if the option has no default.
    """
    made = Option(help, read, repeatable, default_is or shown(default), example=example)
    return field(default=default, metadata={METADATA: made})


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
    """A field of `Settings` that is False unless its option is given."""
    return field(default=False, metadata={METADATA: Option(help, truth, default="off", flag=True)})


# -- parsers ---------------------------------------------------------------------------------------


def number(least: int, most: int = MOST, kind: type[int] | type[float] = int) -> Read:
    """A parser of numbers from `least` to `most`."""

    def read(text: str) -> float:
        try:
            value = kind(text)
        except ValueError:
            value = None
        if value is None or not least <= value <= most:
            raise ValueError(f"{text!r} is not a number from {least} to {most}")
        return value

    whole = "whole numbers" if kind is int else "numbers"
    setattr(read, VALID, f"{whole} from {least}" + ("" if most == MOST else f" to {most}"))
    return read


def truth(text: str) -> bool:
    """Parse a truth value."""
    words = {"1": True, "true": True, "yes": True, "on": True}
    words |= {"0": False, "false": False, "no": False, "off": False}
    if text.lower() not in words:
        raise ValueError(f"{text!r} is neither true nor false")
    return words[text.lower()]


def one_of(*words: str) -> Read:
    """A parser that accepts only these words."""

    def read(text: str) -> str:
        if text not in words:
            raise ValueError(f"{text!r} is none of {', '.join(words)}")
        return text

    setattr(read, VALID, ", ".join(words))
    return read


_PORT = re.compile(r"(?:^(?:tcp|tcp4|tcp6|ssl):|:port=)(\d+)")
MOST_PORT = 65535


def endpoint(value: str) -> str:
    """Check the description of a Twisted endpoint, or `none`, which closes the door."""
    if value != CLOSED:
        nothing: Any = None  # a parser keeps the reactor for later
        try:
            ports = [int(port) for port in _PORT.findall(value)]
            if any(port > MOST_PORT for port in ports):
                raise ValueError(f"ports are numbers up to {MOST_PORT}")
            if kind_of(value) != "systemd":  # in a worker, the supervisor has systemd's sockets
                serverFromString(nothing, beneath(value))
        except Exception as problem:  # an endpoint's parser may raise any exception
            raise ValueError(
                f"{value!r} is no endpoint ({problem}); one is tcp:8080:interface=127.0.0.1"
            ) from None
    return value


def store(value: str) -> str:
    """Check the URL of a store."""
    try:
        check_url(value)
    except Malformed as problem:
        known = problem.message.replace(f"unknown store {value!r}", f"{value!r} is no store")
        raise ValueError(known) from None
    return value


_BASE: list[Path] = [Path()]


@contextmanager
def relative_to(directory: Path) -> Iterator[None]:
    """Resolve relative paths from `directory` while options are parsed: a daemon has changed its
    working directory when it reads its configuration again.
    """
    _BASE.append(directory)
    try:
        yield
    finally:
        _BASE.pop()


def readable(value: str) -> str:
    """Check that a file can be read as text in UTF-8."""
    try:
        read_lines(_BASE[-1] / value)
    except ValueError as problem:
        raise ValueError(f"{value!r} cannot be read: {problem}") from None
    return value


def read_lines(path: Path) -> list[str]:
    """The lines of a text in UTF-8, whatever the locale is.  Raises `ValueError`, which says why
    it cannot be read.
    """
    try:
        return path.read_text("utf-8-sig").splitlines()
    except (OSError, ValueError) as problem:
        raise ValueError(why_unreadable(problem)) from None


def why_unreadable(problem: OSError | ValueError) -> str:
    """Why a text cannot be read, for an operator."""
    if isinstance(problem, UnicodeDecodeError):
        line = problem.object[: problem.start].count(b"\n") + 1
        return f"line {line} is not UTF-8; save the file in that encoding"
    return getattr(problem, "strerror", None) or str(problem)


def node_name(value: str) -> str:
    """Accept a name without blanks, of up to 64 characters."""
    if not value or len(value) > 64 or not value.isprintable() or " " in value:
        raise ValueError(f"{value!r} is no name; one has up to 64 characters and no blanks")
    return value


def origin(value: str) -> str:
    """Check a web site's origin (RFC 6454)."""
    try:
        parts = urlsplit(value)
    except ValueError:
        parts = urlsplit("")
    whole = f"{parts.scheme}://{parts.netloc}"
    if value != "null" and (not parts.scheme or not parts.netloc or value != whole):
        raise ValueError(f"{value!r} is no origin; it looks like https://example.org")
    return value


def host(value: str) -> str:
    """Parse a host name."""
    try:
        return host_name(value)
    except ValueError:
        raise ValueError(
            f"{value!r} is no host name; one looks like chat.example.org, without http:// and "
            "without a port"
        ) from None


def server_name(value: str) -> str:
    """The name of an IRC server."""
    if not is_name(value):
        raise ValueError(f"{value!r} is no server's name; one looks like irc.example.org")
    return value


def word(value: str) -> str:
    """One word of what can be seen in ASCII."""
    if not (value.isascii() and value.isprintable()) or not value or " " in value:
        raise ValueError(f"{value!r} is not one word")
    return value


def proxy(value: str) -> Any:
    """Parse a network of proxies, or `unix`."""
    if value == UNIX:
        return value
    try:
        return parse_network(value)
    except ValueError as problem:
        raise ValueError(
            f"{problem}; a network looks like 10.0.0.0/8 or 127.0.0.1, and unix means UNIX sockets"
        ) from None


_MAIL = re.compile(r"mailto:[^\s@<>\"]+@[\w-]+(\.[\w-]+)*")
_LIBRARIES = ("http_ece", "py_vapid", "OpenSSL", "service_identity")
"""What sends to push services: the extra `push`."""


def contact(value: str) -> str:
    """The operator's address for push services (RFC 8292, section 2.1), if the libraries are
    there.
    """
    try:
        parts = urlsplit(value)
    except ValueError:
        parts = urlsplit("")
    web = parts.scheme == "https" and bool(parts.hostname) and "@" not in parts.netloc
    written = value.isascii() and value.isprintable() and " " not in value and len(value) <= 300
    if not written or not (web or _MAIL.fullmatch(value)):
        raise ValueError(
            f"{value!r} is no contact; one looks like mailto:admin@example.org or https://example.org"
        )
    if not all(find_spec(name) for name in _LIBRARIES):
        raise ValueError(
            f"{value!r} needs libraries that are not installed: pip install 'chatd[push]'"
        )
    return value


@cache
def checker(value: str) -> Any:
    """The credentials checker with that description (`twisted.cred.strcred`); the same object each
    time, so that a reload does not see a change.
    """
    kind, _, file = value.partition(":")
    if kind == "file":
        readable(file)  # or Twisted would only print a warning
        value = f"{kind}:{_BASE[-1] / file}"
    try:
        made = strcred.makeChecker(value)
    except Exception as problem:  # a checker's own parser may raise any exception
        reason = str(problem) or type(problem).__name__
        raise ValueError(
            f"{value!r} is no credentials checker ({reason}); one is file:passwd"
        ) from None
    if IUsernamePassword not in made.credentialInterfaces:
        raise ValueError(f"{value!r} checks no names and passwords; one that does is file:passwd")
    return made
