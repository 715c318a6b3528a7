"""What moderators did, in words."""

from __future__ import annotations

import pytest

from chatd.codecs.moderated import told
from chatd.model.events import (
    BanLifted,
    BanPlaced,
    InvitedIn,
    Moderated,
    MuteLifted,
    MutePlaced,
    PutOut,
    Redacted,
    RoleGiven,
    SettingsChanged,
)

UNTIL = "2026-11-29T12:00:00Z"
WORDS: list[tuple[Moderated, str]] = [
    (
        SettingsChanged(room="dev", sender="ada", access="members", listed=False, slow=3),
        "ada changed the settings of #dev: access members, listed off, slow 3",
    ),
    (RoleGiven(room="dev", sender="ada", target="bob", role="op"), "ada made bob an op of #dev"),
    (
        RoleGiven(room="dev", sender="ada", target="bob", role="voice"),
        "ada made bob a voice of #dev",
    ),
    (
        RoleGiven(room="dev", sender="ada", target="bob", role=None),
        "ada took the role of bob in #dev",
    ),
    (PutOut(room="dev", sender="ada", target="bob"), "ada kicked bob from #dev"),
    (PutOut(room="dev", sender="ada", target="bob", text="spam"), "ada kicked bob from #dev: spam"),
    (
        BanPlaced(room="dev", sender="ada", target="bob", ban="x", text="spam", until=UNTIL),
        "ada banned bob from #dev until 2026-11-29 12:00 UTC: spam",
    ),
    (
        BanLifted(room="dev", sender="ada", target="bob", ban="x"),
        "ada lifted the ban of bob from #dev",
    ),
    (MutePlaced(room="dev", sender="ada", target="bob"), "ada muted bob in #dev"),
    (MuteLifted(room="dev", sender="ada", target="bob"), "ada lets bob speak again in #dev"),
    (InvitedIn(room="dev", sender="ada", target="bob"), "ada made bob a member of #dev"),
    (Redacted(room="dev", sender="ada", target=7), "ada deleted the message 7"),
]


@pytest.mark.parametrize(("event", "words"), WORDS)
def test_a_moderation_event_is_described(event: Moderated, words: str) -> None:
    """With moderator, person, room, time limit and reason."""
    assert told(event) == words


def test_every_moderation_event_has_an_example_above() -> None:
    """So a new one needs a description."""
    assert {type(event) for event, _ in WORDS} == set(Moderated.__subclasses__())
