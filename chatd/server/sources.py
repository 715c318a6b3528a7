"""Where settings come from: the command line, the environment, a configuration file.

1. The command line beats the environment, the environment beats the file, and the file beats the
   defaults, each option on its own.
2. Whatever is wrong is told in one line that says where: the option, the variable, or the file and
   the line, and for a key that does not exist the nearest that does.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from .option import Option
from .settings import Settings, options, settings_of, spelt

PREFIX = "CHATD_"
"""What the names of environment variables begin with."""
CONFIG = "config"
"""The option that names the configuration file, and is not for the file itself."""

Given = Mapping[str, Any]
"""Values of options by name, read: those that one source gives."""


class BadSetting(Exception):
    """A setting is wrong; the message says which, where, and what is right."""


def settled(command_line: Given, environment: Mapping[str, str], config: str | None) -> Settings:
    """The settings of all sources together.  Raises `BadSetting`."""
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
    """The settings that environment variables give; a repeatable one holds words.

    Variables that begin with `CHATD_` and are no option's are refused: they are misspelt.  Raises
    `BadSetting`.
    """
    known = {variable(name): (name, option) for name, option in options()}
    given = {}
    for key, value in environment.items():
        if not key.startswith(PREFIX) or key == variable(CONFIG):
            continue
        if key not in known:
            raise BadSetting(f"{key} is no setting{_nearest(key, [*known])}")
        name, option = known[key]
        values = value.split() if option.repeatable else [value]
        given[name] = _read(option, values, key)
    return given


def read_file(path: Path) -> Given:
    """The settings of a TOML file.  Raises `BadSetting`."""
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
    """The line on which a top-level key stands."""
    written = re.search(rf"""^[ \t]*(?:\[\s*)?["']?{re.escape(key)}["']?[ \t]*[=.\]]""", text, re.M)
    return text.count("\n", 0, written.start()) + 1 if written else 1
