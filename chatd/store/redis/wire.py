"""The encoding of batches: a node appends them, and a script publishes them to all nodes.

1. A node packs its units once; the script publishes those bytes behind a header with its decisions
   (`Told`).  So Redis encodes little, and a node need not decode its own units.
2. Lua has strings only, so arbitrary bytes are packed as strings (`_string`).  Events are
   text, and are unpacked as text.
3. Ids in the script's header are whole numbers below 2**53, which are exact in Lua's numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import repeat
from typing import NamedTuple, TypeVar

import msgspec

from ...model.events import Appended, Event, Kept, RoomEvent
from ...model.units import Cell, Change, Redaction, Stale, Unit
from ...stream.eventlog import Entry
from .. import Shown
from .keys import room_name, table_name

Text = TypeVar("Text")
_Packed = tuple[
    msgspec.Raw,
    list[tuple[int, str, int]],
    list[tuple[int, str, msgspec.Raw]],
    list[tuple[int, Text]],
    list[tuple[int, int, Text]],
]
"""A unit: request key, expectations, changes, events, redactions.  Tables and rooms are given by
their index in `Packed.names`, from 1 on."""

_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(tuple[list[str], list[_Packed[str]], list[int]]).decode
_header = msgspec.msgpack.Decoder(
    tuple[str, int, int, int, int, list[int], list[tuple[int, int, int]]]
).decode
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Appended).decode
_decode_kept = msgspec.json.Decoder(Kept).decode


_NIL = msgspec.Raw(b"\xc0")


def _string(data: bytes | None) -> msgspec.Raw:
    """Bytes as a string of MessagePack (str 32)."""
    return _NIL if data is None else msgspec.Raw(b"\xdb%b%b" % (len(data).to_bytes(4), data))


_EMPTY = _string(b"")


def _bytes(packed: msgspec.Raw) -> bytes | None:
    """The bytes that `_string` has packed; None for nil."""
    return None if packed == _NIL else bytes(memoryview(packed)[5:])


class Packed(NamedTuple):
    """The units of one append."""

    names: list[str]
    """The names of tables and rooms in the units, in the order of their indexes."""
    data: bytes


def pack(units: Sequence[Unit], erased: Sequence[str] = ()) -> Packed:
    """Pack units, and rooms that are to be erased."""
    numbers: dict[str, int] = {}

    def number(name: str) -> int:
        return numbers.setdefault(name, len(numbers) + 1)

    packed: list[_Packed[msgspec.Raw]] = [
        (
            _string(unit.request_key or b""),
            [(number(table_name(it.table)), it.key, it.version) for it in unit.expects],
            [(number(table_name(it.table)), it.key, _string(it.value)) for it in unit.changes],
            [(_place(event, number), _string(_encode(event))) for event in unit.events],
            [
                (number(room_name(it.event.room)), it.id, _string(_encode(it.event)))
                for it in unit.redacts
            ],
        )
        for unit in units
    ]
    rooms = [number(room_name(room)) for room in erased]
    names = list(numbers)
    return Packed(names, _pack((names, packed, rooms)))


def _place(event: Event, number: Callable[[str], int]) -> int:
    return number(room_name(event.room)) if isinstance(event, RoomEvent) else 0


class Told(NamedTuple):
    """A published batch: the script's report of one append that stored something."""

    lease: str
    """The node that appended."""
    sequence: int
    """The number of the append among those of its node."""
    first: int
    """The first id of the batch."""
    last: int
    """The last id of the batch, which is the batch's own id."""
    previous: int
    """The id of the batch before this one."""
    verdicts: Sequence[int]
    """The outcome of each unit, or empty if all were stored: 0 if it was stored; the id of the unit
    with the same request key; or -n if the nth expectation was not met."""
    befores: Sequence[tuple[int, int, bytes]]
    """Former values of changed cells, with the unit and the change (both from 1 on) that changed
    the cell first.  Cells that are not listed were absent."""
    data: bytes
    """The units, packed."""


def read_told(message: bytes) -> Told:
    """Read what a script has published.  Raises `msgspec.DecodeError`, `IndexError`."""
    at = 4 + int.from_bytes(message[:4])
    lease, sequence, first, last, previous, verdicts, sizes = _header(message[4:at])
    befores = []
    for unit, change, size in sizes:
        befores.append((unit, change, message[at : at + size]))
        at += size
    return Told(lease, sequence, first, last, previous, verdicts, befores, message[at:])


class Unpacked(NamedTuple):
    """The contents of a node's append."""

    units: Sequence[Unit]
    erased: Sequence[str]
    """The rooms to be erased."""


def unpack(data: bytes) -> Unpacked:
    """Unpack a node's append.  Raises `msgspec.DecodeError`."""
    names, packed, rooms = _unpack(data)
    # Most units are messages, which change nothing and have no key: nothing is made for those.
    units = [
        Unit(
            [_decode(event) for _, event in events],
            [Change(names[table - 1][1:], name, _bytes(value)) for table, name, value in changes]
            if changes
            else (),
            (),
            None if key == _EMPTY else _bytes(key),
            [Redaction(id_, _decode_kept(event)) for _, id_, event in redacts] if redacts else (),
        )
        for key, _, changes, events, redacts in packed
    ]
    return Unpacked(units, [names[room - 1][1:] for room in rooms])


def answers(units: Sequence[Unit], verdicts: Sequence[int]) -> list[int | Stale]:
    """The answers to units of which none was stored."""
    return [
        verdict if verdict > 0 else Stale(unit.expects[-verdict - 1])
        for unit, verdict in zip(units, verdicts, strict=True)
    ]


def shown(units: Sequence[Unit], told: Told) -> tuple[list[int | Stale], list[Shown]]:
    """The answers to all units, and what becomes of those that were stored."""
    id_ = told.first
    answers: list[int | Stale] = []
    batch = []
    verdicts = told.verdicts or repeat(0, len(units))
    for unit, verdict in zip(units, verdicts, strict=True):
        if verdict:
            stale = verdict < 0 and unit.expects
            answers.append(Stale(unit.expects[-verdict - 1]) if stale else verdict)
            continue
        entries = [Entry(at, event) for at, event in enumerate(unit.events, id_)]
        answers.append(id_)
        id_ += len(entries) or 1
        batch.append(Shown(id_ - 1, entries, unit.changes, unit.request_key, unit.redacts))
    return answers, batch


def read_cell(cell: bytes) -> Cell:
    """A cell as Redis has it.  Raises `ValueError`."""
    version, _, value = cell.split(b":", 2)
    return Cell(int(version), value)


def owner_of(cell: bytes) -> str:
    """The lease that made a cell; empty if it does not say who is connected."""
    return cell.split(b":", 2)[1].decode()
