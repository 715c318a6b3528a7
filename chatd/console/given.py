"""The options of the server on the command line of `chatd serve` and `chatd check`."""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace
from typing import Any

from ..server.option import Option
from ..server.settings import Settings, options, settings_of, spelt
from ..server.sources import CONFIG, Found, mistakes, read
from .refused import Refused

_PREFIX = "setting "
"""Before an option's name in a namespace: no other command has such names."""


def add_settings(parser: ArgumentParser) -> None:
    """Add an option for each setting, and `--config`."""
    parser.add_argument(
        f"--{CONFIG}",
        metavar="FILE",
        help="a TOML file with settings by their own names; the command line and the environment "
        "(CHATD_MAX_ROOMS, …) beat it",
    )
    for name, option in options():
        how: dict[str, Any] = {"action": "append"} if option.repeatable else {}
        if option.flag:
            how = {"action": "store_const", "const": "on"}
        else:
            how["metavar"] = "VALUE"
        parser.add_argument(f"--{spelt(name)}", dest=_PREFIX + name, help=_help(option), **how)


def settings_given(given: Namespace) -> Settings:
    """The settings of the command line, the environment and the file.  Raises `Refused`.

    Variables that belong to no option are not told: the server logs them when it reads them.
    """
    found = mistakes_given(given)
    if found.mistakes:
        raise Refused(found.mistakes[0])
    return settings_of(found.given)


def mistakes_given(given: Namespace) -> Found:
    """The values and mistakes in the command line, the environment and the file."""
    return mistakes(command_line(given), os.environ, given.config)


def command_line(given: Namespace) -> Found:
    """The values and mistakes in the command line."""
    found = Found()
    for name, option in options():
        value = getattr(given, _PREFIX + name)
        if value is not None:
            read(found, name, option, value if option.repeatable else [value], f"--{spelt(name)}")
    return found


def words_given(given: Namespace) -> list[str]:
    """The command line from which these options were parsed, as words."""
    words = [] if given.config is None else [f"--{CONFIG}={given.config}"]
    for name, option in options():
        value = getattr(given, _PREFIX + name)
        if value is None:
            continue
        if option.flag:
            words.append(f"--{spelt(name)}")
        else:
            several = value if option.repeatable else [value]
            words += [f"--{spelt(name)}={one}" for one in several]
    return words


def _help(option: Option) -> str:
    again = " May be repeated." if option.repeatable else ""
    return f"{option.help}{again} [{option.default}]".replace("%", "%%")
