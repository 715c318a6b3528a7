"""The tokens of `005`, by which clients learn the server's limits."""

from __future__ import annotations

from chatd.codecs.irc import isupport
from chatd.codecs.irc.message import MAX_BODY, form


def test_isupport_lines_have_at_most_thirteen_tokens() -> None:
    """RFC 1459 allows 15 parameters; each line fits even with the longest nick and server name."""
    told = [*isupport.lines("chatd")]
    assert [token for line in told for token in line] == [*isupport.tokens("chatd")]
    for line in told:
        assert len(line) <= 13
        text = form("005", "x" * 32, *line, text="are supported by this server", source="x" * 63)
        assert text.endswith(":are supported by this server")
        assert len(text) <= MAX_BODY


def test_isupport_has_the_advertised_tokens() -> None:
    """Clients parse them, so they are compared literally."""
    tokens = isupport.tokens("chatd")
    assert "PREFIX=(qov)~@+" in tokens
    assert "CHANMODES=b,,,imMnst" in tokens
    assert "TARGMAX=JOIN:,PART:,KICK:4,PRIVMSG:1,NOTICE:1,NAMES:1,WHOIS:1,LIST:" in tokens
    assert {"USERLEN=11", "CHANNELLEN=65", "NICKLEN=32", "CHANLIMIT=#:100"} <= set(tokens)
