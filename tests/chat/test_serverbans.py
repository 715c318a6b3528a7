"""Bans from the whole server (`chatd.chat.serverbans`)."""

from __future__ import annotations

import pytest

from chatd.chat.person import Person
from chatd.chat.sessions import Session
from chatd.model.errors import Banned, NotAllowed, NotFound
from chatd.model.identity import Stranger
from chatd.model.moderation import BanFromServer, UnbanFromServer
from chatd.testing import InMemoryChat

from ..kit.chat import PUBLIC, reading, refusal, with_account


def test_an_administrator_bans_from_the_server(chat: InMemoryChat, bob: Person) -> None:
    """Readers end everywhere, the person leaves, and does not come back until it is lifted."""
    root = with_account(chat, "ruth", admin=True)
    outlets = [
        reading(chat, chat.room("lobby"), owner=Session(bob)),
        reading(chat, bob.inbox, owner=Session(bob)),
    ]
    chat.perform(root, BanFromServer("bob", 60, "spam"))
    assert [error.code for outlet in outlets for error in outlet.revocations] == ["banned"] * 2
    assert bob.ended
    assert "bob" not in chat.room("lobby").names
    guest = chat.enter("guido", PUBLIC)
    chat.perform(root, BanFromServer("8.8.8.0/24"))
    assert guest.ended
    with pytest.raises(Banned):
        chat.enter("guido", PUBLIC)
    with pytest.raises(Banned):
        chat.service.readers.check_reading(Stranger(PUBLIC), chat.room("lobby"))
    assert len(chat.service.server_bans.bans(root)) == 2
    chat.perform(root, UnbanFromServer("8.8.8.0/24"))
    chat.enter("guido", PUBLIC)
    assert isinstance(refusal(chat, root, UnbanFromServer("nobody")), NotFound)


def test_only_administrators_ban_from_the_server(
    chat: InMemoryChat, ada: Person, bob: Person
) -> None:
    """And not themselves."""
    root = with_account(chat, "ruth", admin=True, address=PUBLIC)
    assert isinstance(refusal(chat, ada, BanFromServer("bob")), NotAllowed)
    assert isinstance(refusal(chat, ada, UnbanFromServer("bob")), NotAllowed)
    for who in ("ruth", "8.0.0.0/8"):
        assert isinstance(refusal(chat, root, BanFromServer(who)), NotAllowed)
    with pytest.raises(NotAllowed):
        chat.service.server_bans.bans(ada)
