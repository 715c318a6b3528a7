"""Events: what happened, as values."""

import msgspec
import pytest

from chatd.model.events import (
    MESSAGES,
    Acted,
    Event,
    Joined,
    Left,
    Noticed,
    Renamed,
    RoomEvent,
    Said,
    SentPrivately,
    Told,
    TopicSet,
)

EVERY: dict[str, Event] = {
    '{"type":"message","room":"dev","from":"ada","text":"hi"}': Said("dev", "ada", "hi"),
    '{"type":"action","room":"dev","from":"ada","text":"waves"}': Acted("dev", "ada", "waves"),
    '{"type":"join","room":"dev","from":"ada"}': Joined("dev", "ada"),
    '{"type":"leave","room":"dev","from":"ada","text":""}': Left("dev", "ada"),
    '{"type":"nick","room":"dev","from":"ada","to":"eve"}': Renamed("dev", "ada", "eve"),
    '{"type":"topic","room":"dev","from":"ada","text":"tea"}': TopicSet("dev", "ada", "tea"),
    '{"type":"notice","room":"dev","text":"3 joined"}': Noticed("dev", "3 joined"),
    '{"type":"private","from":"ada","to":"bob","text":"hi"}': Told("ada", "bob", "hi"),
    '{"type":"private","from":"ada","to":"eve","text":"hi"}': SentPrivately("ada", "eve", "hi"),
}


@pytest.mark.parametrize(("json", "event"), EVERY.items(), ids=lambda value: type(value).__name__)
def test_an_event_is_written_with_its_type_and_its_own_fields(json: str, event: Event) -> None:
    """The names that JSON doors show are part of the interface."""
    assert msgspec.json.encode(event).decode() == json


@pytest.mark.parametrize("event", EVERY.values(), ids=lambda event: type(event).__name__)
def test_events_are_immutable(event: Event) -> None:
    """Everyone shares the one object."""
    with pytest.raises(AttributeError):
        event.text = "something else"  # type: ignore[attr-defined]


def test_only_the_sender_s_copy_of_a_private_message_says_that_it_was_sent() -> None:
    """One message, in the sender's and the recipient's view."""
    assert SentPrivately("ada", "bob", "hi").sent
    assert not Told("ada", "bob", "hi").sent


def test_a_private_message_belongs_to_no_room() -> None:
    """So no room's log can take it."""
    assert not issubclass(Told, RoomEvent)


def test_messages_are_messages_and_actions() -> None:
    """Replay on joining shows these and nothing else."""
    assert [type(event) for event in EVERY.values() if isinstance(event, MESSAGES)] == [Said, Acted]
