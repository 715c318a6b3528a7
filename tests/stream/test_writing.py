"""Direct writes: every byte once, and in order."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd.stream.writing import direct_write


@given(st.binary(min_size=1, max_size=20), st.integers(0, 20))
def test_bytes_that_send_does_not_take_are_written(data: bytes, taken: int) -> None:
    """No byte is written twice, and the order is kept."""
    received: list[bytes] = []

    def send(data: bytes) -> int:
        received.append(data[:taken])
        return min(taken, len(data))

    direct_write(send, received.append, data)
    assert b"".join(received) == data
    assert len(received) == (1 if taken >= len(data) else 2)


def test_nothing_is_written_if_send_returns_none() -> None:
    """A buffering `write` in the place of `send` returns None."""
    written: list[bytes] = []
    direct_write(lambda data: None, written.append, b"data")
    assert written == []


@pytest.mark.parametrize("error", [BlockingIOError, ConnectionResetError, OSError])
def test_an_error_of_send_falls_back_to_write(error: type[OSError]) -> None:
    """The transport then meets the same error where it handles it."""
    written: list[bytes] = []
    direct_write(_raising(error), written.append, b"data")
    assert written == [b"data"]


def test_an_error_of_write_is_not_caught() -> None:
    """`write` is called exactly once."""
    calls: list[bytes] = []

    def write(data: bytes) -> None:
        calls.append(data)
        raise OSError

    with pytest.raises(OSError):  # noqa: PT011
        direct_write(lambda data: 1, write, b"data")
    assert calls == [b"ata"]


def _raising(error: type[OSError]) -> Callable[[bytes], int]:
    def send(data: bytes) -> int:
        raise error

    return send
