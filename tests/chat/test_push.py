"""Push notifications as a whole: turned on and off, subscribing, and what push services say."""

from __future__ import annotations

from typing import Any

import pytest

from chatd.chat.push_watch import QUIET_SECONDS
from chatd.model.errors import BadRoom, ChatError, Malformed, NotFound
from chatd.model.units import PUSHES
from chatd.testing import InMemoryChat

from ..kit.chat import registered, settled, signed_in
from ..kit.push import Browser, pushing, said_by, subscribed, told


def test_without_a_deliverer_push_is_off(chat: InMemoryChat) -> None:
    """Subscribing is refused, and nothing is stored."""
    registered(chat, "ada")
    assert not chat.service.push.on
    with pytest.raises(NotFound, match="operator"):
        subscribed(chat, "ada")


def test_a_browser_that_is_gone_is_forgotten(chat: InMemoryChat) -> None:
    """Its push service does not know it any more."""
    registered(chat, "ada")
    delivery = pushing(chat)
    browser = Browser()
    subscribed(chat, "ada", browser)
    delivery.gone.add(browser.endpoint)
    said_by(chat, "eve", "ada!")
    assert len(told(chat, delivery)) == 1
    assert not settled(chat, chat.service._store.table(PUSHES))
    chat.advance(QUIET_SECONDS)
    said_by(chat, "eve", "ada!")
    assert told(chat, delivery) == []


POINT = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
AUTH = "BTBZMqHH6r4Tts7J_aSIgg"
URL = "https://push.example.net/x"


@pytest.mark.parametrize(
    ("args", "error", "message"),
    [
        (("http://push.example.net/x", POINT, AUTH), Malformed, "https"),
        (("https://127.0.0.1/x", POINT, AUTH), Malformed, "IP address"),
        ((URL, "", AUTH), Malformed, "p256dh has to be 65 bytes"),
        ((URL, POINT[:-1] + "x", AUTH), Malformed, "point on the curve"),
        ((URL, "A" + POINT[1:], AUTH), Malformed, "point on the curve"),
        ((URL, POINT, AUTH + "A"), Malformed, "auth has to be 16 bytes"),
        ((URL, POINT, AUTH, "a b"), BadRoom, "no room's name"),
        ((URL, POINT, AUTH, "", "x," * 301), Malformed, "none has at most"),
    ],
)
def test_a_bad_subscription_is_refused_in_words(
    chat: InMemoryChat, args: tuple[Any, ...], error: type[ChatError], message: str
) -> None:
    """What is wrong with it; nothing is stored."""
    registered(chat, "ada")
    pushing(chat)
    session = signed_in(chat, "ada")
    with pytest.raises(error, match=message):
        chat.service.push.subscribe(session, *args)
    settled(chat, chat.service.push.subscribe(session, URL, POINT, AUTH))


def test_what_is_shown_while_the_subscriptions_are_read_is_not_lost(chat: InMemoryChat) -> None:
    """On a node that starts while another one serves."""
    registered(chat, "ada")
    pushing(chat)
    other = InMemoryChat(node=chat)
    form = Browser().form
    session = signed_in(chat, "ada")
    subscribing = chat.service.push.subscribe(
        session, form["endpoint"], form["p256dh"], form["auth"]
    )
    delivery = pushing(other)
    settled(chat, subscribing)
    said_by(other, "eve", "ada!")
    assert len(told(other, delivery)) == 1


def test_the_state_is_read_again_after_a_loss(chat: InMemoryChat) -> None:
    """Subscriptions that the store has lost are forgotten, and the others known."""
    registered(chat, "ada")
    pushing(chat)
    session = subscribed(chat, "ada")
    push = chat.service.push
    push.subscriptions.restated({})
    assert len(push.subscriptions) == 0
    settled(chat, push.anew())()
    assert push.subscriptions.get(session.hash) is not None
    push.stop()
    settled(chat, push.anew())()
