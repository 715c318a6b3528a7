"""The promises of every door once more, over TLS."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ..kit.secure import all_secure
from . import test_doors, test_gate, test_portions


@pytest.fixture(autouse=True, scope="module")
def over_tls() -> Iterator[None]:
    """Every client in this module is encrypted."""
    with all_secure():
        yield


for _module in (test_doors, test_gate, test_portions):
    globals().update({name: it for name, it in vars(_module).items() if name.startswith("test_")})
