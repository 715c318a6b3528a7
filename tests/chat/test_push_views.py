"""Views: while any page of an account is in view, the account is not notified."""

from __future__ import annotations

from chatd.chat.push_views import MOST_VIEWS, VIEW_SECONDS
from chatd.chat.push_watch import QUIET_SECONDS
from chatd.chat.sessions import LastingSession
from chatd.testing import InMemoryChat

from ..kit.chat import registered, settled, signed_in
from ..kit.push import FakeDelivery, said_by, told


def note(chat: InMemoryChat, session: LastingSession, page: str = "", *, here: bool) -> None:
    """A page is in view, or is not any more."""
    settled(chat, chat.service.push.views.note(session, page, here=here))


def notified(chat: InMemoryChat, delivery: FakeDelivery) -> bool:
    """Whether ada is notified of a mention."""
    chat.advance(QUIET_SECONDS / 3)
    said_by(chat, "eve", "ada!")
    return bool(told(chat, delivery))


def views(chat: InMemoryChat, account: str) -> list[str]:
    """The pages that are noted of an account."""
    return [key.partition("/")[2] for key in settled(chat, chat.service._store.table(account))]


def test_while_a_page_is_in_view_nothing_is_sent(
    chat: InMemoryChat, delivery: FakeDelivery
) -> None:
    """Until it says that it is not, or has said nothing for a minute."""
    session = signed_in(chat, "ada")
    note(chat, session, here=True)
    assert not notified(chat, delivery)
    note(chat, session, here=False)
    assert notified(chat, delivery)
    note(chat, session, here=True)
    chat.advance(VIEW_SECONDS)
    assert notified(chat, delivery)


def test_a_page_that_goes_out_of_view_hides_no_other_page(
    chat: InMemoryChat, delivery: FakeDelivery
) -> None:
    """Neither another tab of the same session, nor one of another session with the same name."""
    session, other = signed_in(chat, "ada"), signed_in(chat, "ada")
    note(chat, session, "one", here=True)
    note(chat, session, "two", here=True)
    note(chat, session, "two", here=False)
    note(chat, other, "one", here=False)
    assert not notified(chat, delivery)
    note(chat, session, "one", here=False)
    assert notified(chat, delivery)


def test_requests_of_a_page_are_noted_in_the_order_they_came_in(
    chat: InMemoryChat, delivery: FakeDelivery
) -> None:
    """Even if the second one comes before the first one is answered."""
    session, noted = signed_in(chat, "ada"), chat.service.push.views
    came, went = noted.note(session, "one", here=True), noted.note(session, "one", here=False)
    settled(chat, came)
    settled(chat, went)
    assert views(chat, "views:ada") == []


def test_pages_that_ended_without_a_word_are_forgotten(
    chat: InMemoryChat, delivery: FakeDelivery
) -> None:
    """When another one is in view, after their minute."""
    session = signed_in(chat, "ada")
    note(chat, session, "one", here=True)
    chat.advance(VIEW_SECONDS / 2)
    note(chat, session, "two", here=True)
    chat.advance(VIEW_SECONDS / 2)
    note(chat, session, "three", here=True)
    assert sorted(views(chat, "views:ada")) == ["three", "two"]


def test_the_pages_of_an_account_are_bounded(chat: InMemoryChat, delivery: FakeDelivery) -> None:
    """The oldest give way."""
    session = signed_in(chat, "ada")
    for number in range(MOST_VIEWS + 2):
        note(chat, session, f"{number}", here=True)
        chat.advance(0.1)
    note(chat, session, "2", here=True)
    expected = {f"{number}" for number in range(2, MOST_VIEWS + 2)}
    assert set(views(chat, "views:ada")) == expected


def test_nothing_is_stored_of_who_looks_without_a_subscription(
    chat: InMemoryChat, delivery: FakeDelivery
) -> None:
    """No work for those who do not use it."""
    registered(chat, "bob")
    note(chat, signed_in(chat, "bob"), here=True)
    assert views(chat, "views:bob") == []
