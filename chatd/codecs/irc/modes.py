"""Modes: parsing and formatting of MODE lines, and room settings as flags.

1. `q`, `o` and `v` are a person's role in a room, of which each person has at most one; `b` is the
   room's list of bans; all other modes are flags without a parameter.
2. A flag is a room setting that differs from its default, so a new room has no flags.
3. `m` and `M` are two values of one setting: `-m` has no effect on `M`, and `-M` none on `m`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

ROLES = {"q": "owner", "o": "op", "v": "voice"}
"""Roles by their mode letters, the highest role first."""
PREFIXES = {"owner": "~", "op": "@", "voice": "+"}
"""The prefix of a name in lists, by role."""
LETTERS = {PREFIXES[role]: letter for letter, role in ROLES.items()}
"""The mode letters by prefix."""
LISTS = "b"
MODES_AT_ONCE = 4
"""Changes with a parameter in one MODE line."""


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
    """One change in a MODE line."""

    on: bool
    mode: str
    param: str | None = None
    """The name or mask; None for a flag, and if the client gave none."""

    @property
    def unknown(self) -> bool:
        """Whether the server has no such mode."""
        return not (self.mode in ROLES or self.mode in LISTS or self.mode in FLAGS)


def read_changes(params: Sequence[str]) -> list[Change]:
    """Parse the words after the channel's name in a MODE line.

    Parameters after the first `MODES_AT_ONCE` are ignored.
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
    """Format changes as the words of a MODE line."""
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
    """A room's flags: `+` and their letters."""
    return "+" + "".join(
        letter
        for letter, flag in FLAGS.items()
        if getattr(settings, flag.setting, flag.off) == flag.on
    )


def settings_of(changes: Iterable[Change], settings: object) -> dict[str, object]:
    """The settings that these changes of flags would change in a room with `settings`, and their
    new values.
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
    """The changes of flags that show that settings have taken these values."""
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
    """The prefix of a name whose person has that role."""
    return PREFIXES.get(role or "", "")


def outranks(role: str, other: str) -> bool:
    """Whether a role, empty for none, is above another one."""
    order = [*ROLES.values(), ""]
    return order.index(role) < order.index(other)


def letter_of(role: str) -> str:
    """The mode letter of a role."""
    return next(letter for letter, name in ROLES.items() if name == role)
