"""File descriptors: their limit, and the reserve."""

from __future__ import annotations

import resource
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd.net.descriptors import RESERVE, for_connections, raise_limit


class Limits:
    """A process's limit of open files."""

    def __init__(self, soft: int, hard: int, *, refuses: bool = False) -> None:
        self.now = (soft, hard)
        self._refuses = refuses

    def get(self, kind: int) -> tuple[int, int]:
        """See `resource.getrlimit`."""
        assert kind == resource.RLIMIT_NOFILE
        return self.now

    def set(self, kind: int, limits: tuple[int, int]) -> None:
        """See `resource.setrlimit`."""
        if self._refuses:
            raise ValueError("current limit exceeds maximum limit")
        self.now = limits


@pytest.mark.parametrize(
    ("limits", "raised"),
    [
        (Limits(1024, 4096), 4096),
        (Limits(4096, 4096), 4096),
        (Limits(1024, 4096, refuses=True), 1024),
        (Limits(1024, resource.RLIM_INFINITY), sys.maxsize),
    ],
    ids=["raised", "as it is", "refused", "no limit"],
)
def test_the_soft_limit_is_raised_to_the_hard_one(
    monkeypatch: pytest.MonkeyPatch, limits: Limits, raised: int
) -> None:
    """If the system allows it."""
    monkeypatch.setattr(resource, "getrlimit", limits.get)
    monkeypatch.setattr(resource, "setrlimit", limits.set)
    assert raise_limit() == raised


@given(st.integers(1, 10**6))
def test_a_reserve_and_at_least_one_connection_are_left(limit: int) -> None:
    """Half of a low limit is reserved."""
    most = for_connections(limit)
    assert 1 <= most <= limit
    assert limit - most <= RESERVE
    assert limit == 1 or limit - most >= min(RESERVE, limit // 2)
