"""Judgements of private messages that are kept, and of their deletion.

They are pure, as those of `chatd.chat.judge` are.
"""

from __future__ import annotations

from msgspec import UNSET
from msgspec.structs import replace

from ..model.audit import Record, recorded
from ..model.events import Letter, RedactedPrivately, Told
from ..model.letters import conversation, recipient
from ..model.policy import Action
from ..model.units import (
    PARTNERS,
    REACHED,
    UNSAID,
    Change,
    Expect,
    Redaction,
    Unit,
    account_table,
)
from .person import Person
from .rulings import NO_CHANGE, By


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
    return replace(
        unit, events=(letter,), changes=(*unit.changes, *changes), expects=(*unit.expects, account)
    )


def redact(by: By, id_: int, letter: Letter, text: str = "") -> Unit:
    """Delete the private message `letter` with that id, for the reason `text`: it keeps its id,
    names and time, and loses its text.

    Raises `NotAllowed`, `NoSession`, `Banned`.
    """
    told = letter.told
    assert isinstance(told, Told)
    own = by.person.account == letter.by
    by.policy.may(by.person, Action.WRITE_PRIVATELY if own else Action.DELETE_PRIVATE)
    if told.redacted is True:
        return NO_CHANGE
    gone = RedactedPrivately(
        sender=told.sender,
        to=told.to,
        account=told.account,
        target=id_,
        by=UNSET if own else by.name,
        text=text or UNSET,
    )
    other = recipient(letter)
    changes = {Change(account_table(UNSAID, letter.by), other, b""): None}
    if letter.unheard is UNSET:
        changes[Change(account_table(UNSAID, other), letter.by, b"")] = None
    if not own:
        record = Record("redact", by.name, by.signed, "", told.sender, str(id_))
        changes[recorded(by.stamp, record, admin=True)] = None
    emptied = replace(letter, told=replace(told, text="", redacted=True))
    return Unit(
        (replace(letter, told=gone),),
        tuple(changes),
        (by.person.expect,),
        redacts=(Redaction(id_, emptied),),
    )
