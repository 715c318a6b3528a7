"""Events as values, and their JSON form."""

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

EVENTS_BY_JSON: dict[str, Event] = {
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


@pytest.mark.parametrize(
    ("json", "event"), EVENTS_BY_JSON.items(), ids=lambda value: type(value).__name__
)
def test_an_event_is_encoded_with_its_type_and_fields(json: str, event: Event) -> None:
    """Field names are part of the public interface of the JSON doors."""
    assert msgspec.json.encode(event).decode() == json


@pytest.mark.parametrize("event", EVENTS_BY_JSON.values(), ids=lambda event: type(event).__name__)
def test_events_are_immutable(event: Event) -> None:
    """All readers share one event object."""
    with pytest.raises(AttributeError):
        event.text = "something else"  # type: ignore[attr-defined]


def test_only_the_sender_s_copy_of_a_private_message_is_marked_sent() -> None:
    """A private message is one event for the sender and another for the recipient."""
    assert SentPrivately("ada", "bob", "hi").sent
    assert not Told("ada", "bob", "hi").sent


def test_a_private_message_is_not_a_room_event() -> None:
    """So no room's log accepts it."""
    assert not issubclass(Told, RoomEvent)


def test_replay_kinds_are_messages_and_actions_only() -> None:
    """Replay on joining a room shows these kinds and no others."""
    assert [type(event) for event in EVENTS_BY_JSON.values() if isinstance(event, MESSAGES)] == [
        Said,
        Acted,
    ]
