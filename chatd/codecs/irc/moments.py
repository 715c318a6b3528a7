"""Moments on IRC: `time` and `msgid` tags, read markers, and the selectors of CHATHISTORY.

An id is microseconds since the Unix epoch; IRC's times are in milliseconds.

1. `time` is the id's millisecond, rounded down; `msgid` is the id.
2. A client's timestamp is rounded down to its millisecond, and compared with ids' milliseconds.
3. A page of history contains the requested number of events *and* the rest of the last event's
   millisecond, because a client that pages by timestamps would otherwise miss that rest.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z", re.ASCII)
_ID = re.compile(r"[0-9]{1,17}", re.ASCII)
MILLISECOND = 1000
"""Ids in a millisecond."""


class Selector(NamedTuple):
    """A place in a history that a client names."""

    before: int
    """The lowest id of the place: events *before* the place have lower ids."""
    after: int
    """The highest id of the place: events *after* the place have higher ids."""
    by_time: bool


def server_time(id_: int) -> str:
    """The `time` of an id: RFC 3339, UTC, milliseconds."""
    moment = _EPOCH + timedelta(milliseconds=id_ // MILLISECOND)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{id_ // MILLISECOND % 1000:03}Z"


def clock_time(id_: int) -> str:
    """Hours and minutes of an id, UTC."""
    return (_EPOCH + timedelta(microseconds=id_)).strftime("%H:%M")


def date_and_time(id_: int) -> str:
    """Date, hours and minutes of an id, UTC."""
    return (_EPOCH + timedelta(microseconds=id_)).strftime("%Y-%m-%d %H:%M")


def seconds(id_: int) -> int:
    """The Unix time of an id."""
    return id_ // 1_000_000


def milliseconds(text: str) -> int | None:
    """A timestamp as milliseconds since the Unix epoch; None if it is not valid."""
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    try:
        moment = datetime.fromisoformat(f"{match[1]}+00:00")
    except ValueError:
        return None
    fraction = int((match[2] or "0")[:3].ljust(3, "0"))
    return (moment - _EPOCH) // timedelta(milliseconds=1) + fraction


def selector(text: str) -> Selector | None:
    """The place that `timestamp=…` or `msgid=…` names; None if the text is not valid."""
    kind, _, value = text.partition("=")
    if kind == "timestamp" and (found := milliseconds(value)) is not None:
        begin = found * MILLISECOND
        return Selector(begin, begin + MILLISECOND - 1, by_time=True)
    if kind == "msgid" and _ID.fullmatch(value):
        return Selector(int(value), int(value), by_time=False)
    return None


def marker(text: str) -> int | None:
    """The read marker for `timestamp=…`: the last id of its millisecond; None if not valid."""
    found = selector(text)
    return found.after if found and found.by_time else None


def same_millisecond(id_: int, other: int) -> bool:
    """Whether two ids have the same `time`."""
    return id_ // MILLISECOND == other // MILLISECOND
