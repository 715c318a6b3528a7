"""Request coalescing: one piece of work per key, and one result for all callers."""

from __future__ import annotations

from twisted.internet.defer import Deferred

from chatd.chat.coalescing import Coalesced
from chatd.model.errors import NotFound
from chatd.testing import result_of

from ..kit.chat import refused


def test_callers_with_one_key_share_one_result() -> None:
    """The work begins once, and another key is other work."""
    begun: list[Deferred[str]] = []

    def begin() -> Deferred[str]:
        begun.append(Deferred())
        return begun[-1]

    work: Coalesced[str, str] = Coalesced()
    first, second, other = work.run("a", begin), work.run("a", begin), work.run("b", begin)
    assert len(begun) == 2
    assert "a" in work
    begun[0].callback("done")
    assert (result_of(first), result_of(second), other.called) == ("done", "done", False)
    assert "a" not in work


def test_work_that_ended_begins_anew() -> None:
    """Also after a failure, which all callers get."""
    begun: list[Deferred[str]] = []

    def begin() -> Deferred[str]:
        begun.append(Deferred())
        return begun[-1]

    work: Coalesced[str, str] = Coalesced()
    callers = [work.run("a", begin), work.run("a", begin)]
    begun[0].errback(NotFound("gone"))
    assert [refused(caller) for caller in callers] == [NotFound, NotFound]
    again = work.run("a", begin)
    begun[1].callback("done")
    assert result_of(again) == "done"
