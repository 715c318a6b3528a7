"""Modes: what a MODE line asks for, and room settings as flags.

1. `q o v` are the one role that somebody has in a room; `b` is its list of bans; all others are
   flags without a parameter.
2. A flag is a room setting that differs from its default, so a fresh room has none.
3. `m` and `M` are one setting, of which each takes away its own value only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

ROLES = {"q": "owner", "o": "op", "v": "voice"}
"""Roles by their letters, the highest first."""
PREFIXES = {"owner": "~", "op": "@", "voice": "+"}
"""What stands before the name of somebody with that role."""
LISTS = "b"
MODES_AT_ONCE = 4
"""Changes with a parameter that one line may ask for."""


class Flag(NamedTuple):
    """A room setting as a flag."""

    setting: str
    on: object
    off: object
    """The default."""


FLAGS = {
    "i": Flag("access", "members", "open"),
    "m": Flag("posting", "voices", "everyone"),
    "M": Flag("posting", "accounts", "everyone"),
    "n": Flag("outside", False, True),
    "s": Flag("listed", False, True),
    "t": Flag("topic_by", "ops", "everyone"),
}
"""Flags by their letters."""


class Change(NamedTuple):
    """One change that a MODE line asks for."""

    on: bool
    mode: str
    param: str | None = None
    """The name or mask that it is about; None for a flag, and where none was given."""

    @property
    def unknown(self) -> bool:
        """Whether there is no such mode."""
        return not (self.mode in ROLES or self.mode in LISTS or self.mode in FLAGS)


def read_changes(params: Sequence[str]) -> list[Change]:
    """The changes that the words behind a channel's name ask for, in their order.

    Of those with a parameter only `MODES_AT_ONCE` are read.
    """
    if not params:
        return []
    written, *rest = params
    changes = []
    given = iter(rest[:MODES_AT_ONCE])
    on = True
    for letter in written:
        if letter in "+-":
            on = letter == "+"
        elif letter in ROLES or letter in LISTS:
            changes.append(Change(on, letter, next(given, None)))
        else:
            changes.append(Change(on, letter))
    return changes


def write_changes(changes: Iterable[Change]) -> list[str]:
    """Changes as the words of a MODE line."""
    letters, params = "", []
    sign = None
    for change in changes:
        if change.on is not sign:
            sign = change.on
            letters += "+" if sign else "-"
        letters += change.mode
        if change.param is not None:
            params.append(change.param)
    return [letters, *params]


def flags_of(settings: object) -> str:
    """A room's flags: the letters, with a `+` before them."""
    return "+" + "".join(
        letter
        for letter, flag in FLAGS.items()
        if getattr(settings, flag.setting, flag.off) == flag.on
    )


def settings_of(changes: Iterable[Change], settings: object) -> dict[str, object]:
    """The new values of the settings that these changes of flags ask for, in a room that has
    `settings`: those that differ.
    """
    new: dict[str, object] = {}
    for change in changes:
        flag = FLAGS[change.mode]
        has = new.get(flag.setting, getattr(settings, flag.setting, flag.off))
        if change.on:
            new[flag.setting] = flag.on
        elif has == flag.on:
            new[flag.setting] = flag.off
    return {name: value for name, value in new.items() if getattr(settings, name, None) != value}


def changed_flags(settings: Mapping[str, object]) -> list[Change]:
    """The changes of flags that tell of settings that took these values."""
    changes = []
    for letter, flag in FLAGS.items():
        if flag.setting in settings:
            value = settings[flag.setting]
            if value == flag.on:
                changes.append(Change(True, letter))
            elif value == flag.off or letter in "mM":
                changes.append(Change(False, letter))
    return sorted(changes, key=lambda change: not change.on)


def prefix_of(role: str | None) -> str:
    """What stands before a name with that role."""
    return PREFIXES.get(role or "", "")


def outranks(role: str, other: str) -> bool:
    """Whether a role, empty for none, is above another one."""
    order = [*ROLES.values(), ""]
    return order.index(role) < order.index(other)


def letter_of(role: str) -> str:
    """The letter of a role."""
    return next(letter for letter, name in ROLES.items() if name == role)
