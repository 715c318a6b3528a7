"""Pages that are under way when a message is deleted (`chatd.chat.redactions`)."""

from __future__ import annotations

from chatd.model.commands import Say
from chatd.model.events import Said
from chatd.model.units import Redaction, Unit
from chatd.testing import InMemoryChat, result_of

from ..kit.chat import reading, with_account


def test_a_page_that_is_under_way_when_a_message_is_deleted_is_cleared() -> None:
    """It was read before, and would bring the text back: for a page and for a reader from behind
    the window in memory.
    """
    chat = InMemoryChat(history=10)
    ada = with_account(chat, "ada")
    ids = [chat.perform(ada, Say("dev", f"xyzzy{n}")) for n in range(9)]
    dev = chat.room("dev")
    dev.log.capacity = 3
    dev.log.floor = ids[6] or 0
    chat.store.hold("reads")
    paging = chat.service.page(dev, None, 10)
    outlet = reading(chat, dev, cursor=1)
    blank = Said("dev", "ada", "", redacted=True)
    chat.store.append([Unit(redacts=[Redaction(ids[0] or 0, blank)])])
    chat.settle()
    chat.store.release("reads")
    chat.settle()
    page = result_of(paging)
    assert "xyzzy1" in repr([entry.event for entry in page.entries])
    assert "xyzzy0" not in repr([entry.event for entry in page.entries])
    assert b"xyzzy1" in outlet.data
    assert b"xyzzy0" not in outlet.data
