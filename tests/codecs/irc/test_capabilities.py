"""Capabilities: which are offered, how they are listed, and how requests for them are judged."""

from __future__ import annotations

from chatd.codecs.irc import capabilities
from chatd.codecs.irc.capabilities import CAPABILITIES, Asked, asked, effective, listed, offered


def test_sasl_is_offered_only_where_passwords_are_accepted() -> None:
    """And so is the registration of accounts; everything else is offered on every connection."""
    secure = {capability.name for capability in offered(secure=True)}
    plain = {capability.name for capability in offered(secure=False)}
    assert secure - plain == {"sasl", "draft/account-registration"}


def test_the_list_of_capabilities_has_values_from_version_302_on() -> None:
    """The list may take several lines, of which all but the last announce another; an older client
    gets bare names.
    """
    lines = [*listed(offered(secure=True), values=True)]
    assert [more for _, more in lines] == [True] * (len(lines) - 1) + [False]
    words = " ".join(text for text, _ in lines).split()
    assert "draft/multiline=max-bytes=4096,max-lines=51" in words
    assert "sasl=PLAIN" in words
    names = " ".join(text for text, _ in listed(offered(secure=True), values=False)).split()
    assert set(names) == set(CAPABILITIES)
    assert [*listed([], values=True)] == [("", False)]


def test_a_capability_request_is_granted_or_refused_as_a_whole() -> None:
    """One unknown name refuses all of them; of a name that is given twice, the last counts."""
    assert asked("batch -chghost", CAPABILITIES) == Asked(
        frozenset({"batch"}), frozenset({"chghost"})
    )
    assert asked("batch no-such", CAPABILITIES) is None
    assert asked("batch -batch", CAPABILITIES) == Asked(frozenset(), frozenset({"batch"}))
    assert asked("", CAPABILITIES) == Asked(frozenset(), frozenset())


def test_a_capability_implies_those_that_it_needs() -> None:
    """Labelled answers come in batches, so `labeled-response` implies `batch`."""
    assert effective(["labeled-response"]) == {"labeled-response", "batch"}
    assert all(set(one.implies) <= set(CAPABILITIES) for one in CAPABILITIES.values())
    assert capabilities.MOST_MULTILINE_LINES == 51
