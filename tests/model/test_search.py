"""Words of texts, and queries."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd.model.errors import Malformed
from chatd.model.search import LONGEST, MOST_WORDS, parsed, words_of


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Hello, World!", ["hello", "world"]),
        ("snake_case foo-bar", ["snake", "case", "foo", "bar"]),
        ("Caf\u00e9 CAFE\u0301", ["cafe", "cafe"]),
        ("Stra\u00dfe", ["strasse"]),
        ("\u6771\u4eac\u3067 lunch", ["\u6771", "\u4eac", "\u3066", "lunch"]),
        ("\u041f\u0440\u0438\u0432\u0435\u0442", ["\u043f\u0440\u0438\u0432\u0435\u0442"]),
        ("x" * 50, ["x" * LONGEST]),
        ("!? \u2014", []),
    ],
)
def test_words_are_compared_without_case_and_accents(text: str, words: list[str]) -> None:
    """In scripts without spaces each character is a word."""
    assert words_of(text) == words


@pytest.mark.parametrize(
    ("query", "text", "matches"),
    [
        ("disk full", "the disk is full", True),
        ("full disk", "the disk is full", True),
        ("disk empty", "the disk is full", False),
        ('"disk is full"', "The DISK is full.", True),
        ('"is disk"', "the disk is full", False),
        ('the "is full', "the disk is full", True),
        ("\u201cdisk is\u201d", "the disk is full", True),
        ("foo-bar", "bar foo", False),
        ("foo-bar", "see foo_bar", True),
        ("dis", "the disk", False),
        ("\u4eac\u90fd", "\u6771\u4eac\u90fd", True),
        ("\u90fd\u4eac", "\u6771\u4eac\u90fd", False),
        ('"a b" "b a"', "a b a", True),
    ],
)
def test_query_matches_texts_that_have_all_words_and_phrases(
    query: str, text: str, matches: bool
) -> None:
    """A word with punctuation in it is a phrase."""
    assert parsed(query).matches(text) is matches


@pytest.mark.parametrize(
    "query", ["", '""', "?!", "x" * 201, " ".join(f"w{n}" for n in range(MOST_WORDS + 1))]
)
def test_query_without_a_word_or_with_too_many_is_refused(query: str) -> None:
    """The error says whether there is no word, or too many."""
    with pytest.raises(Malformed):
        parsed(query)


@given(st.text(max_size=60))
def test_text_is_found_by_itself(text: str) -> None:
    """As a phrase, in any script."""
    if words_of(text) and '"' not in text and len(set(words_of(text))) <= MOST_WORDS:
        query = parsed(text[:200])
        assert query.matches(text)
