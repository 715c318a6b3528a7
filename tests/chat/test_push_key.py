"""The key by which push services know a chat."""

from __future__ import annotations

from base64 import urlsafe_b64decode

import pytest

from chatd.chat.push_key import AGAIN_SECONDS
from chatd.model.units import PUSH_KEY, Change, Unit
from chatd.testing import InMemoryChat

from ..kit.chat import restarted, settled
from ..kit.push import pushing
from ..kit.redis import RedisServer
from ..kit.redis_chat import ChatNode, RedisChats


def test_the_key_is_made_once_and_kept_over_restarts(chat: InMemoryChat) -> None:
    """With another one every subscription would be void."""
    assert not chat.service.push.on
    pushing(chat)
    key = chat.service.push.public_key
    point = urlsafe_b64decode(f"{key}==")
    assert (len(point), point[0], "=" in key) == (65, 4, False)
    again = restarted(chat)
    pushing(again)
    assert again.service.push.public_key == key


def test_nodes_that_start_together_have_one_key(chat: InMemoryChat) -> None:
    """Whichever makes it first."""
    nodes = [chat, InMemoryChat(node=chat)]
    begun = [node.service.push.begin(FAKE) for node in nodes]  # type: ignore[arg-type]
    for begin in begun:
        settled(chat, begin)
    one, other = (node.service.push for node in nodes)
    assert one.public_key == other.public_key
    assert one.on
    assert other.on


FAKE = object()
"""Stands for a deliverer."""


def test_nodes_on_one_redis_have_one_key(chats: RedisChats) -> None:
    """It is kept there."""
    one, two, _ = chats.chats
    for chat in (one, two):
        chats.answered(chat.service.push.begin(FAKE))  # type: ignore[arg-type]
    assert one.service.push.public_key == two.service.push.public_key
    assert one.service.push.on


def test_a_key_that_the_engine_has_lost_is_stored_again(logged_errors: list[str]) -> None:
    """Else the next node to start would make another one, which voids the subscriptions."""
    server = RedisServer().start()
    with RedisChats("a", "b", server=server) as chats:
        for chat in chats.chats:
            chats.answered(chat.service.push.begin(FAKE))  # type: ignore[arg-type]
        key = chats.chats[0].service.push.public_key
        server.kill()
        chats.nodes.advance(0.5)
        server.start()
        chats.nodes.advance(3)
        late = ChatNode(chats, "c", 1000)
        chats.answered(late.service.push.begin(FAKE))  # type: ignore[arg-type]
        assert late.service.push.public_key == key
        assert chats.chats[0].service.push.public_key == key
    server.remove()
    logged_errors.clear()


def test_a_lost_key_that_cannot_be_stored_is_stored_later(chat: InMemoryChat) -> None:
    """The store may be full when it is back; after the end nothing is tried any more."""
    pushing(chat)
    key = chat.service.push.public_key
    unit = Unit((), (Change(PUSH_KEY, "key", None),))
    settled(chat, chat.service._journal.submit(lambda: unit))
    chat.store.refusing = True
    fold = settled(chat, chat.service.push._key.anew())
    fold()
    chat.advance(3 * AGAIN_SECONDS)
    assert not settled(chat, chat.service._store.table(PUSH_KEY))
    chat.store.refusing = False
    chat.advance(AGAIN_SECONDS)
    again = restarted(chat)
    pushing(again)
    assert again.service.push.public_key == key


def test_without_push_no_key_is_made(chat: InMemoryChat) -> None:
    """The store keeps no secret that nobody needs."""
    assert not settled(chat, chat.service._store.table(PUSH_KEY))


@pytest.mark.parametrize("value", [b"", bytes(32), b"\xff" * 32])
def test_a_damaged_key_turns_push_off_and_is_logged(
    chat: InMemoryChat, value: bytes, logged_errors: list[str]
) -> None:
    """Another one would void the subscriptions, so none is made over it."""
    unit = Unit((), (Change(PUSH_KEY, "key", value),))
    settled(chat, chat.service._journal.submit(lambda: unit))
    settled(chat, chat.service.push.begin(FAKE))  # type: ignore[arg-type]
    assert not chat.service.push.on
    assert logged_errors == ["the key for push services is damaged: {problem}"]
    logged_errors.clear()
