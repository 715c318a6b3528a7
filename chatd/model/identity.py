"""Who asks: what the policy and the store need to know of a person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import msgspec

from .addresses import LOCAL, Address


class Identity(Protocol):
    """Whoever reads or gives commands, as the policy sees them."""

    @property
    def name(self) -> str:
        """The name as it is shown; empty for a reader without a session."""

    @property
    def named(self) -> bool:
        """Whether the name was chosen; guests have one from the server."""

    @property
    def address(self) -> Address:
        """Where the last request or the connection comes from."""


@dataclass(frozen=True, slots=True)
class Stranger:
    """A reader without a session."""

    address: Address = LOCAL
    name: str = ""
    named: bool = False


class Holder(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who holds a name: what the cell `names/KEY` says."""

    id: str
    """The person's id; each node knows its own."""
    name: str
    """The name as it is shown."""
    named: bool = False


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Holder).decode


def encode_holder(holder: Holder) -> bytes:
    """The cell's value."""
    return _encode(holder)


def decode_holder(value: bytes) -> Holder:
    """Who a cell's value names.  Raises `msgspec.DecodeError`."""
    return _decode(value)
