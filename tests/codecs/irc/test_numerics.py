"""Numerics: the table, and their lines."""

from __future__ import annotations

import pytest

from chatd.codecs.irc import numerics
from chatd.codecs.irc.numerics import Numeric

TABLE = [value for value in vars(numerics).values() if isinstance(value, Numeric)]


def test_each_numeric_has_a_number_of_its_own() -> None:
    """Except by mistake, two rows never have the same number."""
    numbers = [numeric.number for numeric in TABLE]
    assert sorted(set(numbers)) == sorted(numbers)


def test_a_numeric_is_formatted_with_its_parameters() -> None:
    """Given texts replace the standing text; numbers stay single words."""
    line = numerics.write(numerics.TOPIC, "irc.example", "ada", "#lobby", "tea at four")
    assert line == ":irc.example 332 ada #lobby :tea at four"
    line = numerics.write(numerics.NOSUCHNICK, "irc.example", "ada", "eve")
    assert line == ":irc.example 401 ada eve :no such nick"
    line = numerics.write(numerics.CREATIONTIME, "irc.example", "ada", "#lobby", "1")
    assert line == ":irc.example 329 ada #lobby 1"


def test_refusals_are_counted_by_their_number_and_answers_are_not() -> None:
    """Whether a client was refused what it asked for does not show in the number alone."""
    assert numerics.refused_as(numerics.NOSUCHCHANNEL) == "irc-403"
    assert numerics.refused_as(numerics.MONLISTFULL) == "irc-734"
    assert numerics.refused_as(numerics.SASLFAIL) == "irc-904"
    for answer in (numerics.NOMOTD, numerics.ENDOFNAMES, numerics.LOGGEDIN, numerics.SASLABORTED):
        assert numerics.refused_as(answer) == ""


def test_a_numeric_with_missing_parameters_raises_value_error() -> None:
    """A client would take one parameter for another."""
    with pytest.raises(ValueError, match="332 takes"):
        numerics.write(numerics.TOPIC, "irc.example", "ada", "#lobby")
