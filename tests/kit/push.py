"""Browsers that subscribe to push notifications, and doubles of what sends to them."""

from __future__ import annotations

import json
import os
from base64 import urlsafe_b64encode
from collections.abc import Callable
from typing import Any, NamedTuple

import http_ece
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from twisted.internet.defer import Deferred, succeed

from chatd.chat.push_watch import DELAY_SECONDS
from chatd.chat.sessions import LastingSession
from chatd.model.commands import Say
from chatd.model.push import Subscription
from chatd.testing import InMemoryChat

from .chat import settled, signed_in


def encoded(data: bytes) -> str:
    """Base64 for URLs, without padding, as browsers write it."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()


class Browser:
    """A browser's subscription: its keys, and its address at a push service."""

    def __init__(self, endpoint: str = "https://push.example.net/one") -> None:
        self.endpoint = endpoint
        self._private = ec.generate_private_key(ec.SECP256R1())
        self._secret = os.urandom(16)

    @property
    def keys(self) -> dict[str, str]:
        """Its keys, as it sends them to the chat server."""
        point = self._private.public_key().public_bytes(
            Encoding.X962, PublicFormat.UncompressedPoint
        )
        return {"p256dh": encoded(point), "auth": encoded(self._secret)}

    @property
    def form(self) -> dict[str, str]:
        """The body of `PUT /push`."""
        return {"endpoint": self.endpoint, **self.keys}

    def subscription(self, account: str = "ada") -> Subscription:
        """What the server keeps of it."""
        keys = self.keys
        return Subscription(account, self.endpoint, keys["p256dh"], keys["auth"], 1)

    def read(self, body: bytes) -> dict[str, Any]:
        """The notification in the body of a request to the push service."""
        plain: bytes = http_ece.decrypt(
            body, private_key=self._private, auth_secret=self._secret, version="aes128gcm"
        )
        told: dict[str, Any] = json.loads(plain)
        return told


class Sent(NamedTuple):
    """A notification that was sent."""

    to: Subscription
    key: bytes
    told: dict[str, Any]
    topic: str
    check: Callable[[], Deferred[bool]]


class FakeDelivery:
    """A `Deliverer` that keeps what it is to send."""

    waiting = 0

    def __init__(self) -> None:
        self.sent: list[Sent] = []
        self.gone: set[str] = set()
        """The addresses that push services do not know any more."""

    def send(
        self,
        to: Subscription,
        key: bytes,
        payload: bytes,
        topic: str,
        check: Callable[[], Deferred[bool]],
    ) -> Deferred[bool]:
        """See `Deliverer`."""
        self.sent.append(Sent(to, key, json.loads(payload), topic, check))
        return succeed(to.endpoint not in self.gone)

    @property
    def told(self) -> list[dict[str, Any]]:
        """What was sent since the last look."""
        told = [one.told for one in self.sent]
        self.sent.clear()
        return told


def pushing(chat: InMemoryChat) -> FakeDelivery:
    """Turn push notifications on; returns what gets them."""
    delivery = FakeDelivery()
    settled(chat, chat.service.push.begin(delivery))
    return delivery


def subscribed(
    chat: InMemoryChat,
    name: str,
    browser: Browser | None = None,
    *,
    all: str | None = None,
    none: str | None = None,
) -> LastingSession:
    """A new session of an account, whose browser is to be notified."""
    session = signed_in(chat, name)
    browser = browser or Browser(f"https://push.example.net/{session.id}")
    form = browser.form
    push = chat.service.push
    settled(
        chat,
        push.subscribe(session, form["endpoint"], form["p256dh"], form["auth"], all, none),
    )
    return session


def said_by(chat: InMemoryChat, name: str, text: str, room: str = "lobby") -> int:
    """Have a visitor say something; returns its id."""
    id_: int = settled(chat, chat.service.perform(chat.service.visitor(name), Say(room, text)))
    return id_


def told(chat: InMemoryChat, delivery: FakeDelivery) -> list[dict[str, Any]]:
    """What was sent by the end of the delay."""
    chat.advance(DELAY_SECONDS)
    return delivery.told
