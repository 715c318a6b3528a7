"""Push subscriptions, and when they end."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from twisted.internet.defer import Deferred

from chatd.chat import push_subscriptions
from chatd.chat.push_watch import DELAY_SECONDS, QUIET_SECONDS
from chatd.chat.sessions import LastingSession
from chatd.model.account import MICROS_A_DAY, SESSION_DAYS
from chatd.model.errors import BadToken, TooMany
from chatd.model.push import MOST_SUBSCRIPTIONS, encode
from chatd.model.units import PUSHES, SESSIONS, Cell, Change, Unit
from chatd.testing import InMemoryChat

from ..kit.chat import PASSWORD, registered, restarted, settled, signed_in
from ..kit.file_chat import FileChat
from ..kit.push import Browser, FakeDelivery, pushing, said_by, subscribed, told
from ..kit.redis_chat import RedisChats


@pytest.fixture
def delivery(chat: InMemoryChat) -> FakeDelivery:
    """Push is on, and ada has an account."""
    registered(chat, "ada")
    return pushing(chat)


def stored(chat: InMemoryChat) -> set[str]:
    """The keys of the subscriptions that the store has."""
    return set(settled(chat, chat.service._store.table(PUSHES)))


def is_notified(chat: InMemoryChat, delivery: FakeDelivery) -> bool:
    """Whether ada is notified of a mention."""
    said_by(chat, "eve", "ada!")
    return bool(told(chat, delivery))


def put(chat: InMemoryChat, session: LastingSession, browser: Browser) -> None:
    form = browser.form
    subscribing = chat.service.push.subscribe(
        session, form["endpoint"], form["p256dh"], form["auth"]
    )
    settled(chat, subscribing)


def test_a_subscription_ends_when_its_session_signs_out(
    chat: InMemoryChat, delivery: FakeDelivery
) -> None:
    """And no other one."""
    one, two = subscribed(chat, "ada"), subscribed(chat, "ada")
    assert stored(chat) == {one.hash, two.hash}
    settled(chat, chat.service.signed_in.sign_out(one))
    assert stored(chat) == {two.hash}
    said_by(chat, "eve", "ada!")
    chat.advance(DELAY_SECONDS)
    assert [sent.to.endpoint for sent in delivery.sent] == [f"https://push.example.net/{two.id}"]


def test_a_subscription_ends_when_its_session_is_ended_elsewhere(
    chat: InMemoryChat, delivery: FakeDelivery
) -> None:
    """By the list of the account's sessions."""
    one = subscribed(chat, "ada")
    settled(chat, chat.service.signed_in.end_session("ada", one.id))
    assert stored(chat) == set()
    assert not is_notified(chat, delivery)


def test_another_password_ends_the_subscriptions_of_other_sessions(
    chat: InMemoryChat, delivery: FakeDelivery
) -> None:
    """That of the session which changed it stays."""
    one, two = subscribed(chat, "ada"), subscribed(chat, "ada")
    proof = settled(chat, chat.service.sign_in.prove("ada", PASSWORD, one.address))
    settled(chat, chat.service.sign_in.change_password(proof, f"{PASSWORD}!", two))
    assert stored(chat) == {two.hash}
    assert is_notified(chat, delivery)


def test_the_subscriptions_of_a_deleted_account_end(
    chat: InMemoryChat, delivery: FakeDelivery
) -> None:
    """Nothing of them is kept."""
    one = subscribed(chat, "ada")
    proof = settled(chat, chat.service.sign_in.prove("ada", PASSWORD, one.address))
    settled(chat, chat.service.sign_in.delete(proof))
    assert stored(chat) == set()
    assert not is_notified(chat, delivery)


def test_the_session_that_stays_is_not_taken_for_over_while_the_password_changes(
    chat: InMemoryChat, delivery: FakeDelivery, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The account may be read after the change, and the session before it."""
    one = subscribed(chat, "ada")
    proof = settled(chat, chat.service.sign_in.prove("ada", PASSWORD, one.address))
    get = chat.store.get
    changing: list[Deferred[Any]] = []

    def read(table: str, keys: Collection[str]) -> Deferred[Mapping[str, Cell]]:
        reading: Deferred[Mapping[str, Cell]] = get(table, keys)
        if table != SESSIONS or changing:
            return reading
        changing.append(chat.service.sign_in.change_password(proof, f"{PASSWORD}!", one))

        def later(cells: Mapping[str, Cell]) -> Deferred[Mapping[str, Cell]]:
            return changing[0].addCallback(lambda _: cells)

        return reading.addCallback(later)

    monkeypatch.setattr(chat.store, "get", read)
    living = settled(chat, chat.service.push.subscriptions.living("ada"))
    assert [who.hash for who in living] == [one.hash]
    chat.settle()
    assert stored(chat) == {one.hash}


def test_a_session_that_was_not_used_for_long_is_not_notified(
    chat: InMemoryChat, delivery: FakeDelivery
) -> None:
    """It is over, though nobody has asked it yet."""
    subscribed(chat, "ada")
    chat.advance(SESSION_DAYS * MICROS_A_DAY / 1_000_000 + 120)
    assert not is_notified(chat, delivery)
    assert stored(chat) == set()


def test_a_session_that_ended_while_no_node_looked_is_found_at_the_start(
    chat: InMemoryChat, delivery: FakeDelivery
) -> None:
    """Push may have been off then."""
    one = subscribed(chat, "ada")
    again = restarted(chat)
    settled(again, again.service.signed_in.end_session("ada", one.id))
    assert stored(again) == {one.hash}
    pushing(again)
    assert stored(again) == set()


def test_a_session_has_one_subscription(chat: InMemoryChat, delivery: FakeDelivery) -> None:
    """A later one replaces it: the browser has another address."""
    one = subscribed(chat, "ada")
    put(chat, one, Browser("https://push.example.net/renewed"))
    said_by(chat, "eve", "ada!")
    chat.advance(DELAY_SECONDS)
    assert [sent.to.endpoint for sent in delivery.sent] == ["https://push.example.net/renewed"]
    settled(chat, chat.service.push.unsubscribe(one))
    assert stored(chat) == set()


def test_an_account_has_so_many_subscriptions_and_the_oldest_ends(
    chat: InMemoryChat, delivery: FakeDelivery
) -> None:
    """When one more begins."""
    sessions = []
    for _ in range(MOST_SUBSCRIPTIONS + 2):
        sessions.append(subscribed(chat, "ada"))
        chat.advance(1)
    assert stored(chat) == {session.hash for session in sessions[2:]}
    put(chat, sessions[2], Browser())
    assert len(stored(chat)) == MOST_SUBSCRIPTIONS


def test_a_browser_is_notified_for_one_account_only(
    chat: InMemoryChat, delivery: FakeDelivery
) -> None:
    """For the one that subscribed there last."""
    registered(chat, "bob")
    browser = Browser()
    subscribed(chat, "ada", browser)
    two = subscribed(chat, "bob", browser)
    assert stored(chat) == {two.hash}
    assert not is_notified(chat, delivery)


@pytest.mark.parametrize("first", [0, 1])
def test_two_that_subscribe_one_browser_at_once_do_not_both_stay(
    chat: InMemoryChat, delivery: FakeDelivery, first: int
) -> None:
    """The newer one does, on every node and after a restart."""
    registered(chat, "bob")
    other = InMemoryChat(node=chat)
    pushing(other)
    sessions = [signed_in(chat, name) for name in ("ada", "bob")]
    form = Browser().form
    subscribing = []
    for session in sessions[:: 1 if first == 0 else -1]:
        push = chat.service.push
        subscribing.append(push.subscribe(session, form["endpoint"], form["p256dh"], form["auth"]))
        chat.clock.rightNow += 0.001
    for one in subscribing:
        settled(chat, one)
    other.settle()
    last = sessions[1 - first].hash
    assert stored(chat) == {last}
    for node in (chat, other):
        assert [*node.service.push.subscriptions._all] == [last]


def test_of_two_stored_subscriptions_of_one_browser_the_newer_one_stays(
    chat: InMemoryChat, delivery: FakeDelivery
) -> None:
    """In whichever order the store has them."""
    session = subscribed(chat, "ada")
    subscriptions = chat.service.push.subscriptions
    made = subscriptions.get(session.hash)
    assert made is not None
    for name, created in (("older", made.created - 1), ("newer", made.created + 1)):
        again = encode(structs.replace(made, created=created))
        change = Change(PUSHES, name, again)
        settled(chat, chat.service._journal.submit(partial(Unit, (), (change,))))
    chat.settle()
    assert stored(chat) == {"newer"}
    assert [*subscriptions._all] == ["newer"]


def test_a_session_that_ends_meanwhile_cannot_subscribe(
    chat: InMemoryChat, delivery: FakeDelivery
) -> None:
    """The two are judged one after the other."""
    one = signed_in(chat, "ada")
    form = Browser().form
    ending = chat.service.signed_in.sign_out(one)
    subscribing = chat.service.push.subscribe(one, form["endpoint"], form["p256dh"], form["auth"])
    settled(chat, ending)
    with pytest.raises(BadToken):
        settled(chat, subscribing)
    assert stored(chat) == set()


def test_there_are_only_so_many_subscriptions_in_all(
    chat: InMemoryChat, delivery: FakeDelivery, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next is refused; one that is replaced is not."""
    monkeypatch.setattr(push_subscriptions, "MOST_IN_ALL", 1)
    one = subscribed(chat, "ada")
    with pytest.raises(TooMany):
        subscribed(chat, "ada")
    put(chat, one, Browser())


def test_what_cannot_be_decoded_is_logged_and_left_out(
    chat: InMemoryChat, delivery: FakeDelivery, logged_errors: list[str]
) -> None:
    """Of the store's cells."""
    subscribed(chat, "ada")
    unit = Unit((), (Change(PUSHES, "x", b"{"),))
    settled(chat, chat.service._journal.submit(lambda: unit))
    assert logged_errors == ["a push subscription cannot be decoded: {problem}"]
    logged_errors.clear()
    assert is_notified(chat, delivery)


def test_subscriptions_outlive_a_restart_in_a_file(tmp_path: Path) -> None:
    """With the key, which they are bound to."""
    chat = FileChat(tmp_path / "chat.sqlite")
    registered(chat, "ada")
    pushing(chat)
    session = subscribed(chat, "ada")
    key = chat.service.push.public_key
    chat.stop()
    again = FileChat(tmp_path / "chat.sqlite")
    delivery = pushing(again)
    assert again.service.push.public_key == key
    assert again.service.push.subscriptions.get(session.hash) is not None
    assert is_notified(again, delivery)
    again.stop()


def test_every_node_knows_the_subscriptions(chat: InMemoryChat, delivery: FakeDelivery) -> None:
    """Also of sessions that began elsewhere, and when they end there."""
    other = InMemoryChat(node=chat)
    elsewhere = pushing(other)
    one = subscribed(chat, "ada")
    assert is_notified(other, elsewhere)
    chat.advance(QUIET_SECONDS)
    settled(chat, chat.service.signed_in.sign_out(one))
    assert not is_notified(other, elsewhere)


def test_nodes_on_one_redis_know_the_subscriptions(chats: RedisChats) -> None:
    """Written by one, read by the others."""
    one, two, three = chats.chats
    for chat in (one, two):
        chats.answered(chat.service.push.begin(object()))  # type: ignore[arg-type]
    cell = Change(
        PUSHES, "hash", b'{"account":"ada","endpoint":"e","p256dh":"p","auth":"a","created":1}'
    )
    chats.answered(three.service._journal.submit(lambda: Unit((), (cell,))))
    assert [len(chat.service.push.subscriptions) for chat in (one, two, three)] == [1, 1, 0]
    chats.answered(three.service.push.begin(object()))  # type: ignore[arg-type]


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["", "a", "b", "a,b"])), max_size=12))
def test_the_index_of_rooms_follows_the_subscriptions(steps: list[tuple[int, str]]) -> None:
    """Whatever is subscribed, replaced and ended."""
    chat = InMemoryChat()
    registered(chat, "ada")
    pushing(chat)
    sessions = [signed_in(chat, "ada") for _ in range(3)]
    wanted: dict[int, str] = {}
    subscriptions = chat.service.push.subscriptions
    for number, rooms in steps:
        if number == 3:
            settled(chat, chat.service.push.unsubscribe(sessions[0]))
            wanted.pop(0, None)
        else:
            form = Browser(f"https://push.example.net/{number}").form
            push = chat.service.push
            settled(
                chat,
                push.subscribe(
                    sessions[number], form["endpoint"], form["p256dh"], form["auth"], rooms
                ),
            )
            wanted[number] = rooms
    for room in ("a", "b"):
        wants = any(room in rooms.split(",") for rooms in wanted.values())
        assert subscriptions.called(room, "") == ({"ada"} if wants else set())
    assert subscriptions.called("c", "ada") == ({"ada"} if wanted else set())
