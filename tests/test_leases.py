"""Sessions that outlive their connections."""

import pytest

from chatd.addresses import LOCAL
from chatd.errors import BadToken, NameInUse
from chatd.leases import GRACE_SECONDS, Lease, Leases
from chatd.testing import InMemoryChat


class Reader:
    """Something that holds a lease."""

    brief = True
    dismissed = 0

    def dismiss(self) -> None:
        self.dismissed += 1


@pytest.fixture
def leases(chat: InMemoryChat) -> Leases:
    return Leases(chat.service)


def alive(leases: Leases, lease: Lease) -> bool:
    try:
        return leases.find(lease.token) is lease
    except BadToken:
        return False


def test_the_token_finds_the_session(leases: Leases) -> None:
    """It is all that a client has to show."""
    ada, bob = leases.open("ada"), leases.open()
    assert leases.find(ada.token).session.name == "ada"
    assert leases.find(bob.token).session.name == "guest-0001"


def test_a_token_cannot_be_guessed(leases: Leases) -> None:
    """Each is new, and 24 random bytes long."""
    tokens = {leases.open().token for _ in range(100)}
    assert len(tokens) == 100
    assert all(len(token) >= 32 and token.isascii() for token in tokens)


@pytest.mark.parametrize("token", ["", "x", "ada", "\ud800", "é" * 1000])
def test_an_unknown_token_is_refused(leases: Leases, token: str) -> None:
    """Whatever it looks like."""
    leases.open("ada")
    with pytest.raises(BadToken):
        leases.find(token)


def test_a_name_in_use_opens_no_lease(chat: InMemoryChat, leases: Leases) -> None:
    """And leaves none behind."""
    chat.service.enter("ada")
    with pytest.raises(NameInUse):
        leases.open("ADA")
    chat.advance(GRACE_SECONDS)
    assert chat.service.person("ada").name == "ada"


def test_a_session_ends_when_nothing_was_heard_for_the_grace(
    chat: InMemoryChat, leases: Leases
) -> None:
    """Not a moment before, and its name is free again."""
    lease = leases.open("ada")
    chat.advance(GRACE_SECONDS - 0.001)
    assert alive(leases, lease)
    chat.advance(0.001)
    assert not alive(leases, lease)
    assert lease.session.ended
    chat.service.enter("ada")


def test_the_grace_is_75_seconds() -> None:
    """Hidden tabs are woken once a minute only."""
    assert GRACE_SECONDS == 75


def test_a_request_begins_the_grace_anew(chat: InMemoryChat, leases: Leases) -> None:
    """Also one that holds nothing."""
    lease = leases.open("ada")
    chat.advance(50)
    lease.touch(LOCAL)
    chat.advance(GRACE_SECONDS - 0.001)
    assert alive(leases, lease)
    chat.advance(0.001)
    assert not alive(leases, lease)


def test_a_session_never_ends_while_something_holds_it(chat: InMemoryChat, leases: Leases) -> None:
    """A stream may be open for days; the grace begins when it ends."""
    lease, reader = leases.open("ada"), Reader()
    lease.hold(reader)
    for _ in range(10):
        chat.advance(GRACE_SECONDS * 2.5)
        assert alive(leases, lease)
    chat.advance(GRACE_SECONDS / 3)
    lease.release(reader)
    chat.advance(GRACE_SECONDS - 0.001)
    assert alive(leases, lease)
    chat.advance(0.002)
    assert not alive(leases, lease)


def test_the_last_holder_counts(chat: InMemoryChat, leases: Leases) -> None:
    """Two tabs are two readers, and releasing one twice is releasing it once."""
    lease, tab, other = leases.open("ada"), Reader(), Reader()
    lease.hold(tab)
    lease.hold(other)
    lease.release(tab)
    lease.release(tab)
    chat.advance(GRACE_SECONDS * 3)
    assert alive(leases, lease)
    lease.release(other)
    chat.advance(GRACE_SECONDS)
    assert not alive(leases, lease)


def test_a_session_has_one_timer_whatever_it_does(chat: InMemoryChat, leases: Leases) -> None:
    """A thousand polls a minute cost no thousand delayed calls."""
    lease, reader = leases.open("ada"), Reader()
    chat.settle()
    for _ in range(100):
        lease.hold(reader)
        lease.release(reader)
        lease.touch(LOCAL)
        chat.advance(1)
    assert len(chat.clock.getDelayedCalls()) == 1


def test_closing_ends_the_session_at_once(chat: InMemoryChat, leases: Leases) -> None:
    """And everything that holds it, and the timer; closing again is nothing."""
    lease, tab, other = leases.open("ada"), Reader(), Reader()
    lease.hold(tab)
    lease.hold(other)
    leases.close(lease)
    assert (lease.session.ended, alive(leases, lease)) == (True, False)
    chat.settle()
    leases.close(lease)
    assert [tab.dismissed, other.dismissed] == [1, 1]
    assert chat.clock.getDelayedCalls() == []


def test_closing_a_lease_leaves_the_next_owner_of_its_name_alone(
    chat: InMemoryChat, leases: Leases
) -> None:
    """A late release or a second close is for the session that was."""
    lease, reader = leases.open("ada"), Reader()
    lease.hold(reader)
    leases.close(lease)
    successor = chat.service.enter("ada")
    lease.release(reader)
    leases.close(lease)
    chat.advance(GRACE_SECONDS * 2)
    assert chat.service.person("ada") is successor


@pytest.mark.parametrize("left", [0.0, 0.0005, 0.0015, 0.0025, 0.0035, 1.0])
def test_a_session_ends_however_little_of_its_grace_is_left(
    chat: InMemoryChat, leases: Leases, left: float
) -> None:
    """A moment passes between two looks at the clock: what is left is read once, and never
    negative.
    """
    lease = leases.open("ada")
    chat.advance(50)
    # Its timer comes just then.
    lease._seen = chat.clock.seconds() + 25 - GRACE_SECONDS + left
    chat.clock.creep = 0.001
    chat.clock.advance(25)
    chat.clock.advance(2)
    assert lease.session.ended
