"""The account of the user of `chatd join`: signing in and out, the password, ignored people."""

from __future__ import annotations

from ...model.errors import BadName, NoSession
from ...model.names import name_key
from .live import Live


def need_account(live: Live) -> None:
    """Raises `NoSession` if the user is not signed in to an account."""
    if not live.account:
        raise NoSession("you are not signed in; /login NAME, or /register")


async def register(live: Live, password: str, invite: str = "") -> None:
    """Make the name an account's; `invite` is the code of an invite, or empty."""
    name = await live.client.register(password, invite)
    live.account = True
    live.answer(f"{name} is registered, and you are signed in")


async def sign_in(live: Live, name: str, password: str) -> None:
    """Sign in to an account, and show its rooms."""
    signed_in = await live.client.sign_in(name, password)
    await live.begin_anew()
    live.answer(f"you are signed in as {signed_in}")
    await live.load_all()


async def sign_out(live: Live) -> None:
    """Go on as a guest, in the lobby.  Private conversations of the account are closed.

    Raises `NoSession` if the user is not signed in.
    """
    need_account(live)
    await live.client.sign_out()
    for place in list(live.places.all.values()):
        if place.person:
            live.places.close(place.name)
    live.correspondent = ""
    await live.begin_anew()
    live.answer(f"you are signed out, and {live.places.name}")
    await live.load_all()


async def change_password(live: Live, password: str) -> None:
    """Change the password of the account.  Raises `NoSession` if the user is not signed in."""
    need_account(live)
    await live.client.change_password(password)
    live.answer("your password is another one now, and all other sessions are over")


async def ignore(live: Live, name: str) -> None:
    """Show no more of what a person says: to an account for good, to a guest until it leaves.

    Raises `BadName`.
    """
    key = name_key(name)
    if key == name_key(live.places.name):
        raise BadName("that is you; give the name of somebody else")
    if live.account:
        await live.client.ignore(name)
    live.places.ignored.add(key)
    live.answer(f"you hear no more of {name}; /unignore {name} ends that")


async def unignore(live: Live, name: str) -> None:
    """Show what a person says again."""
    if live.account:
        await live.client.unignore(name)
    live.places.ignored.discard(name_key(name))
    live.answer(f"you hear {name} again")
