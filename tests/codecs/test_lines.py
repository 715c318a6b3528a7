"""The line protocol: events as lines, lines as commands."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chatd.codecs.lines import (
    COMMANDS,
    CURRENT,
    ELSEWHERE,
    MAX_HISTORY,
    PLAIN,
    PLAIN_ROOMS,
    LineDecoder,
    answer,
    describe,
    parse,
    refusal,
)
from chatd.model.commands import (
    Act,
    Command,
    Join,
    Leave,
    Quit,
    Rename,
    Reply,
    Say,
    SetEcho,
    SetLiteral,
    SetTime,
    SetTopic,
    ShowHelp,
    ShowHistory,
    ShowRooms,
    ShowSince,
    ShowTopic,
    ShowWho,
    Switch,
    Tell,
)
from chatd.model.errors import ChatError, Malformed, UnknownCommand
from chatd.model.events import (
    Acted,
    Event,
    Joined,
    Left,
    Noticed,
    Renamed,
    Said,
    SentPrivately,
    Told,
    TopicSet,
)
from chatd.model.text import seen
from chatd.stream.batch import Gap
from chatd.stream.eventlog import Entry

from ..kit.packets import cut, places

# -- events as lines -----------------------------------------------------------------------------

LINES: list[tuple[Event, list[str]]] = [
    (Said("dev", "ada", "hello"), ["<ada> hello"]),
    (Said("dev", "ada", "one\n\n three"), ["<ada> one", "<ada> ", "<ada>  three"]),
    (Acted("dev", "ada", "waves"), ["* ada waves"]),
    (Acted("dev", "ada", "waves\nand goes"), ["* ada waves", "* ada and goes"]),
    (Joined("dev", "ada"), ["-- ada joined #dev"]),
    (Left("dev", "ada"), ["-- ada left #dev"]),
    (Left("dev", "ada", "bye"), ["-- ada left #dev (bye)"]),
    (Renamed("dev", "ada", "eve"), ["-- ada is now eve"]),
    (TopicSet("dev", "ada", "tea"), ["-- ada set the topic: tea"]),
    (TopicSet("dev", "ada", ""), ["-- ada cleared the topic"]),
    (Noticed("dev", "3 joined, 1 left"), ["-- 3 joined, 1 left"]),
]
PRIVATE: list[tuple[Event, list[str]]] = [
    (Told("ada", "bob", "psst"), ["[ada] psst"]),
    (Told("ada", "bob", "psst\nyou"), ["[ada] psst", "[ada] you"]),
    (SentPrivately("ada", "bob", "psst\nyou"), ["[to bob] psst", "[to bob] you"]),
]


def joined(lines: list[str], lead: str = "", end: str = "\r\n") -> bytes:
    return "".join(f"{lead}{line}{end}" for line in lines).encode()


@pytest.mark.parametrize(
    ("event", "lines"), LINES + PRIVATE, ids=lambda value: type(value).__name__
)
def test_an_event_is_told_apart_by_how_its_lines_begin(event: Event, lines: list[str]) -> None:
    """Each line of a text with the sender before it."""
    entry = Entry(1, event)
    assert CURRENT.encode(entry) == joined(lines)
    assert PLAIN.encode(entry) == joined(lines, end="\n")


@pytest.mark.parametrize(("event", "lines"), LINES, ids=lambda value: type(value).__name__)
def test_elsewhere_each_line_begins_with_its_room(event: Event, lines: list[str]) -> None:
    """Whoever is in several rooms sees where."""
    entry = Entry(1, event)
    assert ELSEWHERE.encode(entry) == joined(lines, "#dev ")
    assert PLAIN_ROOMS.encode(entry) == joined(lines, "#dev ", "\n")


@pytest.mark.parametrize(("event", "lines"), PRIVATE, ids=lambda value: type(value).__name__)
def test_a_private_message_belongs_to_no_room(event: Event, lines: list[str]) -> None:
    """So none stands before it."""
    assert ELSEWHERE.encode(Entry(1, event)) == joined(lines)


@pytest.mark.parametrize(
    ("gap", "line"),
    [
        (
            Gap("dev", 40),
            ">> 40 events were missed here; /history 40 shows what is left",
        ),
        (Gap("dev", None), ">> events were missed here; /history shows what is left"),
    ],
    ids=["measured", "unknown"],
)
def test_a_gap_says_what_was_missed_and_what_to_do(gap: Gap, line: str) -> None:
    """How many, where the server knows; and in which room, if it is not this one."""
    assert CURRENT.gap(gap) == joined([line])
    assert ELSEWHERE.gap(gap) == joined([line], "#dev ")
    assert PLAIN.gap(gap) == joined([line], end="\n")


def test_a_gap_in_private_messages_has_no_room() -> None:
    """Their source has no name."""
    assert ELSEWHERE.gap(Gap("", 2)).startswith(b">> 2 events")


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.just("\n"), min_size=1))
def test_no_text_can_pass_for_another_kind_of_line(text: str) -> None:
    """Every line that comes of it begins as the sender's."""
    told = Said("dev", "ada", text), Acted("dev", "ada", text), Told("ada", "bob", text)
    for event, lead in zip(told, ("<ada> ", "* ada ", "[ada] "), strict=True):
        assert all(line.startswith(lead) for line in describe(event))
        assert len(list(describe(event))) == text.count("\n") + 1


def test_lines_come_one_after_the_other() -> None:
    """A batch is nothing but its lines."""
    assert CURRENT.join([b"<ada> hi\r\n", b"* ada waves\r\n"]) == b"<ada> hi\r\n* ada waves\r\n"


def test_codecs_share_bytes_only_where_they_are_the_same() -> None:
    """An entry keeps its bytes by the codec's name."""
    assert len({codec.name for codec in (CURRENT, ELSEWHERE, PLAIN, PLAIN_ROOMS)}) == 4


def test_answers_and_errors_begin_with_their_own_marks() -> None:
    """As nothing that people say does."""
    assert answer("3 here: ada, bob, cy") == b"== 3 here: ada, bob, cy\r\n"
    assert refusal(Malformed("no such é")) == "!! no such é\r\n".encode()


# -- bytes into lines ----------------------------------------------------------------------------

LIMIT = 20
streams = st.lists(
    st.sampled_from([b"\r\n", b"\n", b"\r\0", b"\r", b"\0", b"a", b"hello", b"\xff", b"x" * 21])
    | st.binary(max_size=30)
).map(b"".join)


def lines_of(*parts: bytes, limit: int = LIMIT) -> list[bytes | None]:
    decoder = LineDecoder(limit)
    return [line for part in parts for line in decoder.feed(part)] + decoder.finish()


@given(streams, places)
def test_split_anywhere_is_the_same_as_whole(stream: bytes, at: list[int]) -> None:
    """TCP cuts where it likes."""
    whole = lines_of(stream)
    assert lines_of(*cut(stream, at)) == whole
    assert lines_of(*(bytes([byte]) for byte in stream)) == whole


@given(streams)
def test_the_lines_are_what_stands_between_the_ends(stream: bytes) -> None:
    """Without NULs before them and empty lines, and None for each that is too long."""
    lines = [line.lstrip(b"\0") for line in stream.replace(b"\r", b"\n").split(b"\n")]
    assert lines_of(stream) == [line if len(line) <= LIMIT else None for line in lines if line]


@pytest.mark.parametrize(
    "end", [b"\n", b"\r\n", b"\r\0", b"\r"], ids=["LF", "CRLF", "CR NUL", "CR"]
)
def test_every_line_end_ends_a_line(end: bytes) -> None:
    """At once: nobody waits for a byte that may never come."""
    decoder = LineDecoder(LIMIT)
    for word in (b"one", b"two"):
        assert decoder.feed(word + end) == [word]
    assert decoder.finish() == []


def test_the_last_line_needs_no_end() -> None:
    """The end of the stream ends it."""
    decoder = LineDecoder(LIMIT)
    assert decoder.feed(b"hello\nbye") == [b"hello"]
    assert decoder.finish() == [b"bye"]
    assert decoder.finish() == []


def test_a_line_that_is_too_long_costs_itself_only() -> None:
    """One None for it, whatever its length; what stands around it is kept."""
    assert lines_of(b"a\n", b"x" * 21, b"x" * 1000, b"\r\nb\n") == [b"a", None, b"b"]
    assert lines_of(b"x" * LIMIT + b"\n") == [b"x" * LIMIT]
    assert lines_of(b"x" * 21) == [None]


def test_a_line_without_an_end_costs_no_memory() -> None:
    """A hundred megabytes of it, in packets as TCP brings them."""
    decoder, packet = LineDecoder(4352), b"x" * 65536
    tracemalloc.start()
    for _ in range(1600):
        assert decoder.feed(packet) == []
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * len(packet)
    assert decoder.feed(b"\nhello\n") == [None, b"hello"]


# -- lines into commands -------------------------------------------------------------------------

COMMAND_LINES: list[tuple[str, Command]] = [
    ("/nick eve", Rename("eve")),
    ("/join #dev", Join("#dev")),
    ("/leave", Leave("lobby")),
    ("/leave dev", Leave("dev")),
    ("/room dev", Switch("dev")),
    ("/who", ShowWho("lobby")),
    ("/who #dev", ShowWho("#dev")),
    ("/rooms", ShowRooms()),
    ("/me waves  twice", Act("lobby", "waves  twice")),
    ("/msg bob psst, you", Tell("bob", "psst, you")),
    ("/r yes", Reply("yes")),
    ("/time on", SetTime("local")),
    ("/time utc", SetTime("utc")),
    ("/time off", SetTime("")),
    ("/literal on", SetLiteral()),
    ("/topic", ShowTopic("lobby")),
    ("/topic tea at five", SetTopic("lobby", "tea at five")),
    ("/topic -", SetTopic("lobby", "")),
    ("/history", ShowHistory("lobby", 20)),
    ("/history 40", ShowHistory("lobby", 40)),
    ("/history 99999", ShowHistory("lobby", MAX_HISTORY)),
    ("/since 1763819000123456", ShowSince("lobby", 1763819000123456)),
    ("/echo on", SetEcho(True)),
    ("/echo off", SetEcho(False)),
    ("/help", ShowHelp()),
    ("/help nick", ShowHelp("nick")),
    ("/help /NICK", ShowHelp("nick")),
    ("/quit", Quit()),
    ("/quit so long", Quit("so long")),
]


@pytest.mark.parametrize(("line", "command"), COMMAND_LINES, ids=lambda value: str(value)[:30])
def test_a_line_with_a_slash_is_a_command(line: str, command: Command) -> None:
    """In any case, and with any spaces around its words."""
    assert parse(line, "lobby") == command
    word, _, rest = line.partition(" ")
    for blank in (" ", "\t", "\u00a0", "\u3000"):
        assert parse(f"{word.upper()}{blank} {rest}{blank}", "lobby") == command


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("/msg\tbob\thi  there", Tell("bob", "hi  there")),
        ("/msg \u3000bob\u00a0 hi\tthere", Tell("bob", "hi\tthere")),
        ("/join\tdev", Join("dev")),
        ("/quit\t", Quit()),
        ("/quit\tso\tlong", Quit("so\tlong")),
    ],
)
def test_any_blank_separates_the_words_of_a_command(line: str, command: Command) -> None:
    """A tab that is pasted, or the wide space of an input method."""
    assert parse(line, "lobby") == command


@pytest.mark.parametrize("blank", ["\t", "\u00a0", "\u3000"], ids=ascii)
def test_no_blank_hides_a_second_word(blank: str) -> None:
    """A name is one word."""
    with pytest.raises(Malformed, match="takes one name, which has no blanks"):
        parse(f"/nick ada{blank}lovelace", "lobby")


UNSEEN = [" ", "\t", "\ufeff", "\u200b", "\u3164", "\u00ad", "\U00016fe4", "\x01", "\x7f", "\x1b[A"]


@pytest.mark.parametrize("unseen", UNSEEN, ids=ascii)
def test_a_command_behind_what_is_not_seen_is_refused(unseen: str) -> None:
    """It would be said as it looks: `/nick ada secret`."""
    for line in (f"{unseen}/nick ada secret", f"{unseen} {unseen}/quit", f"{unseen}//me"):
        with pytest.raises(Malformed, match="that was not said: a command begins without blanks"):
            parse(line, "lobby")
    assert parse(f"{unseen}and/or", "lobby") == Say("lobby", f"{unseen}and/or")


def test_every_command_is_tried_above() -> None:
    """Whoever adds a command adds a line."""
    assert {line[1:].split()[0] for line, _ in COMMAND_LINES} == set(COMMANDS)


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("hello", "hello"),
        ("/usr/bin/ld: x", "/usr/bin/ld: x"),
        ("/msg/", "/msg/"),
        (" me/", " me/"),
        ("//me", "/me"),
        ("///", "//"),
        ("//", "/"),
        ("#x", "#x"),
    ],
)
def test_any_other_line_is_said_in_the_current_room(line: str, text: str) -> None:
    """As it is; a second slash says the first."""
    assert parse(line, "dev") == Say("dev", text)


@pytest.mark.parametrize(
    "line",
    [
        "/nick",
        "/nick ada lovelace",
        "/join",
        "/join a b",
        "/leave a b",
        "/room",
        "/room a b",
        "/who a b",
        "/rooms all",
        "/me",
        "/msg",
        "/msg bob",
        "/history many",
        "/history -1",
        "/history 1.5",
        "/history ١",
        "/history 9999999999999999999",
        "/since",
        "/since yesterday",
        "/since -1",
        "/echo",
        "/echo maybe",
    ],
)
def test_a_command_that_is_wrong_is_answered_with_how_it_is_written(line: str) -> None:
    """So that nobody has to look it up."""
    with pytest.raises(Malformed) as problem:
        parse(line, "lobby")
    form = COMMANDS[line[1:].split()[0]].form
    assert problem.value.message.endswith(f"; type {form}")
    assert form.split()[0] == line.split()[0]


@pytest.mark.parametrize("line", ["/", "/foo", "/nickname x", "/ nick eve", "/" + "x" * 5000])
def test_an_unknown_command_is_named_and_help_offered(line: str) -> None:
    """Not said to the room: it was meant for the server."""
    with pytest.raises(UnknownCommand) as problem:
        parse(line, "lobby")
    assert problem.value.message.endswith("; /help lists them")
    assert ("did you mean /nick?" in problem.value.message) == (line == "/nickname x")
    assert problem.value.message.startswith(f"no such command {line.split(' ')[0][:20]}")
    assert len(problem.value.message) < 100


@given(st.text())
@example("/help " + "x" * 1000)
def test_any_line_is_a_command_or_refused(line: str) -> None:
    """`Malformed` and `UnknownCommand` are `ChatError`s, and nothing else is raised."""
    try:
        assert isinstance(parse(line, "lobby"), Command)
    except ChatError:
        assert seen(line).startswith("/")


@given(st.sampled_from([f"/{word}" for word in COMMANDS]), st.text("ab #/-019 é\u2003\ufeff"))
def test_any_words_behind_a_command_are_read_or_refused(word: str, rest: str) -> None:
    """Nothing that is typed raises anything but a `ChatError`."""
    try:
        command = parse(f"{word} {rest}", "lobby")
    except Malformed:
        return
    assert not isinstance(command, Say)


@pytest.mark.parametrize("word", COMMANDS)
def test_every_command_explains_itself(word: str) -> None:
    """Its form begins with its name, and its help fits a terminal's line."""
    usage = COMMANDS[word]
    assert usage.form.split()[0] == f"/{word}"
    assert usage.help.isprintable()
    assert len(f"== {usage.form}: {usage.help}") < 80
