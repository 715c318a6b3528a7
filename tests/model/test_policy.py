"""The policy: which identity may do which action (`chatd.model.policy`)."""

from __future__ import annotations

import timeit
from dataclasses import replace

import pytest

from chatd.model.addresses import Address, address_of
from chatd.model.errors import (
    Banned,
    ChatError,
    NoSession,
    NotAllowed,
    NotFound,
    Unavailable,
)
from chatd.model.identity import Scope, Stranger, subject
from chatd.model.policy import (
    RULES,
    AbsentRoom,
    Action,
    OpenPolicy,
    RoomPolicy,
    decide,
)
from chatd.model.restrictions import Restriction, Restrictions
from chatd.model.rights import Rights
from chatd.model.roomstate import RoomState

from ..kit import permissions
from ..kit.permissions import COLUMNS, NOW, somebody

NO_BANS = Restrictions()
BY_COLUMN = dict(COLUMNS)


def may(who: Stranger, action: Action, room: AbsentRoom | None = None, **options: object) -> str:
    """`yes`, or the error code of the refusal."""
    try:
        decide(RULES, who, action, room, NOW, NO_BANS, **options)  # type: ignore[arg-type]
    except ChatError as error:
        return error.code
    return "yes"


def test_the_permission_table_in_the_docs_matches_the_policy() -> None:
    """`python -m tests.kit.permissions` writes the table."""
    text = permissions.PAGE.read_text()
    assert permissions.page(text) == text


@pytest.mark.parametrize("action", Action, ids=lambda action: action.name)
def test_an_action_without_a_rule_is_refused_to_everybody(action: Action) -> None:
    """The default is to deny; the refusal names the action."""
    rules = {other: rule for other, rule in RULES.items() if other is not action}
    policy = RoomPolicy(lambda: NOW, NO_BANS, rules=rules)
    for _, who in COLUMNS:
        with pytest.raises(NotAllowed, match=f"you may not {action.value}"):
            policy.may(who, action)


def test_every_action_has_a_rule() -> None:
    """So no action is denied by oversight."""
    assert {*RULES} == {*Action}
    for action in Action:
        OpenPolicy().may(Stranger(), action)


@pytest.mark.parametrize("action", [a for a in Action if RULES[a].room], ids=lambda a: a.name)
def test_every_action_is_refused_in_a_room_whose_cells_cannot_be_read(action: Action) -> None:
    """The unreadable cells may hold a ban."""
    room = AbsentRoom("dev", readable=False)
    for _, who in COLUMNS:
        with pytest.raises(Unavailable):
            decide(RULES, who, action, room, NOW, NO_BANS)


@pytest.mark.parametrize("action", [a for a in Action if RULES[a].room], ids=lambda a: a.name)
def test_a_closed_room_answers_not_found_to_all_non_members(action: Action) -> None:
    """The refusal is the same for every action, and for banned and muted identities, so it reveals
    nothing.
    """
    room = AbsentRoom("dev", RoomState(access="members"), permissions.rights(), unfounded=False)
    messages = set()
    for column in ("account", "guest", "no session", "banned", "muted"):
        with pytest.raises(NotFound) as refused:
            decide(RULES, BY_COLUMN[column], action, room, NOW, NO_BANS)
        messages.add(refused.value.message)
    assert len(messages) == 1
    assert "dev" not in messages.pop()


def test_unknown_access_or_posting_values_restrict_the_room() -> None:
    """An unknown `access` closes the room; an unknown `posting` lets only voices speak."""
    closed = AbsentRoom("dev", RoomState(access="friends"), Rights(), unfounded=False)
    assert may(BY_COLUMN["account"], Action.READ, closed) == "not-found"
    quiet = AbsentRoom("dev", RoomState(posting="poets"), Rights(), unfounded=False)
    assert may(BY_COLUMN["account"], Action.SPEAK, quiet) == "not-allowed"


def test_an_identity_banned_from_the_server_may_do_nothing() -> None:
    """Not even read."""
    banned = Restrictions()
    banned.set("1", Restriction(network="192.0.2.0/24"))
    banned.set("2", Restriction(who="account"))
    for column in ("account", "guest", "no session"):
        for action in Action:
            with pytest.raises(Banned):
                decide(RULES, BY_COLUMN[column], action, None, NOW, banned)


@pytest.mark.parametrize("action", Action, ids=lambda action: action.name)
def test_guests_option_limits_guests_to_reading_or_shuts_them_out(action: Action) -> None:
    """`--guests read` and `--guests none`; accounts are not affected."""
    room = AbsentRoom("dev", unfounded=False)
    for column in ("guest", "no session"):
        who = BY_COLUMN[column]
        assert may(who, action, room, guests="none") == "no-session"
        reading = action in (Action.READ, Action.LIST)
        assert may(who, action, room, guests="read") == ("yes" if reading else "not-allowed")
    with pytest.raises(NoSession):
        decide(RULES, BY_COLUMN["guest"], Action.READ, room, NOW, NO_BANS, "none")
    account = BY_COLUMN["account"]
    assert may(account, action, room, guests="none") == may(account, action, room)


@pytest.mark.parametrize("action", Action, ids=lambda action: action.name)
def test_a_token_is_limited_to_its_scope(action: Action) -> None:
    """A token never allows more than its account may do."""
    room = AbsentRoom("dev", RoomState(), permissions.rights(), unfounded=False)
    order: list[Scope] = ["read", "write", "all"]
    least = order.index(RULES[action].scope)
    for column in ("administrator", "owner", "account"):
        who = BY_COLUMN[column]
        allowed = may(who, action, room)
        for place, scope in enumerate(order):
            token = replace(who, id="", scope=scope)
            assert may(token, action, room) == (allowed if place >= least else "not-allowed")


def test_policy_check_is_fast_with_two_hundred_bans() -> None:
    """Below 50 µs with bans of names, accounts, addresses and networks, in a room of a thousand."""

    class Crowded(AbsentRoom):
        def holds(self, identity: object) -> bool:
            return getattr(identity, "key", "") in people

    people = {f"p{n}": f"p{n}" for n in range(1000)}

    rights = Rights()
    for n in range(50):
        for one in (
            Restriction(who=f"account{n}"),
            Restriction(key=f"name{n}"),
            Restriction(address=Address(f"198.51.100.{n}")),
            Restriction(network=f"10.{n}.0.0/{16 + n % 8}"),
        ):
            rights.bans.set(f"{len(rights.bans)}", one)
    room = Crowded("dev", RoomState(outside=False), rights, unfounded=False)
    assert len(rights.bans) == 200
    who = replace(somebody("p7", account=False).identity, address=address_of("203.0.113.9"))
    policy = RoomPolicy(lambda: NOW, NO_BANS)
    best = min(timeit.repeat(lambda: policy.may(who, Action.SPEAK, room), number=1000, repeat=5))
    assert best / 1000 < 50e-6


def test_an_administrator_whom_a_room_banned_still_moderates_it() -> None:
    """And lifts the ban; reading and speaking are refused as long as it holds."""
    rights = permissions.rights()
    admin = BY_COLUMN["administrator"]
    rights.bans.set("admin", Restriction(who=subject(admin)))
    room = AbsentRoom("dev", RoomState(), rights, unfounded=False)
    for action in (Action.BAN, Action.SEE_BANS, Action.GIVE_ROLE, Action.CONFIGURE):
        assert may(admin, action, room) == "yes"
        assert may(replace(admin, admin=False), action, room) == "banned"
    for action in (Action.READ, Action.JOIN, Action.SPEAK):
        assert may(admin, action, room) == "banned"


@pytest.mark.parametrize("kind", ["bans", "mutes", "slow", "server"])
def test_the_clock_is_read_only_where_a_decision_may_depend_on_it(kind: str) -> None:
    """Reading it takes longer than deciding: every message in an ordinary room would pay for it."""
    asked: list[int] = []
    banned, rights, state = Restrictions(), Rights(), RoomState()

    def now() -> int:
        asked.append(NOW)
        return NOW

    policy = RoomPolicy(now, banned)
    who = BY_COLUMN["guest"]
    policy.may(who, Action.JOIN, AbsentRoom("den", state, rights))
    assert not asked
    other = Restriction(who="somebody else")
    match kind:
        case "bans" | "mutes":
            getattr(rights, kind).set("1", other)
        case "slow":
            state = RoomState(slow=5)
        case _:
            banned.set("1", other)
    policy.may(who, Action.JOIN, AbsentRoom("den", state, rights))
    assert asked
