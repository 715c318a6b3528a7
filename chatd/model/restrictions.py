"""Restrictions: bans and mutes, the targets that they hit, and when they end.

1. A restriction has one target: a person (`who`: an account, or a guest for as long as the session
   lasts), a free name (`key`), or a network.  A restriction of a guest also has the guest's
   address, if that is public (`chatd.model.addresses.is_public`).
2. Restrictions by address or network hit only people who are not signed in.  An account is hit only
   by restrictions of the account.
3. A restriction that has run out hits nobody; it is removed with the next change of its room.
4. Looking somebody up takes a few dictionary accesses, however many restrictions there are.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from ipaddress import ip_network

import msgspec

from .addresses import LOCAL, Address
from .identity import Identity, subject

UNNAMED = "an address"
"""Shown instead of an address to people who may not see addresses."""
MOST_IN_ROOM = 200
"""Bans, and mutes, that a room may have at a time; those that have run out do not count."""
MICROS = 1_000_000
"""Microseconds in a second."""


class Restriction(msgspec.Struct, frozen=True, omit_defaults=True):
    """One ban or mute: the value of a cell of `bans:ROOM` or `mutes:ROOM`."""

    name: str = ""
    """The name, as it is shown; empty for a network."""
    who: str = ""
    """The subject that it hits (`chatd.model.identity.subject_of`); empty: none."""
    key: str = ""
    """The key of the name that it hits, whoever holds it; empty: none."""
    address: Address = Address("")
    """The address that it hits; empty: none."""
    network: str = ""
    """The network that it hits, in the notation of RFC 4632; empty: none."""
    by: str = ""
    """The name of the moderator."""
    since: int = 0
    """When it was placed: microseconds since the Unix epoch."""
    until: int = 0
    """When it runs out: microseconds since the Unix epoch; 0: never."""
    text: str = ""
    """The reason."""

    @property
    def target(self) -> str:
        """The name of the target, or `UNNAMED`, as everybody may see it."""
        return self.name or UNNAMED

    def over(self, now: int) -> bool:
        """Whether it has run out at `now`, in microseconds since the Unix epoch."""
        return bool(self.until) and self.until <= now

    @property
    def ends(self) -> str:
        """When it runs out, as RFC 3339; empty: never."""
        return told_moment(self.until) if self.until else ""

    def explained(self, what: str) -> str:
        """A sentence for people: `what`, then the end and the reason, if any."""
        until = f" until {moment(self.until)}" if self.until else ""
        why = f": {self.text}" if self.text else ""
        return f"{what}{until}{why}"


class Restrictions:
    """The bans, or the mutes, of one room or of the server."""

    __slots__ = ("_addresses", "_keys", "_networks", "_who", "placed")

    def __init__(self) -> None:
        self.placed: dict[str, Restriction] = {}
        """All of them, by id.  Every decision asks whether there are any: `len` would cost a call
        of Python."""
        self._who: dict[str, Restriction] = {}
        self._keys: dict[str, Restriction] = {}
        self._addresses: dict[str, Restriction] = {}
        self._networks: dict[tuple[int, int], dict[int, Restriction]] = {}
        """By IP version and length of the prefix: the restrictions by the prefix as a number."""

    def __len__(self) -> int:
        return len(self.placed)

    def __iter__(self) -> Iterator[tuple[str, Restriction]]:
        return iter(self.placed.items())

    def get(self, id: str) -> Restriction | None:
        """The restriction with that id."""
        return self.placed.get(id)

    @property
    def by_place(self) -> bool:
        """Whether any of them hits addresses."""
        return bool(self._addresses or self._networks)

    def set(self, id: str, restriction: Restriction | None) -> None:
        """Place a restriction, or with None lift it."""
        old = self.placed.pop(id, None)
        if old is not None:
            self._forget(old)
        if restriction is None:
            return
        self.placed[id] = restriction
        if restriction.who:
            self._who[restriction.who] = restriction
        if restriction.key:
            self._keys[restriction.key] = restriction
        if restriction.address:
            self._addresses[restriction.address] = restriction
        if restriction.network:
            length, number = _prefix(restriction.network)
            self._networks.setdefault(length, {})[number] = restriction

    def _forget(self, old: Restriction) -> None:
        """Remove a restriction from the indexes; another one with the same target replaces it."""
        for index, hits in (
            (self._who, _who),
            (self._keys, _key),
            (self._addresses, _address),
        ):
            key = hits(old)
            if key and index.get(key) is old:
                del index[key]
                for one in self.placed.values():  # two guests of one address, say
                    if hits(one) == key:
                        index[key] = one
        if old.network:
            length, number = _prefix(old.network)
            numbers = self._networks[length]
            numbers.pop(number, None)
            if not numbers:
                del self._networks[length]

    def hitting(self, identity: Identity, now: int) -> Restriction | None:
        """The restriction that hits an identity at `now`; None if there is none."""
        if not self.placed:
            return None
        if self._who and (found := self._who.get(subject(identity))) and not found.over(now):
            return found
        if self._keys and (found := self._keys.get(identity.key)) and not found.over(now):
            return found
        if identity.account is not None:
            return None
        return self.on(identity.address, now) if self.by_place else None

    def on(self, address: Address, now: int) -> Restriction | None:
        """The restriction that hits an address at `now`; None if there is none."""
        found = self._addresses.get(address)
        if found is not None and not found.over(now):
            return found
        if self._networks and address != LOCAL:
            (version, length), number = _prefix(address)
            for (its_version, its_length), numbers in self._networks.items():
                if its_version == version and its_length <= length:
                    found = numbers.get(number >> (length - its_length))
                    if found is not None and not found.over(now):
                        return found
        return None

    def same(self, like: Restriction) -> str | None:
        """The id of the restriction with the same target; None if there is none."""
        for id_, one in self.placed.items():
            if (one.who, one.key, one.network) == (like.who, like.key, like.network):
                return id_
        return None

    def named(self, id_or_name: str, key: str) -> str | None:
        """The id of the restriction with that id, network or name key; None if there is none."""
        if id_or_name in self.placed:
            return id_or_name
        for id_, one in self.placed.items():
            if key and key in (one.key, one.who):
                return id_
            if one.network and one.network == id_or_name:
                return id_
        for id_, one in self.placed.items():
            if (
                one.who.startswith("~")
                and one.name
                and one.name.casefold() == id_or_name.casefold()
            ):
                return id_
        return None

    def full(self, now: int) -> bool:
        """Whether `MOST_IN_ROOM` of them have not run out at `now`."""
        most = MOST_IN_ROOM
        return len(self.placed) >= most and len(self.placed) - len(self.run_out(now)) >= most

    def run_out(self, now: int) -> list[str]:
        """The ids of those that have run out at `now`."""
        return [id_ for id_, one in self.placed.items() if one.over(now)]


def as_network(text: str) -> str:
    """A network in canonical notation; IPv6 networks have at most 64 bits of prefix.

    Raises `ValueError`, which says what is wrong.
    """
    network = ip_network(text)
    if network.version == 6:
        mapped = network.network_address.ipv4_mapped
        if mapped is not None and network.prefixlen >= 96:
            return str(ip_network((int(mapped), network.prefixlen - 96)))
        if network.prefixlen > 64:
            return str(network.supernet(new_prefix=64))
    return str(network)


def told_moment(micros: int) -> str:
    """A time for programs: RFC 3339, UTC, in whole seconds."""
    at = datetime.fromtimestamp(micros // MICROS, UTC)
    return at.isoformat().replace("+00:00", "Z")


def moment(micros: int) -> str:
    """A time for people: to the minute, in UTC."""
    try:
        return datetime.fromtimestamp(micros / MICROS, UTC).strftime("%Y-%m-%d %H:%M UTC")
    except (ValueError, OverflowError):
        return "the end of time"


def _who(one: Restriction) -> str:
    return one.who


def _key(one: Restriction) -> str:
    return one.key


def _address(one: Restriction) -> str:
    return one.address


@lru_cache(10_000)
def _prefix(text: str) -> tuple[tuple[int, int], int]:
    """IP version and length of a network's or an address's prefix, and the prefix as a number."""
    network = ip_network(text)
    bits = network.max_prefixlen - network.prefixlen
    return (network.version, network.prefixlen), int(network.network_address) >> bits


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Restriction).decode


def encode_restriction(restriction: Restriction) -> bytes:
    """The cell's value."""
    return _encode(restriction)


def decode_restriction(value: bytes) -> Restriction:
    """The restriction that a cell's value holds.  Raises `msgspec.DecodeError`."""
    return _decode(value)
