"""Content codings of answers that do not change."""

from __future__ import annotations

import gzip
from typing import Any

import brotli
import pytest
from twisted.web.test.requesthelper import DummyRequest

from chatd.http import codings
from chatd.http.codings import accepted_coding, packed

DATA = b"to be or not to be, " * 40


def request(accept: str | None) -> Any:
    """A request with that header."""
    made = DummyRequest([b""])
    if accept is not None:
        made.requestHeaders.setRawHeaders(b"accept-encoding", [accept.encode()])
    return made


@pytest.mark.parametrize(
    ("accept", "coding"),
    [
        ("gzip", "gzip"),
        ("deflate, gzip, br", "br"),
        ("br;q=1.0, gzip;q=0.5", "br"),
        ("br;q=0, gzip", "gzip"),
        ("*", "gzip"),
        ("gzip;q=0", ""),
        ("gzip;q=0.0, br", "br"),
        ("BR", "br"),
        ("xgzip, brr", ""),
        ("\xff", ""),
        ("", ""),
        (None, ""),
    ],
)
def test_smallest_coding_that_the_client_accepts_is_chosen(accept: str | None, coding: str) -> None:
    """A coding with the quality 0 is refused; a wildcard gets what every client knows."""
    assert accepted_coding(request(accept)) == coding


def test_gzip_is_chosen_without_the_package_brotli(monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra `page` may be absent."""
    monkeypatch.setattr(codings, "CODINGS", {"gzip": codings.CODINGS["gzip"]})
    assert accepted_coding(request("gzip, br")) == "gzip"
    assert accepted_coding(request("br")) == ""


def test_data_is_encoded_once() -> None:
    """And can be decoded."""
    assert packed(DATA, "gzip") is packed(DATA, "gzip")
    assert gzip.decompress(packed(DATA, "gzip")) == DATA
    assert brotli.decompress(packed(DATA, "br")) == DATA
