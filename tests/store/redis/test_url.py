"""URLs of Redis stores."""

from __future__ import annotations

import pytest

from chatd.model.errors import Malformed
from chatd.store.redis.url import RedisUrl, parse


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("redis://db", RedisUrl((("db", 6379),))),
        ("redis://db:7000/3", RedisUrl((("db", 7000),), database=3)),
        ("redis://:s%40cret@db", RedisUrl((("db", 6379),), password="s@cret")),
        ("redis://chat:s@[::1]:7/", RedisUrl((("::1", 7),), user="chat", password="s")),
        ("rediss://db?prefix=two", RedisUrl((("db", 6379),), tls=True, prefix="two")),
        (
            "redis+sentinel://:s@a,b:7/main/2",
            RedisUrl((("a", 26379), ("b", 7)), service="main", password="s", database=2),
        ),
    ],
)
def test_a_url_says_where_the_chat_is(url: str, said: RedisUrl) -> None:
    """Host, port, database, login, prefix; or sentinels and their service."""
    assert parse(url) == said


@pytest.mark.parametrize(
    "url",
    [
        "redis://",
        "redis://db:port",
        "redis://db:99999",
        "redis://a,b",
        "redis://db/one",
        "redis://db/-1",
        "redis://db/0/1",
        "redis://db?prefix=",
        "redis://db?prefix={x}",
        "redis://db?prefix=a&poolsize=3",
        "redis://db?x",
        "redis+sentinel://a:1",
        "redis://:secret@/0",
    ],
)
def test_a_url_that_says_something_else_is_refused(url: str) -> None:
    """In one line, which does not tell the password."""
    with pytest.raises(Malformed) as refusal:
        parse(url)
    assert "\n" not in refusal.value.message
    assert "secret" not in refusal.value.message


def test_the_place_of_a_store_is_told_without_its_password() -> None:
    """It stands in logs."""
    assert parse("redis://:secret@db").place == "db:6379"
    assert parse("redis+sentinel://:secret@a,b/main").place == "main by a:26379,b:26379"
