"""Upper bounds on the length of each string that a client sends."""

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


def subclasses_of(kind: type) -> Iterator[type]:
    """All subclasses of a class that chatd defines, direct and indirect."""
    subclasses: list[type] = kind.__subclasses__()
    for each in subclasses:
        if each.__module__.startswith("chatd."):
            yield each
            yield from subclasses_of(each)


COMMANDS = [*subclasses_of(Command)]
BODIES = [*subclasses_of(Form), *subclasses_of(Sent)]


def fields(kinds: list[type]) -> list[Any]:
    return [
        pytest.param(kind, name, bound, id=f"{kind.__name__}.{name}")
        for kind in kinds
        for name, bound in bounds_of(kind)
    ]


@pytest.mark.parametrize("kind", [*COMMANDS, *BODIES], ids=lambda kind: kind.__name__)
def test_every_string_field_from_a_client_has_a_length_bound(kind: type) -> None:
    """A string field without a bound in a command, body or frame fails this test, and fails when it
    is read.
    """
    assert all(bound.most > 0 for _, bound in bounds_of(kind))


@pytest.mark.parametrize(("kind", "name", "bound"), fields(COMMANDS))
def test_a_command_with_an_overlong_field_cannot_be_constructed(
    kind: type, name: str, bound: Bound
) -> None:
    """So no door can pass an unbounded string to the service."""
    good = {field: "x" for field, _ in bounds_of(kind)}
    extra = {field: 1 for field in kind.__match_args__ if field not in good}  # type: ignore[attr-defined]
    kind(**{**good, **extra, name: "x" * bound.most})
    with pytest.raises(bound.error):
        kind(**{**good, **extra, name: "x" * (bound.most + 1)})


@pytest.mark.parametrize(("kind", "name", "bound"), fields(BODIES))
def test_an_overlong_field_of_a_body_or_frame_is_refused_with_its_own_error(
    kind: type, name: str, bound: Bound
) -> None:
    """The error names the field's bound, not only that the body is too large."""
    required: dict[str, Any] = {field: "x" for field, _ in bounds_of(kind)}
    others = {
        field.name: 1 if field.type is int else "op"
        for field in msgspec.structs.fields(kind)
        if field.required and field.name not in required
    }
    fields = {**required, **others, name: "x" * (bound.most + 1)}
    tag = getattr(kind, "__struct_config__").tag  # noqa: B009  # mypy knows no such attribute
    whole = {**fields, "type": tag} if tag else fields
    with pytest.raises(bound.error):
        decode(msgspec.json.encode(whole), kind)
    with pytest.raises(bound.error):
        convert(whole, kind)


@dataclass
class Unbounded:
    text: str


@dataclass
class ListOfBounded:
    names: list[Annotated[str, NAME]]


@dataclass
class OptionalUnbounded:
    text: str | None


@pytest.mark.parametrize("kind", [Unbounded, ListOfBounded, OptionalUnbounded])
def test_a_string_field_without_a_bound_raises_type_error(kind: type) -> None:
    """Also inside a list, and where the field is optional."""
    with pytest.raises(TypeError, match="has no bound"):
        check_fields(kind("x"))


@dataclass
class Bounded:
    name: Name
    room: RoomName
    kind: Literal["message", "action"]
    count: int | None
    on: bool


def test_numbers_booleans_and_literals_need_no_bound() -> None:
    """Only free text can be long."""
    assert bounds_of(Bounded) == (("name", NAME), ("room", ROOM))


def test_an_overlong_ref_is_not_echoed() -> None:
    """The error names the limit, and the reply does not carry the overlong `ref`."""
    assert ref_of('{"ref":"' + "x" * 200 + '"}') == "x" * 200
    assert ref_of('{"ref":"' + "x" * 201 + '"}') is None
    with pytest.raises(Malformed, match="at most 200"):
        read('{"type":"ping","ref":"' + "x" * 201 + '"}')


def test_the_bound_of_a_text_is_above_every_max_text() -> None:
    """The service applies `--max-text`; the bound of the field only stops abuse."""
    assert Say("lobby", "x" * 1_000_000).text


class RecordingProfile:
    """A PRECIS profile that records the length of the longest string that it gets."""

    def __init__(self, profile: Any) -> None:
        self._profile = profile
        self.longest = 0

    def enforce(self, text: str) -> Any:
        self.longest = max(self.longest, len(text))
        return self._profile.enforce(text)


@pytest.fixture
def precis(monkeypatch: pytest.MonkeyPatch) -> list[RecordingProfile]:
    """The profiles for names and rooms, each recording, with empty caches."""
    clear_caches()
    profiles = [RecordingProfile(names._display), RecordingProfile(names._folded)]
    monkeypatch.setattr(names, "_display", profiles[0])
    monkeypatch.setattr(names, "_folded", profiles[1])
    return profiles


def clear_caches() -> None:
    for cached in (names._clean_name, names._name_key, names._clean_room):
        cached.cache_clear()


COSTLY_CHARS = "・٣۴·׳a日"
"""Characters for which PRECIS scans the whole string, and a few ordinary ones."""


@given(
    st.text(COSTLY_CHARS + "\u0301ᄒ", max_size=1000)
    | st.sampled_from(COSTLY_CHARS).map(lambda c: c * 70000)
)
def test_precis_never_gets_a_long_string(text: str) -> None:
    """PRECIS takes quadratic time, so the length is checked before it is called."""
    clear_caches()
    with pytest.MonkeyPatch.context() as patch:
        profiles = [RecordingProfile(names._display), RecordingProfile(names._folded)]
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
    """Otherwise four hundred invalid names of 65 kB would hold 25 MB of memory."""
    clear_caches()
    for number in range(100):
        for clean in (names.clean_name, names.name_key, names.clean_room):
            for text in (f"{number}" + "x" * 65000, f"・{number}", f"{number}" + "x" * 70):
                with pytest.raises(ChatError):
                    clean(text)
    for cached in (names._clean_name, names._name_key, names._clean_room):
        assert cached.cache_info().currsize == 0


def test_a_decomposed_name_may_be_longer_than_the_name_limit() -> None:
    """The bound leaves room for letters sent as base letter and combining accents."""
    for letter in ("\u1fa7", "한", "é", "ガ"):
        decomposed = normalize("NFD", letter)
        assert names.clean_name(decomposed * MAX_NAME) == letter * MAX_NAME
    for letter in ("ệ", "한", "é", "ガ"):
        assert names.clean_room(normalize("NFD", letter) * MAX_ROOM) == letter * MAX_ROOM
    assert names.clean_name("ｶﾞ" * MAX_NAME) == "ガ" * MAX_NAME
    with pytest.raises(BadName):
        names.clean_name("é" * MAX_NAME + "x")
