"""Which texts mention a name: the rule of the page, in `web/texts.js`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd.model.mentions import Mentions, folded, mentions


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("ada", "ada"),
        ("hello Ada!", "ada"),
        ("@ada: look", "ada"),
        ("(ada)", "ada"),
        ("adabob ada", "ada"),
        ("Straße: GROSSE", "grosse"),
        ("cafe\u0301 time", "caf\u00e9"),
        ("a[b]c", "[b]"),
        ("美さん、おはよう", "美"),
        ("hello美hello", "美"),
        ("สวัสดีอาดาครับ", "อาดา"),
    ],
)
def test_a_text_mentions_a_name_that_stands_in_it_as_a_word(text: str, name: str) -> None:
    """In any case, with punctuation around it; scripts without spaces have words anywhere."""
    assert mentions(text, name)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("adam", "ada"),
        ("canada", "ada"),
        ("ada_", "ada"),
        ("ada-2", "ada"),
        ("ada\u0301", "ada"),
        ("", "ada"),
        ("ada", ""),
        ("adà", "ada"),
    ],
)
def test_a_name_inside_of_a_longer_word_is_no_mention(text: str, name: str) -> None:
    """Digits, `_`, `-` and accents go on with a word."""
    assert not mentions(text, name)


NAMES = st.text(st.sampled_from("ab.-_é美1"), min_size=1, max_size=4)


@given(st.lists(NAMES, max_size=6), st.text(st.sampled_from("ab.-_é美1 A"), max_size=12))
def test_many_names_are_found_as_each_alone(names: list[str], text: str) -> None:
    """The grouping changes nothing; a name that was discarded is not found."""
    found = Mentions()
    for name in names:
        found.add(name)
    assert found.found(text) == {folded(name) for name in names if mentions(text, name)}
    for name in names:
        found.discard(name)
    assert not found.found(text)
