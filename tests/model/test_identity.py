"""Who asks, and who holds a name (`chatd.model.identity`)."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd.model.addresses import LOCAL
from chatd.model.identity import Holder, Stranger, decode_holder, encode_holder

texts = st.text(st.characters(exclude_categories=["Cs"]))


@given(texts, texts, st.booleans())
def test_a_holder_is_read_back_as_it_was_written(id_: str, name: str, named: bool) -> None:
    """On another node."""
    holder = Holder(id_, name, named)
    assert decode_holder(encode_holder(holder)) == holder


@pytest.mark.parametrize("value", [b"", b"{}", b"[]", b"\xff", b'{"id":1,"name":"x"}'])
def test_an_invalid_holder_raises_an_error(value: bytes) -> None:
    """One kind of error, that the fold can catch."""
    with pytest.raises(msgspec.DecodeError):
        decode_holder(value)


def test_a_holder_of_a_later_version_is_understood() -> None:
    """As far as it is known."""
    assert decode_holder(b'{"id":"a1","name":"ada","later":"x"}') == Holder("a1", "ada")


def test_a_reader_without_a_session_has_no_name() -> None:
    """And comes from somewhere."""
    assert (Stranger().name, Stranger().named, Stranger().address) == ("", False, LOCAL)
