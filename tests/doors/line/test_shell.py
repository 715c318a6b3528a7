"""The line door's commands: what is typed, and what comes back."""

from __future__ import annotations

import re

import pytest

from ...kit.terminal import Terminal

# -- commands --------------------------------------------------------------------------------------


def test_line_that_starts_with_a_path_is_a_message(ada: Terminal, bob: Terminal) -> None:
    """As from `make | nc -N`: its first word has a second slash."""
    line = "/usr/bin/ld: undefined reference to `main'"
    assert ada.type(line) == [f"<ada> {line}"]
    assert bob.heard() == [f"<ada> {line}"]


def test_aliases_do_what_their_commands_do(ada: Terminal, bob: Terminal) -> None:
    """/j, /part, /names, /w, /m and /exit."""
    assert ada.type("/names") == ada.type("/w") == ["== 2 here: ada, bob"]
    assert ada.type("/j dev")[0] == "== you are in #dev"
    assert ada.type("/part")[0] == "== you have left #dev"
    assert ada.type("/m bob psst") == ["[to bob] psst"]
    assert ada.type("/exit bye") == ["== goodbye"]
    assert ada.wire.lost
    assert bob.heard()[-2:] == ["[ada] psst", "-- ada left #lobby (bye)"]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("/foo", "!! no such command /foo; /help lists them"),
        ("/jion dev", r"!! no such command /jion \(did you mean /join\?\); /help lists them"),
        ("/exti", r"!! no such command /exti \(did you mean /exit\?\); /help lists them"),
        ("/join a b", r"!! /join takes one room.*nothing was done.*/join ROOM"),
        (" /nick eve", r"!! that was not said: .*"),
        ("\t/msg bob psst", r"!! that was not said: .*"),
        ("  //x", r"!! that was not said: .*"),
        ("/r hi", r"!! nobody has sent you.*/msg NAME TEXT"),
        ("/r", r"!! .*/r TEXT"),
        ("/time", r"!! .*/time on\|off\|utc"),
        ("/literal", r"!! .*/literal on"),
        ("/literal off", r"!! .*/literal on"),
        ("/help foo", "!! no such command /foo; /help lists them"),
        ("/nick", r"!! .*/nick NAME"),
        ("/nick two words", r"!! .*/nick NAME"),
        ("/nick bob", r"!! .*bob.* in use.*"),
        ("/nick BOB", r"!! .* in use.*"),
        ("/nick #bob", r"!! .*letters.*"),
        ("/nick guest-0001", r"!! guest.*"),
        ("/join", r"!! .*/join ROOM"),
        ("/join a/b", r"!! .*room.*"),
        ("/join ..", r"!! .*room.*"),
        ("/leave dev", r"!! .*not in #dev.*"),
        ("/room dev", r"!! .*not in #dev.*/join.*"),
        ("/who <x>", r"!! .*room.*"),
        ("/rooms here", r"!! .*/rooms"),
        ("/me", r"!! .*/me TEXT"),
        ("/msg", r"!! .*/msg NAME TEXT"),
        ("/msg bob", r"!! .*/msg NAME TEXT"),
        ("/msg nobody hi", r"!! nobody.*"),
        ("/topic " + "x" * 401, r"!! .*400.*"),
        ("/history many", r"!! .*/history \[N\]"),
        ("/history -1", r"!! .*/history \[N\]"),
        ("/history ²", r"!! .*/history \[N\]"),
        ("/since", r"!! .*/since ID"),
        ("/since yesterday", r"!! .*/since ID"),
        ("/since 99999999999999999999999", r"!! .*/since ID"),
        ("/echo", r"!! .*/echo on\|off"),
        ("/echo maybe", r"!! .*/echo on\|off"),
        ("/ space", r"!! no such command /.*"),
        ("   ", r"!! .*empty.*"),
    ],
)
def test_invalid_line_is_answered_with_one_error(
    ada: Terminal, bob: Terminal, line: str, told: str
) -> None:
    """It says what is wrong; no other client reads it, and the next line is carried out."""
    (error,) = ada.type(line)
    assert error == told or re.fullmatch(told, error)
    assert ada.type("next") == ["<ada> next"]
    assert bob.heard() == ["<ada> next"]
