"""The table of docs/permissions.md, made from the policy: `python -m tests.kit.permissions`.

Each cell is the answer of `decide` for a person of that column who is in an open room with the
default settings; so the table and the code always agree.
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
    """A column for a person with a session, whose name is that of the column."""
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
"""Rooms with one setting that is not the default; no person is a member without a role."""


def rights() -> Rights:
    """The roles, bans and mutes of these rooms, by column."""
    found = Rights()
    for role in (Role.OWNER, Role.OP, Role.VOICE):
        found.roles[role.word] = Grant(role.word, role)
    found.bans.set("1", Restriction("banned", who="banned"))
    found.mutes.set("muted", Restriction("muted", who="muted"))
    return found


class TableRoom(AbsentRoom):
    """A room with everybody in it who has a session, because speaking in a room joins it."""

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
    """The scope that a token needs for it, if the account may do it."""
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
    """The page with new tables."""
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    made = "\n".join(lines())
    return f"{head}{BEGIN}\n\n{made}\n\n{END}{tail}"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text()))
