"""How long each string from outside may be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal
from unicodedata import normalize

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd.codecs.frames import Sent
from chatd.codecs.json import convert, decode
from chatd.codecs.websocket import read, ref_of
from chatd.doors.api.forms import Form
from chatd.model import names
from chatd.model.bounds import (
    MAX_NAME,
    MAX_ROOM,
    NAME,
    ROOM,
    Bound,
    Name,
    RoomName,
    bounds_of,
    check_fields,
)
from chatd.model.commands import Command, Say
from chatd.model.errors import BadName, ChatError, Malformed


def kinds_of(kind: type) -> Iterator[type]:
    """A class's subclasses, however deep."""
    subclasses: list[type] = kind.__subclasses__()
    for each in subclasses:
        if each.__module__.startswith("chatd."):
            yield each
            yield from kinds_of(each)


COMMANDS = [kind for kind in kinds_of(Command) if "__match_args__" in vars(kind)]
BODIES = [*kinds_of(Form), *kinds_of(Sent)]


def fields(kinds: list[type]) -> list[Any]:
    return [
        pytest.param(kind, name, bound, id=f"{kind.__name__}.{name}")
        for kind in kinds
        for name, bound in bounds_of(kind)
    ]


@pytest.mark.parametrize("kind", [*COMMANDS, *BODIES], ids=lambda kind: kind.__name__)
def test_every_string_that_a_client_sends_has_a_bound(kind: type) -> None:
    """A field of a command, of a body or of a frame that has none is an error, in this test and
    when it is read.
    """
    assert all(bound.most > 0 for _, bound in bounds_of(kind))


@pytest.mark.parametrize(("kind", "name", "bound"), fields(COMMANDS))
def test_a_command_with_an_overlong_field_cannot_be_made(
    kind: type, name: str, bound: Bound
) -> None:
    """So that no door can give one to the service."""
    good = {field: "x" for field, _ in bounds_of(kind)}
    extra = {field: 1 for field in kind.__match_args__ if field not in good}  # type: ignore[attr-defined]
    kind(**{**good, **extra, name: "x" * bound.most})
    with pytest.raises(bound.error):
        kind(**{**good, **extra, name: "x" * (bound.most + 1)})


@pytest.mark.parametrize(("kind", "name", "bound"), fields(BODIES))
def test_an_overlong_field_of_a_body_or_a_frame_is_refused(
    kind: type, name: str, bound: Bound
) -> None:
    """With its own error, and not only for being too large a body."""
    required = {field: "x" for field, _ in bounds_of(kind)}
    fields = {**required, name: "x" * (bound.most + 1)}
    tag = getattr(kind, "__struct_config__").tag  # noqa: B009  # mypy knows no such attribute
    whole = {**fields, "type": tag} if tag else fields
    with pytest.raises(bound.error):
        decode(msgspec.json.encode(whole), kind)
    with pytest.raises(bound.error):
        convert(whole, kind)


@dataclass
class Loose:
    text: str


@dataclass
class LooseList:
    names: list[Annotated[str, NAME]]


@dataclass
class Maybe:
    text: str | None


@pytest.mark.parametrize("kind", [Loose, LooseList, Maybe])
def test_a_string_without_a_bound_cannot_be_checked(kind: type) -> None:
    """Neither in a list, nor where it may be left out."""
    with pytest.raises(TypeError, match="has no bound"):
        check_fields(kind("x"))


@dataclass
class Bounded:
    name: Name
    room: RoomName
    kind: Literal["message", "action"]
    count: int | None
    on: bool


def test_a_field_that_is_no_free_text_needs_no_bound() -> None:
    """Numbers, and words from a list."""
    assert bounds_of(Bounded) == (("name", NAME), ("room", ROOM))


def test_a_ref_that_is_too_long_is_not_sent_back() -> None:
    """An error says what is wrong, and does not repeat it."""
    assert ref_of('{"ref":"' + "x" * 200 + '"}') == "x" * 200
    assert ref_of('{"ref":"' + "x" * 201 + '"}') is None
    with pytest.raises(Malformed, match="at most 200"):
        read('{"type":"ping","ref":"' + "x" * 201 + '"}')


def test_a_text_of_any_usual_length_is_judged_by_the_service() -> None:
    """The bound of a text lies above every `--max-text`."""
    assert Say("lobby", "x" * 1_000_000).text


class Profile:
    """A PRECIS profile that notes how much it is given."""

    def __init__(self, profile: Any) -> None:
        self._profile = profile
        self.longest = 0

    def enforce(self, text: str) -> Any:
        self.longest = max(self.longest, len(text))
        return self._profile.enforce(text)


@pytest.fixture
def precis(monkeypatch: pytest.MonkeyPatch) -> list[Profile]:
    """The profiles that names are judged by, with nothing in the caches."""
    clear_caches()
    profiles = [Profile(names._display), Profile(names._folded)]
    monkeypatch.setattr(names, "_display", profiles[0])
    monkeypatch.setattr(names, "_folded", profiles[1])
    return profiles


def clear_caches() -> None:
    for cached in (names._clean_name, names._name_key, names._clean_room):
        cached.cache_clear()


COSTLY = "・٣۴·׳a日"
"""Characters for which PRECIS looks through the whole string, and some of the usual ones."""


@given(
    st.text(COSTLY + "\u0301ᄒ", max_size=1000) | st.sampled_from(COSTLY).map(lambda c: c * 70000)
)
def test_precis_gets_only_short_strings_of_letters(text: str) -> None:
    """Its work grows with the square of the length: so the length is looked at first."""
    clear_caches()
    with pytest.MonkeyPatch.context() as patch:
        profiles = [Profile(names._display), Profile(names._folded)]
        patch.setattr(names, "_display", profiles[0])
        patch.setattr(names, "_folded", profiles[1])
        for clean in (names.clean_name, names.name_key, names.clean_room):
            try:
                clean(text)
            except ChatError:
                continue
        assert profiles[0].longest <= NAME.most
        assert profiles[1].longest <= ROOM.most
        if any(char in "・·׳" for char in text):
            assert [profile.longest for profile in profiles] == [0, 0]


def test_only_valid_names_are_cached() -> None:
    """Four hundred names of 65 kB are not 25 MB of memory."""
    clear_caches()
    for number in range(100):
        for clean in (names.clean_name, names.name_key, names.clean_room):
            for text in (f"{number}" + "x" * 65000, f"・{number}", f"{number}" + "x" * 70):
                with pytest.raises(ChatError):
                    clean(text)
    for cached in (names._clean_name, names._name_key, names._clean_room):
        assert cached.cache_info().currsize == 0


def test_a_long_string_that_composes_into_a_short_name_is_a_name() -> None:
    """Bounds are wider than names: a letter may come in as a letter and its accents."""
    for letter in ("\u1fa7", "한", "é", "ガ"):
        decomposed = normalize("NFD", letter)
        assert names.clean_name(decomposed * MAX_NAME) == letter * MAX_NAME
    for letter in ("ệ", "한", "é", "ガ"):
        assert names.clean_room(normalize("NFD", letter) * MAX_ROOM) == letter * MAX_ROOM
    assert names.clean_name("ｶﾞ" * MAX_NAME) == "ガ" * MAX_NAME
    with pytest.raises(BadName):
        names.clean_name("é" * MAX_NAME + "x")
