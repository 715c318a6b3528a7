"""Who is let in, and how fast each may go on."""

from __future__ import annotations

from typing import Any

import pytest

from chatd.chat.admission import Admission
from chatd.chat.http_sessions import Sessions
from chatd.chat.limits import ADDRESS_SHARE, NOTE_RATE, NOTES_AT_ONCE, Limits
from chatd.chat.person import Person
from chatd.chat.sessions import GRACE_SECONDS, UNUSED_SECONDS, LastingSession
from chatd.model.addresses import LOCAL, Address, address_of
from chatd.model.commands import Join, Leave, Rename, Say
from chatd.model.errors import NameInUse, RateLimited, TooMany, TooManyRooms, Unavailable
from chatd.testing import InMemoryChat, result_of

OFFICE = address_of("192.0.2.1")
HOME = address_of("192.0.2.2")


def refused(chat: InMemoryChat, person: Person, *commands: Any) -> list[bool]:
    """Which of the commands are refused for their speed; all others are carried out."""
    outcomes, performed = [], []
    for command in commands:
        try:
            performed.append(chat.service.perform(person, command))
            outcomes.append(False)
        except RateLimited:
            outcomes.append(True)
    chat.settle()
    for outcome in performed:
        result_of(outcome)
    return outcomes


def opened(
    chat: InMemoryChat, sessions: Sessions, name: str = "", address: Address = LOCAL
) -> LastingSession:
    """A session that has begun."""
    opening = sessions.open(name, address)
    chat.settle()
    return result_of(opening)


class Tab:
    """Something that reads in a session."""

    brief = False

    def dismiss(self) -> None:
        """It need not end here."""


def says(count: int) -> list[Say]:
    return [Say("lobby", str(number)) for number in range(count)]


# -- addresses -------------------------------------------------------------------------------------


def test_all_at_one_address_share_its_rate() -> None:
    """However many sessions they have; who comes from elsewhere is not concerned."""
    chat = InMemoryChat(message_rate=5, address_rate=10)
    office = [chat.enter(address=OFFICE) for _ in range(5)]
    home = chat.enter(address=HOME)
    outcomes = [refused(chat, session, *says(10)) for session in office]
    assert [outcome.count(False) for outcome in outcomes] == [10, 10, 10, 10, 0]
    assert refused(chat, home, *says(10)) == [False] * 10


def test_the_refusal_says_that_it_is_the_address_and_when_to_come_again() -> None:
    """And no session is told to retry more often than it may send."""
    chat = InMemoryChat(message_rate=5, address_rate=5)
    *talkers, other = (chat.enter(address=OFFICE) for _ in range(3))
    for talker in talkers:
        assert refused(chat, talker, *says(10)) == [False] * 10
    with pytest.raises(RateLimited, match=r"5 messages .* at your address together") as caught:
        chat.service.perform(other, Say("lobby", "hi"))
    assert caught.value.retry_after > 0.2
    chat.advance(caught.value.retry_after)
    assert refused(chat, other, Say("lobby", "hi")) == [False]


def test_a_session_that_its_address_throttled_has_no_burst_left() -> None:
    """Until it has been silent: waiting does not restore its priority."""
    chat = InMemoryChat(message_rate=5, address_rate=20)
    for _ in range(8):
        refused(chat, chat.enter(address=OFFICE), *says(10))
    late = chat.enter(address=OFFICE)
    assert refused(chat, late, Say("lobby", "hi")) == [True]
    chat.advance(4)
    assert refused(chat, late, *says(2)) == [False, True]
    chat.advance(4)
    assert refused(chat, late, *says(20)) == [False] * 20


def test_throttled_sessions_of_an_address_leave_room_for_others() -> None:
    """Of those who always have one more line waiting none ever takes what is left for the quiet."""
    chat = InMemoryChat(message_rate=5, address_rate=10)
    flooders = [chat.enter(address=OFFICE) for _ in range(50)]
    neighbour = chat.enter(address=OFFICE)
    due = dict.fromkeys(flooders, 0.0)
    said = 0
    for tick in range(600):
        for flooder in flooders:
            while due[flooder] <= tick / 10:
                try:
                    chat.service.perform(flooder, Say("lobby", "flood"))
                    said += 1
                except RateLimited as refusal:
                    due[flooder] = tick / 10 + refusal.retry_after
        if tick > 100 and tick % 10 == 0:
            assert refused(chat, neighbour, Say("lobby", "hi")) == [False]
        chat.advance(0.1)
    assert said > 60 * 5


def test_a_flood_leaves_room_for_its_neighbours() -> None:
    """A session at the same address that has sent little is served at once."""
    chat = InMemoryChat(message_rate=5, address_rate=10)
    flooders = [chat.enter(address=OFFICE) for _ in range(20)]
    neighbour = chat.enter(address=OFFICE)
    for second in range(60):
        outcomes = [refused(chat, flooder, *says(30)) for flooder in flooders]
        if second > 10:
            assert refused(chat, neighbour, *says(2)) == [False, False]
            assert any(not all(outcome) for outcome in outcomes)
        chat.advance(1)


def test_visitors_of_an_address_share_the_rate_of_one_session() -> None:
    """Whatever names they give; visitors from elsewhere are not concerned."""
    chat = InMemoryChat(message_rate=1, address_rate=20)
    outcomes = [
        refused(chat, chat.service.visitor(name, OFFICE), Say("lobby", "hi"))
        for name in ("ada", "bob", "cy", "dan", "eve")
    ]
    assert outcomes == [[False]] * 4 + [[True]]
    assert refused(chat, chat.enter(address=OFFICE), *says(4)) == [False] * 4
    assert refused(chat, chat.service.visitor("fay", HOME), Say("lobby", "hi")) == [False]


def test_without_a_message_rate_nothing_is_refused_for_its_speed() -> None:
    """Names, joins, visitors and new sessions neither."""
    chat = InMemoryChat(message_rate=0)
    person = chat.enter("ada", OFFICE)
    commands: list[Any] = says(1000)
    for number in range(50):
        commands += [Rename(f"n{number}"), Join("dev"), Leave("dev")]
    assert not any(refused(chat, person, *commands))
    sessions = chat.service.sessions
    for session in [opened(chat, sessions, "", OFFICE) for _ in range(1000)]:
        sessions.close(session)


def test_however_slow_the_rate_each_of_some_sessions_may_say_something() -> None:
    """An address's burst is no smaller than theirs."""
    chat = InMemoryChat(message_rate=0.001)
    for number in range(20):
        session = chat.enter(f"n{number}", OFFICE)
        assert refused(chat, session, *says(2)) == [False, True]


# -- names, coming and going -----------------------------------------------------------------------


def test_names_change_more_slowly_than_messages_come() -> None:
    """Ten may be tried at once; then one in the time of ten messages."""
    chat = InMemoryChat(message_rate=5)
    ada = chat.enter("ada")
    names = [Rename(f"n{number}") for number in range(12)]
    assert refused(chat, ada, *names) == [False] * 10 + [True] * 2
    assert ada.name == "n9"
    assert refused(chat, ada, *says(2)) == [False] * 2
    with pytest.raises(RateLimited, match="one in 2 s") as caught:
        chat.service.perform(ada, Rename("eve"))
    assert 0 < caught.value.retry_after <= 2
    chat.advance(caught.value.retry_after)
    assert refused(chat, ada, Rename("eve"), Rename("ida")) == [False, True]


def test_a_refused_name_uses_up_no_rate() -> None:
    """One may try as many as one likes."""
    chat = InMemoryChat(message_rate=1)
    ada = chat.enter("ada")
    chat.enter("bob")
    for _ in range(50):
        with pytest.raises(NameInUse):
            chat.service.perform(ada, Rename("bob"))
    assert refused(chat, ada, Rename("eve")) == [False]


def test_a_change_of_name_that_is_refused_for_another_rate_is_not_counted() -> None:
    """Of two measures that both have to allow it, neither loses by the other's no."""
    chat = InMemoryChat(message_rate=1)
    ada = chat.enter("ada")
    refused(chat, ada, *says(4))
    assert refused(chat, ada, *[Rename(f"n{number}") for number in range(20)]) == [True] * 20
    chat.advance(4)
    assert refused(chat, ada, *[Rename(f"n{number}") for number in range(4)]) == [False] * 4


def noted(admission: Admission, person: Person, count: int) -> int:
    """How many of so many notes are taken."""
    taken = 0
    for _ in range(count):
        try:
            admission.spend_note(person)
        except RateLimited:
            continue
        taken += 1
    return taken


def test_notes_have_a_limit_of_their_own() -> None:
    """They use up no messages, and messages use up no notes."""
    chat = InMemoryChat(message_rate=5)
    ada = chat.enter("ada")
    admission = chat.service.admission
    assert noted(admission, ada, 2 * NOTES_AT_ONCE) == NOTES_AT_ONCE
    assert refused(chat, ada, *says(20)) == [False] * 20
    with pytest.raises(RateLimited, match="10 of these requests a second") as caught:
        admission.spend_note(ada)
    chat.advance(caught.value.retry_after)
    assert noted(admission, ada, 2) == 1
    chat.advance(1)
    assert noted(admission, ada, 20) == NOTE_RATE


def test_a_page_in_a_busy_room_is_never_refused_a_note() -> None:
    """It marks what it shows three times a second, and two such pages may be in view."""
    chat = InMemoryChat(message_rate=5)
    ada = chat.enter("ada")
    for _ in range(600):
        assert noted(chat.service.admission, ada, 2) == 2
        chat.advance(0.3)


def test_all_at_one_address_share_its_rate_of_notes() -> None:
    """Which is never less than that of its messages; another address is not concerned."""
    chat = InMemoryChat(message_rate=5)
    admission = chat.service.admission
    office = [chat.enter(address=OFFICE) for _ in range(10)]
    taken = sum(noted(admission, person, NOTES_AT_ONCE) for person in office)
    assert taken == 4 * ADDRESS_SHARE * NOTE_RATE
    with pytest.raises(RateLimited, match="at your address together"):
        admission.spend_note(office[-1])
    assert noted(admission, chat.enter(address=HOME), 10) == 10
    rates = {rate: Limits(address_rate=rate).notes_for_an_address for rate in (0, 1, 5000)}
    assert rates == {0: 0, 1: ADDRESS_SHARE * NOTE_RATE, 5000: 5000}


def test_leaving_is_never_refused_but_delays_the_next_command() -> None:
    """Each of the two is told to all in the room."""
    chat = InMemoryChat(message_rate=1)
    ada = chat.enter("ada")
    goings = [Join("dev"), Leave("dev")] * 2
    assert refused(chat, ada, *goings, Join("dev"), Leave("lobby")) == [False] * 4 + [True, False]
    chat.advance(1)
    assert refused(chat, ada, Join("dev")) == [True]
    chat.advance(1)
    assert refused(chat, ada, Join("dev")) == [False]


def test_leaving_counts_against_the_address_too() -> None:
    """A new session does not help."""
    chat = InMemoryChat(message_rate=1, address_rate=1)
    for _ in range(5):
        session = chat.enter(address=OFFICE)
        assert refused(chat, session, *[Join("dev"), Leave("dev")] * 2) == [False] * 4
    assert refused(chat, chat.enter(address=OFFICE), Join("dev")) == [True]
    assert refused(chat, chat.enter(address=HOME), Join("dev")) == [False]


@pytest.mark.parametrize("speaking", [False, True], ids=["joining", "speaking"])
def test_a_session_is_in_so_many_rooms_and_no_more(speaking: bool) -> None:
    """It is told to leave one, and can then come in."""
    chat = InMemoryChat(rooms_per_session=3)
    ada = chat.enter("ada")

    def come(room: str) -> Any:
        return Say(room, "hi") if speaking else Join(room)

    refused(chat, ada, come("dev"), come("ops"))
    with pytest.raises(TooManyRooms, match=r"3 rooms.*leave one"):
        chat.service.perform(ada, come("tea"))
    assert not chat.room("tea").log.count
    refused(chat, ada, come("dev"), Leave("ops"), come("tea"))
    assert list(ada.rooms) == ["lobby", "dev", "tea"]
    visitor = chat.service.visitor("bob")
    assert refused(chat, visitor, *[Say(f"r{number}", "hi") for number in range(5)]) == [False] * 5


# -- lasting sessions ------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["closed", "expired"])
def test_an_address_may_have_so_many_sessions(how: str) -> None:
    """One more is refused until one is over; another address's are its own."""
    chat = InMemoryChat(sessions_per_address=3)
    sessions = chat.service.sessions
    first, *_ = [opened(chat, sessions, "", OFFICE) for _ in range(3)]
    with pytest.raises(TooMany, match="3 sessions from your address") as caught:
        opened(chat, sessions, "ada", OFFICE)
    assert caught.value.retry_after > 0
    assert opened(chat, sessions, "ada", HOME)
    if how == "closed":
        sessions.close(first)
        sessions.close(first)
    else:
        chat.advance(GRACE_SECONDS)
    opened(chat, sessions, "bob", OFFICE)
    if how == "closed":
        with pytest.raises(TooMany):
            opened(chat, sessions, "cy", OFFICE)


def test_there_are_so_many_sessions_in_all() -> None:
    """Then the server says that it is full, to whomever; connections' own sessions do not count."""
    chat = InMemoryChat(sessions=3)
    doors = [chat.service.sessions, chat.service.sessions]
    addresses = [address_of(f"192.0.2.{number}") for number in range(3)]
    first, *_ = [opened(chat, doors[number % 2], "", here) for number, here in enumerate(addresses)]
    with pytest.raises(Unavailable, match="all the sessions") as caught:
        opened(chat, doors[0], "ada", HOME)
    assert caught.value.retry_after > 0
    assert chat.enter("ada", HOME)
    doors[0].close(first)
    assert opened(chat, doors[1], "bob", HOME)


def test_at_the_limit_of_sessions_the_oldest_unused_one_is_evicted() -> None:
    """Not before there was time to use it, and none that was used, by a request or by a reader;
    whoever begins a thousand keeps nobody out.
    """
    chat = InMemoryChat(sessions_per_address=4)
    sessions = chat.service.sessions
    asked, first, read, second = [
        opened(chat, sessions, name, OFFICE) for name in ("ada", "", "cy", "")
    ]
    asked.touch(OFFICE)
    read.hold(Tab())
    chat.advance(UNUSED_SECONDS - 0.001)
    with pytest.raises(TooMany):
        opened(chat, sessions, "eve", OFFICE)
    chat.advance(0.001)
    for unused in (first, second):
        assert not unused.person.ended
        opened(chat, sessions, "", OFFICE).touch(OFFICE)
        assert unused.person.ended
    chat.advance(UNUSED_SECONDS)
    with pytest.raises(TooMany):
        opened(chat, sessions, "eve", OFFICE)
    assert [session.person.ended for session in (asked, read)] == [False, False]


def test_on_a_full_server_an_unused_session_of_any_address_is_evicted() -> None:
    """The oldest; an address that has all it may have makes room for itself only."""
    chat = InMemoryChat(sessions=3, sessions_per_address=2)
    sessions = chat.service.sessions
    theirs, *_ = [opened(chat, sessions, "", address) for address in (OFFICE, HOME, HOME)]
    chat.advance(UNUSED_SECONDS)
    opened(chat, sessions, "", HOME).touch(HOME)
    assert not theirs.person.ended
    opened(chat, sessions, "", LOCAL)
    assert theirs.person.ended


def test_a_session_that_could_not_begin_is_not_counted() -> None:
    """As when its name is in use."""
    chat = InMemoryChat(sessions_per_address=1)
    sessions = chat.service.sessions
    chat.enter("ada")
    for _ in range(3):
        with pytest.raises(NameInUse):
            opened(chat, sessions, "ada", OFFICE)
    assert opened(chat, sessions, "bob", OFFICE)


def test_sessions_begin_no_faster_than_their_address_may_speak() -> None:
    """A new session may say something at once, and its coming is told to all."""
    chat = InMemoryChat(message_rate=1)
    sessions = chat.service.sessions
    for number in range(80):
        sessions.close(opened(chat, sessions, f"n{number}", OFFICE))
    with pytest.raises(RateLimited):
        opened(chat, sessions, "ada", OFFICE)
    assert opened(chat, sessions, "ada", HOME)
    chat.advance(1)
    assert opened(chat, sessions, "bob", OFFICE)


def test_nothing_is_kept_of_an_address_whose_sessions_are_over() -> None:
    """However many there are in the course of a year."""
    admission = Admission(InMemoryChat().service.admission.limits, lambda: 0.0)
    for number in range(1000):
        admission.begun(Address(str(number)))
    for number in range(1000):
        admission.ended(Address(str(number)))
    assert admission._lasting == {}
    admission.check(LOCAL)


def test_nothing_is_kept_of_sessions_that_are_over() -> None:
    """Whether they were used or not."""
    chat = InMemoryChat()
    sessions = chat.service.sessions
    for number in range(10):
        session = opened(chat, sessions, "", address_of(f"192.0.2.{number}"))
        if number % 2:
            session.touch(LOCAL)
    chat.advance(GRACE_SECONDS)
    assert sessions._registry._by_hash == {}
    assert sessions._registry._by_token == {}
    assert sessions._lifetimes._unused._begun == {None: {}}
