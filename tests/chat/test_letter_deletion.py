"""Deleting private messages: who may, who is told, and where the text is gone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from chatd.chat.inbox import INBOX
from chatd.chat.sessions import LastingSession
from chatd.codecs.json import JSON
from chatd.model.audit import decode_record
from chatd.model.commands import Tell
from chatd.model.errors import ChatError, NoSuchPerson, NotAllowed, NotFound
from chatd.model.events import RedactedPrivately, Told
from chatd.model.letters import conversation
from chatd.model.moderation import RedactPrivately
from chatd.model.units import AUDIT
from chatd.testing import InMemoryChat

from ..kit.chat import (
    administrator,
    evict_rooms,
    given_to,
    private,
    reading,
    refusal,
    restarted,
    settled,
    signed_in,
)
from ..kit.file_chat import FileChat
from .test_letters import account, gone, missed, page, talk, tell

SECRET = "xyzzy-plugh"


def delete(chat: InMemoryChat, session: LastingSession, to: str, id_: int, text: str = "") -> Any:
    """Delete a private message; answers the id of that event."""
    return chat.perform(session.person, RedactPrivately(to, id_, text))


def shown(chat: InMemoryChat, account: str, partner: str) -> str:
    """A conversation as an account reads it from the store, as JSON."""
    return "".join(entry.encoded(JSON).decode() for entry in page(chat, account, partner).entries)


def test_author_deletes_a_message_of_its_own(chat: InMemoryChat) -> None:
    """Both accounts are told the same, and read the message without its text from then on."""
    ada, bob = account(chat, "ada"), account(chat, "Bob")
    (id_,) = tell(chat, ada, "bob", SECRET)
    deletion = delete(chat, ada, "bob", id_, "oops")
    told = RedactedPrivately(sender="ada", to="Bob", account=True, target=id_, text="oops")
    for session, partner in ((ada, "bob"), (bob, "ada")):
        message, event = private(session.person)
        assert isinstance(message, Told)
        assert (message.text, message.redacted, message.sender) == ("", True, "ada")
        assert event == told
        read = page(chat, session.person.key, partner).entries
        assert [entry.id for entry in read] == [id_, deletion]
        assert read[1].event == told
        assert SECRET not in shown(chat, session.person.key, partner)
    assert delete(chat, ada, "bob", id_) is None
    assert len(private(ada.person)) == 2


def test_others_may_not_delete_it(chat: InMemoryChat) -> None:
    """Not its recipient, not another account, and no guest: nothing shows that it exists."""
    ada, bob, cy = (account(chat, name) for name in ("ada", "bob", "cy"))
    (id_,) = tell(chat, ada, "bob", SECRET)
    assert type(refusal(chat, bob.person, RedactPrivately("ada", id_))) is NotAllowed
    for partner in ("ada", "bob"):
        assert type(refusal(chat, cy.person, RedactPrivately(partner, id_))) is NotFound
    assert type(refusal(chat, chat.enter("eve"), RedactPrivately("bob", id_))) is NotAllowed
    for command in (RedactPrivately("nobody", id_), RedactPrivately("no name!", id_)):
        assert type(refusal(chat, ada.person, command)) is NoSuchPerson
    assert type(refusal(chat, ada.person, RedactPrivately("bob", id_ + 1))) is NotFound
    assert private(bob.person)[0].text == SECRET  # type: ignore[attr-defined]


def test_the_deletion_itself_cannot_be_deleted(chat: InMemoryChat) -> None:
    """Its id is no message's."""
    ada, _ = account(chat, "ada"), account(chat, "bob")
    (id_,) = tell(chat, ada, "bob", SECRET)
    deletion = delete(chat, ada, "bob", id_)
    assert type(refusal(chat, ada.person, RedactPrivately("bob", deletion))) is NotFound


@pytest.mark.parametrize("named", ["ada", "bob"])
def test_administrator_deletes_a_message_of_others(chat: InMemoryChat, named: str) -> None:
    """By the name of either; both are told who did it, and the audit trail has it."""
    administrator(chat, "zoe")
    zoe, ada, bob = signed_in(chat, "zoe"), account(chat, "ada"), account(chat, "bob")
    tell(chat, bob, "zoe", "see what ada writes")
    (id_,) = tell(chat, ada, "bob", SECRET)
    tell(chat, bob, "ada", "well")
    assert delete(chat, zoe, named, id_)
    for session in (ada, bob):
        event = private(session.person)[-1]
        assert isinstance(event, RedactedPrivately)
        assert (event.sender, event.to, event.by) == ("ada", "bob", "zoe")
    assert SECRET not in shown(chat, "bob", "ada")
    assert not any(isinstance(event, RedactedPrivately) for event in private(zoe.person))
    records = settled(chat, chat.store.table(AUDIT)).values()
    record = decode_record(list(records)[-1].value)
    assert (record.action, record.by, record.target, record.text) == (
        "redact",
        "zoe",
        "ada",
        str(id_),
    )


def test_a_recipient_who_ignored_the_author_is_not_told(chat: InMemoryChat) -> None:
    """It never had the message."""
    ada, bob = account(chat, "ada"), account(chat, "bob")
    settled(chat, chat.service.ignores.ignore(bob.person, "ada"))
    (id_,) = tell(chat, ada, "bob", SECRET)
    delete(chat, ada, "bob", id_)
    assert private(bob.person) == []
    assert page(chat, "bob", "ada").entries == []
    assert len(private(ada.person)) == 2


def test_open_readers_of_inbox_and_conversation_are_told(chat: InMemoryChat) -> None:
    """A new reader from an old cursor gets the message without its text, and the deletion."""
    ada, bob = account(chat, "ada"), account(chat, "bob")
    before = chat.service.horizon
    (id_,) = tell(chat, ada, "bob", SECRET)
    inbox, conversation = bob.person.inbox, talk(chat, "bob", "ada")
    open_ = [reading(chat, source, owner=bob) for source in (inbox, conversation)]
    delete(chat, ada, "bob", id_)
    again = [reading(chat, source, owner=bob, cursor=before) for source in (inbox, conversation)]
    chat.settle()
    for outlet in open_:
        assert [(event["type"], event["target"]) for event in given_to(outlet)] == [("redact", id_)]
    for outlet in again:
        message, event = given_to(outlet)
        assert (message["text"], message["redacted"], event["target"]) == ("", True, id_)
        assert SECRET not in outlet.data.decode()


def test_one_who_was_away_reads_the_deletion_from_the_store(chat: InMemoryChat) -> None:
    """From its cursor, although no message has come since; a deleted one is not counted."""
    ada, bob = account(chat, "ada"), account(chat, "bob")
    (first,) = tell(chat, ada, "bob", SECRET)
    tell(chat, bob, "ada", "psst")
    cursor = chat.service.horizon
    gone(chat, bob)
    (second,) = tell(chat, ada, "bob", SECRET)
    for id_ in (first, second):
        delete(chat, ada, "bob", id_)
    assert missed(chat, "bob") == (0, [])
    chat = restarted(chat)
    bob = signed_in(chat, "bob")
    outlet = reading(chat, bob.person.inbox, owner=bob, cursor=cursor)
    chat.settle()
    told = [(event["type"], event.get("target", event["id"])) for event in given_to(outlet)]
    assert told == [("private", second), ("redact", first), ("redact", second)]
    assert SECRET not in outlet.data.decode()
    (last,) = settled(chat, chat.service.letters.partners("bob", None, 10))[0]
    assert last.last == second  # a deletion is no message


@pytest.mark.parametrize("read", ["page", "complete", "archive", "missed"])
def test_a_page_that_was_read_before_the_deletion_is_cleared(
    chat: InMemoryChat, read: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However late it arrives."""
    ada, bob = account(chat, "ada"), account(chat, "bob")
    begin = chat.service.horizon
    (id_,) = tell(chat, ada, "bob", SECRET)
    if read == "archive":
        tell(chat, ada, "bob", *map(str, range(INBOX)))
    evict_rooms(chat)
    held: list[Any] = []
    original = chat.store.read

    def hold(*args: Any, **kinds: Any) -> Any:
        answer: Deferred[Any] = Deferred()
        original(*args, **kinds).addCallback(lambda found: held.append((answer, found)))
        return answer

    letters = chat.service.letters
    with monkeypatch.context() as patched:
        patched.setattr(chat.store, "read", hold)
        found = letters.conversation("bob", "ada", "ada")
        outcome: list[Any] = []
        if read == "page":
            letters.page(found, 10**18, 10).addCallback(outcome.append)
        elif read == "complete":
            letters.complete(found).addCallback(outcome.append)
        elif read == "missed":
            letters.missed("bob", begin, chat.service.horizon).addCallback(outcome.append)
        else:
            outlet = reading(chat, bob.person.inbox, owner=bob, cursor=begin)
        chat.settle()
        assert held
        patched.undo()
    delete(chat, ada, "bob", id_)
    for answer, page_ in held:
        answer.callback(page_)
    chat.settle()
    if read == "archive":
        first = given_to(outlet)[0]
        assert (first["id"], first["text"]) == (id_, "")
        return
    entries = {"page": lambda: outcome[0].entries, "missed": lambda: outcome[0].entries}.get(
        read, lambda: found.log.since(0).entries
    )()
    assert outcome
    assert SECRET not in json.dumps([entry.encoded(JSON).decode() for entry in entries])
    assert [entry.id for entry in entries if entry.id == id_] == ([] if read == "missed" else [id_])


def test_the_last_message_to_somebody_is_found(chat: InMemoryChat) -> None:
    """The newest that is not deleted, and one's own."""
    ada, bob = account(chat, "ada"), account(chat, "bob")
    letters = chat.service.letters
    assert settled(chat, letters.last_sent("ada", "bob")) is None
    first, second = tell(chat, ada, "bob", "1", "2")
    tell(chat, bob, "ada", "3")
    assert settled(chat, letters.last_sent("ada", "bob")) == second
    delete(chat, ada, "bob", second)
    assert settled(chat, letters.last_sent("ada", "bob")) == first


def test_a_deleted_text_is_not_in_the_file(tmp_path: Path) -> None:
    """Neither in the database nor in its write-ahead log, also after a restart."""
    path = tmp_path / "chat.db"
    chat = FileChat(path)
    try:
        ada, _ = account(chat, "ada"), account(chat, "bob")
        (id_,) = tell(chat, ada, "bob", SECRET)
        assert any(SECRET.encode() in file.read_bytes() for file in tmp_path.iterdir())
        delete(chat, ada, "bob", id_)
        chat.settle()
        assert not any(SECRET.encode() in file.read_bytes() for file in tmp_path.iterdir())
        assert SECRET not in shown(chat, "bob", "ada")
    finally:
        chat.stop()
    chat = FileChat(path)
    try:
        assert '"redacted":true' in shown(chat, "bob", "ada")
    finally:
        chat.stop()


def test_a_deleted_account_s_messages_can_be_deleted_by_the_other_one_s_administrator(
    chat: InMemoryChat,
) -> None:
    """They stay when their account is deleted, so they can be deleted after it too."""
    administrator(chat, "zoe")
    zoe, ada, bob = signed_in(chat, "zoe"), account(chat, "ada"), account(chat, "bob")
    (id_,) = tell(chat, ada, "bob", SECRET)
    administration = chat.service.administration
    settled(chat, administration.remove(zoe.person, "ada"))
    assert delete(chat, zoe, "bob", id_)
    assert SECRET not in shown(chat, "bob", "ada")
    assert bob.person.account


def test_both_nodes_forget_the_text() -> None:
    """A node that shares the store clears its memory too."""
    one = InMemoryChat()
    other = InMemoryChat(node=one)
    ada, _ = account(one, "ada"), account(one, "bob")
    bob = signed_in(other, "bob")
    (id_,) = tell(one, ada, "bob", SECRET)
    other.settle()
    assert [event.text for event in private(bob.person)] == [SECRET]  # type: ignore[attr-defined]
    delete(one, ada, "bob", id_)
    other.settle()
    message, event = private(bob.person)
    assert message.text == ""  # type: ignore[attr-defined]
    assert isinstance(event, RedactedPrivately)


def test_a_message_that_is_repeated_after_its_deletion_is_not_said_again(
    chat: InMemoryChat,
) -> None:
    """Its request key answers its id, and tells nothing of the text."""
    ada, bob = account(chat, "ada"), account(chat, "bob")
    key = b"k" * 16
    first = settled(chat, chat.service.perform(ada.person, Tell("bob", SECRET), key))
    delete(chat, ada, "bob", first)
    assert settled(chat, chat.service.perform(ada.person, Tell("bob", SECRET), key)) == first
    assert len(private(bob.person)) == 2


def test_reasons_and_ids_are_checked(chat: InMemoryChat) -> None:
    """As those of other deletions."""
    ada, _ = account(chat, "ada"), account(chat, "bob")
    (id_,) = tell(chat, ada, "bob", SECRET)
    with pytest.raises(ChatError):
        delete(chat, ada, "bob", id_, "x" * 1000)
    assert conversation("ada", "bob") == "@ada:bob"
