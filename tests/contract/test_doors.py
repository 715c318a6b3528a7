"""Promises that every door keeps, each tested through the clients in `DOORS`."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatd.testing import FakeConnection

from ..kit.clients import DOORS, GAP, Client, Seen
from ..kit.garbage import no_garbage
from ..kit.server import MemoryServer

doors = pytest.mark.parametrize("door", DOORS)
pairs = pytest.mark.parametrize(
    ("door", "other"),
    [
        pytest.param(*pair, id="-".join(pair))
        for pair in product(DOORS, DOORS)
        if len(set(pair)) == 2 or DOORS[pair[0]].owns_name
    ],
)
streams = pytest.mark.parametrize("door", [d for d in DOORS if hasattr(DOORS[d], "ready")])
many_lines = pytest.mark.parametrize("door", [d for d in DOORS if DOORS[d].many_lines])
commands = pytest.mark.parametrize("door", [d for d in DOORS if DOORS[d].commands])
confirms = pytest.mark.parametrize("door", [d for d in DOORS if DOORS[d].confirms])


def named(server: MemoryServer, door: str, name: str, **options: Any) -> Client:
    """A client at a door that has taken a name."""
    return DOORS[door](server, name=name, **options)


def reader_at_each_door(server: MemoryServer) -> list[Client]:
    """One client at each door, without a name where the door allows it, with nothing unread."""
    readers = [client(server) for client in DOORS.values()]
    seen(readers)
    return readers


def seen(clients: Sequence[Client]) -> dict[str, list[Seen]]:
    """What each client has read since the last call, by door."""
    return {client.door: client.read() for client in clients}


def all_saw(*events: Seen) -> dict[str, list[Seen]]:
    """The result of `seen` if all clients read these events, as far as their doors show them."""
    return {door: client.visible(*events) for door, client in DOORS.items()}


def said(name: str, *texts: str) -> list[Seen]:
    """Messages of one sender."""
    return [("message", name, text) for text in texts]


@doors
def test_message_is_delivered_once_at_every_door(server: MemoryServer, door: str) -> None:
    """The sender's own door, and the sender, receive it too."""
    readers = reader_at_each_door(server)
    ada = named(server, door, "ada")
    assert seen(readers) == all_saw(("join", "ada"))
    ada.read()
    assert ada.say("hello") is None
    assert seen(readers) == all_saw(("message", "ada", "hello"))
    assert ada.read() == said("ada", "hello")
    assert seen([*readers, ada]) == all_saw()


def test_messages_have_the_same_order_at_every_door(server: MemoryServer) -> None:
    """A message sent between two messages of another door is delivered between them."""
    people = [named(server, door, f"from-{door}") for door in DOORS]
    seen(people)
    spoken: list[Seen] = []
    for number in range(4):
        for person in people:
            person.say(f"{number}")
            spoken += said(person.name, f"{number}")
    assert seen(people) == all_saw(*spoken)


def test_messages_of_one_turn_keep_the_order_in_which_they_were_sent(server: MemoryServer) -> None:
    """They are stored together as one batch."""
    people = [named(server, door, f"from-{door}") for door in DOORS]
    seen(people)
    for person in people:
        person.ask("now")
    server.chat.settle()
    assert [person.answer() for person in people] == [None for _ in people]
    assert seen(people) == all_saw(*(("message", person.name, "now") for person in people))


@doors
def test_message_is_neither_shown_nor_acknowledged_before_it_is_stored(
    server: MemoryServer, door: str
) -> None:
    """While the store has not answered, no reader receives the message and its sender waits."""
    readers = reader_at_each_door(server)
    ada = named(server, door, "ada")
    seen([*readers, ada])
    server.hold_appends()
    ada.ask("wait")
    server.chat.settle()
    assert not ada.answered()
    assert seen(readers) == all_saw()
    server.release_appends()
    assert ada.answered()
    assert ada.answer() is None
    assert seen(readers) == all_saw(("message", "ada", "wait"))


@doors
def test_message_refused_by_the_store_is_an_error_for_its_sender_only(
    server: MemoryServer, door: str
) -> None:
    """No reader receives it, and the sender's next message is delivered."""
    readers = reader_at_each_door(server)
    ada = named(server, door, "ada")
    seen([*readers, ada])
    server.chat.store.refusing = True
    refusal = ada.say("lost")
    assert refusal is not None
    assert "nobody saw it" in refusal
    server.chat.store.refusing = False
    assert ada.say("kept") is None
    assert seen(readers) == all_saw(("message", "ada", "kept"))
    assert ada.read() == said("ada", "kept")


@doors
def test_refused_batch_is_an_error_for_each_of_its_senders(server: MemoryServer, door: str) -> None:
    """A batch is stored whole or not at all, whatever doors its messages came from."""
    ada, bob = named(server, door, "ada"), named(server, "line", "bob")
    seen([ada, bob])
    server.chat.store.refusing = True
    ada.ask("one")
    bob.ask("two")
    server.chat.settle()
    assert ada.answer()
    assert bob.answer()
    assert seen([ada]) | seen([bob]) == {door: [], "line": []}


@doors
def test_reconnected_reader_resumes_at_its_cursor(server: MemoryServer, door: str) -> None:
    """No event is lost in between, and none is delivered twice."""
    reader, bob = DOORS[door](server), named(server, "line", "bob")
    bob.say("before")
    assert reader.read() == reader.visible(("join", "bob"), ("message", "bob", "before"))
    reader.disconnect()
    for text in "123":
        bob.say(text)
    reader.reconnect()
    bob.say("after")
    assert reader.read() == said("bob", "1", "2", "3", "after")


@confirms
def test_event_in_flight_when_the_connection_broke_is_seen_once(
    server: MemoryServer, door: str
) -> None:
    """The client resumes from what it has received, so it does not matter whether the last event
    arrived.
    """
    reader, bob = DOORS[door](server), named(server, "line", "bob")
    reader.read()
    bob.say("on the way")
    reader.disconnect()
    bob.say("meanwhile")
    reader.reconnect()
    assert reader.read() == said("bob", "on the way", "meanwhile")


@doors
def test_reader_that_reconnects_after_eviction_gets_a_gap(door: str) -> None:
    """The events that are still in the log follow the gap."""
    server = MemoryServer(history=10)
    reader, bob = DOORS[door](server), named(server, "line", "bob")
    reader.read()
    reader.disconnect()
    texts = [f"{number}" for number in range(30)]
    for text in texts:
        bob.say(text)
    reader.reconnect()
    left = 10 - reader.announces
    assert reader.read() == [GAP, *said("bob", *texts[-left:])]


@doors
def test_reader_that_reconnects_before_eviction_gets_no_gap(door: str) -> None:
    """A log with a capacity of ten holds ten events."""
    server = MemoryServer(history=10)
    reader, bob = DOORS[door](server), named(server, "line", "bob")
    reader.read()
    reader.disconnect()
    texts = [f"{number}" for number in range(10 - 2 * reader.announces)]
    for text in texts:
        bob.say(text)
    reader.reconnect()
    assert reader.read() == said("bob", *texts)


@doors
def test_reader_slower_than_eviction_gets_a_gap(door: str) -> None:
    """Before the gap come the first messages, after it the newest ones."""
    server = MemoryServer(history=10)
    reader, bob = DOORS[door](server), named(server, "line", "bob")
    reader.read()
    reader.stall()
    texts = [f"{number}" for number in range(30)]
    for text in texts:
        bob.say(text)
    reader.resume()
    told = reader.read()
    before = told.index(GAP)
    assert told == [*said("bob", *texts[:before]), GAP, *said("bob", *texts[-10:])]
    assert before < 20


@doors
def test_slow_reader_misses_nothing_that_is_still_in_the_log(
    server: MemoryServer, door: str
) -> None:
    """Backpressure delays its events; it loses none."""
    reader, bob = DOORS[door](server), named(server, "line", "bob")
    reader.read()
    reader.stall()
    texts = [f"{number}" for number in range(30)]
    for text in texts:
        bob.say(text)
    reader.resume()
    assert reader.read() == said("bob", *texts)


@streams
def test_stream_is_ready_once_after_all_stored_events(server: MemoryServer, door: str) -> None:
    """`ready` comes at once if there was nothing to replay, else behind the last replayed event,
    and never again.
    """
    reader, bob = DOORS[door](server), named(server, "line", "bob")
    assert reader.read() == [("join", "bob")]
    assert reader.ready == 1  # type: ignore[attr-defined]
    reader.disconnect()
    for text in "123":
        bob.say(text)
    reader.reconnect()
    assert reader.read() == said("bob", "1", "2", "3")
    bob.say("live")
    assert reader.read() == said("bob", "live")
    assert reader.ready == 1  # type: ignore[attr-defined]


@streams
def test_stream_that_is_behind_is_ready_when_it_has_caught_up(door: str) -> None:
    """`ready` is not sent while backpressure holds events back."""
    server = MemoryServer()
    reader, bob = DOORS[door](server), named(server, "line", "bob")
    reader.read()
    reader.disconnect()
    texts = [f"{number} {'x' * 4000}" for number in range(100)]
    for text in texts:
        bob.say(text)
    connect = FakeConnection.registerProducer

    def full(self: FakeConnection, producer: Any, streaming: bool) -> None:
        connect(self, producer, streaming)
        producer.pauseProducing()

    with patch.object(FakeConnection, "registerProducer", full):
        reader.reconnect()
    assert reader.read() == []
    assert reader.ready == 0  # type: ignore[attr-defined]
    reader.resume()
    assert reader.read() == said("bob", *texts)
    assert reader.ready == 1  # type: ignore[attr-defined]


@doors
def test_burst_longer_than_the_log_is_no_gap_for_readers_that_keep_up(door: str) -> None:
    """Readers are woken before the log evicts, so a door that pushes events misses none."""
    server = MemoryServer(history=10)
    readers = [reader for reader in reader_at_each_door(server) if reader.pushes]
    people = [named(server, door, f"p{number}") for number in range(25)]
    seen(readers)
    for person in people:
        person.ask(person.name)
    server.chat.settle()
    wanted: list[Seen] = [("message", person.name, person.name) for person in people]
    assert seen(readers) == {reader.door: wanted for reader in readers}


@commands
def test_every_kind_of_room_event_is_seen_at_every_door(server: MemoryServer, door: str) -> None:
    """Joins, actions, topics, changed names, leaves."""
    readers = reader_at_each_door(server)
    ada = named(server, door, "ada")
    assert ada.act("waves") is None
    assert ada.set_topic("tea") is None
    assert ada.enter("eve") is None
    assert ada.say("still me") is None
    assert ada.set_topic("") is None
    ada.leave()
    assert seen(readers) == all_saw(
        ("join", "ada"),
        ("action", "ada", "waves"),
        ("topic", "ada", "tea"),
        ("nick", "ada", "eve"),
        ("message", "eve", "still me"),
        ("topic", "eve", ""),
        ("leave", "eve", ""),
    )


@commands
@pytest.mark.parametrize("taker", DOORS)
def test_name_is_free_again_when_its_holder_has_left(
    server: MemoryServer, door: str, taker: str
) -> None:
    """A client at any door can take it, in any case."""
    named(server, door, "ada").leave()
    assert DOORS[taker](server).enter("Ada") is None


@pairs
def test_name_in_use_is_refused_in_any_case(server: MemoryServer, door: str, other: str) -> None:
    """`Straße` and `STRASSE` are one name, and so are `Ada` and `aDA`, at any two doors."""
    named(server, door, "Ada")
    named(server, door, "Straße")
    taker = DOORS[other](server)
    for name in ("aDA", "STRASSE", "Ada"):
        refusal = taker.enter(name)
        assert refusal is not None
        assert "in use" in refusal
    assert taker.enter("Adam") is None


@commands
def test_person_who_is_refused_a_name_keeps_the_present_one(
    server: MemoryServer, door: str
) -> None:
    """No reader receives an event of the attempt."""
    named(server, "line", "ada")
    readers = reader_at_each_door(server)
    bob = named(server, door, "bob")
    seen(readers)
    assert bob.enter("ada")
    assert bob.say("still bob") is None
    assert seen(readers) == all_saw(("message", "bob", "still bob"))


@commands
def test_person_may_change_the_case_of_their_name(server: MemoryServer, door: str) -> None:
    """The name is in use, but by the person who asks for it."""
    ada = named(server, door, "ada")
    ada.read()
    assert ada.enter("Ada") is None
    assert ada.read() == [("nick", "ada", "Ada")]


@doors
@pytest.mark.parametrize(
    "name",
    [
        pytest.param("x" * 33, id="too-long"),
        pytest.param("#dev", id="hash"),
        pytest.param("<ada>", id="angle"),
        pytest.param("ad\u200ba", id="zero-width"),
        pytest.param("ad\u200ea", id="bidi"),
        pytest.param("ad\u3000a", id="wide-space"),
        pytest.param("guest-0099", id="guest"),
        pytest.param("\u0301a", id="accent-first"),
    ],
)
def test_invalid_name_is_refused(server: MemoryServer, door: str, name: str) -> None:
    """No person joins, neither under that name nor under what is left of it without the bad
    characters.
    """
    stranger = DOORS[door](server)
    readers = reader_at_each_door(server)
    assert stranger.enter(name)
    assert seen(readers) == all_saw()


HOSTILE = "\x1b[31mred\x07\x08\x01\x7f\x84\x9b0m\u202eevil\u2066\u200b\x1b]0;title\x07 end"
HARMLESS = "redevil\u200b end"


@doors
def test_terminal_control_characters_are_removed_from_messages(
    server: MemoryServer, door: str
) -> None:
    """The rest of the text is delivered."""
    readers = reader_at_each_door(server)
    ada = named(server, door, "ada")
    seen(readers)
    assert ada.say(HOSTILE) is None
    assert seen(readers) == all_saw(("message", "ada", HARMLESS))


@commands
def test_terminal_control_characters_are_removed_from_actions_and_topics(
    server: MemoryServer, door: str
) -> None:
    """The same characters as from messages."""
    readers = reader_at_each_door(server)
    ada = named(server, door, "ada")
    seen(readers)
    assert ada.act(HOSTILE) is None
    assert ada.set_topic(HOSTILE) is None
    assert seen(readers) == all_saw(("action", "ada", HARMLESS), ("topic", "ada", HARMLESS))


def test_no_text_delivers_a_control_character(server: MemoryServer) -> None:
    """Any text is delivered alike at every door, or refused and delivered at none."""
    readers = reader_at_each_door(server)
    speakers = {door: named(server, door, f"from-{door}") for door in DOORS}
    seen(readers)

    @given(st.sampled_from(list(DOORS)), st.text(max_size=80))
    def say(door: str, text: str) -> None:
        if not DOORS[door].many_lines:
            text = " ".join(text.split("\n")).replace("\r", " ")
        speakers[door].say(text)
        told = seen(readers)
        assert told == dict.fromkeys(DOORS, told["line"])
        for kind, name, line in told["line"]:
            assert (kind, name) == ("message", f"from-{door}")
            assert not any(map(is_control, line))

    say()


def is_control(char: str) -> bool:
    """Whether a terminal could act on this character instead of showing it; a tab is text."""
    code = ord(char)
    return (
        (code < 32 and char != "\t")
        or 127 <= code < 160
        or 0x202A <= code <= 0x202E
        or 0x2066 <= code <= 0x2069
    )


@many_lines
def test_text_of_several_lines_arrives_as_several_messages(server: MemoryServer, door: str) -> None:
    """Each line with its sender before it; CRLF is one break."""
    readers = reader_at_each_door(server)
    ada = named(server, door, "ada")
    seen(readers)
    assert ada.say("one\r\ntwo\n\n<bob> three") is None
    assert seen(readers) == all_saw(*said("ada", "one", "two", "", "<bob> three"))


@many_lines
@pytest.mark.parametrize(("breaks", "taken"), [(50, True), (51, False)])
def test_text_has_at_most_fifty_line_breaks(
    server: MemoryServer, door: str, breaks: int, taken: bool
) -> None:
    """A text with 51 is refused."""
    ada = named(server, door, "ada")
    assert (ada.say("x" + "\nx" * breaks) is None) is taken


@doors
@pytest.mark.parametrize(
    "text",
    [
        pytest.param("   ", id="spaces"),
        pytest.param("\u200b\u200d\u2060", id="invisible"),
        pytest.param("\x07\x1b", id="controls"),
        pytest.param("x" * 4097, id="too-long"),
        pytest.param("é" * 2049, id="too-many-bytes"),
    ],
)
def test_invalid_text_is_an_error_and_has_no_other_effect(
    server: MemoryServer, door: str, text: str
) -> None:
    """No reader receives it, and the sender's next message is delivered."""
    readers = reader_at_each_door(server)
    ada = named(server, door, "ada")
    seen(readers)
    assert ada.say(text)
    assert ada.say("x" * 4096) is None
    assert seen(readers) == all_saw(("message", "ada", "x" * 4096))


@doors
@pytest.mark.parametrize("text", ["/quit", "//", "!! not an error", "== nor an answer", "#dev hi"])
def test_text_that_looks_like_syntax_of_a_door_is_delivered_as_text(
    server: MemoryServer, door: str, text: str
) -> None:
    """What is a command, an answer or an error on some door is plain text in a message."""
    readers = reader_at_each_door(server)
    ada = named(server, door, "ada")
    seen(readers)
    assert ada.say(text) is None
    assert seen(readers) == all_saw(("message", "ada", text))


@doors
@pytest.mark.parametrize("size", [1, 7])
def test_packet_boundaries_do_not_matter(door: str, size: int) -> None:
    """However the network cuts the input, answers and events are the same."""

    def transcript(chop: int) -> list[object]:
        server = MemoryServer()
        readers = reader_at_each_door(server)
        ada = named(server, door, "ada", chop=chop)
        answers = [ada.say("früh ☕"), ada.say("  ")]
        if ada.commands:
            answers += [ada.act("waves"), ada.set_topic("tea")]
        return [answers, ada.read(), seen(readers)]

    whole = transcript(0)
    assert whole == transcript(size)
    assert ("message", "ada", "früh ☕") in whole[1]  # type: ignore[operator]


class RandomClient:
    """A client that takes random steps, and skips those that make no sense in its state."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.watched: list[Seen] = []
        self.spoken: list[str] = []
        self._stalled = self._disconnected = self._pending = False

    def say(self) -> None:
        """Send a new message, unless the last one is not answered yet."""
        if not (self._pending or self._disconnected):
            self.spoken.append(f"{self.client.name} says {len(self.spoken)}")
            self.client.ask(self.spoken[-1])
            self._pending = True

    def read(self) -> None:
        """Read what has come."""
        if not self._disconnected:
            self.watched += self.client.read()

    def stall(self) -> None:
        """Stop reading."""
        if not (self._stalled or self._disconnected):
            self.client.stall()
            self._stalled = True

    def resume(self) -> None:
        """Read again."""
        if self._stalled:
            self.client.resume()
            self._stalled = False

    def disconnect(self) -> None:
        """Lose the connection."""
        if not self._disconnected:
            self.resume()
            self.client.disconnect()
            self._disconnected = True

    def reconnect(self) -> None:
        """Reconnect."""
        if self._disconnected:
            self.client.reconnect()
            self._disconnected = False

    def settled(self) -> None:
        """Check that the last message was accepted; a stalled client cannot see that yet."""
        if self._pending and not self._stalled:
            assert self.client.answer() is None
            self._pending = False


actions = st.sampled_from(
    ["say", "say", "say", "read", "stall", "resume", "disconnect", "reconnect", "settle"]
)
steps = st.lists(st.tuples(st.integers(0, 2 * len(DOORS) - 1), actions), max_size=60)


@given(steps)
@settings(max_examples=50)
def test_all_readers_see_one_sequence_in_any_interleaving(steps: list[tuple[int, str]]) -> None:
    """Two clients at each door speak, read, stall, lose their connections and reconnect, in any
    order: all see the same sequence, each event once, and no message is missing.
    """
    server = MemoryServer()
    watcher = DOORS["poll"](server)
    people = [
        RandomClient(named(server, door, f"{door}-{number}"))
        for number in range(2)
        for door in DOORS
    ]
    seen([watcher, *(person.client for person in people)])

    def settle() -> None:
        server.chat.settle()
        for person in people:
            person.settled()

    for number, action in steps:
        if action == "settle":
            settle()
        else:
            getattr(people[number], action)()
    for person in people:
        person.reconnect()
        person.resume()
    settle()
    sequence = watcher.read()
    texts = [event[2] for event in sequence if event[0] == "message"]
    assert sorted(texts) == sorted(text for person in people for text in person.spoken)
    for person in people:
        person.read()
        assert person.watched == person.client.visible(*sequence)


@doors
def test_disconnected_client_leaves_no_reference_cycles(server: MemoryServer, door: str) -> None:
    """Neither a connection nor a poll leaves objects that refer to each other: with thousands of
    connections the garbage collector would need a tenth of a second to find them, in which every
    client waits.
    """
    client = named(server, door, "ada")
    client.say("hello")
    client.read()
    with no_garbage():
        client.say("and again")
        client.read()
        client.disconnect()
        server.chat.advance(1)
        del client
