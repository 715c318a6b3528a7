"""The promises of every door once more, over TLS."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ..kit.secure import all_secure
from . import test_doors, test_gate


@pytest.fixture(autouse=True, scope="module")
def over_tls() -> Iterator[None]:
    """Every client in this module is encrypted."""
    with all_secure():
        yield


TOO_LONG = {
    "test_all_readers_see_one_sequence_in_any_interleaving",
    "test_thousands_of_polls_in_groups_are_answered_with_the_refusal",
}
"""Tests of a thousand connections, whose handshakes would take longer than the rest."""

for _module in (test_doors, test_gate):
    for _name, _test in vars(_module).items():
        if _name.startswith("test_") and _name not in TOO_LONG:
            globals()[_name] = _test
