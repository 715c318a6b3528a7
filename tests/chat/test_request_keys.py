"""Requests that may be sent again without being carried out again (`chatd.chat.request_keys`)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock

from chatd.chat import request_keys as request_keys_module
from chatd.chat.request_keys import RequestKeys, former_key, request_key
from chatd.model.commands import Act, Command, Join, Leave, Rename, Say, SetTopic, Tell
from chatd.model.errors import BadText, InDoubt, RateLimited, Unavailable
from chatd.model.units import REMEMBERED_SECONDS
from chatd.testing import InMemoryChat, result_of

from ..kit.chat import refused


class Work:
    """A request that counts how often it is performed."""

    def __init__(self) -> None:
        self.begun: list[Deferred[int | None]] = []

    def __call__(self) -> Deferred[int | None]:
        self.begun.append(Deferred())
        return self.begun[-1]


def done(id_: int | None) -> Callable[[], Deferred[int | None]]:
    return lambda: succeed(id_)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def recent(clock: Clock) -> RequestKeys:
    return RequestKeys(clock.seconds)


@pytest.mark.parametrize("answer", [7, 0, None], ids=["an id", "zero", "nothing to announce"])
def test_a_repeat_is_answered_as_the_first_time(recent: RequestKeys, answer: int | None) -> None:
    """The request is not performed again."""
    assert result_of(recent.once(b"k", done(answer))) == answer
    assert result_of(recent.once(b"k", done(99))) == answer


def test_a_repeat_before_the_answer_waits_for_it(recent: RequestKeys) -> None:
    """The first request may still be on its way to the store."""
    work = Work()
    answers = [recent.once(b"k", work) for _ in range(3)]
    assert len(work.begun) == 1
    assert not any(answer.called for answer in answers)
    work.begun[0].callback(7)
    assert [result_of(answer) for answer in answers] == [7, 7, 7]


def test_what_failed_may_be_tried_again(recent: RequestKeys) -> None:
    """Waiting repeats fail too, and the next request is performed."""
    work = Work()
    answers = [recent.once(b"k", work) for _ in range(2)]
    work.begun[0].errback(Unavailable("the disk is full"))
    assert [refused(answer) for answer in answers] == [Unavailable] * 2
    assert result_of(recent.once(b"k", done(8))) == 8


def test_what_was_refused_at_once_may_be_tried_again(recent: RequestKeys) -> None:
    """A rate limit is no outcome to remember."""

    def refuse() -> Deferred[int | None]:
        raise RateLimited("too fast", 1)

    assert refused(recent.once(b"k", refuse)) is RateLimited
    assert result_of(recent.once(b"k", done(8))) == 8


@pytest.mark.parametrize(
    ("seconds", "answer"), [(REMEMBERED_SECONDS - 0.001, 1), (REMEMBERED_SECONDS, 2)]
)
def test_a_repeat_is_recognised_for_five_minutes(
    recent: RequestKeys, clock: Clock, seconds: float, answer: int
) -> None:
    """The time counts from the first request on."""
    recent.once(b"k", done(1))
    clock.advance(seconds / 2)
    recent.once(b"k", done(2))
    clock.advance(seconds / 2)
    assert result_of(recent.once(b"k", done(2))) == answer


def test_beyond_the_bound_the_oldest_is_forgotten_first(
    recent: RequestKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory is bounded whatever the clients send."""
    monkeypatch.setattr(request_keys_module, "MOST_REMEMBERED", 3)
    for key in range(4):
        recent.once(b"%d" % key, done(key))
    assert [result_of(recent.once(b"%d" % key, done(99))) for key in (3, 2, 0)] == [3, 2, 99]


def test_an_answer_that_comes_late_reaches_everyone_who_waits_for_it(
    recent: RequestKeys, clock: Clock
) -> None:
    """A store may be slow for longer than a repeat is remembered; nothing is done twice."""
    work = Work()
    early = recent.once(b"k", work)
    clock.advance(REMEMBERED_SECONDS)
    late = [recent.once(b"k", work) for _ in range(2)]
    assert len(work.begun) == 1
    work.begun[0].callback(1)
    assert [result_of(answer) for answer in (early, *late)] == [1, 1, 1]
    assert result_of(recent.once(b"k", done(99))) == 1


# -- keys ----------------------------------------------------------------------------------------

COMMANDS = [
    Say("dev", "hi"),
    Act("dev", "hi"),
    SetTopic("dev", "hi"),
    Tell("dev", "hi"),
    Join("dev"),
    Leave("dev"),
    Leave("dev", "hi"),
    Rename("dev"),
]


def test_requests_that_differ_in_anything_have_different_keys() -> None:
    """They may differ in scope, client's key, kind of command, or arguments."""
    keys = {
        request_key(who, key, command)
        for who in ("ada", "bob")
        for key in ("1", "2")
        for command in COMMANDS
    }
    assert len(keys) == 4 * len(COMMANDS)


@given(st.lists(st.tuples(st.text(), st.text(), st.text()), min_size=2, max_size=2, unique=True))
def test_no_text_makes_two_requests_alike(asked: list[tuple[str, str, str]]) -> None:
    """Quotes, commas and brackets in it change nothing."""
    first, second = (request_key(who, key, Say("dev", text)) for who, key, text in asked)
    assert first != second


def test_a_text_that_cannot_be_encoded_has_a_key(chat: InMemoryChat) -> None:
    """Its command is refused as malformed, without an internal error."""
    command = Say("dev", "\ud800")
    key = chat.service.request_keys.key("ada", "1", command)
    ada = chat.enter("ada")
    outcome = chat.service.request_keys.once(key, lambda: chat.service.perform(ada, command, key))
    assert refused(outcome) is BadText


def test_keys_are_the_same_in_every_process() -> None:
    """They are stored, so another encoding would forget requests from before an upgrade."""
    assert request_key("ada", "1", Say("dev", "hi")).hex() == "3f10fe51518c358283f3a3052d3daffb"


@pytest.mark.parametrize(
    ("command", "stored"),
    [
        (Say("dev", "hi"), "92a6cc2abde54c2512501a72837c1307"),
        (Act("dev", 'a "b"'), "b1c25a183be1c29a3f8e76476e3029fb"),
        (SetTopic("dev", ""), "518a62ef6502d4d88cf2c674188feda0"),
        (Tell("bob", "é"), "c9b2ca5426ca3dc8627115bfa91dc48b"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_key_that_the_version_before_has_stored_is_known(
    chat: InMemoryChat, command: Command, stored: str
) -> None:
    """This lasts five minutes after the upgrade, for the same request only."""
    keys = chat.service.request_keys
    assert former_key("ada", "1", command).hex() == stored
    keys.opened({bytes.fromhex(stored): 7})
    known = keys.key("ada", "1", command)
    assert result_of(keys.once(known, done(99))) == 7
    assert keys.key("ada", "2", command) == request_key("ada", "2", command)
    chat.advance(REMEMBERED_SECONDS)
    assert keys.key("ada", "1", command) == request_key("ada", "1", command)
    assert keys._found == {}


# -- in a chat -----------------------------------------------------------------------------------


def said(chat: InMemoryChat, key: str, text: str = "hi") -> Deferred[int | None]:
    """A visitor says something in a request with a key."""
    command = Say("lobby", text)
    hashed = chat.service.request_keys.key("ada", key, command)
    visitor = chat.service.visitor("ada")
    return chat.service.request_keys.once(
        hashed, lambda: chat.service.perform(visitor, command, hashed)
    )


def test_a_request_that_was_refused_may_be_sent_again_and_is_carried_out_once(
    chat: InMemoryChat,
) -> None:
    """A full disk refuses it, for example."""
    chat.store.refusing = True
    first = said(chat, "1")
    chat.settle()
    assert refused(first) is Unavailable
    chat.store.refusing = False
    answers = [said(chat, "1") for _ in range(2)]
    chat.settle()
    answers.append(said(chat, "1"))
    assert len({result_of(answer) for answer in answers}) == 1
    assert chat.texts("lobby") == ["hi"]


@pytest.mark.parametrize("fate", ["stored", "lost"])
def test_a_request_in_doubt_can_be_sent_again_with_its_key(chat: InMemoryChat, fate) -> None:
    """It is carried out once, whether the first request was stored or lost."""
    chat.store.doubting = fate
    first = said(chat, "1")
    chat.settle()
    assert refused(first) is InDoubt
    chat.store.doubting = None
    answer = said(chat, "1")
    chat.settle()
    assert result_of(answer) == chat.entries("lobby")[-1].id
    assert chat.texts("lobby") == ["hi"]


def test_a_request_sent_to_two_nodes_is_carried_out_once() -> None:
    """This holds at the same time, and one after the other."""
    one = InMemoryChat()
    two = InMemoryChat(node=one)
    answers = [said(one, "1"), said(two, "1")]
    one.settle()
    answers += [said(two, "1"), said(one, "1")]
    assert len({result_of(answer) for answer in answers}) == 1
    assert one.texts("lobby") == two.texts("lobby") == ["hi"]


def test_a_key_that_only_the_store_remembers_is_enough(chat: InMemoryChat) -> None:
    """This node's memory of keys is bounded; the store recognises the repeat."""
    first = said(chat, "1")
    chat.settle()
    chat.service.request_keys._answers.clear()
    again = said(chat, "1")
    chat.settle()
    assert result_of(first) == result_of(again)
    assert chat.texts("lobby") == ["hi"]
