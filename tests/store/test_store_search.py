"""Search: the contract of all stores."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from chatd.model.errors import NoSearch
from chatd.model.events import Acted, Joined, Said, TopicSet
from chatd.model.search import parsed
from chatd.model.units import Redaction
from chatd.store import Found

from ..kit.stores import ENGINES, EngineUnderTest, StoreUnderTest, said, texts


@pytest.fixture(params=[name for name in ENGINES if name != "redis"])
def kept(request: pytest.FixtureRequest) -> Iterator[StoreUnderTest]:
    with StoreUnderTest(EngineUnderTest(request.param)) as kept:
        yield kept


def search(kept: StoreUnderTest, words: str, room: str = "lobby", **options: Any) -> Found:
    """The store's answer."""
    options = {"limit": 50, **options}
    return kept.answered(kept.store.search(room, parsed(words), **options))


def test_messages_with_all_words_are_found_newest_first(kept: StoreUnderTest) -> None:
    """Ignoring case and accents; actions are found, too."""
    kept.stored(said("The caf\u00e9 is open"))
    kept.stored(said("the caf\u00e9 is shut"))
    kept.stored(Acted("lobby", "ada", "opens the CAFE"))
    kept.stored(said("open the Cafe"))
    found = search(kept, "cafe open")
    assert texts(found.entries) == ["open the Cafe", "The caf\u00e9 is open"]
    assert found.next is None
    assert texts(search(kept, "opens").entries) == ["opens the CAFE"]
    assert texts(search(kept, '"cafe is open"').entries) == ["The caf\u00e9 is open"]


def test_only_messages_of_the_room_are_found(kept: StoreUnderTest) -> None:
    """And no other events, such as joins and topics."""
    kept.stored(said("hello", "dev"))
    kept.stored(Joined("lobby", "hello"), TopicSet("lobby", "ada", "hello"))
    assert search(kept, "hello") == Found([], None)
    assert texts(search(kept, "hello", "dev").entries) == ["hello"]
    assert search(kept, "hello", "nowhere").next is None


def test_pages_follow_one_another_without_a_hole(kept: StoreUnderTest) -> None:
    """`next` is the `before` of the next page; the last page has none."""
    for number in range(7):
        kept.stored(said(f"hit {number}"))
        kept.stored(said("other"))
    found, seen = search(kept, "hit", limit=3), []
    while True:
        seen += texts(found.entries)
        if found.next is None:
            break
        found = search(kept, "hit", limit=3, before=found.next)
    assert seen == [f"hit {number}" for number in reversed(range(7))]
    assert search(kept, "hit", before=0) == Found([], None)


def test_page_has_a_bounded_size_but_at_least_one_message(kept: StoreUnderTest) -> None:
    """A message longer than the limit is a page of its own."""
    for _ in range(3):
        kept.stored(said(f"hit {'x' * 1000}"))
    found = search(kept, "hit", size=1500)
    assert (len(found.entries), found.next) == (1, found.entries[0].id)


def test_redacted_message_is_not_found(kept: StoreUnderTest) -> None:
    """Not even by the words that its text had."""
    (id_,) = kept.stored(said("the secret word"))
    kept.stored(said("no word"))
    kept.stored(redacts=[Redaction(id_, Said("lobby", "ada", "", redacted=True))])
    assert texts(search(kept, "word").entries) == ["no word"]


def test_erased_room_is_not_found(kept: StoreUnderTest) -> None:
    """Other rooms are found."""
    kept.stored(said("hello"))
    kept.stored(said("hello", "dev"))
    kept.erase("lobby")
    assert search(kept, "hello") == Found([], None)
    assert texts(search(kept, "hello", "dev").entries) == ["hello"]


def test_redis_says_that_it_cannot_search() -> None:
    """The code is `no-search`."""
    with StoreUnderTest(EngineUnderTest("redis")) as kept, pytest.raises(NoSearch):
        search(kept, "hello")
