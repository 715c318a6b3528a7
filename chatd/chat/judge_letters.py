"""Judgements of private messages that are kept.

They are pure, as those of `chatd.chat.judge` are.
"""

from __future__ import annotations

from msgspec import UNSET

from ..model.events import Letter, Told
from ..model.letters import conversation
from ..model.units import PARTNERS, REACHED, Change, Expect, Unit, account_table
from .person import Person


def keep(unit: Unit, sender: Person, account: Expect, *, ignored: bool, here: bool) -> Unit:
    """The unit of a private message, which the store keeps because it is sent to an account too.

    `account` is the recipient's account as it was judged, `ignored` whether the recipient ignores
    the sender, and `here` whether a session of the recipient gets the message.
    """
    (told,) = unit.events
    assert isinstance(told, Told)
    assert sender.account is not None
    own, other = sender.account, account.key
    letter = Letter(conversation(own, other), own, told, True if ignored else UNSET)
    changes = {Change(account_table(PARTNERS, own), other, told.to.encode()): None}
    if not ignored:
        changes[Change(account_table(PARTNERS, other), own, told.sender.encode())] = None
        if here:
            changes[Change(REACHED, other, b"")] = None
    return unit._replace(
        events=(letter,), changes=(*unit.changes, *changes), expects=(*unit.expects, account)
    )
