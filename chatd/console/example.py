"""The example configuration, made from the settings: every option, commented out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from textwrap import wrap

from ..server.option import Option
from ..server.settings import options, spelt, written_default

WIDTH = 90
HEAD = """\
# Configuration of chatd, in TOML.  Every option is here with its default, or with an example
# where there is none; remove the # before those that you change.  `chatd check --config FILE`
# says what is wrong, and `chatd serve --config FILE` starts a server.  The environment
# (CHATD_MAX_ROOMS=100) beats this file, and the command line (--max-rooms 100) beats both.
# An option that may be repeated takes a list.
"""


def example() -> str:
    """The text of the file."""
    return "\n".join([HEAD, *(_entry(name, option) for name, option in options())])


def _entry(name: str, option: Option) -> str:
    return "".join(f"{line}\n" for line in _lines(name, option))


def _lines(name: str, option: Option) -> Iterator[str]:
    valid = f"Valid: {option.valid}. " if option.valid else ""
    for text in (option.help, f"{valid}Default: {option.default}."):
        for line in wrap(text, WIDTH):
            yield f"# {line}"
    default = written_default(name)
    value = option.example if default in (None, ()) else default
    yield f"#{spelt(name)} = {toml(value, option)}"


def toml(value: object, option: Option) -> str:
    """A value as TOML: numbers and truth values as they are, texts in quotes."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return f"{value:g}" if isinstance(value, float) else str(value)
    if isinstance(value, tuple) or option.repeatable:
        several = value if isinstance(value, tuple) else (value,)
        return json.dumps([str(one) for one in several])
    text = str(value)
    return text if text.replace(".", "", 1).isdigit() else json.dumps(text)
