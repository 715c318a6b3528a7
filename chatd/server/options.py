"""The command line of `twistd chatd`, derived from the settings."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from twisted.python import usage

from .logfile import OUTPUT
from .option import Option, relative_to
from .settings import Settings, options, spelt
from .sources import CONFIG, BadSetting, settled, variable
from .startup import StartupError


def _help(option: Option) -> str:
    again = " May be repeated." if option.repeatable else ""
    return f"{option.help}{again} [default: {option.default}]"


def _reader(name: str, option: Option) -> Callable[[str], Any]:
    def read(text: str) -> Any:
        try:
            return option.read(text)
        except ValueError as problem:
            raise usage.UsageError(f"--{spelt(name)} {problem}") from None

    return read


def _repeatable(name: str, option: Option) -> Callable[[Options, str], None]:
    read = _reader(name, option)

    def collect(self: Options, text: str) -> None:
        self.repeated.setdefault(name, []).append(read(text))

    collect.__doc__ = _help(option)
    return collect


class Options(usage.Options):
    """The options of `twistd chatd`: one for each setting."""

    program = "twistd chatd"
    """The command that has these options."""
    synopsis = "[options]"
    longdesc = "One room, many doors: a chat server for terminals and browsers."

    optParameters: ClassVar[list[list[Any]]] = [
        [
            CONFIG,
            None,
            None,
            "A TOML file with settings by their own names; the command line and the environment "
            "(CHATD_MAX_ROOMS, …) beat it.",
        ],
        *(
            [spelt(name), None, None, _help(option), _reader(name, option)]
            for name, option in options()
            if not (option.repeatable or option.flag)
        ),
    ]
    optFlags: ClassVar[list[list[Any]]] = [
        [spelt(name), None, _help(option)] for name, option in options() if option.flag
    ]

    settings: Settings
    """The settings of all sources; set when the options have been parsed."""

    def __init__(self) -> None:
        super().__init__()
        self.arguments: list[str] = []
        """The words of the command line, as they were given."""
        self.repeated: dict[str, list[Any]] = {}
        """The values of repeatable options, by option."""

    def again(self) -> list[str]:
        """Arguments of Python that start this program again; the server's options are to follow."""
        run = "from twisted.scripts.twistd import run; run()"
        rundir = str(Path(self.parent["rundir"] if self.parent else ".").absolute())
        return ["-c", run, "--nodaemon", "--pidfile=", "--rundir", rundir, "chatd"]

    def parseOptions(self, options: Sequence[str] | None = None) -> None:
        """Parse the command line.  Raises `StartupError`, whose message is one line."""
        self.arguments = list(options or ())
        try:
            super().parseOptions(options)
        except usage.UsageError as problem:
            raise StartupError(f"chatd: {problem}; see {self.program} --help") from None
        except BadSetting as problem:
            raise StartupError(f"chatd: {problem}") from None

    def postOptions(self) -> None:
        """Combine the settings of all sources, and check that twistd can write its files."""
        self._given = {
            name: bool(self[spelt(name)]) if option.flag else self[spelt(name)]
            for name, option in options()
            if not option.repeatable and self[spelt(name)] not in (None, 0 if option.flag else None)
        }
        self._given |= {name: tuple(values) for name, values in self.repeated.items()}
        config = self[CONFIG] or os.environ.get(variable(CONFIG))
        self._directory = Path.cwd()
        self._config = str(self._directory / config) if config else None
        self.settings = self.read()
        if self.parent:
            _check_files(self.parent)
            OUTPUT.take_over(self.parent, self.settings.log_format)

    def read(self) -> Settings:
        """The settings of all sources, with the configuration file as it is now.

        Raises `BadSetting`.
        """
        with relative_to(self._directory):
            settings = settled(self._given, os.environ, self._config)
        if settings.motd:
            settings = replace(settings, motd=str(self._directory / settings.motd))
        return settings


for _name, _option in options():
    if _option.repeatable:
        setattr(Options, f"opt_{_name}", _repeatable(_name, _option))


def _check_files(twistd: usage.Options) -> None:
    """Raise `UsageError` if twistd cannot write its pidfile or its log file."""
    files = {"pidfile": twistd["pidfile"], "logfile": twistd["logfile"]}
    if not twistd["nodaemon"]:
        files["logfile"] = files["logfile"] or "twistd.log"
    for option, name in files.items():
        if name and name != "-":
            path = Path(twistd["rundir"]) / name
            new = not path.exists()
            try:
                path.open("ab").close()
                if new:
                    path.unlink()
            except OSError as problem:
                raise usage.UsageError(
                    f"cannot write {name}: {problem.strerror}; give --{option} or --rundir"
                ) from None
