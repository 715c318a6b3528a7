"""Who is notified of which messages, and what the notification says."""

from __future__ import annotations

import pytest

from chatd.chat.person import Person
from chatd.chat.push_watch import DELAY_SECONDS, QUIET_SECONDS
from chatd.chat.redactions import LATELY_SECONDS
from chatd.model.commands import Act, Join, Leave, Say, Tell
from chatd.model.errors import Unavailable
from chatd.model.moderation import Ban, BanFromServer, Configure, Kick, Redact, RedactPrivately
from chatd.model.push import SHOWN
from chatd.testing import InMemoryChat

from ..kit.chat import PASSWORD, program, registered, settled, signed_in
from ..kit.push import Browser, FakeDelivery, pushing, said_by, subscribed, told


@pytest.fixture
def delivery(chat: InMemoryChat) -> FakeDelivery:
    """Push is on, and ada and bob have accounts; ada's browser is to be notified."""
    registered(chat, "ada")
    registered(chat, "bob")
    delivery = pushing(chat)
    subscribed(chat, "ada")
    return delivery


@pytest.fixture
def bob(chat: InMemoryChat, delivery: FakeDelivery) -> Person:
    """Another account, who is here."""
    return signed_in(chat, "bob").person


def ada(chat: InMemoryChat) -> Person:
    """The person of a session without a browser that is notified."""
    return signed_in(chat, "ada").person


def test_an_account_is_notified_of_a_mention_without_its_text(
    chat: InMemoryChat, delivery: FakeDelivery
) -> None:
    """With room, sender and id; once."""
    id_ = said_by(chat, "eve", "who has seen ADA?")
    assert told(chat, delivery) == [{"place": "lobby", "from": "eve", "kind": "mention", "id": id_}]
    assert told(chat, delivery) == []


def test_an_action_notifies_like_a_message(
    chat: InMemoryChat, delivery: FakeDelivery, bob: Person
) -> None:
    """`/me waves at ada`."""
    chat.perform(bob, Act("lobby", "waves at ada"))
    assert [one["kind"] for one in told(chat, delivery)] == ["mention"]


def test_the_text_is_sent_if_the_operator_wants_that(
    chat: InMemoryChat, delivery: FakeDelivery
) -> None:
    """Its beginning."""
    chat.service.push.notices.text = True
    said_by(chat, "eve", f"ada: {'x' * 1000}")
    assert [one["text"] for one in told(chat, delivery)] == [f"ada: {'x' * 1000}"[:SHOWN]]


def test_other_messages_do_not_notify(chat: InMemoryChat, delivery: FakeDelivery) -> None:
    """Nor does a name inside of another word."""
    said_by(chat, "eve", "hello all")
    said_by(chat, "eve", "canada")
    assert told(chat, delivery) == []


def test_a_browser_may_want_everything_of_a_room_or_nothing(chat: InMemoryChat) -> None:
    """Each browser for itself."""
    registered(chat, "ada")
    delivery = pushing(chat)
    subscribed(chat, "ada", all="lobby")
    subscribed(chat, "ada", none="lobby,@eve")
    said_by(chat, "eve", "hello all")
    chat.advance(DELAY_SECONDS)
    (one,) = delivery.sent
    assert one.told["kind"] == "message"
    assert one.to.all == ("lobby",)


def test_a_private_message_of_an_account_notifies(
    chat: InMemoryChat, delivery: FakeDelivery, bob: Person
) -> None:
    """Also if the recipient is away."""
    id_ = chat.perform(bob, Tell("ada", "psst"))
    assert told(chat, delivery) == [{"place": "@bob", "from": "bob", "kind": "private", "id": id_}]


def test_a_private_message_of_a_guest_notifies(chat: InMemoryChat, delivery: FakeDelivery) -> None:
    """Who can send it only to somebody who is here."""
    ada(chat)
    chat.perform(chat.enter("eve"), Tell("ada", "psst"))
    assert [one["place"] for one in told(chat, delivery)] == ["@eve"]


def test_nobody_is_notified_of_own_messages(chat: InMemoryChat, delivery: FakeDelivery) -> None:
    """In rooms, and to oneself."""
    person = ada(chat)
    chat.perform(person, Say("lobby", "I am ada"))
    chat.perform(person, Tell("ada", "note to self"))
    assert told(chat, delivery) == []


def test_ignored_people_do_not_notify(
    chat: InMemoryChat, delivery: FakeDelivery, bob: Person
) -> None:
    """Neither in rooms nor privately, whether the account is here or away."""
    settled(chat, chat.service.ignores.ignore(ada(chat), "bob"))
    settled(chat, chat.service.ignores.ignore(ada(chat), "eve"))
    chat.perform(bob, Say("lobby", "ada!"))
    chat.perform(bob, Tell("ada", "psst"))
    chat.perform(chat.enter("eve"), Tell("ada", "psst"))
    assert told(chat, delivery) == []


def test_a_message_that_was_deleted_in_time_does_not_notify(
    chat: InMemoryChat, delivery: FakeDelivery, bob: Person
) -> None:
    """Nor does the deletion."""
    said = chat.perform(bob, Say("lobby", "ada!"))
    sent = chat.perform(bob, Tell("ada", "psst"))
    assert said is not None
    assert sent is not None
    chat.perform(bob, Redact("lobby", said))
    chat.perform(bob, RedactPrivately("ada", sent))
    assert told(chat, delivery) == []


def test_what_was_read_on_another_device_does_not_notify(
    chat: InMemoryChat, delivery: FakeDelivery, bob: Person
) -> None:
    """By the read markers of rooms and conversations; what came later does."""
    said = chat.perform(bob, Say("lobby", "ada!"))
    sent = chat.perform(bob, Tell("ada", "psst"))
    assert said is not None
    assert sent is not None
    settled(chat, chat.service.markers.mark(program("ada"), "lobby", said))
    settled(chat, chat.service.markers.mark_conversation(program("ada"), "bob", sent))
    later = chat.perform(bob, Say("lobby", "ada?"))
    (one,) = told(chat, delivery)
    assert one == {"place": "lobby", "from": "bob", "kind": "mention", "id": later}


def test_who_is_not_in_a_room_is_not_notified_there(
    chat: InMemoryChat, delivery: FakeDelivery, bob: Person
) -> None:
    """Also if an open room could be read."""
    chat.perform(bob, Join("dev"))
    chat.perform(bob, Say("dev", "where is ada?"))
    assert told(chat, delivery) == []
    person = ada(chat)
    chat.perform(person, Join("dev"))
    chat.perform(bob, Say("dev", "there is ada"))
    assert [one["place"] for one in told(chat, delivery)] == ["dev"]
    chat.perform(person, Leave("dev"))
    chat.advance(QUIET_SECONDS)
    bob = signed_in(chat, "bob").person
    chat.perform(bob, Say("dev", "where is ada?"))
    assert told(chat, delivery) == []


def test_who_may_not_read_any_more_is_not_notified(
    chat: InMemoryChat, delivery: FakeDelivery, bob: Person
) -> None:
    """The policy is asked when the notification is sent: after a ban, and for closed rooms."""
    chat.perform(bob, Join("dev"))
    chat.perform(ada(chat), Join("dev"))
    chat.perform(bob, Say("dev", "ada!"))
    chat.perform(bob, Ban("dev", "ada"))
    assert told(chat, delivery) == []
    chat.perform(bob, Configure("dev", access="members"))
    chat.perform(bob, Say("dev", "ada!"))
    assert told(chat, delivery) == []


def test_who_is_banned_from_the_server_is_not_notified(
    chat: InMemoryChat, delivery: FakeDelivery, bob: Person
) -> None:
    """Neither of private messages nor in rooms."""
    bob.admin = True
    chat.perform(bob, Say("lobby", "ada!"))
    chat.perform(bob, Tell("ada", "psst"))
    chat.perform(bob, BanFromServer("ada"))
    assert told(chat, delivery) == []


def test_what_retention_has_forgotten_does_not_notify(
    chat: InMemoryChat, delivery: FakeDelivery
) -> None:
    """Nobody could read it."""
    said_by(chat, "eve", "ada!")
    settled(chat, chat.service._store.erase("lobby"))
    assert told(chat, delivery) == []


# -- before each attempt -------------------------------------------------------------------------


def holds(chat: InMemoryChat, delivery: FakeDelivery) -> bool:
    """Whether the notification that was sent would be sent again."""
    still: bool = settled(chat, delivery.sent[-1].check())
    return still


def notified(chat: InMemoryChat, delivery: FakeDelivery, sent: int | None) -> int:
    """Have the delay pass; returns the id of the message, of which ada is notified."""
    assert sent is not None
    chat.advance(DELAY_SECONDS)
    assert holds(chat, delivery)
    return sent


def test_a_notification_is_not_repeated_after_signing_out(
    chat: InMemoryChat, delivery: FakeDelivery
) -> None:
    """Nor after the browser has unsubscribed, or has subscribed anew with other keys."""
    session = subscribed(chat, "ada")
    other = subscribed(chat, "ada")
    said_by(chat, "eve", "ada!")
    chat.advance(DELAY_SECONDS)
    checks = {sent.to.endpoint: sent.check for sent in delivery.sent}
    one, two = (checks[f"https://push.example.net/{who.id}"] for who in (session, other))
    assert settled(chat, one())
    settled(chat, chat.service.signed_in.sign_out(session))
    assert not settled(chat, one())
    assert settled(chat, two())
    form = Browser(f"https://push.example.net/{other.id}").form
    push = chat.service.push
    settled(chat, push.subscribe(other, form["endpoint"], form["p256dh"], form["auth"]))
    assert not settled(chat, two())


def test_a_notification_is_not_repeated_to_a_deleted_account(
    chat: InMemoryChat, delivery: FakeDelivery
) -> None:
    """Its messages are nobody's."""
    notified(chat, delivery, said_by(chat, "eve", "ada!"))
    proof = settled(chat, chat.service.sign_in.prove("ada", PASSWORD, ada(chat).address))
    settled(chat, chat.service.sign_in.delete(proof))
    assert not holds(chat, delivery)


@pytest.mark.parametrize("command", [Kick("dev", "ada"), Ban("dev", "ada")], ids=["kick", "ban"])
def test_a_notification_is_not_repeated_after_a_kick_or_a_ban(
    chat: InMemoryChat, delivery: FakeDelivery, bob: Person, command: Kick | Ban
) -> None:
    """The policy is asked before each attempt."""
    chat.perform(bob, Join("dev"))
    chat.perform(ada(chat), Join("dev"))
    notified(chat, delivery, chat.perform(bob, Say("dev", "ada!")))
    chat.perform(bob, command)
    assert not holds(chat, delivery)


def test_a_notification_is_not_repeated_after_a_ban_from_the_server(
    chat: InMemoryChat, delivery: FakeDelivery, bob: Person
) -> None:
    """Of a private message either."""
    bob.admin = True
    notified(chat, delivery, chat.perform(bob, Tell("ada", "psst")))
    chat.perform(bob, BanFromServer("ada"))
    assert not holds(chat, delivery)


@pytest.mark.parametrize("later", [0.0, LATELY_SECONDS + 1], ids=["now", "later"])
def test_a_notification_of_a_deleted_message_is_not_repeated(
    chat: InMemoryChat, delivery: FakeDelivery, bob: Person, later: float
) -> None:
    """In rooms and private, also when the deletion is no longer in memory."""
    said = notified(chat, delivery, chat.perform(bob, Say("lobby", "ada!")))
    in_room = delivery.sent[-1].check
    sent = notified(chat, delivery, chat.perform(bob, Tell("ada", "psst")))
    chat.perform(bob, Redact("lobby", said))
    chat.perform(bob, RedactPrivately("ada", sent))
    chat.advance(later)
    if later:
        chat.service.rooms.redacted._entries.clear()
        chat.service.push.notices._letters.redacted._entries.clear()
    assert not settled(chat, in_room())
    assert not holds(chat, delivery)


def test_a_notification_of_a_guests_message_is_repeated_while_it_is_unread(
    chat: InMemoryChat, delivery: FakeDelivery
) -> None:
    """Such a message is not stored; while a page is in view, nothing is sent."""
    ada(chat)
    notified(chat, delivery, chat.perform(chat.enter("eve"), Tell("ada", "psst")))
    settled(chat, chat.service.push.views.note(signed_in(chat, "ada"), "", here=True))
    assert not holds(chat, delivery)


def test_what_cannot_be_read_now_is_asked_again(chat: InMemoryChat, delivery: FakeDelivery) -> None:
    """The check fails; nothing is decided."""
    notified(chat, delivery, said_by(chat, "eve", "ada!"))
    chat.store.unreadable = True
    outcome = delivery.sent[-1].check()
    chat.settle()
    with pytest.raises(Unavailable):
        settled(chat, outcome)
    chat.store.unreadable = False
    assert holds(chat, delivery)


def test_a_fault_in_the_check_is_logged_and_drops_the_notification(
    chat: InMemoryChat,
    delivery: FakeDelivery,
    monkeypatch: pytest.MonkeyPatch,
    logged_errors: list[str],
) -> None:
    """It is a bug, and not the push service's."""
    notified(chat, delivery, said_by(chat, "eve", "ada!"))
    monkeypatch.setattr(chat.service.push.notices, "_views", None)
    assert not holds(chat, delivery)
    assert len(logged_errors) == 1
    logged_errors.clear()
