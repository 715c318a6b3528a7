"""The audit trail: records of what moderators did."""

from __future__ import annotations

from chatd.model.audit import Record, decode_record, recorded
from chatd.model.units import AUDIT, ROOM_AUDIT


def test_a_record_survives_encoding_and_decoding() -> None:
    """With its stamp."""
    record = Record("ban", "ada", account=True, room="dev", target="bob", text="spam", until=7)
    table, key, value = recorded("0001", record, admin=True)
    assert (table, key) == (AUDIT, "0001")
    assert value is not None
    assert decode_record(value) == record


def test_a_record_of_somebody_who_is_no_administrator_has_its_own_table() -> None:
    """So that it never takes the place of an administrator's."""
    assert recorded("0001", Record("ban", "ada"), admin=False).table == ROOM_AUDIT
