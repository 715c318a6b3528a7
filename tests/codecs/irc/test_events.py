"""Events as IRC lines: every event type, with and without the capabilities that change its line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd.codecs.irc.capabilities import CAPABILITIES
from chatd.codecs.irc.events import IrcCodec
from chatd.codecs.irc.message import MAX_BODY, parse
from chatd.codecs.irc.profile import Profile, Sender
from chatd.model.events import (
    Acted,
    Arrived,
    AwayChanged,
    CardChanged,
    Departed,
    Event,
    Joined,
    Left,
    NameChanged,
    Noticed,
    Renamed,
    Said,
    SentPrivately,
    Signalled,
    Told,
    TopicSet,
    Typing,
)
from chatd.stream.eventlog import Entry

ID = 1_764_425_030_123_456
PLAIN = Profile()
RICH = Profile.of(frozenset(CAPABILITIES))


def who(name: str, account: bool) -> Sender:
    """What is known of a person: ada has an account, cy is away."""
    known = name if name == "ada" else ""
    host = "h.account" if known else "h.guest"
    return Sender("web", host, known, f"{name} B.", away="tea" if name == "cy" else "")


def rendered(event: Event, profile: Profile = PLAIN) -> list[str]:
    """The lines of an event for clients with that profile."""
    return IrcCodec(profile, who).render(Entry(ID, event))


def test_history_contains_a_client_s_own_private_message_once() -> None:
    """To clients that are not told of own messages live too, and when it was to oneself."""
    for to in ("bob", "ada"):
        entry = Entry(ID, SentPrivately("ada", to, "psst"))
        for profile in (PLAIN, Profile(own=True)):
            told = IrcCodec(profile, who).playback(entry, "")
            assert told == [f":ada!web@h.account PRIVMSG {to} :psst"]


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (Said("dev", "bob", "hi"), ":bob!web@h.guest PRIVMSG #dev :hi"),
        (Said("dev", "bob", "hi", notice=True), ":bob!web@h.guest NOTICE #dev :hi"),
        (Acted("dev", "bob", "waves"), ":bob!web@h.guest PRIVMSG #dev :\x01ACTION waves\x01"),
        (Told("bob", "ada", "psst"), ":bob!web@h.guest PRIVMSG ada :psst"),
        (Told("bob", "ada", "psst", notice=True), ":bob!web@h.guest NOTICE ada :psst"),
        (TopicSet("dev", "ada", "tea"), ":ada!web@h.account TOPIC #dev :tea"),
        (TopicSet("dev", "ada", ""), ":ada!web@h.account TOPIC #dev :"),
        (Arrived("dev", "bob"), ":bob!web@h.guest JOIN #dev"),
        (Departed("dev", "bob"), ":bob!web@h.guest PART #dev"),
        (Departed("dev", "bob", "tea"), ":bob!web@h.guest PART #dev :tea"),
        (Departed("dev", "bob", "tea", quit=True), ":bob!web@h.guest QUIT :tea"),
        (NameChanged("dev", "bob", "rob"), ":bob!web@h.guest NICK rob"),
    ],
)
def test_an_event_is_a_line(event: Event, line: str) -> None:
    """For a client without capabilities: the line of RFC 1459, and no tags."""
    assert rendered(event) == [line]


@pytest.mark.parametrize(
    "event",
    [Joined("dev", "bob"), Left("dev", "bob"), Renamed("dev", "a", "b"), Noticed("dev", "x")],
)
def test_a_join_is_encoded_from_presence_and_not_from_history(event: Event) -> None:
    """Presence tells each join and leave; the history's copy would tell it a second time."""
    assert rendered(event) == []


def test_own_private_messages_are_sent_to_clients_with_the_capability() -> None:
    """With `echo-message` or `znc.in/self-message`; other clients would take them for received
    ones.
    """
    event = SentPrivately("ada", "bob", "psst")
    assert rendered(event) == []
    assert rendered(event, Profile(own=True)) == [":ada!web@h.account PRIVMSG bob :psst"]


def test_a_message_to_oneself_is_shown_as_received_and_as_sent() -> None:
    """It is told once to a client that is not shown what it sends, and otherwise twice."""
    event, line = SentPrivately("bob", "bob", "milk"), ":bob!web@h.guest PRIVMSG bob :milk"
    assert rendered(event) == [line]
    assert rendered(event, Profile(own=True)) == [line, line]


@pytest.mark.parametrize(
    ("event", "profile", "lines"),
    [
        (AwayChanged("dev", "bob", "tea"), Profile(away=True), [":bob!web@h.guest AWAY :tea"]),
        (AwayChanged("dev", "bob", ""), Profile(away=True), [":bob!web@h.guest AWAY"]),
        (AwayChanged("dev", "bob", "tea"), PLAIN, []),
        (CardChanged("dev", "bob", "B."), Profile(setname=True), [":bob!web@h.guest SETNAME :B."]),
        (CardChanged("dev", "bob", "B."), PLAIN, []),
        (
            Typing("dev", "bob", "active"),
            Profile(msgid=True),
            ["@+typing=active :bob!web@h.guest TAGMSG #dev"],
        ),
        (Typing("dev", "bob", "active"), PLAIN, []),
        (
            Signalled("bob", "ada", "TAGMSG", "done"),
            Profile(msgid=True),
            ["@+typing=done :bob!web@h.guest TAGMSG ada"],
        ),
        (
            Signalled("bob", "ada", "NOTICE", "\x01PING 1\x01"),
            PLAIN,
            [":bob!web@h.guest NOTICE ada :\x01PING 1\x01"],
        ),
        (
            Arrived("dev", "cy"),
            Profile(away=True),
            [":cy!web@h.guest JOIN #dev", ":cy!web@h.guest AWAY :tea"],
        ),
    ],
)
def test_signals_are_sent_to_clients_with_message_tags(
    event: Event, profile: Profile, lines: list[str]
) -> None:
    """Away and real names go to clients with their own capabilities, and CTCP to all."""
    assert rendered(event, profile) == lines


def test_tags_are_sent_to_clients_with_their_capabilities() -> None:
    """Time, msgid and account on a message; a join has no msgid."""
    (line,) = rendered(Said("dev", "ada", "hi"), RICH)
    assert line == (
        f"@time=2025-11-29T14:03:50.123Z;msgid={ID};account=ada :ada!web@h.account PRIVMSG #dev :hi"
    )
    (line,) = rendered(Arrived("dev", "ada"), RICH)
    assert line == (
        "@time=2025-11-29T14:03:50.123Z;account=ada :ada!web@h.account JOIN #dev ada :ada B."
    )


def test_only_the_first_line_of_a_text_has_the_msgid() -> None:
    """The lines are one message, and blank lines are left out."""
    first, second = rendered(Said("dev", "bob", "one\n\ntwo"), Profile(msgid=True))
    assert first == f"@msgid={ID} :bob!web@h.guest PRIVMSG #dev :one"
    assert second == ":bob!web@h.guest PRIVMSG #dev :two"


def test_a_text_of_several_lines_is_one_batch_for_multiline_clients() -> None:
    """The msgid is on the batch, and blank lines are kept."""
    ref = f"m{ID:x}"
    assert rendered(Said("dev", "bob", "one\n\ntwo"), Profile(msgid=True, multiline=True)) == [
        f"@msgid={ID} :bob!web@h.guest BATCH +{ref} draft/multiline #dev",
        f"@batch={ref} :bob!web@h.guest PRIVMSG #dev :one",
        f"@batch={ref} :bob!web@h.guest PRIVMSG #dev :",
        f"@batch={ref} :bob!web@h.guest PRIVMSG #dev :two",
        f"BATCH -{ref}",
    ]


def test_a_long_text_is_divided_into_lines() -> None:
    """A client with `draft/multiline` can join the parts to the text again."""
    text = "word " * 150
    lines = rendered(Said("dev", "bob", text.rstrip()), Profile(multiline=True))
    parts = [parsed for line in lines[1:-1] if (parsed := parse(line))]
    assert ["draft/multiline-concat" in part.tags for part in parts] == [False, True]
    assert "".join(part.params[1] for part in parts) == text.rstrip()


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), min_size=1, max_size=1500))
def test_every_encoded_line_has_at_most_512_bytes(text: str) -> None:
    """Tags are not counted; whatever the text, and for clients with all capabilities or none."""
    for profile in (PLAIN, RICH):
        for event in (Said("dev", "bob", text), Acted("dev", "bob", text)):
            for line in rendered(event, profile):
                body = line.partition(" ")[2] if line.startswith("@") else line
                assert len(body.encode()) <= MAX_BODY


def test_playback_encodes_joins_and_leaves_of_the_history() -> None:
    """For `draft/event-playback`, where presence tells nothing of the past."""
    codec = IrcCodec(Profile(), who)
    told = [Joined("dev", "bob"), Renamed("dev", "bob", "rob"), Left("dev", "rob", "tea")]
    lines = [line for event in told for line in codec.playback(Entry(ID, event), "h1")]
    assert lines == [
        "@batch=h1 :bob!web@h.guest JOIN #dev",
        "@batch=h1 :bob!web@h.guest NICK rob",
        "@batch=h1 :rob!web@h.guest PART #dev :tea",
    ]


def test_clients_with_the_same_profile_share_bytes() -> None:
    """An event is encoded once for all of them, and once more for another profile."""
    entry = Entry(ID, Said("dev", "bob", "hi"))
    one, other = IrcCodec(RICH, who), IrcCodec(Profile.of(frozenset(CAPABILITIES)), who)
    assert entry.encoded(one) is entry.encoded(other)
    assert entry.encoded(one) != entry.encoded(IrcCodec(PLAIN, who))
    assert one.join([b"a\r\n", b"b\r\n"]) == b"a\r\nb\r\n"
