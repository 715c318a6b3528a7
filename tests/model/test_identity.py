"""Identities of clients, and holders of names (`chatd.model.identity`)."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd.model.addresses import LOCAL
from chatd.model.identity import Holder, Stranger, decode_holder, encode_holder

texts = st.text(st.characters(exclude_categories=["Cs"]))


@given(texts, texts, st.booleans())
def test_a_holder_survives_encoding_and_decoding(id_: str, name: str, named: bool) -> None:
    """Another node may decode what this node encoded."""
    holder = Holder(id_, name, named)
    assert decode_holder(encode_holder(holder)) == holder


@pytest.mark.parametrize("value", [b"", b"{}", b"[]", b"\xff", b'{"id":1,"name":"x"}'])
def test_an_invalid_holder_raises_decode_error(value: bytes) -> None:
    """The fold over cells catches this one exception type."""
    with pytest.raises(msgspec.DecodeError):
        decode_holder(value)


def test_a_holder_with_unknown_fields_is_decoded() -> None:
    """Fields of a later version are ignored."""
    assert decode_holder(b'{"id":"a1","name":"ada","later":"x"}') == Holder("a1", "ada")


def test_a_client_without_a_session_has_no_name() -> None:
    """It still has an address."""
    assert (Stranger().name, Stranger().named, Stranger().address) == ("", False, LOCAL)
