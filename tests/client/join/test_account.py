"""The account of the user of `chatd join`."""

from __future__ import annotations

from chatd.client import Event
from chatd.client.join.live import MARK_SECONDS
from chatd.client.join.places import Item

from ...kit.chat import PASSWORD
from ..network import Network
from .conftest import Enter, User


def _last(user: User) -> Item:
    """The last event of the visible place."""
    place = user.live.places.place
    assert place
    return [item for item in place.items if isinstance(item, Event)][-1]


def test_account_signs_in_at_a_password_prompt(network: Network, enter: Enter) -> None:
    """It gets its rooms and unread counts; messages that the user sees are marked as read."""
    ada = enter()
    ada.type("/register", PASSWORD, "/join dev")
    assert ada.live.account
    network.advance(MARK_SECONDS)
    guest = enter("")
    guest.type("/login ada", "wrong password")
    assert guest.shown()[-1].startswith("!! ")
    guest.type("/login ada", PASSWORD)
    assert (guest.live.places.name, guest.live.account) == ("ada", True)
    assert sorted(guest.live.places.rooms) == ["dev", "lobby"]
    assert "== you are signed in as ada" in guest.shown()
    guest.type("hello")
    assert network.chat.entries("lobby")[-1].event.account is True  # type: ignore[attr-defined]


def test_ignored_person_is_not_shown_and_calls_nobody(network: Network, enter: Enter) -> None:
    """Neither live, nor in what was said before, until `/unignore`; private messages neither."""
    network.say("hi ada")
    ada = enter()
    assert ada.type("/ignore ada")[-1] == "!! that is you; give the name of somebody else"
    assert ada.type("/ignore EVE")[-1] == "== you hear no more of EVE; /unignore EVE ends that"
    network.say("ada again")
    assert (ada.calls, ada.live.places.hides(_last(ada))) == ([], True)
    bob = enter("bob")
    ada.type("/ignore bob")
    bob.type("/msg ada psst", "/me waves")
    assert ada.live.places.find("@bob") is None
    ada.type("/unignore eve")
    assert not ada.live.places.hides(ada.live.places.place.items[0])  # type: ignore[union-attr]


def test_account_ignores_people_in_its_next_session(network: Network, enter: Enter) -> None:
    """The server keeps the list."""
    ada = enter()
    ada.type(f"/register {PASSWORD}", "/ignore eve")
    ada.quit()
    again = enter("ada", password=PASSWORD)
    network.say("hi ada")
    assert again.live.places.hides(_last(again))
    network.advance(MARK_SECONDS)


def test_new_password_is_asked_for_and_needed_from_then_on(network: Network, enter: Enter) -> None:
    """A guest has none."""
    ada = enter()
    assert ada.type("/password")[-1].startswith("!! you are not signed in")
    ada.type(f"/register {PASSWORD}")
    assert ada.type("/password", "short")[-1].startswith("!! a password has")
    ada.type("/password", f"{PASSWORD} new")
    assert ada.shown()[-1] == "== your password is another one now, and all other sessions are over"
    guest = enter("")
    assert guest.type(f"/login ada {PASSWORD}")[-1].startswith("!! ")
    assert "== you are signed in as ada" in guest.type(f"/login ada {PASSWORD} new")
    network.advance(MARK_SECONDS)


def test_one_who_signs_out_goes_on_as_a_guest(network: Network, enter: Enter) -> None:
    """In the lobby, without the account's private conversations."""
    ada, bob = enter(), enter("bob")
    ada.type(f"/register {PASSWORD}", "/join dev")
    bob.type("/msg ada psst")
    ada.type("/logout")
    live = ada.live
    assert (live.account, [*live.places.all]) == (False, ["lobby"])
    assert f"== you are signed out, and {live.places.name}" in ada.shown()
    assert live.places.name.startswith("guest-")
    ada.type("still here")
    assert network.texts[-1] == "still here"
    assert ada.type("/logout")[-1].startswith("!! you are not signed in")
    network.advance(MARK_SECONDS)
