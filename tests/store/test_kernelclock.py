"""What the kernel says of the clock."""

from __future__ import annotations

import ctypes
from types import SimpleNamespace

import pytest

from chatd.store import kernelclock
from chatd.store.kernelclock import NOT_KEPT, is_kept


@pytest.mark.parametrize(
    ("answer", "kept"),
    [(0, True), (1, True), (4, True), (NOT_KEPT, False), (-1, None)],
)
def test_the_kernels_answer_tells_whether_the_clock_is_kept_right(
    answer: int, kept: bool | None
) -> None:
    """A leap second is no fault; where the kernel may not be asked (seccomp), nothing is known."""
    assert is_kept(SimpleNamespace(adjtimex=lambda _: answer)) is kept


def test_a_system_without_the_call_says_nothing() -> None:
    """As macOS; the kernel of this machine may be asked without privileges, or says nothing."""
    assert is_kept(SimpleNamespace()) is None
    assert is_kept() in (True, False, None)


def test_the_c_library_is_opened_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """`GET /about` asks at each request."""
    kernelclock._libc.cache_clear()
    opened: list[object] = []

    def open_library(name: object) -> SimpleNamespace:
        opened.append(name)
        return SimpleNamespace()

    monkeypatch.setattr(ctypes, "CDLL", open_library)
    is_kept()
    is_kept()
    kernelclock._libc.cache_clear()
    assert len(opened) == 1
