"""Reload of the configuration, which SIGHUP starts: changed settings are applied without a restart.

1. All settings are read and checked before the first one is applied.  If a setting is invalid, the
   log names it, with file and line, and nothing changes.
2. The log names each changed setting, with its old and new value, and the changed settings that
   need a restart, with the reason (`chatd.server.live`).  It does not show values that may hold a
   password.
3. A reload also reads the certificates and the message of the day again, even if no setting
   changed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any

from twisted.logger import Logger

from .capacity import most_connections
from .live import LIVE, RESTART, Live
from .option import UNIX, shown
from .settings import Settings, options, spelt
from .sources import BadSetting
from .tls import CertificateWatch

SECRET = frozenset(("store", "auth"))
"""Settings whose values the log does not show."""


class Reload:
    """Reads the settings again."""

    _log = Logger()

    def __init__(
        self,
        settings: Settings,
        read: Callable[[], Settings],
        live: Live,
        certificates: CertificateWatch | None = None,
    ) -> None:
        """`read` reads the settings, and raises `BadSetting`."""
        self._settings = settings
        self._read = read
        self._live = live
        self._certificates = certificates

    def __call__(self) -> None:
        """Read everything again, and log what changed."""
        try:
            new = self._read()
            most_connections(new)
            lines = new.motd_lines()
        except (BadSetting, ValueError) as problem:
            self._log.error("not reloaded, nothing has changed: {why}", why=str(problem))
            return
        changed = self._apply(new)
        if lines != [*self._live.irc.told.motd]:
            LIVE["motd"](self._live, new)
            changed.append("motd: the file")
        renewed = self._certificates.reload() if self._certificates else []
        changed += [f"certificates of the {door} door" for door in renewed]
        self._log.info(
            "reloaded; {what}",
            what="; ".join(changed) or "nothing has changed",
            log_notice=True,
        )

    def _apply(self, new: Settings) -> list[str]:
        """Apply the new settings; returns the changes in words."""
        old, self._settings = self._settings, new
        told, waiting, applied = [], [], set()
        for name in names():
            was, is_now = value(old, name), value(new, name)
            if was == is_now:
                continue
            apply = LIVE.get(name)
            if apply is None:
                waiting.append(f"{spelt(name)} ({RESTART[name]})")
                continue
            if apply not in applied:
                applied.add(apply)
                apply(self._live, new)
            told.append(f"{spelt(name)} is {written(name, is_now)} (was {written(name, was)})")
        if waiting:
            self._log.warn(
                "changed, but applied only at the next start: {names}",
                names=", ".join(waiting),
            )
        return told


def names() -> list[str]:
    """The names of all settings, as `value` takes them."""
    own = {field.name for field in fields(Settings)}
    return [name for name, _ in options() if name in own or name in Settings().endpoints]


def value(settings: Settings, name: str) -> Any:
    """A setting's value; the endpoints of a door by the door's name."""
    return settings.endpoints[name] if name in settings.endpoints else getattr(settings, name)


def written(name: str, value: Any) -> str:
    """A value as people write it."""
    if name in SECRET:
        return "another"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(item if item == UNIX else str(item) for item in value) or "none"
    option = dict(options())[name]
    return option.default if value is None else shown(value)
