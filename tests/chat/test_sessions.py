"""Sessions that outlive their connections (`chatd.chat.sessions`)."""

from __future__ import annotations

import pytest

from chatd.chat.http_sessions import Sessions
from chatd.chat.sessions import GRACE_SECONDS, LastingSession
from chatd.model.addresses import LOCAL
from chatd.model.errors import BadToken, NameInUse
from chatd.testing import InMemoryChat, result_of


class Reader:
    """Something that holds a session."""

    brief = True
    dismissed = 0

    def dismiss(self) -> None:
        self.dismissed += 1


@pytest.fixture
def sessions(chat: InMemoryChat) -> Sessions:
    return chat.service.sessions


def opened(chat: InMemoryChat, sessions: Sessions, name: str = "") -> LastingSession:
    opening = sessions.open(name)
    chat.settle()
    return result_of(opening)


def alive(sessions: Sessions, session: LastingSession) -> bool:
    try:
        return sessions.find(session.token) is session
    except BadToken:
        return False


def test_the_token_finds_the_session(chat: InMemoryChat, sessions: Sessions) -> None:
    """It is all that a client has to show."""
    ada, bob = opened(chat, sessions, "ada"), opened(chat, sessions)
    assert sessions.find(ada.token).person.name == "ada"
    assert sessions.find(bob.token).person.name == "guest-0001"


def test_a_token_cannot_be_guessed(chat: InMemoryChat, sessions: Sessions) -> None:
    """Each is new, and 24 random bytes long."""
    tokens = {opened(chat, sessions).token for _ in range(100)}
    assert len(tokens) == 100
    assert all(len(token) >= 32 and token.isascii() for token in tokens)


@pytest.mark.parametrize("token", ["", "x", "ada", "\ud800", "é" * 1000])
def test_an_unknown_token_is_refused(chat: InMemoryChat, sessions: Sessions, token: str) -> None:
    """Whatever it looks like."""
    opened(chat, sessions, "ada")
    with pytest.raises(BadToken):
        sessions.find(token)


def test_a_name_in_use_opens_no_session(chat: InMemoryChat, sessions: Sessions) -> None:
    """And none is left behind to hold the name."""
    chat.enter("ada")
    with pytest.raises(NameInUse):
        opened(chat, sessions, "ADA")
    chat.advance(GRACE_SECONDS)
    assert chat.service.people.person("ada").name == "ada"


def test_a_session_ends_when_nothing_was_heard_for_the_grace(
    chat: InMemoryChat, sessions: Sessions
) -> None:
    """Not a moment before, and its name is free again."""
    session = opened(chat, sessions, "ada")
    chat.advance(GRACE_SECONDS - 0.001)
    assert alive(sessions, session)
    chat.advance(0.001)
    assert not alive(sessions, session)
    assert session.person.ended
    chat.enter("ada")


def test_the_grace_is_75_seconds() -> None:
    """Hidden tabs are woken once a minute only."""
    assert GRACE_SECONDS == 75


def test_a_request_begins_the_grace_anew(chat: InMemoryChat, sessions: Sessions) -> None:
    """Also one that holds nothing."""
    session = opened(chat, sessions, "ada")
    chat.advance(50)
    session.touch(LOCAL)
    chat.advance(GRACE_SECONDS - 0.001)
    assert alive(sessions, session)
    chat.advance(0.001)
    assert not alive(sessions, session)


def test_a_session_never_ends_while_something_holds_it(
    chat: InMemoryChat, sessions: Sessions
) -> None:
    """A stream may be open for days; the grace begins when it ends."""
    session, reader = opened(chat, sessions, "ada"), Reader()
    session.hold(reader)
    for _ in range(10):
        chat.advance(GRACE_SECONDS * 2.5)
        assert alive(sessions, session)
    chat.advance(GRACE_SECONDS / 3)
    session.release(reader)
    chat.advance(GRACE_SECONDS - 0.001)
    assert alive(sessions, session)
    chat.advance(0.002)
    assert not alive(sessions, session)


def test_the_last_holder_counts(chat: InMemoryChat, sessions: Sessions) -> None:
    """Two tabs are two readers, and releasing one twice is releasing it once."""
    session, tab, other = opened(chat, sessions, "ada"), Reader(), Reader()
    session.hold(tab)
    session.hold(other)
    session.release(tab)
    session.release(tab)
    chat.advance(GRACE_SECONDS * 3)
    assert alive(sessions, session)
    session.release(other)
    chat.advance(GRACE_SECONDS)
    assert not alive(sessions, session)


def test_a_session_has_one_timer_whatever_it_does(chat: InMemoryChat, sessions: Sessions) -> None:
    """Polls do not each leave a delayed call."""
    session, reader = opened(chat, sessions, "ada"), Reader()
    chat.settle()
    for _ in range(100):
        session.hold(reader)
        session.release(reader)
        session.touch(LOCAL)
        chat.advance(1)
    assert len(chat.clock.getDelayedCalls()) == 1


def test_a_closed_session_ends_at_once(chat: InMemoryChat, sessions: Sessions) -> None:
    """Its readers are dismissed and its timer ends; closing it again has no effect."""
    session, tab, other = opened(chat, sessions, "ada"), Reader(), Reader()
    session.hold(tab)
    session.hold(other)
    sessions.close(session)
    assert (session.person.ended, alive(sessions, session)) == (True, False)
    chat.settle()
    sessions.close(session)
    assert [tab.dismissed, other.dismissed] == [1, 1]
    assert chat.clock.getDelayedCalls() == []


def test_closing_a_session_leaves_the_next_owner_of_its_name_alone(
    chat: InMemoryChat, sessions: Sessions
) -> None:
    """A late release, or a second close, concerns the closed session only."""
    session, reader = opened(chat, sessions, "ada"), Reader()
    session.hold(reader)
    sessions.close(session)
    successor = chat.enter("ada")
    session.release(reader)
    sessions.close(session)
    chat.advance(GRACE_SECONDS * 2)
    assert chat.service.people.person("ada") is successor
