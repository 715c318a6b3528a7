"""The names of conversations, and who is shown which private message."""

from __future__ import annotations

import pytest
from msgspec import UNSET

from chatd.model.errors import BadRoom
from chatd.model.events import Letter, Told
from chatd.model.letters import as_shown, conversation, is_conversation, recipient
from chatd.model.names import clean_room


def letter(by: str, to: str, *, unheard: bool = False) -> Letter:
    told = Told(by.title(), to.title(), "psst", True)
    return Letter(conversation(by, to), by, told, unheard or UNSET)


def test_two_accounts_have_one_conversation() -> None:
    """Whoever writes first; and one with themselves."""
    assert conversation("ada", "bob") == conversation("bob", "ada") == "@ada:bob"
    assert conversation("ada", "ada") == "@ada:ada"
    assert is_conversation("@ada:bob")
    assert not is_conversation("lobby")


def test_no_room_can_have_the_name_of_a_conversation() -> None:
    """Or whoever joins it could read it."""
    with pytest.raises(BadRoom):
        clean_room(conversation("ada", "bob"))


@pytest.mark.parametrize(("by", "to"), [("ada", "bob"), ("bob", "ada"), ("ada", "ada")])
def test_the_recipient_is_the_other_account(by: str, to: str) -> None:
    """Of a message to oneself, oneself."""
    assert recipient(letter(by, to)) == to


def test_each_account_is_shown_a_message_from_its_own_side() -> None:
    """As one that was sent, and as one that was received."""
    told = letter("bob", "ada")
    mine, theirs = as_shown(told, "bob"), as_shown(told, "ada")
    assert isinstance(mine, Told)
    assert isinstance(theirs, Told)
    assert (mine.sent, theirs.sent) == (True, False)
    assert (mine.sender, mine.to, mine.text, mine.account) == ("Bob", "Ada", "psst", True)
    assert theirs == told.told


def test_an_unheard_message_is_shown_to_its_sender_only() -> None:
    """Who is not told that it is unheard."""
    told = letter("bob", "ada", unheard=True)
    assert as_shown(told, "ada") is None
    assert as_shown(told, "bob") == as_shown(letter("bob", "ada"), "bob")
