"""Search: the words of a text, and queries for them.

1. A word is a run of letters and digits, compared without case and accents (NFKD, combining marks
   removed).
2. In scripts that are written without blanks (Chinese, Japanese, Thai and the like) each character
   is a word, so a run of them in a query is a phrase.
3. Texts and queries are cut in the same way, on every store.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from .bounds import QUERY
from .errors import Malformed

MOST_WORDS = 20
"""Words in a query."""
LONGEST = 40
"""Characters of a word that are compared."""
SCHEME = f"1-{unicodedata.unidata_version}"
"""Version of the rules that cut a text into words; an index made under another scheme is rebuilt.
It names the Unicode version because that decides what a letter is."""

_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff"
)
_WORD = re.compile(f"[{_UNSPACED}]|[^\\W_{_UNSPACED}]+")
_ASCII_WORD = re.compile("[a-z0-9]+")
_QUOTED = re.compile('["\u201c\u201d\u201e\u201f]')


def words_of(text: str) -> list[str]:
    """The words of a text, in their order."""
    if text.isascii():
        found = _ASCII_WORD.findall(text.lower())
    else:
        folded = unicodedata.normalize("NFKD", text.casefold()).casefold()
        plain = "".join(char for char in folded if not unicodedata.combining(char))
        found = _WORD.findall(plain)
    return [word[:LONGEST] for word in found] if len(text) > LONGEST else found


@dataclass(frozen=True)
class Query:
    """A search query: a text matches if it contains each phrase, as consecutive words."""

    phrases: Sequence[Sequence[str]]
    """Phrases of one word or several; at least one."""

    @property
    def words(self) -> frozenset[str]:
        """All words of the phrases."""
        return frozenset(word for phrase in self.phrases for word in phrase)

    @property
    def ordered(self) -> bool:
        """Whether a text that has all the words may lack a phrase."""
        return any(len(phrase) > 1 for phrase in self.phrases)

    def matches(self, text: str) -> bool:
        """Whether a text has all the phrases."""
        words = words_of(text)
        if not self.words.issubset(words):
            return False
        return all(_has(words, phrase) for phrase in self.phrases if len(phrase) > 1)


def parsed(text: str) -> Query:
    """A query as people type it: words, and phrases in double quotes.  A quote without an end
    reaches to the end of the text.

    Raises `Malformed` for a query without a word, or with too many.
    """
    phrases: list[tuple[str, ...]] = []
    for place, part in enumerate(_QUOTED.split(QUERY.check(text))):
        for phrase in [part] if place % 2 else part.split():
            if words := words_of(phrase):
                phrases.append(tuple(words))
    query = Query(tuple(dict.fromkeys(phrases)))
    if not query.phrases:
        raise Malformed("there is no word in q; search for letters or digits")
    if len(query.words) > MOST_WORDS:
        raise Malformed(f"q has at most {MOST_WORDS} words; search for fewer")
    return query


def _has(words: Sequence[str], phrase: Sequence[str]) -> bool:
    """Whether a text with these words has a phrase."""
    first, most = phrase[0], len(words) - len(phrase)
    return any(
        words[place] == first and tuple(words[place : place + len(phrase)]) == phrase
        for place in range(most + 1)
    )
