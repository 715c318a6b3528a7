"""Lists of an account have a bound that parallel requests do not exceed."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from chatd.chat import account_sessions, ignores, push_subscriptions, tokens
from chatd.chat.accounts import Proof
from chatd.model.account import Account, encode
from chatd.model.errors import BadCredentials, InDoubt, Malformed, NoSession, Unavailable
from chatd.model.units import ACCOUNTS, PUSHES, SESSIONS, Change, Unit, account_table
from chatd.store.redis.reading import READ_SECONDS
from chatd.store.redis.store import WATCH_SECONDS
from chatd.testing import InMemoryChat

from ..kit.chat import HERE, PASSWORD, refused, registered, set_account, settled, signed_in
from ..kit.push import Browser, pushing
from ..kit.redis import absent_server
from ..kit.redis_chat import RedisChats

MOST = 5


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short lists, so that few requests fill them."""
    monkeypatch.setattr(tokens, "MOST_TOKENS", MOST)
    monkeypatch.setattr(ignores, "MOST_IGNORED", MOST)
    monkeypatch.setattr(account_sessions, "MOST_SESSIONS", MOST)
    monkeypatch.setattr(push_subscriptions, "MOST_SUBSCRIPTIONS", MOST)


def make_token(chat: InMemoryChat, session: Any, label: str = "bot") -> Any:
    """Begin to make a token."""
    return chat.service.tokens.make(session.person, session.record, label, "write", None)


def test_parallel_requests_make_no_more_tokens_than_there_may_be(chat: InMemoryChat) -> None:
    """All of them have read the list before any of them is stored."""
    registered(chat, "ada")
    session = signed_in(chat, "ada")
    making = [make_token(chat, session) for _ in range(3 * MOST)]
    chat.settle()
    outcomes = [refused(one) for one in making]
    assert (outcomes.count(None), outcomes.count(Malformed)) == (MOST, 2 * MOST)
    assert len(settled(chat, chat.service.tokens.listed("ada"))) == MOST


def test_parallel_requests_ignore_no_more_names_than_there_may_be(chat: InMemoryChat) -> None:
    """Nor if the requests come in two sessions, and from a program with a token."""
    registered(chat, "ada")
    session, other = signed_in(chat, "ada"), signed_in(chat, "ada")
    _, secret = settled(chat, make_token(chat, session))
    program = settled(chat, chat.service.sessions.adopt(secret, HERE))
    people = [session.person, other.person, program.person]
    ignoring = [
        chat.service.ignores.ignore(person, f"{at}-{number}")
        for number in range(MOST)
        for at, person in enumerate(people)
    ]
    chat.settle()
    outcomes = [refused(one) for one in ignoring]
    assert (outcomes.count(None), outcomes.count(Malformed)) == (MOST, 2 * MOST)
    assert len(settled(chat, chat.service.accounts.ignored("ada"))) == MOST


def test_parallel_requests_at_two_nodes_of_a_redis_make_lists_no_longer_than_they_may_be() -> None:
    """Each node judges by a list that it has read before the other one's changes came."""
    with RedisChats("a", "b") as chats:
        one, two = chats.chats
        account = Change(ACCOUNTS, "ada", encode(Account("ada", created=1)))
        chats.answered(one.node.store.append([Unit((), (account,))]))
        people, records = [], []
        for chat in (one, two):
            records.append(chats.answered(chat.service.accounts.find("ada")))
            people.append(chats.answered(chat.service.arrivals.arrive(records[-1], HERE)))
        asked = []
        for number in range(MOST):
            for place, chat in enumerate((one, two)):
                person, record, service = people[place], records[place], chat.service
                asked.append(service.tokens.make(person, record, "bot", "write", None))
                asked.append(service.ignores.ignore(person, f"spam-{place}-{number}"))
        chats.nodes.settle()
        outcomes = [refused(one) for one in asked]
        assert (outcomes.count(None), outcomes.count(Malformed)) == (2 * MOST, 2 * MOST)
        for chat in (one, two):
            assert len(chats.answered(chat.service.tokens.listed("ada"))) == MOST
            assert len(chats.answered(chat.service.accounts.ignored("ada"))) == MOST
        assert people[0].ignored == people[1].ignored


def test_a_name_that_is_ignored_already_may_be_ignored_again(chat: InMemoryChat) -> None:
    """The full list does not grow by it."""
    registered(chat, "ada")
    person = signed_in(chat, "ada").person
    for number in range(MOST):
        settled(chat, chat.service.ignores.ignore(person, f"spam-{number}"))
    settled(chat, chat.service.ignores.ignore(person, "Spam-0"))
    ignoring = chat.service.ignores.ignore(person, "eve")
    chat.settle()
    assert refused(ignoring) is Malformed


def test_what_is_ignored_and_heard_again_at_once_ends_as_the_last_request_says(
    chat: InMemoryChat,
) -> None:
    """Although the first has to read the list, and the second has not."""
    registered(chat, "ada")
    person = signed_in(chat, "ada").person
    chat.service.ignores.ignore(person, "eve")
    chat.service.ignores.unignore(person, "eve")
    chat.settle()
    assert settled(chat, chat.service.accounts.ignored("ada")) == {}
    assert person.ignored == frozenset()


def test_an_account_that_is_deleted_meanwhile_gets_no_token(chat: InMemoryChat) -> None:
    """Its tokens are removed with it, and none may come after that."""
    proof = registered(chat, "ada")
    session = signed_in(chat, "ada")
    making = make_token(chat, session)
    set_account(chat, proof, deleted=1)
    assert refused(making) is NoSession
    assert settled(chat, chat.service.tokens.listed("ada")) == {}


def test_parallel_requests_begin_no_more_sessions_than_there_may_be(chat: InMemoryChat) -> None:
    """All of them succeed, and the oldest sessions end; nothing is left of those in the store."""
    proof = registered(chat, "ada")
    signed_in(chat, "ada")
    signing = [chat.service.signed_in.begin(proof, HERE, "test") for _ in range(3 * MOST)]
    chat.settle()
    assert [refused(one) for one in signing] == [None] * (3 * MOST)
    assert len(settled(chat, chat.store.table(account_table(SESSIONS, "ada")))) == MOST
    assert len(settled(chat, chat.store.table(SESSIONS))) == MOST


def test_many_sign_ins_at_once_all_succeed_and_each_reads_the_list_once(
    chat: InMemoryChat, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As those of a bot with many connections do after a restart, also if the store is slow."""
    monkeypatch.setattr(account_sessions, "MOST_SESSIONS", 100)
    proof = registered(chat, "ada")
    reads: list[str] = []
    table = chat.store.table

    def slow(name: str) -> Deferred[Any]:
        reads.append(name)
        return deferLater(chat.clock, 0.1, table, name)

    monkeypatch.setattr(chat.store, "table", slow)
    signing = [chat.service.signed_in.begin(proof, HERE, "test") for _ in range(80)]
    for _ in range(80):
        chat.advance(0.1)
    assert [refused(one) for one in signing] == [None] * 80
    assert reads.count(account_table(SESSIONS, "ada")) == 80


def test_sign_ins_that_wait_for_one_account_fail_together_if_the_store_does_not_answer(
    logged_warnings: None,
) -> None:
    """After the time of one, however many there are; a later one tries anew."""
    with RedisChats("a") as chats:
        (one,) = chats.chats
        account = Change(ACCOUNTS, "ada", encode(Account("ada", created=1)))
        chats.answered(one.node.store.append([Unit((), (account,))]))
        proof = Proof(chats.answered(one.service.accounts.find("ada")), 0)

        def signing(count: int) -> list[Deferred[Any]]:
            return [one.service.signed_in.begin(proof, HERE, "test") for _ in range(count)]

        one.node.dialler.server = absent_server()
        one.node.go_mute()
        early = signing(300)
        chats.nodes.advance(READ_SECONDS + 2 * WATCH_SECONDS)
        assert [refused(one) for one in early] == [Unavailable] * 300
        late = signing(3)
        one.node.dialler.server = chats.nodes.server
        chats.nodes.advance(READ_SECONDS)
        assert [refused(one) for one in late] == [None] * 3


def test_of_sign_ins_at_once_only_the_one_that_was_tried_may_have_been_stored(
    chat: InMemoryChat,
) -> None:
    """If the store is in doubt about it, the others may be repeated safely."""
    proof = registered(chat, "ada")
    chat.store.doubting = "lost"
    signing = [chat.service.signed_in.begin(proof, HERE, "test") for _ in range(3)]
    chat.settle()
    assert [refused(one) for one in signing] == [InDoubt, Unavailable, Unavailable]


def test_a_session_does_not_begin_by_a_password_that_is_changed_meanwhile(
    chat: InMemoryChat,
) -> None:
    """Nor in an account that is deleted meanwhile: the client has to sign in again."""
    for name, change in (("ada", {"epoch": 9}), ("bob", {"deleted": 1})):
        proof = registered(chat, name)
        signing = chat.service.signed_in.begin(proof, HERE, "test")
        set_account(chat, proof, **change)
        assert refused(signing) is BadCredentials


def test_parallel_requests_subscribe_no_more_browsers_than_there_may_be(
    chat: InMemoryChat, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of them succeed, and the oldest subscriptions end."""
    monkeypatch.setattr(account_sessions, "MOST_SESSIONS", 100)
    registered(chat, "ada")
    pushing(chat)
    sessions = [signed_in(chat, "ada", PASSWORD) for _ in range(3 * MOST)]
    subscribing = []
    for number, session in enumerate(sessions):
        form = Browser(f"https://push.example.net/{number}").form
        subscribing.append(
            chat.service.push.subscribe(session, form["endpoint"], form["p256dh"], form["auth"])
        )
    chat.settle()
    assert [refused(one) for one in subscribing] == [None] * (3 * MOST)
    assert len(settled(chat, chat.store.table(PUSHES))) == MOST
