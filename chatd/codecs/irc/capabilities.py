"""Capabilities: extensions that a client may negotiate before and after registration (IRCv3 CAP).

A capability implies those that it needs: labelled answers and multi-line messages are batches, so
both imply `batch`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import NamedTuple

MOST_MULTILINE_BYTES = 4096
"""Bytes in a multi-line message."""
MOST_MULTILINE_LINES = 51
"""Lines in a multi-line message."""
VALUES_VERSION = 302
"""The version of `CAP LS` from which the list contains values."""
_LISTED_BYTES = 400
"""Bytes of names in one line."""


class Capability(NamedTuple):
    """One capability."""

    name: str
    value: str = ""
    implies: tuple[str, ...] = ()
    """Capabilities that a client gets together with this one."""
    secure: bool = False
    """Whether it is offered only on connections over which passwords are accepted."""


_TABLE = (
    Capability("account-notify"),
    Capability("account-tag"),
    Capability("away-notify"),
    Capability("batch"),
    Capability("cap-notify"),
    Capability("chghost"),
    Capability("echo-message"),
    Capability("extended-join"),
    Capability("extended-monitor"),
    Capability("invite-notify"),
    Capability("labeled-response", implies=("batch",)),
    Capability("message-tags"),
    Capability("multi-prefix"),
    Capability("no-implicit-names"),
    Capability("sasl", "PLAIN", secure=True),
    Capability("server-time"),
    Capability("setname"),
    Capability("standard-replies"),
    Capability("userhost-in-names"),
    Capability("draft/account-registration", secure=True),
    Capability("draft/chathistory"),
    Capability("draft/event-playback"),
    Capability("draft/message-redaction"),
    Capability(
        "draft/multiline",
        f"max-bytes={MOST_MULTILINE_BYTES},max-lines={MOST_MULTILINE_LINES}",
        ("batch",),
    ),
    Capability("draft/pre-away"),
    Capability("draft/read-marker"),
    Capability("znc.in/self-message"),
)
CAPABILITIES = {capability.name: capability for capability in _TABLE}
"""All capabilities, by name."""


class Asked(NamedTuple):
    """A client's `CAP REQ`."""

    on: frozenset[str]
    off: frozenset[str]


def offered(*, secure: bool) -> list[Capability]:
    """The capabilities offered to a connection; `secure`: it may carry passwords."""
    return [capability for capability in _TABLE if secure or not capability.secure]


def listed(
    capabilities: Collection[Capability], *, values: bool, split: bool = True
) -> Iterator[tuple[str, bool]]:
    """The text of each line of a list, and whether more lines follow.  There is at least one line,
    and exactly one unless the list may be `split`.
    """
    words = [f"{name}={value}" if value and values else name for name, value, *_ in capabilities]
    line = ""
    for word in words:
        if split and line and len(line) + 1 + len(word) > _LISTED_BYTES:
            yield line, True
            line = word
        else:
            line = f"{line} {word}" if line else word
    yield line, False


def asked(text: str, available: Collection[str]) -> Asked | None:
    """The parsed `CAP REQ :text`; None, a refusal of all, if it names an unknown capability."""
    on: set[str] = set()
    off: set[str] = set()
    for word in text.split():
        name = word.removeprefix("-")
        if name not in available:
            return None
        chosen, other = (off, on) if word.startswith("-") else (on, off)
        chosen.add(name)
        other.discard(name)
    return Asked(frozenset(on), frozenset(off))


def effective(names: Collection[str]) -> frozenset[str]:
    """These capabilities, and all that they imply."""
    found = set(names)
    for name in names:
        found.update(CAPABILITIES[name].implies)
    return frozenset(found)
