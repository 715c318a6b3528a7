"""Sources of settings: the command line, the environment, a configuration file.

1. For each option, the command line takes precedence over the environment, the environment over the
   file, and the file over the default.
2. An error is reported in one line that names the option, the variable, or the file and the line.
   For an unknown key, the error suggests the most similar known key.
3. A start ends with the first error; `mistakes` returns all errors (`chatd check`).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import Any

from twisted.logger import Logger

from .option import Option, why_unreadable
from .settings import BadSetting as BadSetting
from .settings import Settings, options, settings_of, spelt

_log = Logger()
PREFIX = "CHATD_"
"""The prefix of environment variables."""
CONFIG = "config"
"""The option that names the configuration file; the file itself must not contain it."""

TOKEN = f"{PREFIX}TOKEN"
"""The variable with a personal token, for the commands of `chatd`; the server does not read it."""

Given = Mapping[str, Any]
"""The parsed values that one source gives, by the option's name."""


@dataclass
class Found:
    """The values and the mistakes in one source."""

    given: dict[str, Any] = field(default_factory=dict)
    """The valid values, by the option's name."""
    mistakes: list[str] = field(default_factory=list)
    """An error message for each mistake, in the order of the source."""
    places: dict[str, str] = field(default_factory=dict)
    """The source of each valid value, by the option's name: a line of a file, or a variable."""
    unknown: list[str] = field(default_factory=list)
    """Environment variables that belong to no option: misspelt, or another program's."""

    def valid(self) -> Given:
        """The values, if there are no mistakes.  Raises `BadSetting` with the first mistake."""
        if self.mistakes:
            raise BadSetting(self.mistakes[0])
        return self.given


def settled(command_line: Given, environment: Mapping[str, str], config: str | None) -> Settings:
    """The combined settings of all sources; `config` is the file's path.  Raises `BadSetting`."""
    config = config or environment.get(variable(CONFIG))
    file = look_into(Path(config)) if config else Found()
    from_file, from_environment = file.valid(), read_environment(environment)
    try:
        return settings_of({**from_file, **from_environment, **command_line})
    except ValueError as problem:
        places = {**file.places, **look_around(environment).places}
        raise BadSetting(placed(str(problem), places, command_line)) from None


def mistakes(command_line: Found, environment: Mapping[str, str], config: str | None) -> Found:
    """All values and all mistakes of all sources; `settled` raises the first mistake instead."""
    config = config or environment.get(variable(CONFIG))
    file = look_into(Path(config)) if config else Found()
    variables = look_around(environment)
    sources = (file, variables, command_line)
    found = Found(
        {**file.given, **variables.given, **command_line.given},
        [mistake for source in sources for mistake in source.mistakes],
        {**file.places, **variables.places},
        variables.unknown,
    )
    for name in command_line.given:
        found.places.pop(name, None)
    if not found.mistakes:
        try:
            settings_of(found.given)
        except ValueError as problem:
            found.mistakes.append(placed(str(problem), found.places))
    return found


def placed(message: str, places: Mapping[str, str], beaten: Given = MappingProxyType({})) -> str:
    """A message about options, `--like-this`, with the places where they are given; options on the
    command line have none, and so have those that it has `beaten`.
    """
    named = re.findall(r"--([a-z-]+[a-z])", message)
    known = {spelt(name): place for name, place in places.items() if name not in beaten}
    where = [f"{name}: {known[name]}" for name in dict.fromkeys(named) if name in known]
    return f"{message} ({'; '.join(where)})" if where else message


def variable(name: str) -> str:
    """The environment variable of an option."""
    return f"{PREFIX}{name.upper()}"


def read_environment(environment: Mapping[str, str]) -> Given:
    """The settings in environment variables; a repeatable option's values are separated by spaces.

    A variable that begins with `CHATD_` but belongs to no option is logged, because it may be
    misspelt; it may also be another program's.  Raises `BadSetting`.
    """
    found = look_around(environment)
    for unknown in found.unknown:
        # Other programs' variables may begin alike, so this does not end the start.
        _log.warn("{told}", told=unknown)
    return found.valid()


def look_around(environment: Mapping[str, str]) -> Found:
    """All values and mistakes in environment variables: see `read_environment`."""
    known = {variable(name): (name, option) for name, option in options()}
    found = Found()
    for key, value in environment.items():
        if not key.startswith(PREFIX) or key in (variable(CONFIG), TOKEN):
            continue
        if key not in known:
            found.unknown.append(f"{key} is no setting{_nearest(key, [*known], PREFIX)}")
            continue
        name, option = known[key]
        read(found, name, option, value.split() if option.repeatable else [value], key)
        if name in found.given:
            found.places[name] = key
    return found


def look_into(path: Path) -> Found:
    """All values and mistakes in a TOML file."""
    try:
        text = path.read_text("utf-8-sig")  # editors of Windows begin with a byte order mark
    except (OSError, UnicodeDecodeError) as problem:
        reason = why_unreadable(problem)
        return Found(mistakes=[f"cannot read the configuration {path}: {reason}"])
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        return Found(mistakes=[_syntax(path, text, str(problem))])
    except (ValueError, RecursionError) as problem:  # of Python's own parser of numbers, or arrays
        return Found(mistakes=[f"{path}: this is no configuration: {problem}"])
    known = {spelt(name): (name, option) for name, option in options()}
    found = Found()
    for key, value in document.items():
        where = f"{path}, line {_line_of(key, text)}"
        if key not in known:
            near = _nearest(key, [*known])
            if isinstance(value, dict):
                near = near or "; there are no tables: every setting stands by itself"
            written = key if key.isprintable() else repr(key)
            found.mistakes.append(f"{where}: {written} is no setting{near}")
            continue
        name, option = known[key]
        values = value if isinstance(value, list) else [value]
        if isinstance(value, list) and not option.repeatable:
            found.mistakes.append(f"{where}: {key} takes one value, not a list")
        elif not all(isinstance(v, bool) == option.flag and _is_plain(v) for v in values):
            takes = "true or false" if option.flag else "a text or a number"
            found.mistakes.append(f"{where}: {key} takes {takes}")
        else:
            read(found, name, option, [_text(v) for v in values], f"{where}: {key}")
            if name in found.given:
                found.places[name] = where
    return found


def _syntax(path: Path, text: str, problem: str) -> str:
    """A mistake in TOML itself; its parser tells the place at the end."""
    told = re.fullmatch(r"(.*) \(at (?:line (\d+), column (\d+)|end of document)\)", problem)
    if told is None:
        return f"{path}: {problem}"
    what, line, column = told.groups()
    lines = text.splitlines()
    number = int(line) if line else len(lines)
    if what == "Cannot overwrite a value":
        key = lines[number - 1].partition("=")[0].strip()
        return f"{path}, line {number}: {key} is given twice; keep one"
    where = f"at column {column}" if line else "at the end of the file"
    return f"{path}, line {number}: this is no TOML: {what}, {where}"


def read(found: Found, name: str, option: Option, values: Sequence[str], where: str) -> None:
    """Parse the values of one option into `found`; `where` begins the message of a mistake."""
    try:
        parsed = tuple(option.read(value) for value in values)
    except ValueError as problem:
        found.mistakes.append(f"{where} {problem}")
    else:
        found.given[name] = parsed if option.repeatable else parsed[0]


def _is_plain(value: Any) -> bool:
    return isinstance(value, str | int | float)


def _text(value: Any) -> str:
    """A value as it is written on the command line."""
    try:
        return str(value)
    except ValueError:  # Python does not write out numbers of more than 4300 digits
        return "a number of thousands of digits"


def _nearest(key: str, known: Sequence[str], prefix: str = "") -> str:
    """The end of an error message that suggests the known key most similar to `key`; empty if none
    is.  The prefix, which all have, is not compared.
    """
    near = get_close_matches(key.removeprefix(prefix), [it.removeprefix(prefix) for it in known], 1)
    return f"; did you mean {prefix}{near[0]}?" if near else ""


def _line_of(key: str, text: str) -> int:
    """The number of the line with a top-level key; 1 if the line is not found."""
    written = re.search(rf"""^[ \t]*(?:\[\s*)?["']?{re.escape(key)}["']?[ \t]*[=.\]]""", text, re.M)
    return text.count("\n", 0, written.start()) + 1 if written else 1
