"""Which parts of the chat fold the changes of which tables.

A part ignores changes that are none of its business, so it could be called for each of them.  But a
guest who comes changes two cells, and calling seven parts for each would take a tenth of the time
that a connection takes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from ..model.units import (
    ACCOUNTS,
    ADMINS,
    ATTACHED,
    CLAIMS,
    IGNORES,
    MEMBERS,
    NAMES,
    PUSH_KEY,
    PUSHES,
    RIGHTS,
    ROOMS,
    SESSIONS,
    SKELETONS,
    TOKENS,
    Change,
)
from .accounts import Accounts
from .administrators import Administrators
from .attached import Attached
from .claims import Claims
from .http_sessions import Sessions
from .ignores import Ignores
from .people import People
from .push import Push
from .rooms import Rooms

CellFold = Callable[[Change, int], Any]
"""Folds a change; the second argument is the version of its cell."""


class FoldedParts(Protocol):
    """The parts whose state is made of cells."""

    accounts: Accounts
    administrators: Administrators
    attached: Attached
    claims: Claims
    ignores: Ignores
    people: People
    push: Push
    rooms: Rooms
    sessions: Sessions


def cell_folds(parts: FoldedParts) -> Mapping[str, Sequence[CellFold]]:
    """The folds of each kind of table, in the order in which they have to be called.  The kind is
    what precedes the colon, and the name of a room or an account, in a table's name.
    """
    rooms, people = parts.rooms, parts.people
    push = parts.push.shown
    return {
        ACCOUNTS: (people.account_changed, parts.accounts.shown, parts.sessions.shown, push),
        ADMINS: (parts.claims.shown, parts.administrators.shown),
        ATTACHED: (parts.attached.shown,),
        CLAIMS: (parts.claims.shown,),
        IGNORES: (parts.ignores.shown,),
        MEMBERS: (rooms.member_changed, people.member_changed),
        NAMES: (people.name_changed,),
        PUSH_KEY: (push,),
        PUSHES: (push,),
        ROOMS: (rooms.state_changed,),
        SESSIONS: (parts.sessions.shown, push),
        SKELETONS: (parts.accounts.shown, push),
        TOKENS: (parts.sessions.shown, push),
        **dict.fromkeys(RIGHTS, (rooms.right_changed,)),
    }
