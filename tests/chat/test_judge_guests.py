"""Rooms that guests bring into being (`chatd.chat.judge_guests`)."""

from __future__ import annotations

from chatd.model.commands import Join, Leave
from chatd.model.errors import NotAllowed
from chatd.model.moderation import Configure
from chatd.model.rights import Role
from chatd.testing import InMemoryChat

from ..kit.chat import refusal, role


def test_a_guest_who_brings_a_room_into_being_acts_as_owner_while_there(chat: InMemoryChat) -> None:
    """As an op with an owner's powers; gone, the role is gone, and when all are, the settings."""
    guest, other = chat.enter("guido"), chat.enter("hal")
    chat.perform(guest, Join("dev"))
    assert role(chat, guest) is Role.OP
    chat.perform(guest, Configure("dev", posting="voices", slow=5))
    chat.perform(other, Join("dev"))
    chat.perform(guest, Leave("dev"))
    assert role(chat, guest) is Role.NONE
    assert chat.room("dev").state.posting == "voices"
    chat.perform(guest, Join("dev"))
    assert isinstance(refusal(chat, guest, Configure("dev", slow=1)), NotAllowed)
    for person in (guest, other):
        chat.perform(person, Leave("dev"))
    state = chat.room("dev").state
    assert (state.posting, state.slow, state.borrowed) == ("everyone", 0, False)


def test_an_unnamed_guest_alone_in_a_new_room_may_set_it_up(chat: InMemoryChat) -> None:
    """Though nothing of the room is kept before."""
    guest = chat.enter()
    chat.perform(guest, Join("dev"))
    chat.perform(guest, Configure("dev", slow=5))
    assert role(chat, guest) is Role.OP
    chat.perform(guest, Leave("dev"))
    assert chat.room("dev").state.slow == 0
