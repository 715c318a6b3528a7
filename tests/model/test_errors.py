"""Errors: codes for programs, messages for people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

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
    """They are in the log only, under the id that the client gets."""
    logged: list[str] = []

    class Log:
        def failure(self, format: str, failure: Any = None, **fields: Any) -> None:
            logged.append(f"{format.format(**fields)}: {failure}")

    error = internal_error(Log(), "a command failed", "secret")
    id_ = error.message.removeprefix("internal error ").removesuffix("; the server has logged it")
    assert len(id_) == 8
    assert logged == [f"a command failed (error {id_}): secret"]
    assert internal_error(Log(), "a command failed").message != error.message


def test_a_refused_method_names_the_allowed_ones() -> None:
    """For the header `Allow`."""
    assert MethodNotAllowed("no", ("GET", "HEAD")).allowed == ("GET", "HEAD")
