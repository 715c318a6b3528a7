"""Units: the effects of one command, which the store takes whole or not at all.

1. State is kept in *cells*: `(table, key) -> value`, whose *version* is the id of its last change.
   A cell that is absent has the version 0.
2. A command is judged by the values of cells, and becomes a `Unit`: its events, the cells that
   change, and the versions by which it was judged (`expects`).
3. The store compares versions and appends; it knows no rule of the chat.  A unit whose expected
   version has moved is *stale*: nothing of it is stored, and its command is judged again.
4. Cells change only when a unit is shown, in the same way on every node, in the order of the ids.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from msgspec import Struct

from .events import Arrived, Departed, Event, Killed, NameChanged, RoomEvent

REMEMBERED_SECONDS = 300.0
"""Seconds for which the store knows a request key: a request that is repeated within that time is
recognised, also over a restart."""

NAMES = "names"
"""Table of the names that are held: name key -> the person who holds it."""
ROOMS = "rooms"
"""Table of the rooms that exist: room -> its settings."""
MEMBERS = "in"
"""Table of one room's members (`members_of`): name key -> the name as it is written."""
ACCOUNTS = "accounts"
"""Table of the accounts: name key -> the account.  No cell of it ever becomes absent: the name of a
deleted account stays reserved."""
ADMINS = "admins"
"""Table of the administrators' accounts: name key -> nothing.  `Account.admin` is what counts."""
REMOVED = "removed"
"""Table of deleted accounts of which not everything is removed yet: name key -> the name of who
deleted it (`chatd.chat.account_removal`)."""
CLAIMS = "claims"
"""Table of the claim codes of nodes that share a store: node -> a `chatd.chat.claims.Issued`."""
SKELETONS = "skeletons"
"""Table of the skeletons of registered names (`chatd.model.lookalikes`): skeleton -> of the names
that have it, the one registered first."""
SESSIONS = "sessions"
"""Table of the sessions of accounts: hash of the token -> the session.  Those of one account are
in `sessions:ACCOUNT`: id -> hash."""
TOKENS = "tokens"
"""Table of the personal tokens: hash -> the token.  Those of one account are in
`tokens:ACCOUNT`: id -> hash."""
GUESTS = "guests"
"""Table of the guests' sessions over HTTP: hash of the token -> the guest."""
TOLD = "told"
"""Table of the guests who have sent or received private messages: key in `GUESTS` -> nothing.  The
cell's version is the id of the last message; the message itself is not kept."""
JOINED = "joined"
"""Table of the rooms that an account has joined, `joined:ACCOUNT`: room -> nothing."""
JOINERS = "joiners"
"""Table of the accounts that have joined a room, here or away, `joiners:ROOM`: name key -> name.
Every unit that changes `JOINED` changes it too.  It is not loaded with a room."""
IGNORES = "ignores"
"""Table of the names that an account ignores, `ignores:ACCOUNT`: name key -> name."""
MARKERS = "markers"
"""Table of an account's read markers, `markers:ACCOUNT`: room, or `@` and the name key of a partner
of a private conversation -> id.  Noted (`Store.note`)."""
PARTNERS = "partners"
"""Table of those with whom an account has spoken privately, `partners:ACCOUNT`: name key of the
other account -> its name.  The cell's version is the id of the last message."""
UNSAID = "unsaid"
"""Table of the conversations of an account in which a message was deleted, `unsaid:ACCOUNT`: name
key of the other account -> nothing.  The cell's version is the id of the last deletion."""
REACHED = "reached"
"""Table of the accounts that private messages have reached: name key -> nothing.  The version of a
cell is the id of the last message that was delivered to a session, or of the moment in which the
account was told what had come while it was away."""
USED = "used"
"""Table of the last use of sessions and tokens: hash -> microseconds.  Noted."""
ATTEMPTS = "attempts"
"""Table of failed attempts to sign in (`chatd.chat.attempts`).  Noted."""
PUSHES = "pushes"
"""Table of the push subscriptions: hash of a session's token -> a
`chatd.model.push.Subscription`."""
PUSH_KEY = "push-key"
"""Table of the key by which push services know this chat: `key` -> the 32 bytes of a private key on
the curve P-256."""
VIEWS = "views"
"""Table of the pages of an account that are in view, `views:ACCOUNT`: hash of the session's token,
`/`, and the page's id -> until when that counts, in microseconds since the Unix epoch.  Noted."""
FAMILIAR = "familiar"
"""Table of the addresses that an account has signed in from, `familiar:ACCOUNT`: address ->
microseconds.  Noted."""
ROLES = "roles"
"""Table of one room's roles: subject -> `chatd.model.rights.Grant`."""
BANS = "bans"
"""Table of one room's bans, or without a room's name the whole server's: id ->
`chatd.model.restrictions.Restriction`."""
MUTES = "mutes"
"""Table of one room's mutes: subject -> `chatd.model.restrictions.Restriction`."""
ADMITTED = "members"
"""Table of those who may be in a room with `access: members`: subject -> the name as written."""
INVITES = "invites"
"""Table of one room's invites: id -> `chatd.model.rights.Invite`; without a room's name: hash of
an invite's code -> room and id."""
SPOKEN = "spoken"
"""Table of each person's last message in a room with slow mode (`RoomState.slow`): subject ->
nothing; the cell's version is the id of the message."""
AUDIT = "audit"
"""Table of what administrators and the console did: a key that begins with the time in microseconds
since the Unix epoch, as 16 hexadecimal digits -> `chatd.model.audit.Record`."""
ROOM_AUDIT = "room-audit"
"""Table of what rooms' owners and ops did, as in `AUDIT`."""
ROOM_TABLES = (MEMBERS, ROLES, BANS, MUTES, ADMITTED, INVITES, SPOKEN)
"""Tables of which each room has one of its own, called `TABLE:ROOM`; they are loaded with it."""
RIGHTS = frozenset(ROOM_TABLES) - {MEMBERS}
"""Those of them that the policy decides by (`chatd.model.rights`)."""
ATTACHED = "attached"
"""Table of the nodes that have sessions of a person, if several share a store: the person's id and
the node -> nothing."""
TICKETS = "tickets"
"""Table of tickets that no request has used, if several nodes share a store: hash of the ticket ->
a `chatd.chat.shared_tickets.Stored`."""
PRESENCE = (NAMES, MEMBERS, ATTACHED, TICKETS)
"""Tables about connected people: they are empty at a start, and not written to a file."""


def room_table(table: str, room: str) -> str:
    """The name of a room's own table, one of `ROOM_TABLES`."""
    return f"{table}:{room}"


def account_table(table: str, account: str) -> str:
    """The name of an account's own table; `account` is the account's key."""
    return f"{table}:{account}"


def never_falls(table: str) -> bool:
    """Whether the values of a noted table are numbers of which the highest stays."""
    return table.startswith(f"{MARKERS}:")


@lru_cache(1000)
def is_presence(table: str) -> bool:
    """Whether a table is about connected people, and so does not survive a restart."""
    return table.partition(":")[0] in PRESENCE


class Cell(NamedTuple):
    """A value and its version."""

    version: int
    """The id of the unit that last changed it."""
    value: bytes


class Change(NamedTuple):
    """A cell's new value; with None, the cell becomes absent."""

    table: str
    key: str
    value: bytes | None


# A message has no change, but two expectations and a unit.  They are structs, because the
# constructor of a struct takes a quarter of the time that a named tuple takes.
class Expect(Struct, frozen=True):
    """A version that a command was judged by."""

    table: str
    key: str
    version: int
    """0: the cell was absent."""


class Redaction(NamedTuple):
    """Replaces a stored event by another, so that its text is kept nowhere any more."""

    id: int
    event: RoomEvent
    """The new event, in the same room."""


class Unit(Struct, frozen=True):
    """The effects of one command: stored together, or not at all."""

    events: Sequence[Event] = ()
    changes: Sequence[Change] = ()
    expects: Sequence[Expect] = ()
    request_key: bytes | None = None
    """Identifies the request: if the store knows the key, it answers the id that it gave the first
    time, and stores nothing."""
    redacts: Sequence[Redaction] = ()
    """Stored events that are overwritten."""


def is_kept(unit: Unit) -> bool:
    """Whether any part of a unit outlives the process: an event in a room, a change of a durable
    cell, or a request key.
    """
    if unit.request_key is not None or unit.redacts:
        return True
    for event in unit.events:
        if isinstance(event, RoomEvent):
            return True
    for change in unit.changes:  # noqa: SIM110 - a generator is resumed for each change
        if not is_presence(change.table):
            return True
    return False


_COMING_AND_GOING = (Arrived, Departed, NameChanged, Killed)
"""Events with which people come, go, or change their names."""


def needs_space(unit: Unit) -> bool:
    """Whether a store in memory that is full refuses the unit.  It takes a unit by which people
    only come, go or change their names, or cells are deleted; it refuses all others, also such as
    it does not keep, like private messages: their texts would fill the log of batches.
    """
    if unit.request_key is not None or unit.redacts:
        return True
    for event in unit.events:
        if not isinstance(event, _COMING_AND_GOING):
            return True
    for change in unit.changes:
        if change.value is not None and not is_presence(change.table):
            return True
    return False


class Stale(NamedTuple):
    """The outcome of a unit that was judged by a version that has moved since."""

    expect: Expect
    """The first expectation that was not met."""
