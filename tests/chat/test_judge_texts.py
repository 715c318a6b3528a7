"""Deleting messages, in a whole chat (`chatd.chat.judge_texts`)."""

from __future__ import annotations

from chatd.chat.person import Person
from chatd.chat.sessions import Session
from chatd.model.commands import Rename, Say
from chatd.model.errors import (
    NotAllowed,
    NotFound,
)
from chatd.model.events import (
    Redacted,
)
from chatd.model.moderation import (
    GiveRole,
    Redact,
)
from chatd.testing import InMemoryChat, result_of

from ..kit.chat import given_to, last, reading, refusal, with_account


def test_a_deleted_message_is_in_no_log_page_or_store(
    chat: InMemoryChat, ada: Person, bob: Person
) -> None:
    """Not in the log, not in the bytes that readers share, not in a page of the store."""
    dev = chat.room("dev")
    id_ = chat.perform(bob, Say("dev", "xyzzy"))
    assert id_
    outlet = reading(chat, dev, owner=Session(bob), cursor=id_ - 1)
    assert b"xyzzy" in outlet.data
    chat.perform(ada, Redact("dev", id_))
    assert last(chat) == Redacted(room="dev", sender="ada", account=True, target=id_)
    late = reading(chat, dev, owner=Session(bob), cursor=id_ - 1)
    assert given_to(late)[0] == {
        "id": id_,
        "type": "message",
        "room": "dev",
        "from": "bob",
        "text": "",
        "account": True,
        "redacted": True,
        "time": given_to(outlet)[0]["time"],
    }
    paging = chat.service.page(dev, None, 10)
    chat.settle()
    assert "xyzzy" not in repr([entry.event for entry in result_of(paging).entries])
    assert chat.perform(ada, Redact("dev", id_)) is None


def test_people_delete_their_own_messages_only(
    chat: InMemoryChat, ada: Person, bob: Person
) -> None:
    """An account its own; an op anybody's, but those of higher roles."""
    eve = with_account(chat, "eve")
    chat.perform(ada, GiveRole("dev", "eve", "op"))
    mine, theirs = (chat.perform(person, Say("dev", "x")) for person in (bob, ada))
    assert mine
    assert theirs
    assert isinstance(refusal(chat, bob, Redact("dev", theirs)), NotAllowed)
    assert isinstance(refusal(chat, eve, Redact("dev", theirs)), NotAllowed)
    chat.perform(bob, Redact("dev", mine))
    assert isinstance(refusal(chat, bob, Redact("dev", 1)), NotFound)
    assert isinstance(refusal(chat, bob, Redact("lobby", theirs)), NotFound)


def test_a_guest_deletes_what_was_said_in_the_session(chat: InMemoryChat) -> None:
    """Under earlier names too, and nothing that another guest of the name had said."""
    first = chat.enter("guido")
    old = chat.perform(first, Say("lobby", "old"))
    assert old
    chat.service.end(first)
    chat.settle()
    guest = chat.enter("guido")
    mine = chat.perform(guest, Say("lobby", "mine"))
    chat.perform(guest, Rename("hugo"))
    assert mine
    assert isinstance(refusal(chat, guest, Redact("lobby", old)), NotAllowed)
    chat.perform(guest, Redact("lobby", mine))
    assert chat.texts("lobby") == ["old", ""]
