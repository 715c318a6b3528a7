"""Errors: codes for programs, messages for people."""

from __future__ import annotations

from collections.abc import Iterator

from chatd.http.resource import STATUS
from chatd.model.errors import ChatError, MethodNotAllowed, RateLimited, Unavailable, internal_error


def kinds(kind: type[ChatError] = ChatError) -> Iterator[type[ChatError]]:
    for below in kind.__subclasses__():
        if below.__module__ == ChatError.__module__:
            yield below
            yield from kinds(below)


def test_each_error_class_has_its_own_code() -> None:
    """By which programs tell them apart."""
    codes = [kind.code for kind in kinds()]
    assert len(codes) == len(set(codes))
    assert ChatError.code not in codes
    assert set(STATUS) <= set(kinds())


def test_overload_errors_have_a_retry_after() -> None:
    """In seconds; one second for `Unavailable` if nothing else is known."""
    assert RateLimited("slowly", 2.5).retry_after == 2.5
    assert Unavailable("later").retry_after == 1.0


def test_an_internal_error_reveals_no_details() -> None:
    """They are in the log only."""
    assert isinstance(internal_error(), Unavailable)
    assert internal_error().message == "internal error; the server has logged it"


def test_a_refused_method_names_the_allowed_ones() -> None:
    """For the header `Allow`."""
    assert MethodNotAllowed("no", ("GET", "HEAD")).allowed == ("GET", "HEAD")
