from __future__ import annotations

from chatd.codecs.irc import capabilities
from chatd.codecs.irc.capabilities import CAPABILITIES, Asked, asked, effective, listed, offered


def test_sign_in_is_offered_only_where_passwords_are_taken() -> None:
    secure = {capability.name for capability in offered(secure=True)}
    plain = {capability.name for capability in offered(secure=False)}
    assert secure - plain == {"sasl", "draft/account-registration"}


def test_capabilities_are_listed_in_lines_with_values_if_they_are_understood() -> None:
    lines = [*listed(offered(secure=True), values=True)]
    assert [more for _, more in lines] == [True] * (len(lines) - 1) + [False]
    words = " ".join(text for text, _ in lines).split()
    assert "draft/multiline=max-bytes=4096,max-lines=51" in words
    assert "sasl=PLAIN" in words
    names = " ".join(text for text, _ in listed(offered(secure=True), values=False)).split()
    assert set(names) == set(CAPABILITIES)
    assert [*listed([], values=True)] == [("", False)]


def test_a_request_is_granted_whole_or_not_at_all() -> None:
    assert asked("batch -chghost", CAPABILITIES) == Asked(
        frozenset({"batch"}), frozenset({"chghost"})
    )
    assert asked("batch no-such", CAPABILITIES) is None
    assert asked("batch -batch", CAPABILITIES) == Asked(frozenset(), frozenset({"batch"}))
    assert asked("", CAPABILITIES) == Asked(frozenset(), frozenset())


def test_what_a_capability_needs_comes_with_it() -> None:
    assert effective(["labeled-response"]) == {"labeled-response", "batch"}
    assert all(set(one.implies) <= set(CAPABILITIES) for one in CAPABILITIES.values())
    assert capabilities.MOST_MULTILINE_LINES == 51
