"""Half-closed connections once more, over TLS: each way in which a client can end its input."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ..kit.secure import SecureConnection, all_secure
from ..kit.server import MemoryServer
from . import test_half_close


@pytest.fixture(autouse=True, scope="module")
def over_tls() -> Iterator[None]:
    """Every client in this module is encrypted."""
    with all_secure():
        yield


@pytest.fixture(autouse=True, params=["alert and FIN", "alert", "FIN"])
def ending(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """What the client sends to half-close the connection."""
    sent: str = request.param
    monkeypatch.setattr(SecureConnection, "ending", sent)
    return sent


for _name, _test in vars(test_half_close).items():
    if _name.startswith("test_"):
        globals()[_name] = _test


@pytest.mark.parametrize("door", ["line", "irc"])
def test_last_line_without_an_end_counts_only_if_it_was_not_cut_off(
    server: MemoryServer, door: str, ending: str
) -> None:
    """Someone on the way can cut a connection off, but cannot forge the closing alert (RFC 8446,
    section 6.1); the client learns that its line was dropped.
    """
    wire = test_half_close.connect(server, door)
    server.chat.settle()
    said = b"" if door == "line" else b"NICK ada\r\nUSER ada 0 * :A\r\nJOIN #lobby\r\n"
    wire.send(said + b"PRIVMSG #lobby :first\r\nPRIVMSG #lobby :" * bool(said))
    wire.send(b"first\n" * (not said) + b"say you will ne")
    wire.end_input()
    server.chat.settle()
    whole = ["first"] if ending == "FIN" else ["first", "say you will ne"]
    assert server.chat.texts("lobby") == whole
    assert (b"your last line is dropped" in wire.received()) is (ending == "FIN")
    assert wire.lost
