"""The settings of a server, and how they fit together."""

from __future__ import annotations

from pathlib import Path

import pytest

from chatd.server.settings import options, spelt
from chatd.server.sources import BadSetting, settled, variable


def test_none_closes_a_door_and_all_doors_cannot_be_closed() -> None:
    """A server without a door is a mistake."""
    assert settled({}, {"CHATD_LINE": "none"}, None).doors["line"] == ()
    with pytest.raises(BadSetting, match="every door is closed"):
        settled({}, {"CHATD_LINE": "none", "CHATD_HTTP": "none"}, None)


def test_every_option_has_one_name_in_every_source() -> None:
    """The same word with dashes or as a variable, and help that says what it does."""
    for name, option in options():
        assert spelt(name).replace("-", "_") == name
        assert variable(name) == f"CHATD_{name.upper()}"
        assert option.help.endswith((".", "example.org"))


def test_registering_is_closed_where_accounts_come_from_outside(tmp_path: Path) -> None:
    """Unless the operator opens it."""
    passwords = tmp_path / "passwd"
    passwords.write_text("ada:pw\n")
    auth = {"CHATD_AUTH": f"file:{passwords}"}
    assert settled({}, {}, None).rules.register == "open"
    assert settled({}, auth, None).rules.register == "closed"
    assert settled({"register": "open"}, auth, None).rules.register == "open"
    with pytest.raises(BadSetting, match="no credentials checker"):
        settled({}, {"CHATD_AUTH": "nothing:x"}, None)


def test_a_door_for_guests_is_not_opened_where_there_are_none() -> None:
    """The classic one knows no accounts."""
    with pytest.raises(BadSetting, match="--classic"):
        settled({"guests": "read", "classic": ("tcp:1",)}, {}, None)
