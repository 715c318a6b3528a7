"""The watch over messages: one notification for several messages, bounds, and one node."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred

from chatd.chat import push_watch
from chatd.chat.push_watch import AT_ONCE, DELAY_SECONDS, MOST_TOLD, QUIET_SECONDS
from chatd.model.commands import Join, Say, Tell
from chatd.model.errors import Unavailable
from chatd.testing import InMemoryChat

from ..kit.chat import program, registered, settled, signed_in
from ..kit.push import FakeDelivery, pushing, said_by, told


def counts(chat: InMemoryChat) -> dict[str, int]:
    return dict(chat.service.push.counts)


def test_nothing_is_sent_before_the_delay_is_over(
    chat: InMemoryChat, delivery: FakeDelivery
) -> None:
    """A user who looks has read the message by then."""
    said_by(chat, "eve", "ada!")
    chat.advance(DELAY_SECONDS - 1)
    assert (delivery.sent, chat.service.push.waiting) == ([], 1)
    chat.advance(1)
    assert (len(delivery.sent), chat.service.push.waiting) == (1, 0)


def test_what_comes_in_the_quiet_time_is_one_notification_at_its_end(
    chat: InMemoryChat, delivery: FakeDelivery
) -> None:
    """With the number of messages, and the last one's sender and id."""
    said_by(chat, "eve", "ada!")
    assert len(told(chat, delivery)) == 1
    for _ in range(MOST_TOLD + 5):
        id_ = said_by(chat, "eve", "ada!")
    said_by(chat, "eve", "nothing")
    chat.advance(QUIET_SECONDS - 1)
    assert delivery.told == []
    chat.advance(DELAY_SECONDS)
    (one,) = delivery.told
    assert one == {
        "place": "lobby",
        "from": "eve",
        "kind": "mention",
        "id": id_,
        "count": MOST_TOLD + 5,
    }


def test_each_place_has_its_own_notifications(chat: InMemoryChat, delivery: FakeDelivery) -> None:
    """With topics that differ, so that one does not replace the other."""
    registered(chat, "bob")
    bob = signed_in(chat, "bob").person
    chat.perform(bob, Say("lobby", "ada!"))
    chat.perform(bob, Tell("ada", "psst"))
    chat.advance(DELAY_SECONDS)
    assert {one.told["place"] for one in delivery.sent} == {"lobby", "@bob"}
    topics = {one.topic for one in delivery.sent}
    assert len(topics) == 2
    assert all(len(topic) == 32 for topic in topics)


def test_one_account_gets_only_so_many_notifications(
    chat: InMemoryChat, delivery: FakeDelivery
) -> None:
    """Over all places; then some more each minute."""
    person = signed_in(chat, "ada").person
    for number in range(AT_ONCE + 3):
        chat.perform(person, Join(f"r{number}"))
        said_by(chat, "eve", "ada!", f"r{number}")
    assert len(told(chat, delivery)) == AT_ONCE
    assert counts(chat) == {"limited": 3}
    chat.advance(30)
    said_by(chat, "eve", "ada!", "r0")
    chat.advance(QUIET_SECONDS)
    assert len(delivery.told) == 1


def test_a_message_that_was_read_costs_no_notification(
    chat: InMemoryChat, delivery: FakeDelivery
) -> None:
    """The rate limit counts what is sent, and no quiet time begins."""
    for _ in range(2 * AT_ONCE):
        id_ = said_by(chat, "eve", "ada!")
        settled(chat, chat.service.markers.mark(program("ada"), "lobby", id_))
        assert told(chat, delivery) == []
    said_by(chat, "eve", "ada!")
    assert len(told(chat, delivery)) == 1


def test_without_subscriptions_nothing_is_queued(chat: InMemoryChat) -> None:
    """The feature costs nothing where nobody uses it, nor where push is off."""
    said_by(chat, "eve", "ada!")
    assert chat.service._journal.when_stored is None
    pushing(chat)
    said_by(chat, "eve", "ada!")
    assert chat.service.push.waiting == 0


def test_the_queue_of_messages_is_bounded(
    chat: InMemoryChat, delivery: FakeDelivery, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The oldest are dropped, and counted."""
    monkeypatch.setattr(push_watch, "MOST_WAITING", 3)
    monkeypatch.setattr(push_watch, "MOST_AT_ONCE", 2)
    for _ in range(5):
        id_ = said_by(chat, "eve", "ada!")
    assert (chat.service.push.waiting, counts(chat)) == (3, {"dropped": 2})
    assert told(chat, delivery)[-1]["id"] <= id_
    chat.advance(QUIET_SECONDS)
    assert delivery.told[-1]["id"] == id_


def test_the_places_that_wait_are_bounded(
    chat: InMemoryChat, delivery: FakeDelivery, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The oldest gives way."""
    monkeypatch.setattr(push_watch, "MOST_PENDING", 2)
    person = signed_in(chat, "ada").person
    rooms = ("a", "b", "c")
    for room in rooms:
        chat.perform(person, Join(room))
        said_by(chat, "eve", "ada!", room)
    assert len(told(chat, delivery)) == 3
    for room in rooms:
        said_by(chat, "eve", "ada!", room)
    chat.advance(QUIET_SECONDS)
    assert [one["place"] for one in delivery.told] == ["b", "c"]
    assert counts(chat) == {"dropped": 1}


def test_a_request_that_is_repeated_notifies_once(
    chat: InMemoryChat, delivery: FakeDelivery
) -> None:
    """Its message was stored once."""
    visitor = chat.service.visitor("eve")
    for _ in range(2):
        settled(chat, chat.service.perform(visitor, Say("lobby", "ada!"), b"key"))
    assert [one.get("count", 1) for one in told(chat, delivery)] == [1]


def test_of_several_nodes_one_notifies(chat: InMemoryChat, delivery: FakeDelivery) -> None:
    """The one that took the message, whichever that is."""
    other = InMemoryChat(node=chat)
    elsewhere = pushing(other)
    said_by(chat, "eve", "ada!")
    assert (len(told(chat, delivery)), elsewhere.sent) == (1, [])
    chat.advance(QUIET_SECONDS)
    said_by(other, "eve", "ada!")
    assert (told(chat, delivery), len(elsewhere.sent)) == ([], 1)
    assert elsewhere.sent[0].key == chat.service.push._key.private


def test_if_the_store_cannot_be_read_a_notification_is_lost_and_counted(
    chat: InMemoryChat, delivery: FakeDelivery, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next one comes."""

    def away(*_: Any) -> Deferred[Any]:
        raise Unavailable("the store is away")

    said_by(chat, "eve", "ada!")
    with monkeypatch.context() as patched:
        patched.setattr(chat.service.push.subscriptions._store, "get", away)
        assert told(chat, delivery) == []
    assert counts(chat) == {"failed": 1}
    said_by(chat, "eve", "ada!")
    assert len(told(chat, delivery)) == 1


def test_a_fault_in_deciding_is_logged_and_ends_nothing(
    chat: InMemoryChat,
    delivery: FakeDelivery,
    monkeypatch: pytest.MonkeyPatch,
    logged_errors: list[str],
) -> None:
    """The next message notifies."""
    with monkeypatch.context() as patched:
        patched.setattr(chat.service.push.notices, "_is_kept", None)
        said_by(chat, "eve", "ada!")
        assert told(chat, delivery) == []
    assert len(logged_errors) == 1
    logged_errors.clear()
    said_by(chat, "eve", "ada!")
    assert len(told(chat, delivery)) == 1


def test_nothing_is_left_when_the_server_ends(chat: InMemoryChat, delivery: FakeDelivery) -> None:
    """What waits is not sent, and no timer fires."""
    said_by(chat, "eve", "ada!")
    assert len(told(chat, delivery)) == 1
    said_by(chat, "eve", "ada!")
    chat.service.push.stop()
    chat.advance(QUIET_SECONDS)
    assert (delivery.told, chat.service.push.on, chat.service.push.waiting) == ([], False, 0)
    said_by(chat, "eve", "ada!")
    assert told(chat, delivery) == []
