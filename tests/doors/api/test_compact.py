"""Scripts and style sheets as they are served."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from chatd.doors.api.compact import compact_script, compact_style
from chatd.doors.api.page import COMPACT, WEB

SCRIPT = r"""
/** A comment. */
import { one } from "./one.js"; // another

const NUMBER = /** @type {number} */ (1);
export function two(text) {
  const [, word] = /^\/(?!\/) "(\S*)" [, ]$/u.exec(text) ?? [];
  const half = word.length / 2, rest = 4 / half;
  if (!word) return
  one(`a = ${word ? `, ${word} = ` : " // "}
  b = 2`)
  return text.split(/, /u).map(part => ({ part, "a, b": 'c // d' }))[0]
    ?.part;
}
"""
SERVED = (
    'import{one}from "./one.js";const NUMBER=(1);export function two(text){'
    r'const[,word]=/^\/(?!\/) "(\S*)" [, ]$/u.exec(text)??[];'
    "const half=word.length / 2,rest=4 / half;if(!word)return\n"
    'one(`a = ${word ? `, ${word} = ` : " // "}\n  b = 2`)\n'
    "return text.split(/, /u).map(part=>({part,\"a, b\":'c // d'}))[0]?.part;}"
)


def test_script_is_served_without_comments_and_space() -> None:
    """Except in strings, templates and regular expressions, and where a line ends a statement."""
    assert compact_script(SCRIPT.encode()).decode() == SERVED


@pytest.mark.parametrize("name", sorted(file.name for file in WEB.glob("words-*.js")))
def test_every_text_of_a_catalogue_is_served_as_it_was_written(name: str) -> None:
    """Texts hold everything that is shortened elsewhere."""
    source = (WEB / name).read_text()
    texts = re.findall(r'(?<=: )"(?:[^"\\]|\\.)*"', source)
    served = compact_script(source.encode()).decode()
    assert len(texts) > 100
    assert [text for text in texts if text not in served] == []


def test_style_sheet_is_served_without_comments_and_space() -> None:
    """Except in strings, and where space is a combinator."""
    source = """
/* A comment. */
#a :is(b, c) > d:hover, e { margin: 0 calc(1px + 2px); content: "; { x: y }"; }
@media (hover: hover) and (width > 1px) { f { g: h; } }
"""
    assert compact_style(source.encode()).decode() == (
        '#a :is(b,c)>d:hover,e{margin:0 calc(1px + 2px);content:"; { x: y }";}'
        "@media (hover:hover) and (width>1px){f{g:h;}}"
    )


def lines_of(source: str) -> Iterator[str]:
    """The lines of a script that hold code, without types within them."""
    inside = False
    for line in source.splitlines():
        text = line.strip()
        alone = re.fullmatch(r"/\*.*\*/", text) or text.startswith("//")
        inside = inside or (text.startswith("/*") and "*/" not in text)
        if not inside and not alone:
            yield re.sub(r"/\*\* @(?:type|param) [^\"'`*]*\*/ ?", "", text)
        inside = inside and not text.endswith("*/")


def without_space(text: str) -> str:
    return re.sub(r"\s", "", text)


@pytest.mark.parametrize("name", sorted(file.name for file in WEB.glob("*.*s")))
def test_nothing_else_is_left_out(name: str) -> None:
    """Scripts and style sheets differ from what is served by comments, types and space only."""
    source = (WEB / name).read_text()
    compact = COMPACT[f".{name.rpartition('.')[2]}"](source.encode()).decode()
    kept = [re.sub(r"(?<=[;{,)]) //.*| ?/\*\*? @.*?\*/", "", line) for line in lines_of(source)]
    assert without_space(compact) == without_space("".join(kept))
