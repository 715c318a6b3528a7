"""Moderators' commands, in a whole chat (`chatd.chat.moderation`)."""

from __future__ import annotations

import pytest

from chatd.chat.person import Person
from chatd.model.commands import Say
from chatd.model.errors import (
    NotAllowed,
)
from chatd.model.events import (
    Said,
)
from chatd.model.moderation import (
    Ban,
    Redact,
    Unban,
)
from chatd.testing import InMemoryChat, result_of

from ..kit.chat import events, with_account


def test_the_audit_trail_has_what_moderators_did(
    chat: InMemoryChat, ada: Person, bob: Person
) -> None:
    """In the store, by whom and on whom; what people delete of their own is not in it."""
    mine = chat.perform(bob, Say("dev", "x"))
    assert mine
    chat.perform(bob, Redact("dev", mine))
    chat.perform(ada, Ban("dev", "bob", 60, "spam"))
    chat.perform(ada, Unban("dev", "bob"))
    trail = chat.service.audit_trail.page(with_account(chat, "ruth", admin=True), None, 10)
    chat.settle()
    records, _ = result_of(trail)
    told = [(it.action, it.by, it.room, it.target, it.text) for _, it in reversed(records)]
    assert told == [("ban", "ada", "dev", "bob", "spam"), ("unban", "ada", "dev", "bob", "")]
    with pytest.raises(NotAllowed):
        chat.service.audit_trail.page(ada, None, 10)


def test_a_known_request_key_is_answered_before_any_other_judgement(
    chat: InMemoryChat, ada: Person, bob: Person
) -> None:
    """The sender was banned meanwhile; the message was said before."""
    key = b"k" * 16
    said = chat.service.perform(bob, Say("dev", "1"), key)
    chat.settle()
    first = result_of(said)
    chat.perform(ada, Ban("dev", "bob"))
    assert chat.service.request_keys._answers[key][1] == first
    assert [type(e) for e in events(chat, "dev")].count(Said) == 1
