"""The service that sends push notifications."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.testing import MemoryReactorClock

from chatd.chat.push_watch import DELAY_SECONDS
from chatd.model.errors import InDoubt, Unavailable
from chatd.push.posting import Reply
from chatd.server.push import AGAIN_SECONDS, PushService
from chatd.testing import InMemoryChat

from ..kit.chat import registered
from ..kit.push import Browser, said_by, subscribed


class Posts:
    """Takes requests to push services, and answers them."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, bytes]] = []

    def __call__(self, url: str, headers: dict[bytes, list[bytes]], body: bytes) -> Any:
        """See `Post`."""
        assert b"vapid t=" in headers[b"Authorization"][0]
        self.asked.append((url, body))
        return succeed(Reply(201))


def service_of(chat: InMemoryChat) -> tuple[PushService, Posts]:
    """The service of a chat whose store is open."""
    reactor: Any = MemoryReactorClock()
    reactor.nameResolver = None
    service = PushService(reactor, chat.clock.seconds, chat.service, "mailto:a@example.org")
    posts = Posts()
    service._delivery._post = posts
    return service, posts


def test_a_notification_reaches_the_push_service(chat: InMemoryChat) -> None:
    """Encrypted for the browser; after the end of the server nothing is sent."""
    registered(chat, "ada")
    service, posts = service_of(chat)
    service.startService()
    chat.settle()
    assert chat.service.push.on
    browser = Browser()
    subscribed(chat, "ada", browser)
    id_ = said_by(chat, "eve", "ada!")
    chat.advance(DELAY_SECONDS)
    ((url, body),) = posts.asked
    assert url == browser.endpoint
    assert browser.read(body)["id"] == id_
    assert chat.service.push.counts == {"sent": 1}
    service.stopService()
    assert not chat.service.push.on


def test_if_the_store_cannot_be_read_push_begins_later(
    chat: InMemoryChat, logged_warnings: list[str]
) -> None:
    """The server serves meanwhile."""
    service, _ = service_of(chat)
    chat.store.unreadable = True
    service.startService()
    chat.settle()
    assert not chat.service.push.on
    assert logged_warnings[0].startswith("push begins later: ")
    chat.store.unreadable = False
    service._reactor.advance(AGAIN_SECONDS)
    chat.settle()
    assert chat.service.push.on
    service.stopService()


def test_a_server_that_stops_before_push_began_leaves_no_attempt(chat: InMemoryChat) -> None:
    """Its timer is cancelled."""
    service, _ = service_of(chat)
    chat.store.unreadable = True
    service.startService()
    chat.settle()
    service.stopService()
    assert not service._reactor.getDelayedCalls()
    chat.store.unreadable = False
    chat.settle()
    assert not chat.service.push.on


def test_if_it_is_in_doubt_whether_the_key_is_stored_push_begins_later(
    chat: InMemoryChat, monkeypatch: pytest.MonkeyPatch, logged_warnings: list[str]
) -> None:
    """As with Redis, when the connection is lost meanwhile."""
    service, _ = service_of(chat)
    with monkeypatch.context() as away:
        away.setattr(chat.store, "append", lambda _: fail(InDoubt("lost")))
        service.startService()
        chat.settle()
    assert not chat.service.push.on
    assert logged_warnings[0].startswith("push begins later: ")
    service._reactor.advance(AGAIN_SECONDS)
    chat.settle()
    assert chat.service.push.on
    service.stopService()


def test_a_server_that_stops_while_push_begins_leaves_no_attempt(
    chat: InMemoryChat, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer of the store comes after the end."""
    service, _ = service_of(chat)
    reading: Deferred[None] = Deferred()
    monkeypatch.setattr(chat.service.push, "begin", lambda _: reading)
    service.startService()
    service.stopService()
    reading.errback(Unavailable("away"))
    assert not service._reactor.getDelayedCalls()
