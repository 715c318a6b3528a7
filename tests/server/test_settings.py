"""The settings of a server, and how they fit together."""

from __future__ import annotations

from pathlib import Path

import pytest

from chatd.server.settings import options, spelt
from chatd.server.sources import BadSetting, settled, variable


def test_none_closes_a_door_but_not_all_doors() -> None:
    """A server without a door is a mistake."""
    assert settled({}, {"CHATD_LINE": "none"}, None).doors["line"] == ()
    with pytest.raises(BadSetting, match="every door is closed"):
        settled({}, {"CHATD_LINE": "none", "CHATD_HTTP": "none"}, None)
    others = {"CHATD_LINE": "none", "CHATD_HTTP": "none"}
    assert settled({}, {**others, "CHATD_IRC": "tcp:1"}, None).yielding == frozenset()


def test_every_option_has_one_name_in_every_source() -> None:
    """The same word with dashes, or as a variable; its help is a sentence."""
    for name, option in options():
        assert spelt(name).replace("-", "_") == name
        assert variable(name) == f"CHATD_{name.upper()}"
        assert option.help.endswith((".", "example.org"))


def test_registration_is_closed_by_default_with_an_external_checker(tmp_path: Path) -> None:
    """The operator may open it with `--register open`."""
    passwords = tmp_path / "passwd"
    passwords.write_text("ada:pw\n")
    auth = {"CHATD_AUTH": f"file:{passwords}"}
    assert settled({}, {}, None).rules.register == "open"
    assert settled({}, auth, None).rules.register == "closed"
    assert settled({"register": "open"}, auth, None).rules.register == "open"
    with pytest.raises(BadSetting, match="no credentials checker"):
        settled({}, {"CHATD_AUTH": "nothing:x"}, None)


def test_the_classic_door_needs_guests_who_may_speak() -> None:
    """It has no way to log in to an account."""
    with pytest.raises(BadSetting, match="--classic"):
        settled({"guests": "read", "classic": ("tcp:1",)}, {}, None)
