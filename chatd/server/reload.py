"""SIGHUP: the configuration is read again, and what changed takes effect without a restart.

1. All settings are read and checked before the first one takes effect.  If one is wrong, the log
   says which, in which line of which file, and nothing changes.
2. The log says what changed, with the old value and the new one, and which settings need a restart,
   and why (`chatd.server.live`).  Settings whose values may hold a password are only named.
3. Certificates and the message of the day are read again, too, whatever the settings are.
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
        """Have the new settings take effect; returns what changed, in words."""
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
                "needs a restart: {names}",
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
