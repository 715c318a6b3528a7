"""Names of people and rooms: what is valid, and how they are compared."""

import unicodedata
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chatd.model.bounds import MAX_NAME, MAX_ROOM
from chatd.model.errors import BadName, BadRoom, ChatError
from chatd.model.names import clean_name, clean_room, name_key

anything = st.text(st.characters(), max_size=80)
"""Any string that Python can hold, lone surrogates included."""
likely = st.text("aAßşİıſµéÉ٣７x_-.[]{}|^#/< \u0301\u200d", min_size=1, max_size=40)
"""Strings that are nearly valid names."""
strings = anything | likely | st.text(min_size=1, max_size=3)


CONFUSING = {
    "empty": "",
    "a space": " ",
    "a space within": "ada l",
    "a space before": " ada",
    "a tab": "ada\t",
    "a line break": "ada\n",
    "NUL": "ad\0a",
    "ESC": "\x1b[31mada",
    "a C1 control": "ada\x9b",
    "zero-width space": "a\u200bda",
    "zero-width joiner": "a\u200dda",
    "word joiner": "a\u2060da",
    "byte-order mark": "\ufeffada",
    "soft hyphen": "a\u00adda",
    "bidi override": "\u202eada",
    "bidi isolate": "\u2066ada\u2069",
    "right-to-left mark": "ada\u200f",
    "directions mixed": "ada\u05d0b",
    "no-break space": "ada\u00a0l",
    "em space": "ada\u2003l",
    "ideographic space": "ada\u3000l",
    "Hangul filler": "ada\u3164",
    "line separator": "ada\u2028",
    "a variation selector": "ada\ufe0f",
    "an accent without a letter": "\u0301ada",
    "an emoji": "ada\U0001f600",
    "a ligature": "ﬁn",
    "a superscript": "ada²",
    "a fraction slash": "1⁄2",
    "a lone surrogate": "\ud800",
    "half a pair within": "ada\udfff",
    "a private-use character": "ada\ue000",
    "not a character": "ada\uffff",
    "begins as a room does": "#ada",
    "begins as a command does": "/ada",
    "begins as a message does": "<ada>",
    "begins as an event does": "*ada",
    "an at sign": "ada@home",
    "a comma": "ada,bob",
    "a colon": "ada:",
    "quotes": '"ada"',
    "a percent sign": "%41da",
    "a backslash": "ada\\",
}


@pytest.mark.parametrize("name", CONFUSING.values(), ids=CONFUSING)
def test_a_confusing_name_is_refused(name: str) -> None:
    """Readers can tell people apart, and a name from the characters around it."""
    with pytest.raises(BadName):
        clean_name(name)


INVALID_ROOMS = {
    why: name
    for why, name in CONFUSING.items()
    # The `#` is optional, and case-folding makes two letters of a ligature.
    if why not in ("begins as a room does", "a ligature")
}


@pytest.mark.parametrize("room", INVALID_ROOMS.values(), ids=INVALID_ROOMS)
def test_a_confusing_room_name_is_refused(room: str) -> None:
    """A room's name stands in URLs and at the start of lines."""
    with pytest.raises(BadRoom):
        clean_room(room)


@pytest.mark.parametrize(
    "name", ["a", "ada", "Ada_L-1.[x]{y}|^", "Žofie", "אבג", "李", "अमित", "7"]
)
def test_letters_digits_and_some_marks_are_valid_in_any_script(name: str) -> None:
    """The name is shown as its owner wrote it."""
    assert clean_name(name) == name


def test_a_name_has_one_to_32_characters() -> None:
    """Characters are counted, not bytes."""
    assert clean_name("ñ" * MAX_NAME) == "ñ" * 32
    with pytest.raises(BadName, match="at most 32"):
        clean_name("ñ" * 33)


@pytest.mark.parametrize("name", ["guest-1", "Guest-0001", "GUEST-99999", "guest-１"])
def test_a_client_cannot_take_a_guest_name(name: str) -> None:
    """Only the server gives guest names, in any case or width."""
    with pytest.raises(BadName, match="given by the server"):
        clean_name(name)


@pytest.mark.parametrize("name", ["guest", "guest-", "guest-one", "guest-1x"])
def test_a_name_that_only_resembles_a_guest_s_is_allowed(name: str) -> None:
    """A guest name ends in a number."""
    assert clean_name(name) == name


@pytest.mark.parametrize(
    ("one", "other"),
    [("Ada", "aDA"), ("STRASSE", "straße"), ("Σίσυφος", "ΣΊΣΥΦΟΣ"), ("é", "É"), ("ａda", "ada")],
)
def test_two_spellings_of_a_name_have_one_key(one: str, other: str) -> None:
    """Case, final forms and width do not make a different name."""
    assert name_key(clean_name(one)) == name_key(clean_name(other))


@pytest.mark.parametrize(("one", "other"), [("e\u0301va", "éva"), ("Ａｄａ", "Ada")])
def test_unicode_encodings_of_a_name_are_normalized(one: str, other: str) -> None:
    """Composed or decomposed, wide or narrow: all are stored in one form."""
    assert clean_name(one) == clean_name(other) == other


@given(strings)
@example("\ud800")
@example("İ" * 32)
def test_any_string_is_a_valid_name_or_raises_bad_name(name: str) -> None:
    """Cleaning a valid name again does not change it."""
    try:
        shown = clean_name(name)
    except BadName:
        return
    assert clean_name(shown) == shown
    assert 1 <= len(shown) <= MAX_NAME
    assert all(c in "_-.[]{}|^" or unicodedata.category(c)[0] in "LMN" for c in shown)
    assert name_key(name_key(shown)) == name_key(shown)


@given(strings, st.sampled_from([str.upper, str.lower, str.casefold, str.swapcase]))
def test_names_that_differ_only_in_case_have_one_key(
    name: str, change: Callable[[str], str]
) -> None:
    """So two people cannot have names that differ only in case."""
    try:
        shown, other = clean_name(name), clean_name(change(name))
    except BadName:
        return
    if shown.casefold() == other.casefold():
        assert name_key(shown) == name_key(other)


@given(strings)
@example("\ud800")
@example("#İ")
def test_any_string_is_a_valid_room_or_raises_bad_room(room: str) -> None:
    """Cleaning a valid room name again does not change it, with or without `#`."""
    try:
        name = clean_room(room)
    except BadRoom:
        return
    assert clean_room(name) == clean_room("#" + name) == name
    assert 1 <= len(name) <= MAX_ROOM
    assert all(c in "-_." or unicodedata.category(c)[0] in "LMN" for c in name)


@pytest.mark.parametrize("room", ["dev", "#dev", "Dev", "#DEV", "ｄev"])
def test_spellings_of_a_room_are_normalized(room: str) -> None:
    """Room names are case-folded, and the `#` that people type is dropped."""
    assert clean_room(room) == "dev"


@pytest.mark.parametrize(
    "room", ["#", "##dev", ".", "..", "#...", "dev/ops", "dev[1]", "dev?x", "a&b"]
)
def test_a_room_name_that_a_url_cannot_contain_is_refused(room: str) -> None:
    """HTTP clients remove the path segments `.` and `..`."""
    with pytest.raises(BadRoom):
        clean_room(room)


@pytest.mark.parametrize("name", [".", "..", "..."])
def test_the_refusal_of_dots_does_not_advise_to_use_them(name: str) -> None:
    """A dot is one of the characters that names may have, beside others."""
    for clean, refusal in ((clean_name, BadName), (clean_room, BadRoom)):
        with pytest.raises(refusal, match="add a letter or digit"):
            clean(name)


def test_a_room_name_has_one_to_64_characters() -> None:
    """The `#` does not count."""
    assert clean_room("#" + "x" * MAX_ROOM) == "x" * 64
    with pytest.raises(BadRoom, match="at most 64"):
        clean_room("x" * 65)


@pytest.mark.parametrize("clean", [clean_name, clean_room])
@pytest.mark.parametrize(
    "text", ["", "x" * 100, "a b", "\x1b"], ids=["empty", "long", "space", "ESC"]
)
def test_a_refusal_is_helpful_and_printable(clean: Callable[[str], str], text: str) -> None:
    """The line door prints the refusal on terminals."""
    with pytest.raises(ChatError) as refusal:
        clean(text)
    assert len(refusal.value.message) > 20
    assert refusal.value.message.isprintable()


@pytest.mark.parametrize("mark", ["\u0334", "\u0335", "\u0336", "\u0338", "\u20d2", "\u20e3"])
def test_combining_strokes_are_refused(mark: str) -> None:
    """Such a stroke is hardly visible; letters with a stroke of their own are valid."""
    with pytest.raises(BadName):
        clean_name(f"ada{mark}")
    assert clean_name("đỗ") == "đỗ"
