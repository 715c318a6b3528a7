"""Deleted accounts: what goes with them, what stays, and what a start goes on with."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pytest
from twisted.internet.defer import Deferred, fail

from chatd.chat.account_removal import AGAIN_SECONDS
from chatd.chat.sessions import LastingSession
from chatd.model.commands import Join, Leave, Say
from chatd.model.errors import NotFound, Unavailable
from chatd.model.events import RoleGiven
from chatd.model.moderation import Admit, Configure, GiveRole
from chatd.model.rights import Role
from chatd.model.units import (
    ADMITTED,
    FAMILIAR,
    IGNORES,
    JOINED,
    JOINERS,
    MARKERS,
    PUSHES,
    REMOVED,
    ROLES,
    SESSIONS,
    TOKENS,
    VIEWS,
    account_table,
    room_table,
)
from chatd.testing import InMemoryChat

from ..kit.chat import (
    PASSWORD,
    administrator,
    events,
    evict_rooms,
    refusal,
    restarted,
    settled,
    signed_in,
)
from ..kit.push import pushing, subscribed
from .test_letters import account


def delete(chat: InMemoryChat, name: str) -> None:
    """The account deletes itself."""
    proof = settled(chat, chat.service.sign_in.prove(name, PASSWORD, signed_in(chat, name).address))
    settled(chat, chat.service.sign_in.delete(proof))


def table(chat: InMemoryChat, name: str) -> dict[str, Any]:
    return dict(settled(chat, chat.store.table(name)))


@pytest.fixture
def ada(chat: InMemoryChat) -> LastingSession:
    """An account that owns #dev, is op of #ops and member of #closed, and has left #ops."""
    ada, zoe = account(chat, "ada"), account(chat, "zoe")
    chat.perform(ada.person, Say("dev", "hello"))
    for room in ("ops", "closed"):
        chat.perform(zoe.person, Say(room, "hello"))
    chat.perform(zoe.person, GiveRole("ops", "ada", "op"))
    chat.perform(zoe.person, Configure("closed", access="members"))
    chat.perform(zoe.person, Admit("closed", "ada"))
    for room in ("ops", "closed"):
        chat.perform(ada.person, Join(room))
    chat.perform(ada.person, Leave("ops"))
    return ada


@pytest.mark.parametrize("loaded", [True, False], ids=["in memory", "in the store"])
def test_roles_and_memberships_go_with_the_account(
    chat: InMemoryChat, ada: LastingSession, loaded: bool
) -> None:
    """In every room, joined or not, and rooms tell of the roles; what it said stays."""
    if not loaded:
        settled(chat, chat.service.signed_in.sign_out(ada))
        evict_rooms(chat)
    delete(chat, "ada")
    for room, kind in (("dev", ROLES), ("ops", ROLES), ("closed", ADMITTED)):
        assert "ada" not in table(chat, room_table(kind, room))
    gone = {event.room for event in events(chat, "dev") if isinstance(event, RoleGiven)}
    assert gone == {"dev"}
    told = [event for event in events(chat, "ops") if isinstance(event, RoleGiven)][-1]
    assert (told.sender, told.target, told.role) == ("ada", "ada", None)
    assert chat.texts("dev") == ["hello"]
    assert chat.room("dev").state.owners == 0
    assert chat.room("ops").state.owners == chat.room("closed").state.owners == 1
    assert table(chat, REMOVED) == {}


def test_a_room_whose_only_owner_is_deleted_gets_one_from_an_administrator(
    chat: InMemoryChat, ada: LastingSession
) -> None:
    """Who comes in next does not own it; a hidden room is no exception."""
    administrator(chat, "root-1")
    root, bob = signed_in(chat, "root-1"), account(chat, "bob")
    chat.perform(ada.person, Configure("dev", access="members"))
    delete(chat, "ada")
    assert isinstance(refusal(chat, bob.person, Say("dev", "mine?")), NotFound)
    chat.perform(root.person, GiveRole("dev", "bob", "owner"))
    assert chat.room("dev").rights.role("bob") is Role.OWNER
    assert chat.room("dev").state.owners == 1
    chat.perform(bob.person, Configure("dev", access="open"))
    eve = chat.enter("eve")
    chat.perform(eve, Say("dev", "hi"))
    assert chat.room("dev").rights.role(eve.subject) is Role.NONE


def test_the_other_owner_is_the_last_one_then(chat: InMemoryChat, ada: LastingSession) -> None:
    """And cannot step down: a deleted account does not count."""
    bob = account(chat, "bob")
    chat.perform(ada.person, GiveRole("dev", "bob", "owner"))
    delete(chat, "ada")
    assert refusal(chat, bob.person, GiveRole("dev", "bob", None)).code == "last-owner"


def test_an_administrator_who_deletes_it_is_named(chat: InMemoryChat, ada: LastingSession) -> None:
    """In the rooms whose role it had."""
    administrator(chat, "zed")
    zed = signed_in(chat, "zed")
    settled(chat, chat.service.administration.remove(zed.person, "ADA"))
    event = events(chat, "dev")[-2:]
    assert [it.sender for it in event if isinstance(it, RoleGiven)] == ["zed"]
    listed, more = settled(chat, chat.service.administration.list_some(zed.person, "", 10))
    assert [entry.account.name for entry in listed] == ["zed", "zoe"]
    assert not more


def test_what_is_kept_about_the_account_goes_too(chat: InMemoryChat, ada: LastingSession) -> None:
    """Its joined rooms, sessions, tokens, markers, ignored names and addresses."""
    service = chat.service
    assert ada.record is not None
    settled(chat, service.tokens.make(ada.person, ada.record, "ci", "write", None))
    settled(chat, service.ignores.ignore(ada.person, "eve"))
    settled(chat, service.markers.mark(ada.person, "dev", service.horizon))
    settled(chat, service.markers.mark_conversation(ada.person, "zoe", service.horizon))
    kinds = (JOINED, SESSIONS, TOKENS, MARKERS, IGNORES, FAMILIAR)
    assert all(table(chat, account_table(kind, "ada")) for kind in kinds)
    delete(chat, "ada")
    assert not any(table(chat, account_table(kind, "ada")) for kind in kinds)
    assert "ada" not in table(chat, room_table(JOINERS, "dev"))
    assert all(b'"ada"' not in cell.value for cell in table(chat, SESSIONS).values())
    assert table(chat, TOKENS) == {}


def test_a_start_goes_on_with_what_was_left(chat: InMemoryChat, ada: LastingSession) -> None:
    """If the server went down, or the store failed, right after the deletion."""
    proof = settled(chat, chat.service.sign_in.prove("ada", PASSWORD, ada.address))
    removal = chat.service.sign_in._removal
    removal.forget = lambda key: None  # type: ignore[method-assign, assignment, return-value]
    settled(chat, chat.service.sign_in.delete(proof))
    assert list(table(chat, REMOVED)) == ["ada"]
    assert "ada" in table(chat, room_table(ROLES, "dev"))
    chat = restarted(chat)
    chat.settle()
    assert "ada" not in table(chat, room_table(ROLES, "dev"))
    assert table(chat, REMOVED) == {}
    assert chat.room("dev").state.owners == 0


def test_what_the_store_refuses_is_removed_when_it_is_back(
    chat: InMemoryChat, ada: LastingSession
) -> None:
    """Without a restart."""
    proof = settled(chat, chat.service.sign_in.prove("ada", PASSWORD, ada.address))
    forget = chat.service.sign_in._removal._forget

    def fill_disk(key: str) -> Any:
        chat.store.refusing = True
        return forget(key)

    chat.service.sign_in._removal._forget = fill_disk  # type: ignore[method-assign]
    settled(chat, chat.service.sign_in.delete(proof))
    chat.advance(2 * AGAIN_SECONDS)
    assert list(table(chat, REMOVED)) == ["ada"]
    chat.service.sign_in._removal._forget = forget  # type: ignore[method-assign]
    chat.store.refusing = False
    chat.advance(AGAIN_SECONDS)
    assert table(chat, REMOVED) == {}
    assert "ada" not in table(chat, room_table(ROLES, "dev"))


def test_a_removal_that_fails_in_any_way_is_tried_again(
    chat: InMemoryChat, ada: LastingSession, logged_errors: list[str]
) -> None:
    """A mistake of the server too, which the log has."""
    removal = chat.service.sign_in._removal
    forget = removal._forget

    def fail_once(key: str) -> Any:
        removal._forget = forget  # type: ignore[method-assign]

        async def failing() -> None:
            raise ValueError

        return failing()

    removal._forget = fail_once  # type: ignore[method-assign]
    delete(chat, "ada")
    assert list(table(chat, REMOVED)) == ["ada"]
    chat.advance(AGAIN_SECONDS)
    assert table(chat, REMOVED) == {}
    assert ["ValueError" in error for error in logged_errors] == [True]
    logged_errors.clear()


def test_a_removal_is_not_tried_again_after_the_end(
    chat: InMemoryChat, ada: LastingSession
) -> None:
    """No timer is left behind."""
    chat.service.sign_in._removal._forget = forget_never  # type: ignore[method-assign]
    delete(chat, "ada")
    before = len(chat.clock.getDelayedCalls())
    settled(chat, chat.service.stopService())
    assert len(chat.clock.getDelayedCalls()) < before


async def forget_never(key: str) -> None:
    """As if the store was away."""
    raise Unavailable("it is away")


def test_rooms_that_cannot_be_read_are_left_for_the_next_start(
    chat: InMemoryChat, ada: LastingSession
) -> None:
    """The deletion itself holds, and nothing is lost."""
    proof = settled(chat, chat.service.sign_in.prove("ada", PASSWORD, ada.address))
    having = chat.store.having

    def broken(tables: Any, key: str) -> Any:
        return fail(Unavailable("the disk is away"))

    chat.store.having = broken  # type: ignore[method-assign]
    settled(chat, chat.service.sign_in.delete(proof))
    assert list(table(chat, REMOVED)) == ["ada"]
    chat.store.having = having  # type: ignore[method-assign]
    chat = restarted(chat)
    assert table(chat, REMOVED) == {}
    assert "ada" not in table(chat, room_table(ROLES, "dev"))


def test_rooms_that_are_not_in_memory_are_asked_for_together(
    chat: InMemoryChat, ada: LastingSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So the deletion of an account costs little where there are thousands."""
    for number in range(40):
        chat.perform(chat.service.visitor("ci"), Say(f"room{number}", "hi"))
    settled(chat, chat.service.signed_in.sign_out(ada))
    evict_rooms(chat)
    asked: list[int] = []
    having = chat.store.having

    def noted(tables: Collection[str], key: str) -> Deferred[Collection[str]]:
        asked.append(len(tables))
        return having(tables, key)

    monkeypatch.setattr(chat.store, "having", noted)
    delete(chat, "ada")
    assert len(asked) == 1
    assert asked[0] >= 80


def test_push_subscriptions_go_with_the_account_while_push_is_off(
    chat: InMemoryChat, ada: LastingSession
) -> None:
    """The store keeps no address and no keys of its browsers, nor when its pages were in view."""
    pushing(chat)
    other = subscribed(chat, "zoe")
    session = subscribed(chat, "ada")
    settled(chat, chat.service.push.views.note(session, "x", here=True))
    again = restarted(chat)
    delete(again, "ada")
    assert set(table(again, PUSHES)) == {other.hash}
    assert table(again, account_table(VIEWS, "ada")) == {}
