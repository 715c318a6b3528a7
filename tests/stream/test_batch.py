"""Batches: several sources merged in the order of their ids."""

from __future__ import annotations

from chatd.stream.batch import Batch


def test_forms_of_a_batch_are_cached() -> None:
    """The bodies of a thousand polls are one."""
    batch = Batch(b"1 ", 1, 1)
    made: list[Batch] = []

    def make(batch: Batch) -> bytes:
        made.append(batch)
        return b"body"

    assert [batch.cached("poll", make), batch.cached("poll", make)] == [b"body"] * 2
    assert made == [batch]
    assert batch.cached("frame", lambda batch: b"frame") == b"frame"
