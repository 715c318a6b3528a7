"""The soak's checker finds what it is there to find: each test breaks one promise."""

from __future__ import annotations

from array import array
from typing import Any

import pytest

from soak.checker import EVER, GAP, NEW_SESSION, Contents, Event, Loss, Saying, Trail, judge


def event(id_: int, **fields: Any) -> Event:
    """A message of ada's, whose serial number is a tenth of its id."""
    known: dict[str, Any] = {"type": "message", "room": "lobby", "sender": "ada"}
    return Event(id_, **known | {"text": f"m{id_ // 10} hello"} | fields)


def saying(serial: int, **fields: Any) -> Saying:
    """A message that was sent and acknowledged."""
    known: dict[str, Any] = {"voice": "ada", "room": "lobby", "text": f"m{serial} hello"}
    return Saying(serial, **known | {"stored": True, "id": serial * 10} | fields)


HISTORY = [event(id_) for id_ in (10, 20, 30, 40, 50)]
SAYINGS = [saying(serial) for serial in (1, 2, 3, 4, 5)]


def trail(*items: int, **fields: Any) -> Trail:
    return Trail("a reader", frozenset({"lobby"}), items=array("q", items), **fields)


def findings(
    *trails: Trail,
    history: list[Event] = HISTORY,
    sayings: list[Saying] = SAYINGS,
    shown: tuple[Event, ...] = (),
    losses: tuple[Loss, ...] = (),
) -> str:
    """The findings, one per line."""
    contents = Contents()
    for one in shown:
        contents.saw(one)
    verdict = judge({"lobby": history}, sayings, trails, contents, losses=losses)
    return "\n".join(verdict.findings)


@pytest.mark.parametrize(
    "good",
    [
        trail(10, 20, 30, 40, 50, since=0, until=50),
        trail(30, 40),
        trail(GAP, 30, 40, 50, since=0, until=50),
        trail(1, 2, 3, 4, 5, textual=True, since=0, until=50),
        trail(20, since=10),
        trail(10, GAP, since=0, until=50),
    ],
    ids=["whole", "begins anywhere", "told gap", "text", "cut off", "told gap at the end"],
)
def test_a_complete_trail_gives_no_finding(good: Trail) -> None:
    """Nor does a trail whose losses were reported as gaps."""
    assert findings(good) == ""


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        (trail(10, 20, 40, since=0), "was not shown 30 of lobby, and told of no gap"),
        (trail(10, GAP, 30, 50, since=0), "was not shown 40 of lobby, and told of no gap"),
        (trail(20, 30, since=0), "was not shown 10 of lobby, and told of no gap"),
        (trail(10, 20, 30, 40, since=0, until=50), "was not shown 50 of lobby, and told of no gap"),
        (trail(1, 3, textual=True), "was not shown 20 of lobby, and told of no gap"),
        (trail(10, 20, 20, 30), "was shown 20 twice"),
        (trail(10, 20, 30, 10), "was shown 10 twice"),
        (trail(20, 10, 30), "was shown 10 behind 20: out of order"),
        (trail(20, since=20), "was shown 20 behind 20: out of order"),
        (trail(10, 15, 20), "was shown 15, which is not in its history"),
        (trail(9, textual=True), "was shown 9, which is not in its history"),
    ],
    ids=[
        "loss", "untold behind a told gap", "loss at the beginning", "loss at the end",
        "loss in text", "double", "double later on", "swap", "shown before the cursor",
        "from nowhere", "from nowhere, in text",
    ],
)  # fmt: skip
def test_a_broken_trail_is_found(bad: Trail, told: str) -> None:
    """A loss, a duplicate, a swap or a missing gap, with the event concerned."""
    assert findings(bad).startswith(f"a reader {told}")


def test_many_findings_of_one_reader_are_summarized() -> None:
    """So they do not bury those of other readers."""
    history = [event(id_) for id_ in range(10, 1000, 10)]
    said = [saying(serial) for serial in range(1, 100)]
    bad = trail(*range(10, 1000, 20))
    told = findings(bad, history=history, sayings=said).splitlines()
    assert (
        told[0]
        == "a reader was not shown 20 of lobby, and told of no gap, nor 0 more from 10 to 30"
    )
    assert told[5:] == ["a reader: 44 more of these"]


def test_a_gap_covers_each_room_up_to_its_next_event() -> None:
    """If a reader has several rooms, events of one may have been evicted and those of another
    not.
    """
    history = {"lobby": HISTORY, "dev": [event(id_, room="dev") for id_ in (60, 70, 80)]}
    said = [*SAYINGS, *(saying(serial, room="dev") for serial in (6, 7, 8))]
    both = frozenset({"lobby", "dev"})

    def wrong(*items: int) -> list[str]:
        walked = Trail("a reader", both, 10, until=80, items=array("q", items))
        return judge(history, said, [walked], Contents()).findings

    assert wrong(20, GAP, 60, 70, 80) == []
    assert wrong(20, 60, GAP, 80) == []
    (told,) = wrong(20, GAP, 40, 60, 70, 80)
    assert "was not shown 50 of lobby" in told


def test_a_gap_without_a_loss_is_counted() -> None:
    """It is no loss, but should not have been reported."""
    assert judge({"lobby": HISTORY}, SAYINGS, [trail(10, GAP, 20)], Contents()).idle_gaps == 1
    assert judge({"lobby": HISTORY}, SAYINGS, [trail(10, GAP, 30)], Contents()).idle_gaps == 0


@pytest.mark.parametrize(
    ("history", "said", "told"),
    [
        (HISTORY[1:], SAYINGS, "was acknowledged (10) and is not in the history"),
        (HISTORY, [saying(1, stored=False, id=None, refusal="rate-limited"), *SAYINGS[1:]],
         "was refused (rate-limited) and is there as 10"),
        ([*HISTORY, event(60, text="m1 hello")], SAYINGS, "is there 2 times: [10, 60]"),
        (HISTORY, [saying(1, id=11), *SAYINGS[1:]], "acknowledged as 11 and is there as 10"),
        (HISTORY, [saying(1, text="m1 bye"), *SAYINGS[1:]], "is there as something else"),
        (HISTORY, SAYINGS[1:], "nobody said what the history of lobby holds"),
        ([HISTORY[1], HISTORY[0], *HISTORY[2:]], SAYINGS, "lobby goes from 20 to 10"),
        (HISTORY, [saying(2), saying(1), *SAYINGS[2:]], "ada said m2 before m1"),
    ],
    ids=["lost", "refused and kept", "kept twice", "another id", "another text", "from nowhere",
         "order", "a voice's order"],
)  # fmt: skip
def test_a_broken_history_is_found(history: list[Event], said: list[Saying], told: str) -> None:
    """Acknowledged messages are in it once, unchanged; refused ones are not."""
    assert told in findings(history=history, sayings=said)


def test_a_message_without_a_response_may_be_stored_or_not() -> None:
    """Its response was lost."""
    unknown = [saying(1, stored=False, id=None), *SAYINGS[1:]]
    assert findings(sayings=unknown) == ""
    assert findings(history=HISTORY[1:], sayings=unknown) == ""


def test_an_event_with_two_contents_is_found() -> None:
    """Between two readers, or between a reader and the history."""
    assert "told in two ways" in findings(shown=(event(10), event(10, sender="bob")))
    assert "and is kept as" in findings(shown=(event(10, sender="bob"),))


LETTER = saying(6, voice="cy", room="", to="bob", id=35)


def test_a_private_message_is_checked_in_its_recipient_s_trail() -> None:
    """It is not in the history, but has its place in the order."""
    letter = event(35, type="private", room="", to="bob", text=LETTER.text)
    said = [*SAYINGS, LETTER]
    assert findings(trail(30, 35, 40, inbox="bob"), sayings=said, shown=(letter,)) == ""
    assert "was not shown 35" in findings(trail(30, 40, inbox="bob", until=40), sayings=said)
    assert "not in its history" in findings(trail(30, 35, 40), sayings=said, shown=(letter,))


def test_a_private_message_may_be_lost_with_its_session() -> None:
    """A reader whose session was replaced may have missed it, but nothing else."""
    said = [*SAYINGS, LETTER]
    anew = trail(30, NEW_SESSION, 40, inbox="bob", until=40)
    assert findings(anew, sayings=said) == ""
    lossy = trail(30, NEW_SESSION, 50, inbox="bob", until=50)
    assert "was not shown 40" in findings(lossy, sayings=said)


LOST = event(35, text="m6 hello")


@pytest.mark.parametrize("textual", [False, True])
def test_events_that_a_failover_has_lost_may_be_missing_after_a_gap(textual: bool) -> None:
    """A reader who had received them has to get a gap, whether they were acknowledged or not."""
    said = [*SAYINGS, saying(6, id=35, voice="eve")]
    known: dict[str, Any] = {"textual": textual, "since": 0}
    begin, end, lost = ((1, 2, 3), 5, 6) if textual else ((10, 20, 30), 50, 35)
    options: dict[str, Any] = {"sayings": said, "shown": (LOST,), "losses": (EVER,)}
    assert findings(trail(*begin, lost, GAP, end, until=50, **known), **options) == ""
    assert findings(trail(*begin, lost, **known), **options) == ""
    untold = trail(*begin, lost, end - (10 if not textual else 1), end, until=50, **known)
    assert f"shown {lost}, which was lost, and told of no gap" in findings(untold, **options)


def test_only_messages_acknowledged_during_a_failover_may_be_missing() -> None:
    """Messages that the store had long before must not be missing."""
    losses = (Loss(100.0, 101.0),)
    for began, at, lost in ((100.5, 100.6, True), (99.0, 103.0, True), (99.0, 99.5, False)):
        said = [*SAYINGS, saying(6, id=35, voice="eve", said=began, at=at)]
        found = findings(sayings=said, losses=losses)
        assert found == "" if lost else "m6 of eve in lobby was acknowledged" in found
    early = trail(30, 35, GAP, 40)
    said = [*SAYINGS, saying(6, id=35, voice="eve", at=100.5)]
    assert "not in its history" in findings(early, sayings=said, shown=(LOST,), losses=losses)
