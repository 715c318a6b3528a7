"""Scripts and style sheets without what only their readers need: comments, types, and space.

1. What stands in quotes, templates and regular expressions stays as it is.
2. A line break stays where JavaScript may end a statement at it.
"""

from __future__ import annotations

import re
from functools import cache

_QUOTED = rb'"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)*\''
_TEMPLATE = rb"`(?:[^`\\$]|\\.|\$(?!\{)|\$\{(?:INSIDE)*\})*`"
_INNER = _TEMPLATE.replace(b"INSIDE", b"[^{}`]")
_OUTER = _TEMPLATE.replace(b"INSIDE", rb"[^{}`\"]|\{[^{}`]*\}|" + _QUOTED + rb"|" + _INNER)
_EXPRESSION = (
    rb"(?:(?<=[=(,:!&|?;{}\[>\n])|(?<=[=(,:!&|?>] ))/(?![/*])"
    rb"(?:[^/\\\n\[]|\\.|\[(?:[^\]\\\n]|\\.)*\])+/[a-z]*"
)
"""A regular expression, which what stands before it tells apart from a division."""
_KEPT = rb"(?P<kept>" + rb"|".join((_QUOTED, _OUTER, _EXPRESSION)) + rb")"
_COMMENTS = re.compile(_KEPT + rb"|/\*.*?\*/ ?|[ ]*//[^\n]*", re.DOTALL)
_SPACE = re.compile(
    _KEPT + rb"|(?P<lines>[ ]*\n\s*)|[ ]*(?P<sign>[=<>&|?:,;(){}\[\]*!])[ ]*", re.DOTALL
)
_STYLE = re.compile(
    rb"(?P<kept>" + _QUOTED + rb")|/\*.*?\*/|\s*(?P<sign>[{};,>])\s*|(?P<colon>:)[ ]+", re.DOTALL
)


@cache
def compact_script(source: bytes) -> bytes:
    """A JavaScript module that does the same."""
    bare = _COMMENTS.sub(lambda found: found["kept"] or b"", source)
    return _SPACE.sub(_without_space, bare).strip()


@cache
def compact_style(source: bytes) -> bytes:
    """A style sheet that says the same."""
    return _STYLE.sub(
        lambda found: found["kept"] or found["sign"] or found["colon"] or b"", source
    ).strip()


def _without_space(found: re.Match[bytes]) -> bytes:
    if found["lines"] is None:
        return found["kept"] or found["sign"]
    before = found.string[found.start() - 1 : found.start()]
    after = found.string[found.end() : found.end() + 1]
    return b"" if before in b"{;,(" or after in b"})].?&|" else b"\n"
