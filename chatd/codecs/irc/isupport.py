"""The features and limits that the server advertises: `005` (RPL_ISUPPORT).

Names are measured in characters, everything else in bytes.
"""

from __future__ import annotations

from collections.abc import Iterator

from ...model.bounds import MAX_NAME, MAX_ROOM
from ...model.restrictions import MOST_IN_ROOM
from ...model.text import MAX_TOPIC
from .masks import USER_LENGTH
from .modes import FLAGS, LISTS, MODES_AT_ONCE, PREFIXES, ROLES

MOST_MONITORED = 100
"""Names that one connection may watch."""
MOST_HISTORY = 1000
"""Messages that a page of history holds, at most."""
MOST_ROOMS = 100
"""Rooms that a session may be in, unless an option says otherwise."""
REAL_NAME = 128
"""Bytes of a real name."""
KICK_TEXT = AWAY_TEXT = 400
"""Bytes of a reason, and of an away message."""
_TOKENS_A_LINE = 13


def tokens(network: str, rooms: int = MOST_ROOMS) -> tuple[str, ...]:
    """The tokens, in the order in which they are sent."""
    return (
        "CASEMAPPING=ascii",
        "CHANTYPES=#",
        f"PREFIX=({''.join(ROLES)}){''.join(PREFIXES.values())}",
        f"CHANMODES={LISTS},,,{''.join(FLAGS)}",
        f"NETWORK={network}",
        f"NICKLEN={MAX_NAME}",
        f"CHANNELLEN={MAX_ROOM + 1}",
        f"TOPICLEN={MAX_TOPIC}",
        f"KICKLEN={KICK_TEXT}",
        f"AWAYLEN={AWAY_TEXT}",
        f"NAMELEN={REAL_NAME}",
        f"USERLEN={USER_LENGTH + 1}",
        f"CHANLIMIT=#:{rooms}",
        f"MODES={MODES_AT_ONCE}",
        f"MAXLIST={LISTS}:{MOST_IN_ROOM}",
        f"TARGMAX=JOIN:,PART:,KICK:{MODES_AT_ONCE},PRIVMSG:1,NOTICE:1,NAMES:1,WHOIS:1,LIST:",
        "ELIST=MNU",
        "SAFELIST",
        "WHOX",
        f"MONITOR={MOST_MONITORED}",
        "BOT=B",
        "UTF8ONLY",
        f"CHATHISTORY={MOST_HISTORY}",
        "MSGREFTYPES=msgid,timestamp",
        "CLIENTTAGDENY=*,-typing",
    )


def lines(network: str, rooms: int = MOST_ROOMS) -> Iterator[tuple[str, ...]]:
    """The tokens, divided into the parameters of one line each."""
    all_tokens = tokens(network, rooms)
    for begin in range(0, len(all_tokens), _TOKENS_A_LINE):
        yield all_tokens[begin : begin + _TOKENS_A_LINE]
