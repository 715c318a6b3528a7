"""The same promises on every door: each has its client in `DOORS`."""

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
    """Somebody at a door who has a name."""
    return DOORS[door](server, name=name, **options)


def one_at_each_door(server: MemoryServer) -> list[Client]:
    """Somebody at each door, without a name if the door allows it, who has nothing to read yet."""
    readers = [client(server) for client in DOORS.values()]
    seen(readers)
    return readers


def seen(clients: Sequence[Client]) -> dict[str, list[Seen]]:
    """What each has seen since the last call, by door."""
    return {client.door: client.read() for client in clients}


def all_saw(*events: Seen) -> dict[str, list[Seen]]:
    """What `seen` gives when everyone saw the same, as far as their door tells it."""
    return {door: client.told(*events) for door, client in DOORS.items()}


def said(name: str, *texts: str) -> list[Seen]:
    """Messages of one person."""
    return [("message", name, text) for text in texts]


@doors
def test_what_is_said_is_seen_at_every_door_once(server: MemoryServer, door: str) -> None:
    """The speaker's own door, and the speaker, are no exception."""
    readers = one_at_each_door(server)
    ada = named(server, door, "ada")
    assert seen(readers) == all_saw(("join", "ada"))
    ada.read()
    assert ada.say("hello") is None
    assert seen(readers) == all_saw(("message", "ada", "hello"))
    assert ada.read() == said("ada", "hello")
    assert seen([*readers, ada]) == all_saw()


def test_there_is_one_order_for_everybody(server: MemoryServer) -> None:
    """What is said at one door between two things said at another stands between them for all."""
    people = [named(server, door, f"from-{door}") for door in DOORS]
    seen(people)
    spoken: list[Seen] = []
    for number in range(4):
        for person in people:
            person.say(f"{number}")
            spoken += said(person.name, f"{number}")
    assert seen(people) == all_saw(*spoken)


def test_what_is_asked_in_one_turn_is_seen_in_the_order_of_asking(server: MemoryServer) -> None:
    """Even where nothing is stored in between."""
    people = [named(server, door, f"from-{door}") for door in DOORS]
    seen(people)
    for person in people:
        person.ask("now")
    server.chat.settle()
    assert [person.answer() for person in people] == [None for _ in people]
    assert seen(people) == all_saw(*(("message", person.name, "now") for person in people))


@doors
def test_nothing_is_shown_or_acknowledged_before_it_is_stored(
    server: MemoryServer, door: str
) -> None:
    """While the store has it in hand, nobody sees it and its sender waits."""
    readers = one_at_each_door(server)
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
def test_what_the_store_refuses_is_told_to_its_sender_and_shown_to_nobody(
    server: MemoryServer, door: str
) -> None:
    """And what is said next goes through."""
    readers = one_at_each_door(server)
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
def test_a_refused_batch_is_told_to_each_of_its_senders(server: MemoryServer, door: str) -> None:
    """It is stored whole or not at all, whoever is in it."""
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
def test_who_comes_back_goes_on_where_they_stood(server: MemoryServer, door: str) -> None:
    """Nothing is lost in between, and nothing comes twice."""
    reader, bob = DOORS[door](server), named(server, "line", "bob")
    bob.say("before")
    assert reader.read() == reader.told(("join", "bob"), ("message", "bob", "before"))
    reader.go_away()
    for text in "123":
        bob.say(text)
    reader.come_back()
    bob.say("after")
    assert reader.read() == said("bob", "1", "2", "3", "after")


@confirms
def test_what_was_on_the_way_when_the_connection_broke_is_seen_once(
    server: MemoryServer, door: str
) -> None:
    """Whether the last thing sent was received or not, coming back gives what is missing."""
    reader, bob = DOORS[door](server), named(server, "line", "bob")
    reader.read()
    bob.say("on the way")
    reader.go_away()
    bob.say("meanwhile")
    reader.come_back()
    assert reader.read() == said("bob", "on the way", "meanwhile")


@doors
def test_who_comes_back_too_late_is_told_of_the_gap(door: str) -> None:
    """Then comes what is left."""
    server = MemoryServer(history=10)
    reader, bob = DOORS[door](server), named(server, "line", "bob")
    reader.read()
    reader.go_away()
    texts = [f"{number}" for number in range(30)]
    for text in texts:
        bob.say(text)
    reader.come_back()
    left = 10 - reader.announces
    assert reader.read() == [GAP, *said("bob", *texts[-left:])]


@doors
def test_who_comes_back_just_in_time_is_told_of_no_gap(door: str) -> None:
    """A log of ten holds ten."""
    server = MemoryServer(history=10)
    reader, bob = DOORS[door](server), named(server, "line", "bob")
    reader.read()
    reader.go_away()
    texts = [f"{number}" for number in range(10 - 2 * reader.announces)]
    for text in texts:
        bob.say(text)
    reader.come_back()
    assert reader.read() == said("bob", *texts)


@doors
def test_who_reads_too_slowly_is_told_of_the_gap(door: str) -> None:
    """What came before it is the beginning of what was said, and what comes after it the end."""
    server = MemoryServer(history=10)
    reader, bob = DOORS[door](server), named(server, "line", "bob")
    reader.read()
    reader.stall()
    texts = [f"{number}" for number in range(30)]
    for text in texts:
        bob.say(text)
    reader.unstall()
    told = reader.read()
    before = told.index(GAP)
    assert told == [*said("bob", *texts[:before]), GAP, *said("bob", *texts[-10:])]
    assert before < 20


@doors
def test_who_reads_slowly_but_in_time_misses_nothing(server: MemoryServer, door: str) -> None:
    """Slow is not lost."""
    reader, bob = DOORS[door](server), named(server, "line", "bob")
    reader.read()
    reader.stall()
    texts = [f"{number}" for number in range(30)]
    for text in texts:
        bob.say(text)
    reader.unstall()
    assert reader.read() == said("bob", *texts)


@streams
def test_a_stream_says_once_that_all_that_was_stored_has_been_sent(
    server: MemoryServer, door: str
) -> None:
    """At once where there was nothing; behind the last of it where there was something; and never
    again.
    """
    reader, bob = DOORS[door](server), named(server, "line", "bob")
    assert reader.read() == [("join", "bob")]
    assert reader.ready == 1  # type: ignore[attr-defined]
    reader.go_away()
    for text in "123":
        bob.say(text)
    reader.come_back()
    assert reader.read() == said("bob", "1", "2", "3")
    bob.say("live")
    assert reader.read() == said("bob", "live")
    assert reader.ready == 1  # type: ignore[attr-defined]


@streams
def test_a_stream_that_is_behind_says_that_it_is_ready_when_it_has_caught_up(door: str) -> None:
    """Not while its client does not read."""
    server = MemoryServer()
    reader, bob = DOORS[door](server), named(server, "line", "bob")
    reader.read()
    reader.go_away()
    texts = [f"{number} {'x' * 4000}" for number in range(100)]
    for text in texts:
        bob.say(text)
    connect = FakeConnection.registerProducer

    def full(self: FakeConnection, producer: Any, streaming: bool) -> None:
        connect(self, producer, streaming)
        producer.pauseProducing()

    with patch.object(FakeConnection, "registerProducer", full):
        reader.come_back()
    assert reader.read() == []
    assert reader.ready == 0  # type: ignore[attr-defined]
    reader.unstall()
    assert reader.read() == said("bob", *texts)
    assert reader.ready == 1  # type: ignore[attr-defined]


@doors
def test_a_burst_longer_than_the_log_is_no_gap_for_who_reads(door: str) -> None:
    """Nobody was slow, so whoever is pushed to has missed nothing."""
    server = MemoryServer(history=10)
    readers = [reader for reader in one_at_each_door(server) if reader.pushes]
    people = [named(server, door, f"p{number}") for number in range(25)]
    seen(readers)
    for person in people:
        person.ask(person.name)
    server.chat.settle()
    wanted: list[Seen] = [("message", person.name, person.name) for person in people]
    assert seen(readers) == {reader.door: wanted for reader in readers}


@commands
def test_what_happens_in_the_room_is_seen_at_every_door(server: MemoryServer, door: str) -> None:
    """Joins, actions, topics, other names, leaves."""
    readers = one_at_each_door(server)
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
def test_a_name_is_free_again_when_its_holder_has_left(
    server: MemoryServer, door: str, taker: str
) -> None:
    """For every door."""
    named(server, door, "ada").leave()
    assert DOORS[taker](server).enter("Ada") is None


@pairs
def test_a_name_in_use_is_refused_in_whatever_case(
    server: MemoryServer, door: str, other: str
) -> None:
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
def test_who_is_refused_a_name_keeps_the_one_they_have(server: MemoryServer, door: str) -> None:
    """And nobody is told of the attempt."""
    named(server, "line", "ada")
    readers = one_at_each_door(server)
    bob = named(server, door, "bob")
    seen(readers)
    assert bob.enter("ada")
    assert bob.say("still bob") is None
    assert seen(readers) == all_saw(("message", "bob", "still bob"))


@commands
def test_a_name_may_be_taken_again_in_another_case_by_its_holder(
    server: MemoryServer, door: str
) -> None:
    """Nobody else has it."""
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
def test_what_is_no_name_is_refused(server: MemoryServer, door: str, name: str) -> None:
    """And nobody came in: not under that name, nor under what is left of it."""
    stranger = DOORS[door](server)
    readers = one_at_each_door(server)
    assert stranger.enter(name)
    assert seen(readers) == all_saw()


HOSTILE = "\x1b[31mred\x07\x08\x01\x7f\x84\x9b0m\u202eevil\u2066\u200b\x1b]0;title\x07 end"
HARMLESS = "redevil\u200b end"


@doors
def test_nothing_that_steers_a_terminal_passes_from_one_to_another(
    server: MemoryServer, door: str
) -> None:
    """The rest of the text does."""
    readers = one_at_each_door(server)
    ada = named(server, door, "ada")
    seen(readers)
    assert ada.say(HOSTILE) is None
    assert seen(readers) == all_saw(("message", "ada", HARMLESS))


@commands
def test_nothing_that_steers_a_terminal_passes_in_an_action_or_a_topic(
    server: MemoryServer, door: str
) -> None:
    """As in a message."""
    readers = one_at_each_door(server)
    ada = named(server, door, "ada")
    seen(readers)
    assert ada.act(HOSTILE) is None
    assert ada.set_topic(HOSTILE) is None
    assert seen(readers) == all_saw(("action", "ada", HARMLESS), ("topic", "ada", HARMLESS))


def test_no_text_whatever_puts_a_control_character_before_anyone(server: MemoryServer) -> None:
    """Whatever is said is seen alike at every door, or refused and seen nowhere."""
    readers = one_at_each_door(server)
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
            assert not any(map(steers, line))

    say()


def steers(char: str) -> bool:
    """Whether a character could do anything but show itself; a tab is text."""
    code = ord(char)
    return (
        (code < 32 and char != "\t")
        or 127 <= code < 160
        or 0x202A <= code <= 0x202E
        or 0x2066 <= code <= 0x2069
    )


@many_lines
def test_a_text_of_several_lines_arrives_as_several_lines(server: MemoryServer, door: str) -> None:
    """Each with its sender before it; CRLF is one break."""
    readers = one_at_each_door(server)
    ada = named(server, door, "ada")
    seen(readers)
    assert ada.say("one\r\ntwo\n\n<bob> three") is None
    assert seen(readers) == all_saw(*said("ada", "one", "two", "", "<bob> three"))


@many_lines
@pytest.mark.parametrize(("breaks", "taken"), [(50, True), (51, False)])
def test_a_text_has_at_most_fifty_line_breaks(
    server: MemoryServer, door: str, breaks: int, taken: bool
) -> None:
    """One more is refused."""
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
def test_a_bad_text_costs_an_error_and_nothing_else(
    server: MemoryServer, door: str, text: str
) -> None:
    """Nobody sees it, and what is said next goes through."""
    readers = one_at_each_door(server)
    ada = named(server, door, "ada")
    seen(readers)
    assert ada.say(text)
    assert ada.say("x" * 4096) is None
    assert seen(readers) == all_saw(("message", "ada", "x" * 4096))


@doors
@pytest.mark.parametrize("text", ["/quit", "//", "!! not an error", "== nor an answer", "#dev hi"])
def test_a_text_may_look_like_anything(server: MemoryServer, door: str, text: str) -> None:
    """What a door means something by is only text in what people say."""
    readers = one_at_each_door(server)
    ada = named(server, door, "ada")
    seen(readers)
    assert ada.say(text) is None
    assert seen(readers) == all_saw(("message", "ada", text))


@doors
@pytest.mark.parametrize("size", [1, 7])
def test_a_byte_at_a_time_is_the_same_as_a_whole(door: str, size: int) -> None:
    """However the network cuts what is sent, the same is seen, and answered."""

    def transcript(chop: int) -> list[object]:
        server = MemoryServer()
        readers = one_at_each_door(server)
        ada = named(server, door, "ada", chop=chop)
        answers = [ada.say("früh ☕"), ada.say("  ")]
        if ada.commands:
            answers += [ada.act("waves"), ada.set_topic("tea")]
        return [answers, ada.read(), seen(readers)]

    whole = transcript(0)
    assert whole == transcript(size)
    assert ("message", "ada", "früh ☕") in whole[1]  # type: ignore[operator]


class Person:
    """A client that does what it is told, as far as that makes sense where it is."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.watched: list[Seen] = []
        self.spoken: list[str] = []
        self._stalled = self._away = self._asked = False

    def say(self) -> None:
        """Say something new, unless the last thing is not settled yet."""
        if not (self._asked or self._away):
            self.spoken.append(f"{self.client.name} says {len(self.spoken)}")
            self.client.ask(self.spoken[-1])
            self._asked = True

    def read(self) -> None:
        """Read what there is."""
        if not self._away:
            self.watched += self.client.read()

    def stall(self) -> None:
        """Stop reading."""
        if not (self._stalled or self._away):
            self.client.stall()
            self._stalled = True

    def unstall(self) -> None:
        """Read again."""
        if self._stalled:
            self.client.unstall()
            self._stalled = False

    def go(self) -> None:
        """Lose the connection."""
        if not self._away:
            self.unstall()
            self.client.go_away()
            self._away = True

    def come(self) -> None:
        """Come back."""
        if self._away:
            self.client.come_back()
            self._away = False

    def settled(self) -> None:
        """Look whether what was said was taken; a client that is stalled waits."""
        if self._asked and not self._stalled:
            assert self.client.answer() is None
            self._asked = False


deeds = st.sampled_from(["say", "say", "say", "read", "stall", "unstall", "go", "come", "settle"])
steps = st.lists(st.tuples(st.integers(0, 2 * len(DOORS) - 1), deeds), max_size=60)


@given(steps)
@settings(max_examples=50)
def test_everybody_sees_the_same_whoever_does_what_when(steps: list[tuple[int, str]]) -> None:
    """Two at each door speak, read, stall, lose their connections and come back, in any order:
    all see one sequence, each event once, and nothing that was said is missing.
    """
    server = MemoryServer()
    watcher = DOORS["poll"](server)
    people = [
        Person(named(server, door, f"{door}-{number}")) for number in range(2) for door in DOORS
    ]
    seen([watcher, *(person.client for person in people)])

    def settle() -> None:
        server.chat.settle()
        for person in people:
            person.settled()

    for number, deed in steps:
        if deed == "settle":
            settle()
        else:
            getattr(people[number], deed)()
    for person in people:
        person.come()
        person.unstall()
    settle()
    sequence = watcher.read()
    texts = [event[2] for event in sequence if event[0] == "message"]
    assert sorted(texts) == sorted(text for person in people for text in person.spoken)
    for person in people:
        person.read()
        assert person.watched == person.client.told(*sequence)


@doors
def test_whoever_has_gone_leaves_nothing_behind(server: MemoryServer, door: str) -> None:
    """Neither a visit nor a poll leaves objects that hold each other: among thousands of
    connections a search for those takes a tenth of a second, in which everybody waits."""
    client = named(server, door, "ada")
    client.say("hello")
    client.read()
    with no_garbage():
        client.say("and again")
        client.read()
        client.go_away()
        server.chat.advance(1)
        del client
