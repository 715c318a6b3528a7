"""What people and rooms may be called."""

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
"""Strings that are nearly names."""
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
    """Everyone can tell everyone apart, and a name from what stands around it."""
    with pytest.raises(BadName):
        clean_name(name)


NO_ROOM = {
    why: name
    for why, name in CONFUSING.items()
    # The `#` is optional, and case-folding makes two letters of a ligature.
    if why not in ("begins as a room does", "a ligature")
}


@pytest.mark.parametrize("room", NO_ROOM.values(), ids=NO_ROOM)
def test_a_confusing_room_name_is_refused(room: str) -> None:
    """A room's name is in URLs and before lines."""
    with pytest.raises(BadRoom):
        clean_room(room)


@pytest.mark.parametrize(
    "name", ["a", "ada", "Ada_L-1.[x]{y}|^", "Žofie", "אבג", "李", "अमित", "7"]
)
def test_letters_digits_and_some_marks_are_a_name(name: str) -> None:
    """In any script, and shown as its owner wrote it."""
    assert clean_name(name) == name


def test_a_name_has_one_to_32_characters() -> None:
    """Characters, not bytes."""
    assert clean_name("ñ" * MAX_NAME) == "ñ" * 32
    with pytest.raises(BadName, match="at most 32"):
        clean_name("ñ" * 33)


@pytest.mark.parametrize("name", ["guest-1", "Guest-0001", "GUEST-99999", "guest-１"])
def test_a_guest_s_name_is_only_given_by_the_server(name: str) -> None:
    """However it is spelt."""
    with pytest.raises(BadName, match="given by the server"):
        clean_name(name)


@pytest.mark.parametrize("name", ["guest", "guest-", "guest-one", "guest-1x"])
def test_a_name_that_only_resembles_a_guest_s_is_allowed(name: str) -> None:
    """No number, no guest."""
    assert clean_name(name) == name


@pytest.mark.parametrize(
    ("one", "other"),
    [("Ada", "aDA"), ("STRASSE", "straße"), ("Σίσυφος", "ΣΊΣΥΦΟΣ"), ("é", "É"), ("ａda", "ada")],
)
def test_two_spellings_of_a_name_have_one_key(one: str, other: str) -> None:
    """Case, final forms and width do not make another person."""
    assert name_key(clean_name(one)) == name_key(clean_name(other))


@pytest.mark.parametrize(("one", "other"), [("e\u0301va", "éva"), ("Ａｄａ", "Ada")])
def test_two_codings_of_a_name_are_one(one: str, other: str) -> None:
    """Composed or not, wide or not: what looks the same is stored the same."""
    assert clean_name(one) == clean_name(other) == other


@given(strings)
@example("\ud800")
@example("İ" * 32)
def test_any_string_is_a_name_or_refused(name: str) -> None:
    """`BadName` and nothing else; and a name taken is taken again just as it is."""
    try:
        shown = clean_name(name)
    except BadName:
        return
    assert clean_name(shown) == shown
    assert 1 <= len(shown) <= MAX_NAME
    assert all(c in "_-.[]{}|^" or unicodedata.category(c)[0] in "LMN" for c in shown)
    assert name_key(name_key(shown)) == name_key(shown)


@given(strings, st.sampled_from([str.upper, str.lower, str.casefold, str.swapcase]))
def test_no_two_people_differ_in_case_only(name: str, change: Callable[[str], str]) -> None:
    """A name in another case means the same person."""
    try:
        shown, other = clean_name(name), clean_name(change(name))
    except BadName:
        return
    if shown.casefold() == other.casefold():
        assert name_key(shown) == name_key(other)


@given(strings)
@example("\ud800")
@example("#İ")
def test_any_string_is_a_room_or_refused(room: str) -> None:
    """`BadRoom` and nothing else; and a room's one name stays as it is, with or without `#`."""
    try:
        name = clean_room(room)
    except BadRoom:
        return
    assert clean_room(name) == clean_room("#" + name) == name
    assert 1 <= len(name) <= MAX_ROOM
    assert all(c in "-_." or unicodedata.category(c)[0] in "LMN" for c in name)


@pytest.mark.parametrize("room", ["dev", "#dev", "Dev", "#DEV", "ｄev"])
def test_a_room_has_one_name_however_it_is_spelt(room: str) -> None:
    """Case-folded, and without the `#` that people type."""
    assert clean_room(room) == "dev"


@pytest.mark.parametrize(
    "room", ["#", "##dev", ".", "..", "#...", "dev/ops", "dev[1]", "dev?x", "a&b"]
)
def test_a_room_name_that_a_url_cannot_contain_is_refused(room: str) -> None:
    """`.` and `..` would be eaten on the way."""
    with pytest.raises(BadRoom):
        clean_room(room)


def test_a_room_has_one_to_64_characters() -> None:
    """The `#` is not one of them."""
    assert clean_room("#" + "x" * MAX_ROOM) == "x" * 64
    with pytest.raises(BadRoom, match="at most 64"):
        clean_room("x" * 65)


@pytest.mark.parametrize("clean", [clean_name, clean_room])
@pytest.mark.parametrize(
    "text", ["", "x" * 100, "a b", "\x1b"], ids=["empty", "long", "space", "ESC"]
)
def test_a_refusal_says_what_to_do_and_repeats_nothing_unsafe(
    clean: Callable[[str], str], text: str
) -> None:
    """It is shown on terminals."""
    with pytest.raises(ChatError) as refusal:
        clean(text)
    assert len(refusal.value.message) > 20
    assert refusal.value.message.isprintable()


@pytest.mark.parametrize("mark", ["\u0334", "\u0335", "\u0336", "\u0338", "\u20d2", "\u20e3"])
def test_a_letter_may_not_be_struck_through(mark: str) -> None:
    """The stroke is hardly seen; letters that are spelt with one have it of their own."""
    with pytest.raises(BadName):
        clean_name(f"ada{mark}")
    assert clean_name("đỗ") == "đỗ"
