"""Sources of settings: the command line, the environment, a configuration file.

1. For each option, the command line takes precedence over the environment, the environment over the
   file, and the file over the default.
2. An error is reported in one line that names the option, the variable, or the file and the line.
   For an unknown key, the error suggests the most similar known key.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from twisted.logger import Logger

from .option import Option
from .settings import BadSetting as BadSetting
from .settings import Settings, options, settings_of, spelt

_log = Logger()
PREFIX = "CHATD_"
"""The prefix of environment variables."""
CONFIG = "config"
"""The option that names the configuration file; the file itself must not contain it."""

Given = Mapping[str, Any]
"""The parsed values that one source gives, by the option's name."""


def settled(command_line: Given, environment: Mapping[str, str], config: str | None) -> Settings:
    """The combined settings of all sources; `config` is the file's path.  Raises `BadSetting`."""
    config = config or environment.get(variable(CONFIG))
    from_file = read_file(Path(config)) if config else {}
    given = {**from_file, **read_environment(environment), **command_line}
    try:
        return settings_of(given)
    except ValueError as problem:
        raise BadSetting(str(problem)) from None


def variable(name: str) -> str:
    """The environment variable of an option."""
    return f"{PREFIX}{name.upper()}"


def read_environment(environment: Mapping[str, str]) -> Given:
    """The settings in environment variables; a repeatable option's values are separated by spaces.

    A variable that begins with `CHATD_` but belongs to no option is logged, because it may be
    misspelt; it may also be another program's.  Raises `BadSetting`.
    """
    known = {variable(name): (name, option) for name, option in options()}
    given = {}
    for key, value in environment.items():
        if not key.startswith(PREFIX) or key == variable(CONFIG):
            continue
        if key not in known:
            # Other programs' variables may begin alike, so this does not end the start.
            _log.warn("{told}", told=f"{key} is no setting{_nearest(key, [*known])}")
            continue
        name, option = known[key]
        values = value.split() if option.repeatable else [value]
        given[name] = _read(option, values, key)
    return given


def read_file(path: Path) -> Given:
    """The settings in a TOML file.  Raises `BadSetting`."""
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as problem:
        reason = getattr(problem, "strerror", None) or problem
        raise BadSetting(f"cannot read the configuration {path}: {reason}") from None
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise BadSetting(f"{path}: {problem}") from None
    known = {spelt(name): (name, option) for name, option in options()}
    given = {}
    for key, value in document.items():
        where = f"{path}, line {_line_of(key, text)}"
        if key not in known:
            raise BadSetting(f"{where}: {key} is no setting{_nearest(key, [*known])}")
        name, option = known[key]
        values = value if isinstance(value, list) else [value]
        if isinstance(value, list) and not option.repeatable:
            raise BadSetting(f"{where}: {key} takes one value, not a list")
        if not all(isinstance(v, bool) == option.flag and _is_plain(v) for v in values):
            takes = "true or false" if option.flag else "a text or a number"
            raise BadSetting(f"{where}: {key} takes {takes}")
        given[name] = _read(option, [str(v) for v in values], f"{where}: {key}")
    return given


def _is_plain(value: Any) -> bool:
    return isinstance(value, str | int | float)


def _read(option: Option, values: Sequence[str], where: str) -> Any:
    try:
        read = tuple(option.read(value) for value in values)
    except ValueError as problem:
        raise BadSetting(f"{where} {problem}") from None
    return read if option.repeatable else read[0]


def _nearest(key: str, known: Sequence[str]) -> str:
    near = get_close_matches(key, known, 1)
    return f"; did you mean {near[0]}?" if near else ""


def _line_of(key: str, text: str) -> int:
    """The number of the line with a top-level key; 1 if the line is not found."""
    written = re.search(rf"""^[ \t]*(?:\[\s*)?["']?{re.escape(key)}["']?[ \t]*[=.\]]""", text, re.M)
    return text.count("\n", 0, written.start()) + 1 if written else 1
