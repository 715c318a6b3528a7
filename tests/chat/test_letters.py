"""Private messages between accounts: kept, read again, and told from those of guests."""

from __future__ import annotations

import pytest

from chatd.chat.inbox import INBOX
from chatd.chat.letters import Conversation
from chatd.chat.sessions import LastingSession
from chatd.model.commands import Tell
from chatd.model.errors import NoSuchPerson, NotAllowed, Unavailable
from chatd.model.events import SentPrivately, Told
from chatd.model.letters import conversation
from chatd.stream.eventlog import Page
from chatd.testing import InMemoryChat, result_of

from ..kit.chat import (
    PASSWORD,
    evict_rooms,
    given_to,
    private,
    reading,
    registered,
    restarted,
    settled,
    signed_in,
)


def account(chat: InMemoryChat, name: str) -> LastingSession:
    """A session of a new account."""
    registered(chat, name)
    return signed_in(chat, name)


def gone(chat: InMemoryChat, *sessions: LastingSession) -> None:
    """These sessions are over."""
    for session in sessions:
        settled(chat, chat.service.signed_in.sign_out(session))


def tell(chat: InMemoryChat, session: LastingSession, to: str, *texts: str) -> list[int]:
    """Send private messages; answers their ids."""
    ids = [chat.perform(session.person, Tell(to, text)) for text in texts]
    return [id_ for id_ in ids if id_ is not None]


def talk(chat: InMemoryChat, account: str, partner: str) -> Conversation:
    """A conversation, with its newest messages in memory."""
    found = chat.service.letters.conversation(account, partner, partner)
    settled(chat, chat.service.letters.complete(found))
    return found


def page(chat: InMemoryChat, account: str, partner: str, before: int = 10**18) -> Page:
    """The last messages of a conversation below an id."""
    found = chat.service.letters.conversation(account, partner, partner)
    read: Page = settled(chat, chat.service.letters.page(found, before, 100))
    return read


def texts(page: Page) -> list[str]:
    """What the messages of a page say, those that were sent with an arrow before them."""
    events = [entry.event for entry in page.entries]
    assert all(isinstance(event, Told) for event in events)
    return [f"> {e.text}" if isinstance(e, SentPrivately) else e.text for e in events]  # type: ignore[attr-defined]


def partners(chat: InMemoryChat, account: str) -> list[tuple[str, int]]:
    found, more = settled(chat, chat.service.letters.partners(account, None, 100))
    assert not more
    return [tuple(one) for one in found]


def missed(chat: InMemoryChat, account: str) -> tuple[int, list[str]]:
    """What came for an account while it was away: how many, and the texts."""
    letters = chat.service.letters
    reached = settled(chat, letters.reached(account))
    found = settled(chat, letters.missed(account, reached, chat.service.horizon))
    return found.number, [entry.event.text for entry in found.entries]


def test_a_private_message_between_accounts_is_kept(chat: InMemoryChat) -> None:
    """Each of them reads it from the own side, under one id; over a restart too."""
    ada, bob = account(chat, "ada"), account(chat, "bob")
    first, second = tell(chat, ada, "bob", "psst") + tell(chat, bob, "ada", "yes?")
    for _ in range(2):
        assert texts(page(chat, "ada", "bob")) == ["> psst", "yes?"]
        assert texts(page(chat, "bob", "ada")) == ["psst", "> yes?"]
        assert [entry.id for entry in page(chat, "bob", "ada").entries] == [first, second]
        assert partners(chat, "ada") == [("bob", second)]
        chat = restarted(chat)


def test_one_with_a_guest_is_delivered_and_not_kept(chat: InMemoryChat) -> None:
    """Whoever of them writes."""
    ada, guest = account(chat, "ada"), chat.enter("guy")
    tell(chat, ada, "guy", "hello")
    chat.perform(guest, Tell("ada", "hi"))
    assert [event.text for event in private(ada.person)] == ["hello", "hi"]  # type: ignore[attr-defined]
    assert [event.text for event in private(guest)] == ["hello", "hi"]  # type: ignore[attr-defined]
    assert partners(chat, "ada") == []
    assert not page(chat, "ada", "guy").entries


def test_an_account_that_is_away_gets_them_when_it_is_back(chat: InMemoryChat) -> None:
    """By its cursor, and without any gap."""
    ada, bob = account(chat, "ada"), account(chat, "bob")
    tell(chat, bob, "ada", "before")
    cursor = chat.service.horizon
    gone(chat, ada)
    ids = tell(chat, bob, "ada", "one", "two")
    ada = signed_in(chat, "ada")
    tell(chat, bob, "ada", "three")
    settled(chat, chat.service.letters.complete(ada.person.inbox))
    outlet = reading(chat, ada.person.inbox, owner=ada, cursor=cursor)
    assert [(e["text"], e["id"]) for e in given_to(outlet)][:2] == [
        ("one", ids[0]),
        ("two", ids[1]),
    ]
    assert [e["text"] for e in given_to(outlet)] == ["one", "two", "three"]
    assert not any(batch.gaps for batch in outlet.batches)


def test_a_cursor_before_those_in_memory_is_served_from_the_store(chat: InMemoryChat) -> None:
    """From all conversations, in the order of their ids; none is left out or told twice."""
    ada = account(chat, "ada")
    others = [account(chat, name) for name in ("bob", "cy", "dan")]
    cursor = chat.service.horizon
    said = [f"{n}" for n in range(2 * INBOX)]
    for n, text in enumerate(said):
        tell(chat, others[n % 3], "ada", text)
    gone(chat, ada)
    ada = signed_in(chat, "ada")
    settled(chat, chat.service.letters.complete(ada.person.inbox))
    assert len(ada.person.inbox.log) == INBOX
    outlet = reading(chat, ada.person.inbox, owner=ada, cursor=cursor)
    chat.settle()
    assert [e["text"] for e in given_to(outlet)] == said
    assert not any(batch.gaps for batch in outlet.batches)


def test_an_inbox_reads_on_in_the_store_if_it_was_never_loaded(chat: InMemoryChat) -> None:
    """Its window in memory begins when its account came."""
    ada, bob = account(chat, "ada"), account(chat, "bob")
    gone(chat, ada)
    cursor = chat.service.horizon
    tell(chat, bob, "ada", "one", "two")
    ada = signed_in(chat, "ada")
    assert ada.person.inbox.log.incomplete
    outlet = reading(chat, ada.person.inbox, owner=ada, cursor=cursor)
    chat.settle()
    assert [e["text"] for e in given_to(outlet)] == ["one", "two"]


def test_messages_that_come_while_a_conversation_is_loaded_are_not_lost(
    chat: InMemoryChat,
) -> None:
    """Nor told twice."""
    ada, bob = account(chat, "ada"), account(chat, "bob")
    tell(chat, bob, "ada", "one")
    found = chat.service.letters.conversation("ada", "bob", "bob")
    loading = chat.service.letters.complete(found)
    again = chat.service.letters.complete(found)
    telling = chat.service.perform(bob.person, Tell("ada", "two"))
    chat.settle()
    assert [result_of(loading), result_of(again)] == [None, None]
    assert result_of(telling)
    outlet = reading(chat, found, owner=ada, cursor=1)
    chat.settle()
    assert [e["text"] for e in given_to(outlet)] == ["one", "two"]


def test_all_sessions_and_tokens_of_an_account_read_one_inbox(chat: InMemoryChat) -> None:
    """Also those of a program, which is not present."""
    ada, bob = account(chat, "ada"), account(chat, "bob")
    phone = signed_in(chat, "ada")
    assert ada.record is not None
    _, secret = settled(chat, chat.service.tokens.make(ada.person, ada.record, "x", "write", None))
    program = settled(chat, chat.service.sessions.adopt(secret, ada.address))
    assert phone.person.inbox is ada.person.inbox is program.person.inbox
    tell(chat, bob, "ada", "psst")
    tell(chat, program, "bob", "from a program")
    assert [e.text for e in private(phone.person)] == ["psst", "from a program"]  # type: ignore[attr-defined]


def test_a_guest_who_registers_keeps_its_inbox_and_its_readers(chat: InMemoryChat) -> None:
    """What is said to it from then on is kept, if an account says it."""
    bob = account(chat, "bob")
    opening = chat.service.sessions.open("ada")
    chat.settle()
    ada = result_of(opening)
    inbox = ada.person.inbox
    outlet = reading(chat, inbox, owner=ada)
    tell(chat, bob, "ada", "to a guest")
    settled(chat, chat.service.sign_in.register("ada", PASSWORD, ada.address, ada.person))
    tell(chat, bob, "ada", "to an account")
    assert ada.person.inbox is inbox
    assert [e["text"] for e in given_to(outlet)] == ["to a guest", "to an account"]
    assert texts(page(chat, "ada", "bob")) == ["to an account"]


def test_messages_to_oneself_are_kept_once(chat: InMemoryChat) -> None:
    """As notes."""
    ada = account(chat, "ada")
    tell(chat, ada, "ada", "milk")
    assert texts(page(chat, "ada", "ada")) == ["> milk"]
    assert [e.text for e in private(ada.person)] == ["milk"]  # type: ignore[attr-defined]


def test_an_unknown_name_is_refused(chat: InMemoryChat) -> None:
    """And one that is none, and that of a deleted account."""
    ada, bob = account(chat, "ada"), account(chat, "bob")
    proof = settled(chat, chat.service.sign_in.prove("bob", PASSWORD, bob.address))
    settled(chat, chat.service.sign_in.delete(proof))
    for name in ("nobody", "a b", "bob"):
        with pytest.raises(NoSuchPerson):
            tell(chat, ada, name, "hello")


def test_nobody_reads_the_conversations_of_another_account(chat: InMemoryChat) -> None:
    """The gate refuses the source itself."""
    account(chat, "ada")
    bob = account(chat, "bob")
    with pytest.raises(NotAllowed):
        chat.service.readers.check_reading(bob, talk(chat, "ada", "bob"))
    inbox = next(iter(chat.service.sessions.of("ada"))).person.inbox
    with pytest.raises(NotAllowed):
        chat.service.readers.check_reading(bob, inbox)


def test_an_ignored_message_is_acknowledged_and_kept_for_its_sender_alone(
    chat: InMemoryChat,
) -> None:
    """Whether the recipient is here or away; it does not come up when the sender is heard again."""
    ada, bob = account(chat, "ada"), account(chat, "bob")
    settled(chat, chat.service.ignores.ignore(ada.person, "bob"))
    assert tell(chat, bob, "ada", "here")
    gone(chat, ada)
    assert tell(chat, bob, "ada", "away")
    assert missed(chat, "ada") == (0, [])
    ada = signed_in(chat, "ada")
    settled(chat, chat.service.ignores.unignore(ada.person, "bob"))
    assert partners(chat, "ada") == []
    tell(chat, bob, "ada", "heard")
    assert texts(page(chat, "ada", "bob")) == ["heard"]
    assert texts(page(chat, "bob", "ada")) == ["> here", "> away", "> heard"]


def test_pages_step_over_what_was_ignored(chat: InMemoryChat) -> None:
    """Forwards and backwards: an empty page would look like the end."""
    ada, bob = account(chat, "ada"), account(chat, "bob")
    tell(chat, bob, "ada", "first")
    settled(chat, chat.service.ignores.ignore(ada.person, "bob"))
    tell(chat, bob, "ada", *["unheard"] * 5)
    settled(chat, chat.service.ignores.unignore(ada.person, "bob"))
    tell(chat, bob, "ada", "last")
    letters = chat.service.letters
    found = letters.conversation("ada", "bob", "bob")
    back = settled(chat, letters.page(found, 10**18, 1))
    assert texts(back) == ["last"]
    assert texts(settled(chat, letters.page(found, back.entries[0].id, 1))) == ["first"]
    outlet = reading(chat, found, owner=ada, cursor=1)
    chat.settle()
    assert [e["text"] for e in given_to(outlet)] == ["first", "last"]


def test_what_came_while_an_account_was_away_is_counted(chat: InMemoryChat) -> None:
    """Behind what reached a session; not its own messages, nor those it was told of."""
    ada, bob, cy = (account(chat, name) for name in ("ada", "bob", "cy"))
    assert ada.record is not None
    _, secret = settled(chat, chat.service.tokens.make(ada.person, ada.record, "x", "write", None))
    tell(chat, bob, "ada", "here")
    assert missed(chat, "ada") == (0, [])
    gone(chat, ada)
    tell(chat, bob, "ada", "one")
    tell(chat, cy, "ada", "two")
    program = settled(chat, chat.service.sessions.adopt(secret, ada.address))
    tell(chat, program, "bob", "by a program")
    assert missed(chat, "ada") == (2, ["one", "two"])
    settled(chat, chat.service.correspondence.told("ada"))
    assert missed(chat, "ada") == (0, [])
    tell(chat, cy, "ada", "three")
    assert missed(chat, "ada") == (1, ["three"])


def test_a_deleted_accounts_messages_stay_for_the_other_one(chat: InMemoryChat) -> None:
    """When both accounts are gone, their conversation is erased."""
    ada, bob = account(chat, "ada"), account(chat, "bob")
    tell(chat, ada, "bob", "psst")
    name = conversation("ada", "bob")

    def delete(name: str) -> None:
        proof = settled(chat, chat.service.sign_in.prove(name, PASSWORD, bob.address))
        settled(chat, chat.service.sign_in.delete(proof))

    delete("ada")
    assert texts(page(chat, "bob", "ada")) == ["psst"]
    assert [partner for partner, _ in partners(chat, "bob")] == ["ada"]
    assert partners(chat, "ada") == []
    delete("bob")
    assert name not in chat.store.engine.logs
    assert partners(chat, "bob") == []


def test_conversations_are_no_rooms(chat: InMemoryChat) -> None:
    """In no list, by no count, not even after a restart or when retention has forgotten them."""
    ada = account(chat, "ada")
    account(chat, "bob")
    tell(chat, ada, "bob", "psst")
    for _ in range(2):
        assert [listing.name for listing in chat.service.rooms.listings()] in ([], ["lobby"])
        assert "@ada:bob" not in list(chat.service.rooms.index)
        chat = restarted(chat)
    chat.store.engine.erase(conversation("ada", "bob"))
    chat.settle()
    assert [listing.name for listing in chat.service.rooms.listings()] in ([], ["lobby"])


def test_a_store_that_cannot_be_read_is_told(chat: InMemoryChat) -> None:
    """To who asks for a conversation, and it can be asked for again."""
    ada, bob = account(chat, "ada"), account(chat, "bob")
    tell(chat, bob, "ada", "psst")
    found = chat.service.letters.conversation("ada", "bob", "bob")
    chat.store.unreadable = True
    loading = chat.service.letters.complete(found)
    chat.settle()
    with pytest.raises(Unavailable):
        result_of(loading)
    chat.store.unreadable = False
    assert texts(Page(talk(chat, "ada", "bob").log.latest(9), 0, more=False)) == ["psst"]
    assert ada.person.account == "ada"


def test_a_page_after_an_id_is_the_first_messages_above_it(chat: InMemoryChat) -> None:
    """As the reading account sees them; messages that it is never shown do not end the paging."""
    ada, bob = account(chat, "ada"), account(chat, "bob")
    first, *_ = tell(chat, bob, "ada", "one", "two")
    settled(chat, chat.service.ignores.ignore(ada.person, "bob"))
    tell(chat, bob, "ada", *["unheard"] * 5)
    settled(chat, chat.service.ignores.unignore(ada.person, "bob"))
    tell(chat, ada, "bob", "three")
    letters = chat.service.letters
    found = letters.conversation("ada", "bob", "bob")

    def after(id_: int, limit: int) -> Page:
        read: Page = settled(chat, letters.page_after(found, id_, limit))
        return read

    assert texts(after(first, 1)) == ["two"]
    assert texts(after(after(first, 1).entries[-1].id, 1)) == ["> three"]
    assert texts(after(chat.service.horizon, 9)) == []


def test_a_conversation_stays_in_memory_for_a_while(chat: InMemoryChat) -> None:
    """A client that polls comes back."""
    account(chat, "ada")
    found = talk(chat, "ada", "bob")
    evict_rooms(chat)
    assert chat.service.letters.conversation("ada", "bob", "bob") is found


def test_readers_go_on_from_the_store_after_the_state_was_read_again(chat: InMemoryChat) -> None:
    """The memory may have gaps then: no message is left out, nor told twice."""
    ada, bob = account(chat, "ada"), account(chat, "bob")
    found = talk(chat, "ada", "bob")
    cursor = chat.service.horizon
    tell(chat, bob, "ada", "one")
    sources = (found, ada.person.inbox)
    outlets = [reading(chat, source, owner=ada, cursor=cursor) for source in sources]
    tell(chat, bob, "ada", "two")
    chat.service.letters.restated(chat.service.horizon)
    assert found.log.incomplete
    late = reading(chat, found, owner=ada, cursor=cursor)
    tell(chat, bob, "ada", "three")
    chat.settle()
    for outlet in (*outlets, late):
        assert [e["text"] for e in given_to(outlet)] == ["one", "two", "three"]
        assert not any(batch.gaps for batch in outlet.batches)
    assert texts(page(chat, "ada", "bob")) == ["one", "two", "three"]
