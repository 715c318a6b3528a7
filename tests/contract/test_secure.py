"""The promises of every door once more, over TLS."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ..kit.clients import DOORS, Client
from ..kit.secure import SecureConnection, all_secure
from ..kit.server import MemoryServer
from . import test_doors, test_gate


@pytest.fixture(autouse=True, scope="module")
def over_tls() -> Iterator[None]:
    """Every client in this module is encrypted."""
    with all_secure():
        yield


TOO_LONG = {
    "test_all_readers_see_one_sequence_in_any_interleaving",
    "test_thousands_of_polls_in_groups_are_answered_with_the_refusal",
}
"""Tests of a thousand connections, whose handshakes would take longer than the rest."""

for _module in (test_doors, test_gate):
    for _name, _test in vars(_module).items():
        if _name.startswith("test_") and _name not in TOO_LONG:
            globals()[_name] = _test


def wire_of(reader: Client) -> SecureConnection:
    """The connection on which a client reads."""
    wire = reader._wire if hasattr(reader, "_wire") else reader._reads.wire  # type: ignore[attr-defined]
    assert isinstance(wire, SecureConnection)
    return wire


@test_doors.doors
def test_reader_that_stops_within_a_record_misses_nothing(server: MemoryServer, door: str) -> None:
    """Neither the rest of the record nor what was said meanwhile."""
    reader, bob = DOORS[door](server), test_doors.named(server, "line", "bob")
    reader.read()
    wire = wire_of(reader)
    wire.stop_within_a_record()
    texts = [f"{number}" for number in range(30)]
    for text in texts:
        bob.say(text)
    assert reader.read() == []
    wire.go_on()
    server.chat.settle()
    told: list[object] = []
    while part := reader.read():
        told += part
    assert told == test_doors.said("bob", *texts)


@test_doors.doors
def test_reader_that_is_lost_within_a_record_leaves_the_others_alone(
    server: MemoryServer, door: str
) -> None:
    """It is given the rest by nobody, and the server forgets it."""
    reader, other = DOORS[door](server), DOORS[door](server)
    bob = test_doors.named(server, "line", "bob")
    reader.read()
    other.read()
    wire_of(reader).stop_within_a_record()
    bob.say("one")
    wire_of(reader).hang_up()
    bob.say("two")
    assert other.read()[-2:] == test_doors.said("bob", "one", "two")
