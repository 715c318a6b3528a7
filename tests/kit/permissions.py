"""The table of docs/permissions.md, made from the policy: `python -m tests.kit.permissions`.

Each cell is what `decide` answers to somebody of that column, in an open room with the usual
settings, who is in it; so the table cannot say anything else than the code does.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from chatd.model.addresses import Address
from chatd.model.errors import ChatError
from chatd.model.identity import Identity, Stranger
from chatd.model.policy import RULES, AbsentRoom, Action, decide
from chatd.model.restrictions import Restriction, Restrictions
from chatd.model.rights import Grant, Rights, Role
from chatd.model.roomstate import RoomState

PAGE = Path(__file__).parents[2] / "docs" / "permissions.md"
BEGIN, END = "<!-- made from the policy -->", "<!-- end of what is made -->"
NOW = 1


class Somebody(NamedTuple):
    """A column of the table."""

    column: str
    identity: Stranger


def somebody(column: str, *, account: bool = True, admin: bool = False) -> Somebody:
    """Somebody with a session, called like the column."""
    key = column.replace(" ", "-")
    identity = Stranger(
        Address("192.0.2.1"),
        key,
        named=True,
        id=key,
        key=key,
        account=key if account else None,
        admin=admin,
    )
    return Somebody(column, identity)


COLUMNS = (
    somebody("administrator", admin=True),
    somebody("owner"),
    somebody("op"),
    somebody("voice"),
    somebody("account"),
    somebody("guest", account=False),
    Somebody("no session", Stranger(Address("192.0.2.1"))),
    somebody("banned"),
    somebody("muted"),
)
ROOMS: dict[str, RoomState] = {
    "open": RoomState(),
    "access: members": RoomState(access="members"),
    "posting: accounts": RoomState(posting="accounts"),
    "posting: voices": RoomState(posting="voices"),
    "topic: ops": RoomState(topic_by="ops"),
    "outside: false": RoomState(outside=False),
}
"""Rooms with one setting other than usual; nobody is a member without a role."""


def rights() -> Rights:
    """Who is what in these rooms."""
    found = Rights()
    for role in (Role.OWNER, Role.OP, Role.VOICE):
        found.roles[role.word] = Grant(role.word, role)
    found.bans.set("1", Restriction("banned", who="banned"))
    found.mutes.set("muted", Restriction("muted", who="muted"))
    return found


class TableRoom(AbsentRoom):
    """A room in which everybody is who has a session: who speaks in a room comes in for it."""

    def holds(self, identity: Identity) -> bool:
        return bool(identity.id)


def answer(action: Action, who: Stranger, state: RoomState) -> str:
    """`yes`, or the code of the refusal."""
    room = TableRoom("dev", state, rights(), unfounded=False)
    try:
        decide(RULES, who, action, room, NOW, Restrictions())
    except ChatError as error:
        return error.code
    return "yes"


def scopes(action: Action) -> str:
    """The scopes of tokens that allow it, where the account may do it."""
    return RULES[action].scope


def lines() -> Iterator[str]:
    """The tables, as Markdown."""
    columns = [column for column, _ in COLUMNS]
    yield "| may … | " + " | ".join(columns) + " | token |"
    yield "|" + " --- |" * (len(columns) + 2)
    for action in Action:
        cells = [answer(action, who, ROOMS["open"]) for _, who in COLUMNS]
        yield f"| {action.value} | {' | '.join(cells)} | {scopes(action)} |"
    yield ""
    yield "What a setting changes, for those whom it concerns:"
    yield ""
    yield "| setting | may … | " + " | ".join(columns) + " |"
    yield "|" + " --- |" * (len(columns) + 2)
    for setting, state in ROOMS.items():
        for action in Action:
            usual = [answer(action, who, ROOMS["open"]) for _, who in COLUMNS]
            cells = [answer(action, who, state) for _, who in COLUMNS]
            if cells != usual:
                yield f"| `{setting}` | {action.value} | {' | '.join(cells)} |"


def page(text: str) -> str:
    """The page with its tables made anew."""
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    made = "\n".join(lines())
    return f"{head}{BEGIN}\n\n{made}\n\n{END}{tail}"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text()))
