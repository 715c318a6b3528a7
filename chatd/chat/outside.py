"""Passwords that are checked outside the chat, by Twisted's credentials checkers
(`twisted.cred`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.cred.credentials import UsernamePassword
from twisted.cred.error import LoginFailed
from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure

from ..model.errors import Unavailable

_log = Logger()


def ask(checkers: Sequence[Any], name: str, password: str | None) -> Deferred[bool]:
    """Ask the checkers in turn; fires with whether one of them accepts the name and password.

    Fails with `Unavailable` if a checker fails otherwise than by refusing them.
    """
    if not checkers or password is None:
        return succeed(False)
    first, *others = checkers
    credentials = UsernamePassword(name.encode(errors="replace"), password.encode())
    asking: Deferred[Any] = maybeDeferred(first.requestAvatarId, credentials)

    def known(_: object) -> bool:
        return True

    def unknown(failure: Failure) -> Deferred[bool]:
        if failure.check(LoginFailed):
            return ask(others, name, password)
        _log.failure("a credentials checker failed", failure)
        raise Unavailable("passwords cannot be checked now; try again in a moment")

    return asking.addCallbacks(known, unknown)
